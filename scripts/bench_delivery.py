"""The delivery bench: mails a second against what the machine signs, Postfix and Exim; memory; bytes a recipient.

In: nothing (see --help). Out: a table on standard output and, with --json FILE, the rows. All of it in one run, because only
ratios travel between machines: RSA-2048 signatures a second by OpenSSL before and after each campaign (35 KB mails, 10
tracked links, a durable status for each), sent by 2 sender processes into a light sink on loopback; of several such rounds
the medians. Raises SystemExit with a sentence when a tool is missing; returns 1 when a figure is short of its target.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests" / "support"))

from postgres import Postgres, children
from relay_exim import exim
from relay_postfix import postfix
from support_bench import Row, cpu_of, light_sink, report, sink_count, unsigned
from support_gateway import Gateway
from support_relay import PeerMissing, seconds

SENDERS = 2
RATIO = 0.45  # mails/s over SENDERS x RSA signatures/s, at least
SHARED = 0.40  # the same on PostgreSQL
DATABASE = 1024  # bytes a recipient without events, at most
PEER = 12.0  # mails/s over those of Postfix with OpenDKIM, at least
SINK = "light_sink"  # the name of the sink's process
GROWTH = 1.10  # memory of a sender at the large list over that at the small one, at most


@dataclass(frozen=True, slots=True)
class Beside:
    """What shares the cores with the senders: CPU seconds, or those of a mail."""

    sink: float
    asking: float  # this process, which asks whether all is delivered
    server: float = 0.0  # all processes of PostgreSQL
    log: float = 0.0  # bytes of its write-ahead log

    @classmethod
    def now(cls, server: Postgres | None) -> Beside:
        """As used since they began."""
        sinks = sum(cpu_of(pid) for pid in children(os.getpid()) if _program(pid) == SINK)
        if server is None:
            return cls(sinks, time.process_time())
        first = int((server.data / "postmaster.pid").read_text().split()[0])
        used = cpu_of(first, children=True)
        for process in children(first):
            with contextlib.suppress(FileNotFoundError):  # a connection that ends now counts with the first
                used += cpu_of(process)
        written = float(server.sql("SELECT pg_current_wal_lsn() - '0/0'"))
        return cls(sinks, time.process_time(), used, written)

    def a_mail(self, since: Beside, mails: int) -> Beside:
        """What was used since then, by so many mails."""
        before = (since.sink, since.asking, since.server, since.log)
        now = (self.sink, self.asking, self.server, self.log)
        return Beside(*((late - early) / mails for late, early in zip(now, before, strict=True)))


@dataclass(frozen=True, slots=True)
class Sent:
    """What one campaign showed."""

    rate: float  # mails a second
    signing: float  # RSA signatures a second of one core, before and after
    together: float  # the same of all the cores that sign at once, by the clock
    cpu: float  # seconds of the senders, a mail
    memory: float  # MB, the largest peak of a sender
    volume: float  # bytes of a mail
    database: float  # bytes a recipient before any event
    beside: Beside

    @property
    def ratio(self) -> float:
        """Mails a second over what two cores can sign."""
        return self.rate / (SENDERS * self.signing)


def _program(pid: int) -> str:
    """The name of a process's program; empty when it has ended, as `ps` has that told of it."""
    with contextlib.suppress(FileNotFoundError):
        return Path(f"/proc/{pid}/comm").read_text().strip()
    return ""


def signatures_a_second(seconds: int = 3, *options: str) -> float:
    """RSA-2048 signatures a second of one core, by OpenSSL itself; `options` of its `speed` ask for others."""
    if shutil.which("openssl") is None:
        raise SystemExit("bench: openssl is missing")
    command = ["openssl", "speed", *options, "-seconds", str(seconds), "rsa2048"]
    told = subprocess.run(command, capture_output=True, text=True)
    found = re.search(r"rsa\s+2048 bits\s+\S+\s+\S+\s+([\d.]+)", told.stdout)
    if found is None:
        raise SystemExit(f"bench: openssl speed said nothing: {told.stderr[-300:]}")
    return float(found[1])


