"""Single transactional messages, as the API takes and tells them.

In: JSON. Out: checked values, documents. Raises pydantic's ValidationError, which becomes a problem with field paths.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated

from pydantic import Field, StringConstraints, model_validator

from gateway.api.models.campaigns import EventDocument, Mailbox, State, StatusCode
from gateway.api.models.common import Address, Asked, Body, Line, Name, Page, Paging, Short, Told

Content = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9+/=\r\n]*$", max_length=15_000_000)]
Kind = Annotated[str, StringConstraints(pattern=r"^[a-z0-9!#$&^_.+-]{1,60}/[a-z0-9!#$&^_.+-]{1,60}$")]


class Box(Asked):
    """An address with a name."""

    address: Address
    name: Short = ""


class Attachment(Asked):
    """A file of a message."""

    name: Name
    type: Kind = "application/octet-stream"
    content: Content = Field(description="base64")


class NewMessage(Asked):
    """A message to one person. What is written is sent: no tags are filled, no links followed."""

    sender: Box = Field(description="A sender of the account.")
    to: Box
    subject: Line = Field(min_length=1)
    text: Body | None = None
    html: Body | None = None
    reply_to: Address | None = None
    attachments: list[Attachment] = Field(default_factory=list, max_length=20)

    @model_validator(mode="after")
    def _said(self) -> NewMessage:
        if not self.text and not self.html:
            raise ValueError("a message needs text or html")
        return self


class MessageRecipient(Told):
    """Who gets it, and what became of it."""

    address: str
    name: str
    status: StatusCode
    attempts: int
    last_at: datetime | None
    delivered_at: datetime | None
    reply: str


class MessageDocument(Told):
    """A message; one by the API has one recipient, a submitted mail may have more."""

    id: str
    state: State
    sender: Mailbox
    subject: str
    created_at: datetime
    recipients: list[MessageRecipient]
    url: str


class Messages(Page[MessageDocument]):
    """A page of messages, newest first."""


class MessageQuery(Paging):
    """Which messages are wanted."""

    sender: Address | None = None


class MessageStory(MessageDocument):
    """A message with all that happened, oldest first."""

    events: list[EventDocument]


class DayQuery(Asked):
    """Which days are wanted."""

    since: date | None = Field(default=None, description="First day (UTC); null: 30 days ago.")
    until: date | None = Field(default=None, description="Last day; null: today.")


class DayDocument(Told):
    """What a sender's messages of one day (UTC) amounted to."""

    day: date
    sender: str
    messages: int
    recipients: int
    statuses: dict[str, int]
    measures: dict[str, int]


class Days(Told):
    """Newest day first."""

    data: list[DayDocument]
