"""Campaigns one after the other for as long as is asked, while one thing after the other is broken: `make soak MINUTES=N`.

In: options (--minutes N, --each N recipients, --every S seconds between campaigns, --seed N, --postgresql, --graph FILE).
Out: a line a fault and a line a half minute, at the end a table, and the graph of memory, lag and rate as SVG. All along each
ledger must add up at every look, and at the end everybody must have every mail, with no more repeats than the kills allow.
Everything is real: `serve` with its processes, SMTP in and out, perhaps a PostgreSQL server of its own; receivers on loopback
count. Raises SystemExit (1) when a promise is broken.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import random
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "support")]

from crashing import IN_FLIGHT, acknowledgements, assert_exact, people  # noqa: E402
from postgres import Postgres  # noqa: E402
from running import Running, message, report_token  # noqa: E402
from sink import Sink, Taken  # noqa: E402
from support_graph import Curve, graph  # noqa: E402

LOOK = 5.0  # seconds between two looks
LAST = 240.0  # seconds in which all must have ended once nothing is broken any more
SUBJECT = re.compile(rb"^Subject: Soak (\d+) ", re.MULTILINE)
STEPS = (-3_600, -60, 60, 3_600)  # seconds by which the clock is set


@dataclass
class Seen:
    """What was noted at one look."""

    at: float
    memory: float  # MB of the largest process
    waiting: int  # recipients without a final answer
    rate: float  # mails a second since the last look


@dataclass
class World:
    """The gateway, its surroundings, and what was done to it."""

    folder: Path
    dice: random.Random
    gateway: Running
    sink: Sink
    server: Postgres | None
    shift: Path
    each: int
    begun: float = field(default_factory=time.monotonic)
    refusing: bool = False
    repeats: int = 0  # that the kills so far allow
    sent: int = 0  # campaigns
    tokens: dict[int, str] = field(default_factory=dict)
    ended: set[int] = field(default_factory=set)
    faults: Counter[str] = field(default_factory=Counter)
    looks: list[Seen] = field(default_factory=list)
    counted: int = 0  # mails that had arrived at the last look

    # --- faults ---

    def break_something(self) -> None:
        """One thing, by lot."""
        faults: list[Callable[[], str]] = [
            self.kill_sender, self.kill_sender, self.kill_receiver, self.kill_web, self.kill_all, self.freeze,
            self.step_clock, self.refuse, self.vanish,
        ]  # fmt: skip
        if self.server is not None:
            faults += [self.kill_server, self.kill_server]
        what = self.dice.choice(faults)()
        self.faults[what] += 1
        print(f"{self.clock()} {what}", flush=True)

    def kill_sender(self) -> str:
        self._kill("_send")
        self.repeats += IN_FLIGHT
        return "a sender killed"

    def kill_receiver(self) -> str:
        self._kill("_receive")
        self.repeats += 5  # letters
        return "the receiver killed"

    def kill_web(self) -> str:
        self._kill("_web")
        return "the web process killed"

    def kill_all(self) -> str:
        self.gateway.kill_all()
        self.repeats += 2 * IN_FLIGHT
        self.gateway.start()
        return "everything killed and started again"

    def freeze(self) -> str:
        pids = self.gateway.children("_send")
        if pids:
            os.kill(pids[0], signal.SIGSTOP)
            time.sleep(self.dice.uniform(1, 6))
            with contextlib.suppress(ProcessLookupError):
                os.kill(pids[0], signal.SIGCONT)
        return "a sender frozen for some seconds"

    def step_clock(self) -> str:
        step = self.dice.choice(STEPS)
        with self.shift.open("r+b") as file:
            file.write(step.to_bytes(8, sys.byteorder, signed=True))
        self.repeats += 2 * IN_FLIGHT
        return "the clock set"

    def refuse(self) -> str:
        self.refusing = True
        time.sleep(4)
        self.refusing = False
        return "receivers put everything off for some seconds"

    def vanish(self) -> str:
        port, mails = self.sink.port, self.sink.mails
        self.sink.stop()
        time.sleep(4)
        self.sink = Sink(self.answer, port=port)
        self.sink.mails = mails
        self.sink.__enter__()
        self.repeats += 2 * IN_FLIGHT  # taken, and the answer lost
        return "receivers gone for some seconds"

    def kill_server(self) -> str:
        assert self.server is not None
        self.server.stop("immediate")
        time.sleep(self.dice.uniform(0, 3))
        self.server.start()
        self.repeats += 2 * IN_FLIGHT
        return "the database server killed and started again"

    def _kill(self, role: str) -> None:
        pids = self.gateway.children(role)
        if pids:
            os.kill(self.dice.choice(pids), signal.SIGKILL)

    async def answer(self, _mail: Taken) -> bytes | None:
        """What a receiver says to a mail."""
        return b"451 4.7.1 later\r\n" if self.refusing else b"250 2.0.0 taken\r\n"

    # --- campaigns ---

    def submit(self) -> None:
        """One more campaign; a client tries again until it has its 250."""
        self.sent += 1
        mail = message(self.each, subject=f"Soak {self.sent} {{{{Nom}}}}", domains=5)
        for _ in range(30):
            try:
                self.gateway.submit(mail)
                return
            except OSError:
                time.sleep(1)
        raise AssertionError(f"campaign {self.sent} was never taken")

    def look(self) -> None:
        """Read every report that is not at its end: its ledger must be exact."""
        for mail in acknowledgements(self.sink):
            found = re.search(rb"Soak[ _](\d+)[ _]", mail.raw)
            if found and int(found[1]) not in self.tokens:
                self.tokens[int(found[1])] = report_token(mail.raw)
        waiting = self.each * (self.sent - len(self.tokens))
        for number, token in self.tokens.items():
            if number in self.ended:
                continue
            with contextlib.suppress(OSError):  # the web process is being started again
                report = self.gateway.report(token)
                assert_exact(report)
                waiting += report["recipients"] - report["statuses"]["delivered"]
                if report["state"] == "finished":
                    assert report["statuses"]["delivered"] == self.each, f"campaign {number}: {report['statuses']}"
                    self.ended.add(number)
        self._note(waiting)

    def _note(self, waiting: int) -> None:
        now, mails = time.monotonic() - self.begun, len(people(self.sink))
        before = self.looks[-1].at if self.looks else 0.0
        rate = (mails - self.counted) / max(0.1, now - before)
        self.counted = mails
        self.looks.append(Seen(now, self._memory(), waiting, rate))

    def _memory(self) -> float:
        most = 0.0
        for role in ("_send", "_receive", "_web"):
            for pid in self.gateway.children(role):
                with contextlib.suppress(OSError):
                    found = re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{pid}/status").read_text())
                    most = max(most, int(found[1]) / 1024 if found else 0.0)
        return most

    def clock(self) -> str:
        """Minutes and seconds since the beginning."""
        passed = int(time.monotonic() - self.begun)
        return f"{passed // 60:3}:{passed % 60:02}"

    def judge(self) -> None:
        """Nothing lost, few repeated, one Message-ID a mail."""
        times: Counter[tuple[bytes, str]] = Counter()
        ids: dict[tuple[bytes, str], set[str]] = {}
        for mail in people(self.sink):
            found = SUBJECT.search(mail.raw)
            assert found, "a mail of no campaign"
            times[found[1], mail.recipient] += 1
            ids.setdefault((found[1], mail.recipient), set()).add(mail.message_id)
        wanted, repeated = self.sent * self.each, sum(times.values()) - len(times)
        print(f"\n| | |\n|---|---|\n| campaigns, recipients | {self.sent}, {wanted} |")
        print(f"| mails lost | {wanted - len(times)} |\n| repeated, at most | {repeated}, {self.repeats} |")
        print(f"| largest process, at the beginning and at the end | {self._part(0):.0f} MB, {self._part(-1):.0f} MB |")
        for what, count in self.faults.most_common():
            print(f"| {what} | {count} |")
        assert len(times) == wanted, f"{wanted - len(times)} mails lost"
        assert repeated <= self.repeats, f"{repeated} repeats"
        assert all(len(found) == 1 for found in ids.values()), "a repeat with another Message-ID"

    def _part(self, which: int) -> float:
        """The median memory of the first or last fifth."""
        size = max(1, len(self.looks) // 5)
        some = sorted(one.memory for one in (self.looks[:size] if which == 0 else self.looks[-size:]))
        return some[len(some) // 2]


def run(world: World, seconds: float, every: float) -> None:
    """Send, break and look, until the time is over and all has ended."""
    next_mail, next_fault, next_line = 0.0, 20.0, 30.0
    while (now := time.monotonic() - world.begun) < seconds:
        if now >= next_mail:
            world.submit()
            next_mail = now + every
        if now >= next_fault:
            world.break_something()
            next_fault = time.monotonic() - world.begun + world.dice.uniform(10, 30)
        world.look()
        if now >= next_line:
            last, next_line = world.looks[-1], now + 30
            print(f"{world.clock()} {world.sent} campaigns, {len(world.ended)} ended, {last.waiting} wait, "
                  f"{last.rate:.0f}/s, {last.memory:.0f} MB", flush=True)  # fmt: skip
        time.sleep(LOOK)
    deadline = time.monotonic() + LAST
    while len(world.ended) < world.sent:
        assert time.monotonic() < deadline, f"{world.sent - len(world.ended)} campaigns do not end"
        world.look()
        time.sleep(1)


def clock_shift(folder: Path) -> Path:
    """The library that shifts a process's wall clock (tests/support/clock_shift.c)."""
    library, source = folder / "clock_shift.so", ROOT / "tests" / "support" / "clock_shift.c"
    subprocess.run(["cc", "-O2", "-shared", "-fPIC", "-o", str(library), str(source)], check=True)
    return library


