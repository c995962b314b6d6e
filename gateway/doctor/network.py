"""What the network lets through: port 25 outwards, the certificate on our own ports, the clock against others' clocks.

In: hosts, files, instants. Out: findings. A server is only greeted and left again, one connection, SECONDS at most; nobody is
asked but whom the settings name. Nothing is raised.
"""

from __future__ import annotations

import asyncio
import ctypes
import ssl
import struct
import time
from datetime import UTC, datetime
from pathlib import Path

from config.certificate import look
from gateway.doctor.finding import Finding, advice, critical, ok, warning

SECONDS = 10.0
SOON = 21  # days before the end of a certificate at which it is told
LATE = 0.7  # of its life, before which it is not: some are given for six days
_UNSYNC = 0x40  # STA_UNSYNC of adjtimex(2)
_NTP_EPOCH = 2_208_988_800  # 1970 in NTP's seconds
_OFF, _FAR_OFF = 2.0, 60.0  # seconds


async def egress(host: str, port: int, local: str | None = None) -> Finding:
    """Greet a mail server; whether it answers is whether port 25 is open outwards."""
    place = f"{host}:{port}"
    writer = None
    try:
        async with asyncio.timeout(SECONDS):
            own = (local, 0) if local else None
            reader, writer = await asyncio.open_connection(host, port, local_addr=own)
            banner = await reader.readline()
            writer.write(b"QUIT\r\n")
            await writer.drain()
    except (OSError, TimeoutError) as error:
        why = str(error) or f"no answer in {SECONDS:.0f} s"
        return critical("egress_blocked", place=place, why=why)
    finally:
        if writer is not None:
            writer.close()
    if not banner.startswith(b"220"):
        said = banner.decode("ascii", "replace").strip()[:120]
        return warning("egress_refused", place=place, reply=said or "–")
    return ok("egress_ok", place=place)


def certificate(chain: Path, key: Path, domain: str, now: datetime) -> list[Finding]:
    """Look at the certificate of our own mail ports."""
    try:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(chain, key)
        seen = look(chain)
    except (OSError, ValueError, IndexError) as error:
        why = error.strerror if isinstance(error, FileNotFoundError | PermissionError) else str(error)
        return [critical("certificate_broken", file=chain, why=" ".join((why or "").split()))]
    left, date = (seen.ends - now).days, f"{seen.ends:%Y-%m-%d}"
    told = []
    if seen.ends <= now:
        told.append(critical("certificate_expired", file=chain, date=date))
    elif left < SOON and seen.spent(now) > LATE:
        told.append(warning("certificate_soon", file=chain, date=date, days=left))
    if seen.own:
        told.append(warning("certificate_own", file=chain, domain=domain))
    elif not seen.bears(domain):
        told.append(warning("certificate_name", file=chain, domain=domain))
    return told or [ok("certificate_ok", file=chain, date=date, days=left)]


def kernel_clock() -> Finding | None:
    """Whether the kernel says that somebody keeps its clock right (adjtimex); None where it does not tell."""
    buffer = ctypes.create_string_buffer(256)  # struct timex: modes, offset, freq, maxerror, esterror, status …
    try:
        state = ctypes.CDLL(None, use_errno=True).adjtimex(buffer)
    except (OSError, AttributeError):
        return None
    if state < 0:
        return None
    word = struct.calcsize("@l")
    status = struct.unpack_from("@i", buffer.raw, 5 * word)[0]
    return advice("clock_unkept") if status & _UNSYNC else ok("clock_kept")


async def clock(server: str, port: int) -> Finding:
    """Compare our clock with a time server's (SNTP, RFC 4330): one datagram."""
    loop = asyncio.get_running_loop()
    got: asyncio.Future[tuple[float, float]] = loop.create_future()

    class Client(asyncio.DatagramProtocol):
        def datagram_received(self, data: bytes, _addr: object) -> None:
            if len(data) >= 48 and not got.done():
                seconds, part = struct.unpack_from("!II", data, 40)
                got.set_result((seconds - _NTP_EPOCH + part / 2**32, time.time()))

        def error_received(self, error: Exception) -> None:
            if not got.done():
                got.set_exception(error)

    transport = None
    try:
        async with asyncio.timeout(SECONDS / 2):
            transport, _ = await loop.create_datagram_endpoint(Client, remote_addr=(server, port))
            began = time.time()
            transport.sendto(b"\x23" + 47 * b"\0")
            theirs, ended = await got
    except (OSError, TimeoutError) as error:
        return advice("clock_unknown", server=server, why=str(error) or "–")
    finally:
        if transport is not None:
            transport.close()
    off = abs(theirs - (began + ended) / 2)
    if off > _OFF:
        return (critical if off > _FAR_OFF else warning)("clock_off", server=server, seconds=round(off, 1))
    return ok("clock_ok", server=server, seconds=round(off, 2))


def now() -> datetime:
    """The wall clock, aware."""
    return datetime.now(UTC)
