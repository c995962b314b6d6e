"""What `make soak` runs and breaks: a gateway with its surroundings, the faults, and what is noted at every look.

In: the gateway, its receivers, perhaps its database server, and dice. Out: the counts and notes of a `World`, which prints a
line for each fault. Raises AssertionError when a ledger does not add up or a campaign is never taken.
"""

from __future__ import annotations

import contextlib
import os
import random
import re
import signal
import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from crashing import IN_FLIGHT, acknowledgements, assert_exact, people
from postgres import Postgres
from running import Running, message, report_token
from sink import Sink, Taken
from support_memory import ROLES, held

STEPS = (-3_600, -60, 60, 3_600)  # seconds by which the clock is set


@dataclass
class Seen:
    """What was noted at one look."""

    at: float
    memory: dict[str, float]  # MB of the largest process of each role
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
    put_off: set[int] = field(default_factory=set)  # ids of mails that receivers saw and did not take
    repeats: int = 0  # that the kills so far allow
    sent: int = 0  # campaigns
    tokens: dict[int, str] = field(default_factory=dict)
    ended: set[int] = field(default_factory=set)
    faults: Counter[str] = field(default_factory=Counter)
    broken: list[float] = field(default_factory=list)  # when, in seconds from the beginning
    looks: list[Seen] = field(default_factory=list)
    counted: int = 0  # mails that had arrived at the last look

    def break_something(self) -> None:
        """One thing, by lot."""
        faults: list[Callable[[], str]] = [
            self.kill_sender, self.kill_sender, self.kill_receiver, self.kill_web, self.kill_all, self.freeze,
            self.step_clock, self.refuse, self.vanish,
        ]  # fmt: skip
        if self.server is not None:
            faults += [self.kill_server, self.kill_server]
        self.broken.append(time.monotonic() - self.begun)
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

    async def answer(self, mail: Taken) -> bytes | None:
        """What a receiver says to a mail; one that is put off has arrived nowhere."""
        if not self.refusing:
            return b"250 2.0.0 taken\r\n"
        self.put_off.add(id(mail))
        return b"451 4.7.1 later\r\n"

    def taken(self) -> list[Taken]:
        """The mails of campaigns that receivers took."""
        return [mail for mail in people(self.sink) if id(mail) not in self.put_off]

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
        now, mails = time.monotonic() - self.begun, len(self.taken())
        before = self.looks[-1].at if self.looks else 0.0
        rate = (mails - self.counted) / max(0.1, now - before)
        self.counted = mails
        memory = {name: held(self.gateway, role) for name, role in ROLES.items()}
        self.looks.append(Seen(now, memory, waiting, rate))

    def clock(self) -> str:
        """Minutes and seconds since the beginning."""
        passed = int(time.monotonic() - self.begun)
        return f"{passed // 60:3}:{passed % 60:02}"
