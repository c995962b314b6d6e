"""Opens connections: the hosts of a site one after the other, from the line's source, under one time limit.

In: a line. Out: an `Opened` session, or the outcome of a site that could not be reached. Remembers which addresses did not
answer lately (they are tried last) and how many commands at once a server bore. A bug on the way is logged and counts as
silence. Nothing is raised but CancelledError.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from dataclasses import replace

from config.logging import log
from mta.session import Dialling, Failed, Opened, Target, open_session, weigh
from mta.sites import Atlas
from mta.values import Contact, Flight, Outcome, Unanswered
from mta.ways import Source, Way
from parsers.replies import Stage

_MANNERS = 5_000  # hosts whose bearing is remembered
_BAD_HOST = 60.0  # seconds that an address which did not connect is tried last


class Dialler:
    """One a pool."""

    def __init__(self, atlas: Atlas, dialling: Dialling, patience: float) -> None:
        self._atlas, self._dialling, self._patience = atlas, dialling, patience
        self._manners: OrderedDict[str, Flight] = OrderedDict()
        self._bad: OrderedDict[tuple[str, int], float] = OrderedDict()
        self._loop = asyncio.get_running_loop()

    async def open(self, way: Way) -> Opened | tuple[Outcome, Contact]:
        """A connection to the first host that answers, or what came of trying all of them."""
        failures: list[Failed] = []
        try:
            async with asyncio.timeout(self._patience):
                return await self._first_that_answers(way, failures)
        except TimeoutError:
            if failures:
                worst = weigh(failures)
                return worst.outcome, worst.contact
            return Unanswered(Stage.CONNECT, "timeout"), Contact(way.site.name)
        except Exception as error:  # a bug of ours must not keep mails for ever: unknown means temporary
            log("failed", what="dial", error=error)
            return Unanswered(Stage.CONNECT, "failed"), Contact(way.site.name)

    def flight(self, host: str) -> Flight:
        """How many commands a server is given at once."""
        return self._manners.get(host, Flight.BEHIND_DOT)

    def stumbled(self, host: str, flight: Flight) -> None:
        """A server did not bear that many commands at once: it gets fewer from now on."""
        lower = Flight(max(0, flight - 1))
        if lower < self.flight(host):
            self._manners[host] = lower
            self._manners.move_to_end(host)
            if len(self._manners) > _MANNERS:
                self._manners.popitem(last=False)

    async def _first_that_answers(self, way: Way, failures: list[Failed]) -> Opened | tuple[Outcome, Contact]:
        targets = await self._atlas.targets(way.site)
        if not isinstance(targets, list):
            return targets, Contact(way.site.name)
        if way.source is not None:  # an address of the other family would let the system choose another source
            targets = [target for target in targets if (":" in target.ip) == (":" in way.source.address)]
            if not targets:
                return Unanswered(Stage.CONNECT, "unreachable"), Contact(way.site.name, "", way.source.address)
        dialling = self._from(way.source)
        for target in sorted(targets, key=self._was_bad):
            result = await open_session(target, dialling)
            if isinstance(result, Opened):
                self._bad.pop((target.ip, target.port), None)
                return result
            failures.append(result)
            self._bad[target.ip, target.port] = self._loop.time() + _BAD_HOST
            if len(self._bad) > _MANNERS:
                self._bad.popitem(last=False)
        worst = weigh(failures)
        return worst.outcome, worst.contact

    def _from(self, source: Source | None) -> Dialling:
        if source is None:
            return self._dialling
        return replace(self._dialling, source=source.address, helo=source.helo or self._dialling.helo)

    def _was_bad(self, target: Target) -> bool:
        return self._bad.get((target.ip, target.port), 0.0) > self._loop.time()