def ours(folder: Path, count: int, size: int = 35_000, senders: int = SENDERS, server: Postgres | None = None) -> Sent:
    """Send a campaign of `count` recipients with our senders, in a new database of `server` or in SQLite."""
    database = "" if server is None else server.create(f"bench{time.monotonic_ns()}")
    with light_sink(folder) as sink:
        gateway = Gateway(folder / f"gw{time.monotonic_ns()}", sink, senders, size, database)
        gateway.start()
        try:
            before = gateway.database_bytes()
            campaign = gateway.load_campaign(count)
            grown, signing = gateway.database_bytes() - before, signatures_a_second()
            gateway.publish(campaign)
            beside, begun, cpu = Beside.now(server), time.monotonic(), gateway.cpu()
            gateway.delivered(campaign, count)
            rate, cpu = count / (time.monotonic() - begun), gateway.cpu() - cpu
            beside = Beside.now(server).a_mail(beside, count)
            taken, volume = sink_count(sink) or (0, 0)
            if taken != count:
                raise SystemExit(f"bench: the sink took {taken} of {count} mails")
            signing = (signing + signatures_a_second()) / 2
            together = signatures_a_second(2, "-elapsed", "-multi", str(min(senders, SENDERS)))
            return Sent(rate, signing, together, cpu / count, gateway.memory(), volume / count, grown / count, beside)
        finally:
            gateway.stop()


def delivery_rows(rounds: list[Sent]) -> list[Row]:
    """The medians of the rounds, and how far the ratio went up and down."""
    ratios = [each.ratio for each in rounds]
    signing, cpu = statistics.median(each.signing for each in rounds), statistics.median(each.cpu for each in rounds)
    ratio, database = statistics.median(ratios), rounds[0].database
    return [
        Row("RSA-2048 signatures, one core, OpenSSL", signing, "/s"),
        Row("mails sent, signed, status durable", statistics.median(each.rate for each in rounds), "/s"),
        Row("mails / (2 x signatures)", ratio, "", f">= {RATIO}", ratio >= RATIO),
        Row("the same, lowest round", min(ratios), ""),
        Row("the same, highest round", max(ratios), ""),
        Row(
            "mails / signatures of both cores at once",
            statistics.median(each.rate / each.together for each in rounds),
            "",
        ),
        Row("CPU of the senders", cpu * 1e6, "µs a mail"),
        *beside_rows("", rounds),
        Row("CPU of a mail / CPU of a signature", statistics.median(each.cpu * each.signing for each in rounds), ""),
        Row("size of a mail", rounds[0].volume / 1000, "KB"),
        Row("database before any event", database, "bytes a recipient", f"<= {DATABASE}", database <= DATABASE),
    ]


def beside_rows(what: str, rounds: list[Sent]) -> list[Row]:
    """What shared the cores with the senders."""

    def middle(of: Callable[[Beside], float]) -> float:
        return statistics.median(of(each.beside) for each in rounds)

    table = [
        Row(f"{what}CPU of the sink", middle(lambda beside: beside.sink) * 1e6, "µs a mail"),
        Row(f"{what}CPU of the bench asking", middle(lambda beside: beside.asking) * 1e6, "µs a mail"),
    ]
    if middle(lambda beside: beside.server):
        table += [
            Row(f"{what}CPU of the server", middle(lambda beside: beside.server) * 1e6, "µs a mail"),
            Row(f"{what}write-ahead log", middle(lambda beside: beside.log), "bytes a mail"),
        ]
    return table


