"""The scripted internet, a process of its own: `python -m gateway.rehearsal.internet`.

In: one JSON line on standard input, {"gateway", "mx_port", "txt": {name: value}, "folder", "pace"}. Out: one JSON line
on standard output with the ports chosen, {"dns", "smtp", "control"}; then it serves DNS, the receiving servers, their
people, and a control channel on loopback: a line {"ask": "counts"|"feed"|"mailbox", "from": n} gets a line of JSON.
It ends when standard input ends, so never outlives whoever started it. Its log is standard error, one line an event.
"""

from __future__ import annotations

import asyncio
import base64
import errno
import json
import signal
import ssl
import sys
from pathlib import Path
from typing import Any

import aiosmtplib
import dns.asyncquery
import dns.message
import dns.rdatatype

from config import certificate
from gateway.rehearsal import dns as names
from gateway.rehearsal.mailroom import Arrival, Mailroom
from gateway.rehearsal.people import People
from gateway.rehearsal.receiver import Receiver
from gateway.rehearsal.world import HOUSES, USER

_PATIENCE = 10.0
_TRIES = 50  # ports tried until one is free on every address of the world
_LINE = 1_000_000


class Internet:
    """All of it; `start` opens the ports, `stop` closes them."""

    def __init__(self, script: dict[str, Any]) -> None:
        self._gateway, self._mx_port = str(script["gateway"]), int(script["mx_port"])
        self._folder = Path(script["folder"])
        records = names.zone(self._gateway, script["txt"])
        self.dns = names.Server(records)
        self.people = People(self._gateway, self._send, float(script.get("pace", 1.0)))
        self.room = Mailroom(records, self._arrived, frozenset({USER}))
        self._servers: list[asyncio.Server] = []
        self._samples: set[str] = set()
        self.smtp_port = self.control_port = 0

    async def start(self) -> None:
        """Open DNS, every receiving server on one common port, and the control channel; OSError when none is free."""
        await self.dns.start()
        certificate.create(self._folder, "rehearsal.test")
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(*certificate.paths(self._folder))
        receivers = [Receiver(house, self.room, tls) for house in HOUSES if house.ip]
        self.smtp_port = await self._listen(receivers)
        control = await asyncio.start_server(self._control, "127.0.0.1", 0, limit=_LINE)
        self.control_port = control.sockets[0].getsockname()[1]
        self._servers.append(control)

    async def stop(self) -> None:
        """Close every port."""
        for server in self._servers:
            server.close()
        await self.dns.stop()

    async def _listen(self, receivers: list[Receiver]) -> int:
        for _ in range(_TRIES):
            opened = [await receivers[0].listen(0)]
            port = int(opened[0].sockets[0].getsockname()[1])
            try:
                for receiver in receivers[1:]:
                    opened.append(await receiver.listen(port))
            except OSError as error:
                for server in opened:
                    server.close()
                if error.errno != errno.EADDRINUSE:
                    raise
                continue
            self._servers += opened
            return port
        raise OSError(errno.EADDRINUSE, "no port is free on every address of the rehearsal")

    def _arrived(self, arrival: Arrival) -> None:
        print(f"arrived {arrival.house.host} {arrival.message_id}", file=sys.stderr, flush=True)
        if arrival.recipient.lower() in self.room.kept:
            self._write(f"{arrival.recipient}-{len(self.room.kept[arrival.recipient.lower()])}.eml", arrival.raw)
            return
        if arrival.house.domain not in self._samples:  # one of each server, for whoever wants to look
            self._samples.add(arrival.house.domain)
            self._write(f"{arrival.house.domain}.eml", arrival.raw)
        self.people.receive(arrival)

    def _write(self, name: str, raw: bytes) -> None:
        folder = self._folder / "mails"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(raw)

    async def _send(self, sender: str, recipient: str, raw: bytes) -> None:
        host = await self._mail_host(recipient.rpartition("@")[2])
        # opportunistic TLS, as between mail servers (RFC 7435)
        client = aiosmtplib.SMTP(hostname=host, port=self._mx_port, validate_certs=False, timeout=_PATIENCE)
        async with client:
            await client.sendmail(sender, [recipient], raw)

    async def _mail_host(self, domain: str) -> str:
        """The address of a domain's mail server, asked of the DNS like everybody does."""
        mx = await self._ask(domain, "MX")
        host = min(mx, key=lambda record: int(record.preference)).exchange.to_text(omit_final_dot=True)
        return str((await self._ask(host, "A"))[0].address)

    async def _ask(self, name: str, kind: str) -> list[Any]:
        query = dns.message.make_query(name, kind)
        reply = await dns.asyncquery.udp(query, "127.0.0.1", timeout=_PATIENCE, port=self.dns.port)
        return [record for rrset in reply.answer for record in rrset]

    async def _control(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while line := await reader.readline():
                writer.write(json.dumps(await self._told(json.loads(line))).encode() + b"\n")
                await writer.drain()
        except (ConnectionError, ValueError):
            pass  # whoever asked is gone, or asked nothing that is JSON
        finally:
            writer.close()

    async def _told(self, question: dict[str, Any]) -> dict[str, Any]:
        match question.get("ask"):
            case "counts":
                return {
                    "receivers": dict(self.room.counts),
                    "houses": {name: dict(counts) for name, counts in self.room.houses.items()},
                    "people": dict(self.people.counts),
                    "idle": self.people.idle and self.room.idle,
                }
            case "feed":
                return {"feed": list(self.people.feed)[int(question.get("from", 0)) :]}
            case "mailbox":
                mails = self.room.kept[USER][int(question.get("from", 0)) :]
                return {"mails": [base64.b64encode(raw).decode() for raw in mails]}
        return {"error": "no such question"}


async def run(script: dict[str, Any], ended: asyncio.Event) -> None:
    """Play until `ended` is set."""
    internet = Internet(script)
    await internet.start()
    ports = {"dns": internet.dns.port, "smtp": internet.smtp_port, "control": internet.control_port}
    print(json.dumps(ports), flush=True)
    await ended.wait()
    await internet.stop()


async def _main() -> None:
    loop, ended = asyncio.get_running_loop(), asyncio.Event()
    sys.setswitchinterval(0.0005)  # the servers answer at once, also while signatures are verified beside them
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for whoever started us
    loop.add_signal_handler(signal.SIGTERM, ended.set)
    stdin = asyncio.StreamReader(limit=_LINE)
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(stdin), sys.stdin)
    script = json.loads(await stdin.readline())
    watch = loop.create_task(stdin.read())
    watch.add_done_callback(lambda _: ended.set())
    await run(script, ended)
    watch.cancel()


if __name__ == "__main__":
    asyncio.run(_main())
