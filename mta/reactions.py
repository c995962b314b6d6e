"""What replies, other senders and the operator change about the ways of this sender, four times a second.

In: replies of 4xx and 5xx with the line that they came over; pauses of the database; the providers file; claims of rates.
Out: the rule that a reply fits; lines on new terms or shut, within the look; pauses written down for all. A mail that was
accepted asks nothing here. Logs site_paused; raises what the database raises, and then tries again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from config.logging import log
from config.providers import Rule
from mta import tending
from mta.claims import Claims
from mta.conditions import Conditions
from mta.lines import Line
from mta.pauses import Reports, follow, line_of
from mta.pool import Pool
from mta.values import Answered, Outcome
from store import allowances, pauses
from store.allowances import Claim, Wish
from store.engine import Database, now_ms
from store.pauses import Kind


class Reactions:
    """One a sender process; `pools` are its lanes."""

    def __init__(self, database: Database, conditions: Conditions, claims: Claims) -> None:
        self._database, self._conditions, self._claims = database, conditions, claims
        self._reports = Reports()
        self._active: Sequence[pauses.Pause] = ()
        self.pools: Sequence[Pool] = ()

    def rule(self, outcome: Outcome, line: Line | None) -> Rule | None:
        """The rule that an outcome fits, if it is a refusal; what follows from it for the way begins now."""
        if line is None or not isinstance(outcome, Answered):
            return None
        if outcome.reply.code < 400 or line.terms.provider is None:
            line.hits = 0
            return None
        rule = line.terms.provider.rule(line_of(outcome))
        if rule is None:
            return None
        now = now_ms()
        pause = follow(rule, outcome, line, now)
        if pause is not None and self._reports.add(pause, rule, now):
            log("site_paused", host=line.way.site.name, kind=pause.kind.value, rule=rule.id, until=pause.until)
            self._active = [*self._active, pause]
            if pause.kind is not Kind.NOTE and self._conditions.replace(self._active):
                self._revise()
        return rule

    async def look(self) -> None:
        """Write down what was decided here, and do what others decided."""
        new, alert = self._reports.taken()
        if new:
            try:
                async with self._database.write() as conn:
                    await pauses.set(conn, new, now_ms(), alert=alert)
            except Exception:
                self._reports.put_back(new, alert)
                raise
        async with self._database.glance() as conn:
            self._active = await pauses.active(conn, now_ms())
        changed = self._conditions.replace(self._active)
        if self._conditions.reloaded() or changed:
            self._revise()

    async def claim(self) -> None:
        """Get tokens for the lines that need some."""
        for pool in self.pools:
            if pool.limits.metered:
                tending.want(pool, self._claims)
        if await self._claims.turn():
            for pool in self.pools:
                pool.kick_all()

    def _revise(self) -> None:
        for pool in self.pools:
            tending.revise(pool)


def asking(database: Database) -> Claims:
    """Claims that are made in one short transaction of the database."""

    async def claim(wishes: Sequence[Wish]) -> Mapping[str, Claim]:
        async with database.write() as conn:
            return await allowances.claim_all(conn, wishes, now_ms())

    return Claims(claim, now_ms)
