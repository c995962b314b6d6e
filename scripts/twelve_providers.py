"""One campaign over twelve imaginary providers: its end as announced at the beginning, and as it came.

In: nothing (option: --each N, recipients of the smallest provider). Out: a table by provider (what its limits and manners
are, what it counted, how many of its limits were broken) and the announced and the real end; exit code 1 when the ledger
and the servers' counts differ, or when a limit was broken. Everything is real: a gateway with two senders, SMTP in and
out, DNS, a providers file of its own; the twelve servers are here, on loopback.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import sys
import tempfile
import threading
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests" / "support"))

from crashing import acknowledged, assert_exact
from running import Running, free_ports, message, until
from sink import Sink
from support_providers import SHARES, Provider, cast, providers_file

from gateway.rehearsal import dns

PATIENCE = 1_500.0  # seconds
JITTER = 1.0  # seconds by which the way from the permission to the dot may differ between two mails, on a busy machine


async def serve(one: Provider, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """One dialogue with one of them."""
    one.open += 1
    one.counts["connections"] += 1
    mails = 0

    def say(text: str) -> None:
        writer.write(f"{text}\r\n".encode())

    try:
        if (one.busy and one.counts["connections"] % one.busy == 0) or 0 < one.connections < one.open:
            one.counts["421"] += 1
            one.counts["broken"] += 0 < one.connections < one.open
            say("421 4.3.2 too busy, come back later")
            return
        say(f"220 mx.{one.key}.test ESMTP")
        address, taken = "", False
        while line := await reader.readline():
            verb = line[:4].upper()
            if verb == b"EHLO":
                say(f"250-mx.{one.key}.test\r\n250-8BITMIME" + "\r\n250-PIPELINING" * one.pipelining + "\r\n250 SIZE 0")
            elif verb == b"RCPT":
                address, taken = line.split(b"<")[1].split(b">")[0].decode(), False
                refusal = refused(one, address)
                one.counts[refusal[:3] or "taken"] += 1
                taken = not refusal
                say(refusal or "250 2.1.5 ok")
            elif verb == b"DATA" and not taken:
                say("503 5.5.1 nobody")
            elif verb == b"DATA":
                say("354 go")
                await reader.readuntil(b"\r\n.\r\n")
                mails += 1
                one.times.append(time.monotonic())
                one.counts["mails"] += 1
                one.counts["broken"] += 0 < one.messages < mails
                if one.delay:
                    await asyncio.sleep(one.delay)
                say("250 2.0.0 ok")
            elif verb == b"QUIT":
                say("221 2.0.0 bye")
                return
            else:
                say("250 2.0.0 ok")
            if verb != b"MAIL":
                await writer.drain()
    except (OSError, asyncio.IncompleteReadError):
        pass
    finally:
        one.open -= 1
        writer.close()


def refused(one: Provider, address: str) -> str:
    """The refusal of a recipient, or nothing."""
    number, first = int(address[1:].partition("@")[0]), address not in one.seen
    one.seen.add(address)
    if one.blocks_at and one.counts["mails"] >= one.blocks_at and not one.blocked_until:
        one.blocked_until = time.monotonic() + one.blocks
    if time.monotonic() < one.blocked_until:
        return "554 5.7.1 your address is blocked for now"
    if one.greylists and first:
        return "450 4.2.0 greylisted, come back later"
    if number * 7 // 40 % 100 < one.unknown:
        return "550 5.1.1 user unknown"
    if first and number * 7 // 40 % 100 < one.full:
        return "452 4.2.2 mailbox full"
    return ""


class Servers(threading.Thread):
    """The twelve and their DNS, on a loop of their own."""

    def __init__(self, some: list[Provider], mail: int, names: int, domains: list[str]) -> None:
        super().__init__(daemon=True)
        self._some, self._mail, self._names, self._domains = some, mail, names, domains
        self._loop, self.ready = asyncio.new_event_loop(), threading.Event()

    def run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(self._begin())
        self._loop.run_forever()

    async def _begin(self) -> None:
        records: dict[tuple[str, str], list[str]] = {}
        for number, one in enumerate(self._some):
            one.ip = f"127.0.1.{number + 1}"
            records[f"mx.{one.key}.test", "A"] = [one.ip]
            await asyncio.start_server(lambda r, w, one=one: serve(one, r, w), one.ip, self._mail, limit=2**20)
        for number, domain in enumerate(self._domains):
            records[domain, "MX"] = [f"10 mx.{self._of(number).key}.test."]
        await dns.Server(records).start("127.0.0.1", self._names)
        self.ready.set()

    def _of(self, number: int) -> Provider:
        return self._some[SHARES[number % len(SHARES)]]


def main() -> int:
    reader = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    reader.add_argument("--each", type=int, default=500, help="recipients of a share; there are 40 shares")
    people = reader.parse_args().each * len(SHARES)
    some = cast()
    domains = [f"d{number}.dest.test" for number in range(len(SHARES))]
    mail, names = free_ports(2)
    servers = Servers(some, mail, names, domains)
    servers.start()
    assert servers.ready.wait(10)
    with tempfile.TemporaryDirectory() as name, Sink() as office:
        folder = Path(name)
        (folder / "providers.toml").write_text(providers_file(some))
        gateway = Running(
            folder / "gateway", office.port, DELIVERY__PROVIDERS=str(folder / "providers.toml"), DELIVERY__PORT=str(mail),
            DELIVERY__ROUTES=json.dumps({"acme.test": f"127.0.0.1:{office.port}"}),
            DNS__NAMESERVERS=json.dumps([f"127.0.0.1:{names}"]), DELIVERY__RETRY="20s*", DELIVERY__AWAITING_RETRY="20s*",
            LIMITS__NEW_ACCOUNT_PER_DAY="0",
        )  # fmt: skip
        gateway.start()
        try:
            gateway.submit(message(people, domains=len(SHARES)))
            token = acknowledged(office)
            begun = time.time()
            report = follow(gateway, token, begun)
        finally:
            gateway.stop()
    return tell(some, people, report)


def follow(gateway: Running, token: str, begun: float) -> dict[str, object]:
    """Print what the gateway announces, until the campaign has ended; its last report."""
    first, last = announced(gateway, token, begun), 0.0
    told: dict[str, object] = {}

    def done() -> bool:
        nonlocal told, last
        with contextlib.suppress(OSError):
            told = gateway.report(token)
            assert_exact(told)  # at every look
        if time.time() - last > 20:
            last = time.time()
            print(f"  after {last - begun:5.0f} s  {told['statuses']['delivered']:>6} delivered  expected end "
                  f"{announced(gateway, token, begun)}", flush=True)  # fmt: skip
        return told.get("state") == "finished"

    until(done, PATIENCE, "the campaign ends")
    print(f"announced {first}; ended after {time.time() - begun:.0f} s")
    return told


def announced(gateway: Running, token: str, begun: float) -> str:
    """The expected end as the gateway says it, in seconds from the beginning, with its reason."""
    told = gateway.report(token)
    return f"{told['expected_end']} ({told['expected_reason']}), begun {time.strftime('%H:%M:%SZ', time.gmtime(begun))}"


def tell(some: list[Provider], people: int, report: dict[str, object]) -> int:
    """The table, and whether everything is as it must be."""
    broken, begun = 0, min((time for one in some for time in one.times), default=0.0)
    for one in some:
        hourly = 0
        if one.per_hour:  # GCRA: what may go in any 30 s is the burst (a minute's worth) and the rate
            most = one.per_hour / 60 + one.per_hour / 3600 * (30 + JITTER)
            most_in = max((sum(1 for t in one.times if at <= t < at + 30) for at in one.times[::50]), default=0)
            hourly = int(most_in > most)
            print(f"  {one.key}: {most_in} in the fullest 30 s, at most {most:.0f}")
        broken += one.counts["broken"] + hourly
        ended = max(one.times, default=begun) - begun
        print(f"  {one.key:10}{one.manners:44}{one.counts['mails']:>6} mails, the last after {ended:4.0f} s  "
              f"limits broken {one.counts['broken'] + hourly}")  # fmt: skip
    statuses = report["statuses"]
    assert isinstance(statuses, dict)
    delivered, sent = statuses["delivered"], sum(one.counts["mails"] for one in some)
    print(f"  {people} recipients, {delivered} delivered, servers took {sent}, ledger {statuses}")
    return 0 if delivered == sent and not broken else 1


if __name__ == "__main__":
    sys.exit(main())
