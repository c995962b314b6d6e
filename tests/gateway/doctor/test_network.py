"""Port 25, certificates and clocks as the doctor sees them."""

from __future__ import annotations

import asyncio
import struct
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import trustme
from cryptography import x509

from config import certificate
from gateway.doctor import network

NOW = datetime.now(UTC)


async def greeted(banner: bytes) -> tuple[str, bytes]:
    got = asyncio.Future[bytes]()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(banner)
        got.set_result(await reader.read(100))
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        finding = await network.egress("127.0.0.1", server.sockets[0].getsockname()[1])
        return finding.code, await got
    finally:
        server.close()


async def test_a_server_is_greeted_and_left() -> None:
    assert await greeted(b"220 mx.example ESMTP\r\n") == ("egress_ok", b"QUIT\r\n")
    assert (await greeted(b"554 5.7.1 go away\x1b[2J\r\n"))[0] == "egress_refused"


async def test_a_door_that_is_shut(monkeypatch: pytest.MonkeyPatch) -> None:
    assert (await network.egress("127.0.0.1", 1)).code == "egress_blocked"
    monkeypatch.setattr(network, "SECONDS", 0.05)

    async def silent(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(0.2)
        writer.close()

    server = await asyncio.start_server(silent, "127.0.0.1", 0)
    finding = await network.egress("127.0.0.1", server.sockets[0].getsockname()[1])
    server.close()
    assert finding.code == "egress_blocked" and "no answer" in finding.values["why"]


def codes(folder: Path, days: int = 0, domain: str = "m.example") -> list[str]:
    found = network.certificate(folder / "cert.pem", folder / "key.pem", domain, NOW + timedelta(days=days))
    return [one.code for one in found]


def test_certificates(tmp_path: Path) -> None:
    authority = trustme.CA()
    leaf = authority.issue_cert("m.example", "*.wild.example", not_after=NOW + timedelta(days=90))
    leaf.private_key_pem.write_to_path(tmp_path / "key.pem")
    (tmp_path / "cert.pem").write_bytes(b"".join(blob.bytes() for blob in leaf.cert_chain_pems))
    assert codes(tmp_path) == ["certificate_ok"]
    assert codes(tmp_path, domain="a.wild.example") == ["certificate_ok"]
    assert codes(tmp_path, domain="other.example") == ["certificate_name"]
    assert codes(tmp_path, days=80) == ["certificate_soon"]
    assert codes(tmp_path, days=91) == ["certificate_expired"]
    authority.issue_cert("m.example").private_key_pem.write_to_path(tmp_path / "key.pem")
    assert codes(tmp_path) == ["certificate_broken"]  # a key of another one
    assert codes(tmp_path / "nowhere") == ["certificate_broken"]


def test_the_certificate_of_init(tmp_path: Path) -> None:
    certificate.create(tmp_path, "m.example")
    assert codes(tmp_path / "tls") == ["certificate_own"]
    assert x509.load_pem_x509_certificate((tmp_path / "tls" / "cert.pem").read_bytes())


@pytest.mark.parametrize(("off", "code"), [(0, "clock_ok"), (5, "clock_off"), (-3600, "clock_off")])
async def test_a_time_server(off: float, code: str) -> None:
    class Server(asyncio.DatagramProtocol):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            self.transport = transport

        def datagram_received(self, data: bytes, addr: object) -> None:
            assert len(data) == 48
            seconds = time.time() + off + network._NTP_EPOCH
            answer = bytes(40) + struct.pack("!II", int(seconds), int(seconds % 1 * 2**32))
            self.transport.sendto(answer, addr)  # type: ignore[attr-defined]

    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(Server, local_addr=("127.0.0.1", 0))
    port = transport.get_extra_info("sockname")[1]
    assert (await network.clock("127.0.0.1", port)).code == code
    transport.close()


async def test_a_time_server_that_is_away() -> None:
    assert (await network.clock("127.0.0.1", 1)).code == "clock_unknown"


def test_the_kernel_is_asked() -> None:
    found = network.kernel_clock()
    assert found is None or found.code in ("clock_kept", "clock_unkept")
