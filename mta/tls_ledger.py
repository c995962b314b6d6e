"""Sessions counted for the TLS reports, in memory until they are written in one batch (RFC 8460 section 4).

In: what each connection was like, with the domains that it serves. Out: counts by day, domain, policy, host and result.
Counted when a connection is opened, never a mail; bounded, and what exceeds is dropped and said. Pure but for the clock.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence

from mta.security import Policy, Seen
from store.engine import now_ms
from store.tls import Counted

LOG = logging.getLogger(__name__)
DAY = 86_400_000  # ms
MOST = 20_000  # different counts
_LONGEST = 200  # characters of a reason


class Ledger:
    """Counts sessions of one process."""

    def __init__(self, clock: Callable[[], int] = now_ms, most: int = MOST) -> None:
        self._now, self._most = clock, most
        self._counts: dict[Counted, int] = {}
        self._lost = 0

    def note(self, domains: Sequence[str], seen: Seen) -> None:
        """Count a session for each of these domains."""
        day, flaw = self._now() // DAY, seen.flaw
        for domain in domains:
            if flaw is None:
                host = seen.host if seen.policy is Policy.TLSA else ""  # whose records the report names
                self._add(Counted(day, domain, seen.policy.value, host, "", "", "", ""), 1)
            else:
                reason = flaw.reason[:_LONGEST]
                self._add(
                    Counted(day, domain, seen.policy.value, seen.host, flaw.fault.value, seen.local, seen.ip, reason), 1
                )

    def take(self) -> dict[Counted, int]:
        """All counts; the ledger begins anew."""
        counts, self._counts = self._counts, {}
        if self._lost:
            LOG.warning("%d sessions were not counted for the TLS reports", self._lost)
            self._lost = 0
        return counts

    def restore(self, counts: Mapping[Counted, int]) -> None:
        """Take back what could not be written."""
        for key, n in counts.items():
            self._add(key, n)

    def _add(self, key: Counted, n: int) -> None:
        if key in self._counts or len(self._counts) < self._most:
            self._counts[key] = self._counts.get(key, 0) + n
        else:
            self._lost += n
