"""Values of the store as documents of the API.

In: a call, campaigns, recipients. Out: documents, their words in the caller's language. Nothing is raised or logged.
"""

from __future__ import annotations

from typing import Any

from gateway.api.models.campaigns import CampaignDocument, Figures, Links, Mailbox, Reason, RecipientDocument
from gateway.api.models.common import when
from gateway.api.operation import Call
from gateway.letters.answers import words
from gateway.letters.held import reason
from store import campaigns
from store.reports import Person
from store.submissions import Submission
from store.values import Campaign, CampaignState, Ledger

PREFIX = "/api/v1"
_HALTED = (CampaignState.HELD, CampaignState.PAUSED)


def at(call: Call, path: str) -> str:
    """The whole address of a resource."""
    return f"{call.ctx.url}{PREFIX}{path}"


def links(call: Call, name: str, campaign: Campaign | None) -> Links:
    """Where to go on from a campaign."""
    own = at(call, f"/campaigns/{name}")
    report = None
    if campaign is not None:
        keys = call.ctx.keyring.keys
        report = f"{call.ctx.url}/r/{campaigns.author_token(keys[min(keys)], campaign)}"
    return Links(self_=own, stats=f"{own}/stats", recipients=f"{own}/recipients", report=report)


def campaign_document(call: Call, campaign: Campaign, ledger: Ledger) -> CampaignDocument:
    """A campaign as the API tells it."""
    state: Any = campaign.state.value
    halted = campaign.held if campaign.state in _HALTED else ()
    return CampaignDocument(
        id=str(campaign.id),
        number=campaign.id,
        state=state,
        reasons=[Reason(code=str(one["code"]), text=reason(call.locale, one)) for one in halted],
        name=campaign.name,
        subject=campaign.subject,
        sender=Mailbox(name=campaign.from_name, address=campaign.from_address),
        type="transactional" if campaign.options.get("type") == "transactional" else "marketing",
        created_at=when(campaign.created_at),
        send_at=when(campaign.send_at),
        finished_at=when(campaign.finished_at),
        figures=figures(ledger),
        links=links(call, str(campaign.id), campaign),
    )


def figures(ledger: Ledger) -> Figures:
    """The ledger of a campaign."""
    return Figures(
        lines=ledger.lines,
        invalid=ledger.invalid,
        duplicate=ledger.duplicate,
        suppressed=ledger.suppressed,
        recipients=ledger.recipients,
        statuses={status.code: n for status, n in ledger.statuses.items()},
    )


def waiting_document(call: Call, known: Submission) -> CampaignDocument:
    """A message that was not read yet."""
    own = Links(self_=at(call, f"/campaigns/{known.id}"))
    return CampaignDocument(id=known.id, number=None, state="reading", created_at=when(known.created_at), links=own)


def refusal(call: Call, known: Submission) -> CampaignDocument:
    """A message that made no campaign."""
    why = dict(known.refused or {})
    said = Reason(code=str(why["code"]), text=words(call.locale, call.ctx.domain, why))
    own = Links(self_=at(call, f"/campaigns/{known.id}"))
    return CampaignDocument(
        id=known.id, number=None, state="refused", reasons=[said], created_at=when(known.created_at), links=own
    )


def recipient_document(campaign: Campaign, person: Person) -> RecipientDocument:
    """A recipient as the API tells it."""
    tracking: Any = person.tracked.name.lower()
    status: Any = person.status.code
    return RecipientDocument(
        id=person.id,
        line=person.label,
        address=person.address,
        name=person.name,
        fields=dict(zip(campaign.columns, person.fields, strict=False)),
        tracking=tracking,
        status=status,
        attempts=person.attempts,
        next_attempt_at=when(person.next_attempt_at),
        last_at=when(person.last_at),
        delivered_at=when(person.delivered_at),
        opened_at=when(person.opened_at),
        clicked_at=when(person.clicked_at),
        unsubscribed_at=when(person.unsubscribed_at),
        clicks=person.clicks,
        reply=person.reply,
    )