def peer_rows(folder: Path, rate: float, count: int) -> list[Row]:
    """The same mails through Postfix with OpenDKIM and through Exim, into the same sink."""
    mails, table = unsigned(count), []
    with light_sink(folder) as sink:
        peers = (("Postfix + OpenDKIM", postfix(sink), PEER), ("Exim", exim(folder, sink), 0.0))
        for name, server, target in peers:
            try:
                with server as port:
                    peer = count / seconds(port, mails, lambda: (sink_count(sink) or (0, 0))[0])
            except PeerMissing as missing:
                raise SystemExit(f"bench: {missing}") from None
            table.append(Row(f"{name}, the same mails", peer, "/s"))
            promised = f">= {target:.0f}" if target else ""
            table.append(Row(f"ours / {name}", rate / peer, "x", promised, rate / peer >= target))
    return table


def memory_rows(folder: Path, small: int, large: int) -> list[Row]:
    """What a list costs a sender, by its length."""
    few, many = ours(folder, small), ours(folder, large)
    growth = many.memory / few.memory
    return [
        Row(f"peak memory of a sender, {small:,} recipients", few.memory, "MB"),
        Row(f"peak memory of a sender, {large:,} recipients", many.memory, "MB"),
        Row("growth of memory", growth, "x", f"<= {GROWTH}", growth <= GROWTH),
        Row(f"mails sent, {large:,} recipients", many.rate, "/s"),
    ]


def matrix_rows(folder: Path, mails: int) -> list[Row]:
    """Other sizes and numbers of senders, as ratios to the signatures of as many cores as there are senders, two at most."""
    table = []
    for size, senders in ((2_000, 2), (100_000, 2), (35_000, 1), (35_000, 4)):
        sent = ours(folder, mails, size, senders)
        cores = min(senders, SENDERS)
        table.append(
            Row(
                f"{size // 1000} KB, {senders} senders: mails / ({cores} x signatures)",
                sent.ratio * SENDERS / cores,
                "",
            )
        )
    return table


def postgresql_rows(folder: Path, mails: int, rounds: int) -> list[Row]:
    """The same campaign on a PostgreSQL server beside it, on the same two cores."""
    server = Postgres(durable=True)
    try:
        server.start()
        sent = [ours(folder, mails, server=server) for _ in range(rounds)]
    finally:
        server.stop("fast")
        server.remove()
    ratio = statistics.median(each.ratio for each in sent)
    return [
        Row("PostgreSQL: mails / (2 x signatures)", ratio, "", f">= {SHARED}", ratio >= SHARED),
        Row("PostgreSQL: CPU of the senders", statistics.median(each.cpu for each in sent) * 1e6, "µs a mail"),
        *beside_rows("PostgreSQL: ", sent),
    ]


def rows(asked: argparse.Namespace) -> list[Row]:
    """All figures of one run."""
    with tempfile.TemporaryDirectory(prefix="bench") as name:
        folder = Path(name)
        rounds = [ours(folder, asked.mails) for _ in range(asked.rounds)]
        table = delivery_rows(rounds)
        if asked.peer:
            table += peer_rows(folder, statistics.median(each.rate for each in rounds), asked.peer)
        if asked.large:
            table += memory_rows(folder, asked.large // 10, asked.large)
        if asked.matrix:
            table += matrix_rows(folder, asked.matrix)
        if asked.postgresql:
            table += postgresql_rows(folder, asked.postgresql, asked.rounds)
        return table


def main() -> int:
    reader = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    reader.add_argument(
        "--mails", type=int, default=60_000, help="of a campaign: starting and ending it is a quarter of a second"
    )
    reader.add_argument("--rounds", type=int, default=3)
    reader.add_argument(
        "--large", type=int, default=100_000, help="a larger list for the memory, and a tenth (0: none)"
    )
    reader.add_argument("--peer", type=int, default=5_000, help="mails through each peer (0: none)")
    reader.add_argument("--matrix", type=int, default=30_000, help="mails of other sizes and senders (0: none)")
    reader.add_argument("--postgresql", type=int, default=60_000, help="mails of a round on PostgreSQL (0: none)")
    reader.add_argument("--json", type=Path, help="also write the rows there")
    found = reader.parse_args()
    return report(rows(found), found.json)


if __name__ == "__main__":
    sys.exit(main())
