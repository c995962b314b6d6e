"""Campaigns, their figures and their recipients, as the API tells them.

In: values of the store. Out: documents. Nothing is raised here but what pydantic raises.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from pydantic import Field

from gateway.api.models.common import Instant, Page, Paging, Told
from store.states import Status

State = Literal["reading", "refused", "held", "scheduled", "sending", "paused", "stopped", "finished", "replaced"]
StatusCode = Literal[
    "queued", "awaiting", "deferred", "error", "cancelled", "stopped", "delivered", "opened", "clicked", "unsubscribed",
    "complained",
]  # fmt: skip
assert set(StatusCode.__args__) == {status.code for status in Status}  # type: ignore[attr-defined]


class Mailbox(Told):
    """A name and an address."""

    name: str
    address: str


class Links(Told):
    """Where to go from here."""

    self_: str = Field(serialization_alias="self")
    stats: str | None = None
    recipients: str | None = None
    report: str | None = Field(
        default=None, description="The page for people: whoever has it may read, stop and pause."
    )


class Reason(Told):
    """Why a campaign is held, paused or refused."""

    code: str
    text: str = Field(default="", description="In the caller's language.")


class Figures(Told):
    """The ledger: lines = invalid + duplicate + suppressed + recipients; recipients = the sum of the statuses."""

    lines: int
    invalid: int
    duplicate: int
    suppressed: int
    recipients: int
    statuses: dict[str, int] = Field(description="Every status, also when it is 0.")


class CampaignDocument(Told):
    """A campaign. While its mail is read, `state` is `reading` and `number` null; `refused`: there is none, for `reasons`."""

    id: str = Field(description="What names it in addresses: a number, or what POST gave; either goes on working.")
    number: int | None = Field(description="The campaign's number, once its mail was read.")
    state: State
    reasons: list[Reason] = Field(default_factory=list, description="Why it is held, paused or refused.")
    name: str = ""
    subject: str = ""
    sender: Mailbox | None = Field(default=None, serialization_alias="from")
    type: Literal["marketing", "transactional"] | None = None
    created_at: datetime
    send_at: datetime | None = None
    finished_at: datetime | None = None
    figures: Figures | None = None
    links: Links


class Campaigns(Page[CampaignDocument]):
    """A page of campaigns, newest first."""


class CampaignQuery(Paging):
    """Which campaigns are wanted."""

    state: list[Literal["held", "scheduled", "sending", "paused", "stopped", "finished", "replaced"]] = Field(
        [], description="In one of these states."
    )
    since: Instant | None = Field(default=None, description="Created at this instant or later.")
    before: Instant | None = Field(default=None, description="Created before this instant.")


class Rate(Told):
    """One rate: `count` people of the sent (reactivity: of the openers), and of the delivered; hits of programs beside."""

    count: int
    over_sent: float | None = None
    over_opened: float | None = None
    over_delivered: float | None
    machine: int
    unsure: int


class Stats(Figures):
    """The same figures and rates as the report shows."""

    state: State
    measures: dict[str, int]
    rates: dict[str, Rate]


class RecipientDocument(Told):
    """One recipient."""

    id: int
    line: str = Field(description="The line of the list: 12, or 12.1 where a cell held several addresses.")
    address: str = Field(description="Empty once erased.")
    name: str
    fields: dict[str, str] = Field(description="The columns of the list.")
    tracking: Literal["none", "anonymous", "hygiene", "full"]
    status: StatusCode
    attempts: int
    next_attempt_at: datetime | None
    last_at: datetime | None
    delivered_at: datetime | None
    opened_at: datetime | None
    clicked_at: datetime | None
    unsubscribed_at: datetime | None
    clicks: int
    reply: str = Field(description="The last reply of the remote server, cut; whole in `events`.")


class EventDocument(Told):
    """What happened to a recipient once; `machine` says that a program was behind an open or a click."""

    at: datetime
    event: str
    machine: bool
    detail: dict[str, Any] = Field(description="Reply, host, addresses, TLS, link … as the history shows it.")


class Story(RecipientDocument):
    """One recipient with all that happened, oldest first."""

    events: list[EventDocument]


class Accepted(Told):
    """A message that was taken: on the disk, and read within seconds."""

    id: str
    state: Literal["reading"] = "reading"
    links: Links
