"""What a campaign's mails are made from, apart from the user's own mail: constants of the campaign, one person, problems.

In and out: frozen values only. Raises nothing; logs nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from parsers.modes import Tracked
from parsers.quick import quick


@dataclass(frozen=True, slots=True)
class Spec:
    """What is the same in every mail of a campaign; `subject` is template text, `public_url` has no "/" at its end."""

    campaign_id: int
    gateway_domain: str
    public_url: str
    subject: str
    from_name: str
    from_address: str
    reply_to: str | None
    unsubscribe: bool
    bulk: bool  # marketing: Precedence, legal line
    locale: str  # fr | en
    footer_name: str
    footer_address: str
    feedback: str
    list_id: str
    cfbl_address: str | None = None
    documents: int | None = None  # the column that names each person's own attachments (PJ)
    links: bool = False  # attachments are links to pages of ours, not parts of the mail
    links_until: str = ""  # a day as people read it
    account_id: int = 0
    hidden_link: bool = False  # fully followed mails carry a link that only programs find
    bounce_domain: str = ""  # where bounces and STOP mails go; empty: to the gateway's domain
    literal: bool = False  # a single message: no tags, no followed links
    aggregate_opens: bool = False  # anonymous mails carry one pixel, the same in all of them


@quick
@dataclass(frozen=True, slots=True)
class Person:
    """One recipient: the row's id, the list's values in the columns' order, how they may be followed."""

    id: int
    address: str
    name: str
    values: tuple[str, ...]
    tracked: Tracked


class ProblemKind(StrEnum):
    """Why a mail cannot be compiled."""

    UNKNOWN_COLUMN = "unknown_column"
    UNCLOSED_TAG = "unclosed_tag"
    UNSUBSCRIBE_IN_SUBJECT = "unsubscribe_in_subject"


@dataclass(frozen=True, slots=True)
class Problem:
    """One problem: its kind, where it stands (subject, html, text), and the tag as the user wrote it."""

    kind: ProblemKind
    where: str
    text: str
