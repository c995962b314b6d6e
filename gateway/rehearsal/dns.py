"""The DNS of the rehearsal: a small authoritative server over UDP and TCP.

In: queries for the imaginary domains. Out: MX, A and TXT records, NXDOMAIN for names it does not know, an empty answer
for types that a name does not have, a null MX (RFC 7505) where the world says so. A query that cannot be read is
dropped. `answer` is pure; `serve` opens one port for both transports and raises OSError when it cannot.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import cast

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import dns.rrset

from gateway.rehearsal.world import GATEWAY_IP, HOUSES, Behaviour

TTL = 300
_PATIENCE = 10.0  # seconds that a TCP client may be silent
_UDP_PLAIN = 512  # RFC 1035 section 4.2.1: without EDNS
_UDP_EDNS = 1232  # what fits a datagram everywhere (DNS flag day 2020)

Zone = Mapping[tuple[str, str], list[str]]


def zone(gateway: str, txt: Mapping[str, str]) -> dict[tuple[str, str], list[str]]:
    """Return the records of the world: `(name, type) -> values`; `txt` adds what the gateway's operator publishes."""
    records: dict[tuple[str, str], list[str]] = {
        (gateway, "A"): [GATEWAY_IP],
        (gateway, "MX"): [f"10 {gateway}."],
    }
    for house in HOUSES:
        if house.behaviour is Behaviour.NULL_MX:
            records[house.domain, "MX"] = ["0 ."]
            continue
        records[house.host, "A"] = [house.ip]
        if house.mx:
            records[house.domain, "MX"] = [f"10 {house.mx}."]
    for name, value in txt.items():
        strings = (value[at : at + 250] for at in range(0, len(value), 250))
        records[name.lower(), "TXT"] = [" ".join(f'"{part}"' for part in strings)]
    return records


def answer(records: Zone, wire: bytes, udp: bool = False) -> bytes | None:
    """Return the reply to one query, cut to what a datagram may hold; None when there is nothing to say."""
    try:
        query = dns.message.from_wire(wire)
        if query.flags & dns.flags.QR or len(query.question) != 1:
            return None
        reply = dns.message.make_response(query)
    except (dns.exception.DNSException, ValueError):
        return None
    reply.flags |= dns.flags.AA
    question = query.question[0]
    name = question.name.to_text(omit_final_dot=True).lower()
    kind = dns.rdatatype.to_text(question.rdtype)
    values = records.get((name, kind), [])
    if values:
        reply.answer.append(dns.rrset.from_text(question.name, TTL, "IN", kind, *values))
    elif not any(known == name or known.endswith(f".{name}") for known, _ in records):
        reply.set_rcode(dns.rcode.NXDOMAIN)
    if not values:  # RFC 2308 section 3: the SOA says how long the "no" lasts
        soa = "ns.rehearsal.test. hostmaster.rehearsal.test. 1 5 5 5 5"
        reply.authority.append(dns.rrset.from_text(question.name, TTL, "IN", "SOA", soa))
    if not udp:
        return reply.to_wire(max_size=65_535)
    return _fitting(reply, _UDP_PLAIN if query.edns < 0 else _UDP_EDNS)


def _fitting(reply: dns.message.Message, limit: int) -> bytes:
    try:
        return reply.to_wire(max_size=limit)
    except dns.exception.TooBig:
        reply.answer.clear()
        reply.authority.clear()
        reply.flags |= dns.flags.TC  # the client asks again over TCP
        return reply.to_wire(max_size=limit)


class _Datagrams(asyncio.DatagramProtocol):
    def __init__(self, records: Zone) -> None:
        self._records = records
        self._transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.DatagramTransport, transport)  # 3.11's own is no instance of it

    def datagram_received(self, data: bytes, addr: tuple[str | int, int]) -> None:
        reply = answer(self._records, data, udp=True)
        if reply is not None and self._transport is not None:
            self._transport.sendto(reply, addr)


class Server:
    """The server; `port` is the same for UDP and TCP."""

    def __init__(self, records: Zone) -> None:
        self._records = records
        self._tcp: asyncio.Server | None = None
        self._udp: asyncio.DatagramTransport | None = None
        self.port = 0

    async def start(self, host: str = "127.0.0.1", port: int = 0) -> None:
        """Listen; with port 0 on one that both transports have free."""
        self._tcp = await asyncio.start_server(self._stream, host, port)
        self.port = int(self._tcp.sockets[0].getsockname()[1])
        loop = asyncio.get_running_loop()
        self._udp, _ = await loop.create_datagram_endpoint(
            lambda: _Datagrams(self._records), local_addr=(host, self.port)
        )

    async def stop(self) -> None:
        """Close both transports."""
        if self._tcp is not None:
            self._tcp.close()
        if self._udp is not None:
            self._udp.close()

    async def _stream(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.timeout(_PATIENCE):
                while True:
                    wire = await reader.readexactly(int.from_bytes(await reader.readexactly(2), "big"))
                    reply = answer(self._records, wire)
                    if reply is None:
                        break
                    writer.write(len(reply).to_bytes(2, "big") + reply)
                    await writer.drain()
        except (TimeoutError, asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()
