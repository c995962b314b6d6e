"""What warming sources may send, claimed in batches that all senders share, and what was answered to them.

In: how many mails wait for a source and a provider, permits that were not used, answers. Out: permits, granted by the
database in one transaction for all who ask at the same moment; what nobody used goes back. Answers are written every few
seconds, and may take a source one step back (logged source_moved). Raises what the database raises.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from config import warmup
from config.logging import log
from config.warmup import Answers, Rules
from store import warmups
from store.engine import Database

GATHER = 0.01  # seconds that a first wish waits for others
IDLE = 30_000  # ms after which permits that nobody used go back

Key = tuple[int, str]  # a source's id and a provider's key, "" for sites of no known provider


@dataclass(slots=True)
class _Purse:
    left: int = 0
    wanted: int = 0
    again_at: int = 0  # UTC ms before which there are no more
    day: int = 0
    used_at: int = 0


class Permits:
    """One a sender process; `turn` is to be called every few seconds, `close` at the end."""

    def __init__(self, database: Database, rules: Rules, now: Callable[[], int]) -> None:
        self._database, self._rules, self._now = database, rules, now
        self._purses: dict[Key, _Purse] = {}
        self._answers: dict[Key, Answers] = {}
        self._turn: asyncio.Task[None] | None = None

    async def take(self, key: Key, wanted: int) -> tuple[int, int, int]:
        """Permits for up to `wanted` mails, when there will be more (UTC ms; 0 when all were granted), and their day."""
        purse, now = self._purses.setdefault(key, _Purse()), self._now()
        if purse.day and purse.day < warmup.day_of(now):
            purse.left = 0  # of a day that is over
        if purse.left < wanted and now >= purse.again_at:
            purse.wanted = max(purse.wanted, 0) + wanted - purse.left
            await self._claimed()
        granted = min(wanted, purse.left)
        purse.left -= granted
        purse.used_at = now
        return granted, purse.again_at if granted < wanted else 0, purse.day

    def unused(self, key: Key, day: int) -> None:
        """A mail that had a permit of that day did not leave."""
        purse = self._purses.get(key)
        if purse is not None and purse.day == day:
            purse.left += 1  # of another day it is lost: what was counted then cannot leave now

    def heard(self, key: Key, answer: Answers) -> None:
        """An attempt was answered."""
        known = self._answers.get(key)
        if known is not None:
            answer = Answers(
                known.accepted + answer.accepted, known.deferred + answer.deferred, known.refused + answer.refused
            )
        self._answers[key] = answer

    def ask_anew(self) -> None:
        """The sources have changed: what was refused before may be granted now."""
        for purse in self._purses.values():
            purse.again_at = 0

    async def turn(self) -> None:
        """Write the answers down, and give back what was not used for a while or is of another day."""
        now = self._now()
        old = warmup.day_of(now)
        idle = {
            key: purse
            for key, purse in self._purses.items()
            if not purse.wanted and (purse.used_at + IDLE < now or purse.day < old)
        }
        await self._write(idle, now)

    async def close(self) -> None:
        """Write all answers down and give back everything."""
        await self._write(dict(self._purses), self._now())

    async def _write(self, idle: Mapping[Key, _Purse], now: int) -> None:
        answers, self._answers = self._answers, {}
        # out of the purse before the database is waited for: whoever asks meanwhile claims anew
        back = {key: replace(purse) for key, purse in idle.items() if purse.left and purse.day}
        for purse in idle.values():
            purse.left = 0
        if not answers and not back:
            return
        try:
            async with self._database.write() as conn:
                for (source_id, provider), purse in sorted(back.items(), key=lambda item: item[0]):
                    await warmups.give_back(conn, source_id, provider, purse.left, purse.day, now)
                moved = await warmups.report(conn, self._rules, answers, now)
        except Exception:
            for key, answer in answers.items():
                self.heard(key, answer)
            raise  # permits that could not be given back are lost to their day
        for each in moved:
            log("source_moved", ip=each.source.address, step=each.step + 1, provider=each.provider)

    async def _claimed(self) -> None:
        """Take part in the next transaction."""
        if self._turn is None:
            self._turn = asyncio.create_task(self._claim())
        await asyncio.shield(self._turn)

    async def _claim(self) -> None:
        await asyncio.sleep(GATHER)
        self._turn = None  # whoever comes now is of the next one
        asking = {key: purse.wanted for key, purse in self._purses.items() if purse.wanted > 0}
        for key in asking:
            self._purses[key].wanted = 0
        rules, now = self._rules, self._now()
        granted: dict[Key, warmups.Claim] = {}
        async with self._database.write() as conn:
            for key in sorted(asking):
                granted[key] = await warmups.claim_warmup(conn, rules, *key, asking[key], now)
        for key, claim in granted.items():
            purse = self._purses[key]
            if purse.day != claim.day:
                purse.left, purse.day = 0, claim.day
            purse.left += claim.granted
            purse.again_at = claim.again_at