def main() -> int:
    reader = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    reader.add_argument("--minutes", type=float, default=60)
    reader.add_argument("--each", type=int, default=500, help="recipients of a campaign")
    reader.add_argument("--every", type=float, default=10, help="seconds between campaigns")
    reader.add_argument("--seed", type=int, default=1)
    reader.add_argument("--postgresql", action="store_true", help="on a PostgreSQL server of its own")
    reader.add_argument("--graph", type=Path, help="write the graph into this SVG file")
    found = reader.parse_args()
    with contextlib.ExitStack() as ending:
        folder = Path(ending.enter_context(tempfile.TemporaryDirectory(prefix="soak")))
        server = Postgres() if found.postgresql else None
        extra = {}
        if server is not None:
            ending.callback(server.remove)
            server.start()
            ending.callback(server.stop)
            extra["DATABASE__URL"] = server.create("soak")
        shift = folder / "shift"
        shift.write_bytes(bytes(8))
        sink = Sink(lambda mail: world.answer(mail))
        sink.__enter__()
        gateway = Running(folder / "gateway", sink.port, **extra)
        gateway.environment |= {"LD_PRELOAD": str(clock_shift(folder)), "CLOCK_SHIFT": str(shift)}
        world = World(folder, random.Random(found.seed), gateway, sink, server, shift, found.each)
        gateway.start()
        ending.callback(lambda: world.sink.stop())
        ending.callback(gateway.stop)
        try:
            run(world, found.minutes * 60, found.every)
            world.judge()
        except AssertionError as error:
            print(f"{world.clock()} BROKEN: {error}\n{gateway.log()[-3_000:]}", file=sys.stderr)
            return 1
        finally:
            if found.graph:
                found.graph.write_text(picture(world.looks), "utf-8")
    return 0


def picture(looks: list[Seen]) -> str:
    """Memory, lag and rate over time."""
    at = [one.at / 60 for one in looks]
    return graph(
        "minutes",
        at,
        [
            Curve("largest process, MB", [one.memory for one in looks]),
            Curve("recipients waiting", [float(one.waiting) for one in looks]),
            Curve("mails a second", [one.rate for one in looks]),
        ],
    )


if __name__ == "__main__":
    sys.exit(main())
