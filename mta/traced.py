"""What a sender did for each campaign since it was last written down, as one span a campaign.

In: each ended attempt, and the moment at which a batch of them is in the database. Out: a span `deliver` with its counts, of
the campaign's trace (config.tracing); nothing where nobody asks for spans. Raises nothing, logs nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from config import tracing
from store.engine import now_ms


@dataclass(slots=True)
class _Batch:
    since: int
    mails: int = 0
    accepted: int = 0


class Traced:
    """One a sender process."""

    def __init__(self) -> None:
        self._batches: dict[int, _Batch] = {}

    def ended(self, campaign_id: int, accepted: bool) -> None:
        """An attempt has ended."""
        if not tracing.on():
            return
        batch = self._batches.get(campaign_id)
        if batch is None:
            batch = self._batches[campaign_id] = _Batch(now_ms())
        batch.mails += 1
        batch.accepted += accepted

    def written(self) -> None:
        """A batch of outcomes is in the database."""
        if not self._batches:
            return
        done, self._batches = self._batches, {}
        now = now_ms()
        for campaign, one in done.items():
            told: dict[str, Any] = {"campaign": campaign, "mails": one.mails, "accepted": one.accepted}
            tracing.span(f"campaign {campaign}", "deliver", one.since, now, **told)
