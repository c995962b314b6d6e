"""What holds on each way at this moment, for both lanes of a sender: terms, shared meters, pauses.

In: the providers in force (read again when the operator's file changes), pauses as the database has them, and those that
this sender has just decided on. Out: `Terms`, meters, how long a way is shut, and whether anything has changed since the
last look. No I/O but that of config.providers; nothing is raised.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from config.providers import Providers
from mta.claims import Claims, Meter
from mta.providers import Limits, Terms, terms
from mta.ways import Way
from store.pauses import Kind, Pause


class Conditions:
    """One a sender process."""

    def __init__(self, providers: Callable[[], Providers], claims: Claims, now: Callable[[], int]) -> None:
        self._watch, self._claims, self._now = providers, claims, now
        self._providers = providers()
        self._known: Sequence[Pause] = ()
        self._pauses: dict[tuple[str, int], Pause] = {}
        self._slowed: dict[tuple[str, int], Pause] = {}

    def terms(self, way: Way, limits: Limits) -> Terms:
        """What holds for a way, within the bounds of its lane."""
        hosts = [host for _, host in sorted(way.site.hosts)]
        found = terms(way, self._providers.of(hosts), limits)
        slowed = self._find(self._slowed, found.site, way.source_id or 0) if self._slowed else None
        return found if slowed is None else terms(way, found.provider or self._providers.default, limits, slowed.rate)

    def meter(self, of: Terms) -> Meter | None:
        """The shared tokens of a way that may send so many mails an hour; None where there is no such limit."""
        return self._claims.meter(of.key, of.per_hour, of.burst) if of.per_hour else None

    def shut(self, site: str, source_id: int | None) -> float:
        """Seconds for which a site takes nothing from a source; 0 when it takes mail."""
        if not self._pauses:
            return 0.0
        found = self._find(self._pauses, site, source_id or 0)
        return 0.0 if found is None else max(0.0, (found.until - self._now()) / 1000)

    def replace(self, pauses: Sequence[Pause]) -> bool:
        """Take the pauses and slow-downs that are in force, all of them; True when they are other than before."""
        now = self._now()
        self._pauses = {(p.site, p.source_id): p for p in pauses if p.kind is Kind.PAUSE and p.until > now}
        slowed = {(p.site, p.source_id): p for p in pauses if p.kind is Kind.SLOW and p.until > now}
        changed = {key: p.rate for key, p in slowed.items()} != {key: p.rate for key, p in self._slowed.items()}
        self._slowed = slowed
        grown = set(pauses) - set(self._known)
        self._known = tuple(pauses)
        return changed or any(p.kind is Kind.PAUSE for p in grown)

    def reloaded(self) -> bool:
        """Whether the providers file says something else since the last question."""
        current = self._watch()
        changed = current is not self._providers
        self._providers = current
        return changed

    def _find(self, among: dict[tuple[str, int], Pause], site: str, source_id: int) -> Pause | None:
        keys = ((site, source_id), (site, 0), ("", source_id), ("", 0))
        found = [among[key] for key in keys if key in among and among[key].until > self._now()]
        return max(found, key=lambda pause: pause.until) if found else None
