"""What a sender did, told to whoever looks after it: attempts that were not accepted in the log, and what was done for each
campaign since it was last written down as a span.

In: each ended attempt, and the moment at which a batch of them is in the database. Out: a span `deliver` with its counts, of
the campaign's trace (config.tracing); nothing where nobody asks for spans. Raises nothing. Logs attempt.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from config import tracing
from config.logging import log
from mta.values import Answered, Outcome
from store.engine import now_ms
from store.values import Change, Job


def tell(job: Job, change: Change, outcome: Outcome) -> None:
    """Log an attempt that was not accepted, by the numbers of its campaign and its recipient."""
    detail = change.detail
    log(
        "attempt", campaign=job.campaign_id, recipient=job.id, kind=change.event.code,
        host=detail["host"], ip=detail["ip"], stage=detail["stage"],
        code=detail["code"] if isinstance(outcome, Answered) else None, **{"class": detail["class"]},
    )  # fmt: skip


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
