"""Webhooks as the API takes and tells them.

In: JSON. Out: checked values, documents. Raises pydantic's ValidationError, which becomes a problem with field paths.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import Field, StrictBool, StringConstraints

from gateway.api.models.common import Asked, Page, Paging, Short, Told
from gateway.hooks.places import PATTERN
from store.webhooks import WORDS

Word = Literal[
    "delivered", "deferred", "bounced", "opened", "clicked", "unsubscribed", "complained", "campaign.created",
    "campaign.held", "campaign.paused", "campaign.stopped", "campaign.finished",
]  # fmt: skip
assert Word.__args__ == tuple(WORDS)  # type: ignore[attr-defined]

Url = Annotated[str, StringConstraints(pattern=PATTERN, max_length=508)]
Words = Annotated[list[Word], Field(min_length=1, max_length=50)]
EventId = Annotated[str, StringConstraints(pattern=r"^evt_[1-9][0-9]{0,14}$")]
Batch = Annotated[int, Field(ge=1, le=100)]


class NewWebhook(Asked):
    """Where events are to be told."""

    url: Url = Field(
        description="https, a public address (others where the operator allows them), no user or password."
    )
    events: Words = Field(description="Which events are told.")
    batch: Batch = Field(default=1, description="1: an event a request; more: up to so many, as `batch`.")
    label: Short = ""


class WebhookChange(Asked):
    """What to change; the rest stays."""

    url: Url | None = None
    events: Words | None = None
    batch: Batch | None = None
    label: Short | None = None
    enabled: StrictBool | None = Field(default=None, description="true: tell events there again; false: tell none.")


class WebhookDocument(Told):
    """A webhook, without its secret."""

    id: int
    url: str
    events: list[Word]
    batch: int
    label: str
    enabled: bool
    disabled_why: Literal["", "asked", "failing", "gone"] = ""
    created_at: datetime
    last_taken_at: datetime | None = Field(description="The last time the endpoint took events.")
    taken: int = Field(description="Events that the endpoint took, all in all.")
    failing_since: datetime | None
    last_error: str
    waiting: int = Field(description="Events that wait to be told.")
    dead: int = Field(description="Events that were given up: see /dead, and /replay.")
    old_secret_until: datetime | None = Field(description="Until when the secret before the last rotation signs, too.")


class WebhookSecret(WebhookDocument):
    """A webhook with its secret, which is shown this once."""

    secret: str = Field(description="whsec_…: what signatures are checked with (Standard Webhooks).")


class Webhooks(Told):
    """All webhooks of the account."""

    data: list[WebhookDocument]


class DeadLetter(Told):
    """An event that was given up, as it would have been told."""

    id: str
    type: str
    timestamp: datetime
    given_up_at: datetime
    attempts: int
    error: str
    data: dict[str, Any]


class DeadLetters(Page[DeadLetter]):
    """A page of them, oldest first; they are kept for 30 days."""


class DeadQuery(Paging):
    """Which part of the dead letters is wanted."""


class Replay(Asked):
    """Which dead letters to queue again; none named: all (5,000 at once)."""

    events: list[EventId] = Field(default_factory=list, max_length=1_000)


class Replayed(Told):
    """How many were queued again."""

    replayed: int


class CallDocument(Told):
    """One request to the endpoint, and what it answered; nothing of what was told is kept."""

    at: datetime
    took_ms: int
    status: int | None = Field(description="HTTP's; null where there was no answer.")
    why: str = Field(description="Why there was none: a machine reason; empty else.")
    type: str = Field(description="The event that was told, or the first of a batch; `test` for a test.")
    events: int = Field(description="How many were told at once.")
    taken: bool = Field(description="Whether the endpoint took them (2xx).")


class Calls(Told):
    """The last requests to a webhook, newest first; 30 are kept."""

    data: list[CallDocument]
