"""Suppressions, senders and consents, as the API takes and tells them.

In: JSON. Out: checked values, documents. Raises pydantic's ValidationError, which becomes a problem with field paths.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field, StrictBool, model_validator

from gateway.api.models.common import Address, Asked, Instant, Name, Page, Paging, Short, Told, Words
from store.suppressions import REASONS

Reason = Literal["hard_bounce", "soft_bounce", "complaint", "unsubscribe", "manual", "import"]
assert Reason.__args__ == REASONS  # type: ignore[attr-defined]


class SuppressionQuery(Paging):
    """Which entries are wanted."""

    reason: Reason | None = None


class Suppression(Told):
    """An address that the account does not write to; `address` is null once it was erased."""

    address: str | None
    reason: Reason
    at: datetime
    until: datetime | None = Field(description="When it ends; null: never.")


class Suppressions(Page[Suppression]):
    """A page of the account's list, oldest first."""


class NewSuppression(Asked):
    """An address to write to no more."""

    address: Address
    reason: Reason = "manual"
    until: Instant | None = Field(default=None, description="When it ends (to come); null: never.")


class NewSuppressions(Asked):
    """Addresses to write to no more."""

    entries: Annotated[list[NewSuppression], Field(min_length=1, max_length=1_000)]


class Counted(Told):
    """How many entries are new, and how many were there."""

    added: int
    known: int


class BadLine(Told):
    """A line that was not taken."""

    line: str
    address: str
    fault: str


class Imported(Counted):
    """What a file brought; the first hundred bad lines."""

    bad: int
    faults: list[BadLine]


class SenderDocument(Told):
    """An address of the account; nothing is sent from it before it is verified."""

    address: str
    name: str
    verified: bool
    waiting: Literal["answer", "refused", "link_expired", "not_asked"] | None = Field(
        description="Why it is not verified: its owner was asked by mail, said no, let the link grow old, was not asked."
    )
    aligned: bool = Field(
        description="Mails from it are signed for its own domain; else they go out as NAME via GATEWAY."
    )


class Senders(Told):
    """All senders of the account, by address."""

    data: list[SenderDocument]


class NewSender(Asked):
    """An address to declare; its owner is asked by mail."""

    address: Address
    name: Short = ""


class ConsentWord(Told):
    """One word of the register."""

    address: str | None
    agreed: bool
    at: datetime
    source: str
    wording: str
    by: str
    personal: bool = Field(description="The person said it on a page of ours.")
    recorded_at: datetime


class Consents(Page[ConsentWord]):
    """A page of the register in the order in which it was written."""


class ConsentState(Told):
    """What stands for an address, and every word that was recorded of it, oldest first."""

    address: str
    stands: bool | None = Field(description="true: may be followed; false: refused; null: never said a word.")
    words: list[ConsentWord]


class NewConsent(Asked):
    """A word to be recorded: yes or no to being followed individually."""

    address: Address
    agreed: StrictBool
    at: Instant | None = Field(default=None, description="When it was said; null: now.")
    source: Name = Field("api", description="Where it was said: a form, a shop.")
    wording: Words = Field(default="", description="The words to which the person agreed; a yes needs them.")
    by: Short = Field(default="", description="Who records it.")

    @model_validator(mode="after")
    def _proof(self) -> NewConsent:
        if self.agreed and not self.wording.strip():
            raise ValueError("a yes needs the wording that the person agreed to (CNIL deliberation 2026-042, §1.7)")
        return self
