"""What a program asks to be done with a campaign, and what became of it.

In: JSON. Out: checked values, documents. Raises pydantic's ValidationError, which becomes a problem with field paths.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field, model_validator

from gateway.api.models.common import Address, Asked, Instant, Line, Told
from gateway.api.models.forms import File

Days = Annotated[int, Field(ge=1, le=365)]
Subject = Annotated[Line, Field(min_length=1)]


class CampaignChange(Asked):
    """What to change of a campaign that is scheduled, or paused before its date."""

    send_at: Instant | None = Field(default=None, description="To come, within a year.")
    subject: Subject | None = None
    sender: Address | None = Field(default=None, description="Another sender of the account.")

    @model_validator(mode="after")
    def _something(self) -> CampaignChange:
        if self.send_at is None and self.subject is None and self.sender is None:
            raise ValueError("nothing to change")
        return self


class Replay(Asked):
    """The same message again, as a new campaign."""

    to: Literal["all", "undelivered", "unopened", "unclicked"] = Field(description="To whom.")
    send_at: Instant | None = Field(default=None, description="To come, within a year; null: at once.")


class ReplayForm(Asked):
    """The same message to a new list."""

    liste: File = Field(description="The recipients, as in POST /campaigns.")


class Share(Asked):
    """A link to the report that only reads, mailed to somebody."""

    address: Address
    days: Days = Field(default=30, description="How long it works.")


class ActionDocument(Told):
    """An action: `ready` while the gateway carries it out; `campaign` is the new one that it made."""

    id: int
    action: str
    stage: Literal["asked", "ready", "done", "refused"]
    why: str = Field(default="", description="Why it was refused, or what came of it, in the caller's language.")
    campaign: str | None = Field(default=None, description="The id of the campaign that it made.")
    asked_at: datetime
    done_at: datetime | None
    url: str = Field(description="Where to look again.")
