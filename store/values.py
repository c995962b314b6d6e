"""Values that pass between the rows and the rest of the house.

In and out: frozen dataclasses; instants are UTC milliseconds since the epoch, identifiers are the rows' integers.
Nothing here touches the database or raises.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from parsers.modes import Tracked as Tracked  # also known by this name: it is a column of a recipient
from parsers.quick import quick
from store.states import Event, Status


class CampaignState(StrEnum):
    """Where a campaign stands; `loading` is never shown: its rows are still being written."""

    LOADING = "loading"
    HELD = "held"
    SCHEDULED = "scheduled"
    SENDING = "sending"
    PAUSED = "paused"
    STOPPED = "stopped"
    FINISHED = "finished"
    REPLACED = "replaced"


@dataclass(frozen=True, slots=True)
class Account:
    id: int
    name: str
    legal_name: str
    address: str
    locale: str
    timezone: str
    attested: bool
    suspended: bool
    hygiene: bool = False
    transactional_per_hour: int | None = None  # None: transactional mail is not granted
    single: bool = False  # its logins may submit single messages


@dataclass(frozen=True, slots=True)
class Sender:
    """A declared sender address of an account."""

    id: int
    account_id: int
    address: str
    name: str


@quick
@dataclass(frozen=True, slots=True)
class NewRecipient:
    """One good line of LISTE; `label` is its line as people know it (12 or 12.1)."""

    line: int
    part: int
    address: str
    address_key: str
    name: str
    values: tuple[str, ...]
    tracked: Tracked


@dataclass(frozen=True, slots=True)
class NewFault:
    """One line of LISTE that is no recipient; `kind` is a parsers.liste.Fault code."""

    line: int
    part: int
    address: str
    kind: str
    detail: str
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class NewCampaign:
    """A campaign as intake hands it over, without its rows; `options` is what the sender needs to compile the mail."""

    account_id: int
    sender_id: int
    subject: str
    name: str
    from_name: str
    from_address: str
    reply_to: str
    message_id: str
    message_key: str  # hash of sender, Message-ID and content: the same message is one campaign (30 days)
    locale: str
    timezone: str
    columns: tuple[str, ...]
    address_column: int
    options: Mapping[str, Any]
    held: tuple[Mapping[str, Any], ...]
    send_at: int | None
    created_at: int
    links: tuple[Mapping[str, Any], ...] = ()


@dataclass(frozen=True, slots=True)
class Campaign:
    """A campaign as it is stored; the five figures of the ledger are those of SPEC 2."""

    id: int
    account_id: int
    state: CampaignState
    subject: str
    name: str
    from_name: str
    from_address: str
    reply_to: str
    message_id: str
    locale: str
    timezone: str
    columns: tuple[str, ...]
    address_column: int
    options: Mapping[str, Any]
    held: tuple[Mapping[str, Any], ...]
    links: tuple[Mapping[str, Any], ...]
    blob_id: int
    lines: int
    invalid: int
    duplicate: int
    suppressed: int
    recipients: int
    created_at: int
    send_at: int
    finished_at: int | None
    erased_at: int | None = None
    sender_id: int = 0
    link_round: int = 0


@quick
@dataclass(frozen=True, slots=True)
class Job:
    """A recipient leased to a sender."""

    id: int
    campaign_id: int
    address: str
    name: str
    values: tuple[str, ...]
    tracked: Tracked
    status: Status
    attempts: int
    first_attempt_at: int | None
    source_id: int | None = None  # the local address that it was tried from


@dataclass(frozen=True, slots=True)
class NoticeJob:
    """A system mail (acknowledgement, answer) leased to a sender: whole bytes, null return path."""

    id: int
    campaign_id: int | None
    address: str
    raw: bytes
    attempts: int
    first_attempt_at: int | None


@quick
@dataclass(frozen=True, slots=True)
class Change:
    """One event of one recipient, ready to be written.

    `owner` fences an attempt: it is written only while that worker still owns the row. `next_attempt_at` None takes the
    recipient out of the queue. `detail` is the story: reply, host, ip, local, tls, agent, link, why …
    `suppress` names the reason for which the address enters the suppression list; `clears` says that its mailbox, full
    in earlier campaigns, took this mail. `source_id` is the local address that an attempt left from.
    """

    recipient_id: int
    event: Event
    at: int
    owner: int | None = None
    next_attempt_at: int | None = None
    detail: Mapping[str, Any] = field(default_factory=dict)
    machine: bool = False
    suppress: str = ""
    clears: bool = False
    source_id: int | None = None


@dataclass(frozen=True, slots=True)
class Ledger:
    """The accounts of a campaign: lines = invalid + duplicate + suppressed + recipients, recipients = sum of statuses."""

    lines: int
    invalid: int
    duplicate: int
    suppressed: int
    recipients: int
    statuses: Mapping[Status, int]
    measures: Mapping[
        str, int
    ]  # sent, delivered, bounced, opened, clicked, unsubscribed, complained, machine_open, machine_click
