"""What was done with a campaign and what may be: the history and the menu of its report.

In: an open connection, a campaign, by which right its reader is here. Out: values for the templates; whom a link was shared
with sees neither. Raises what the database raises.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from starlette.requests import Request

from gateway.actions import told
from gateway.actions.powers import Hand, offers
from gateway.web import context, hands
from gateway.web.extranet import gate
from store import campaigns
from store.actions import Action, Power, Stage
from store.engine import now_ms
from store.values import Campaign, CampaignState

_KNOWING = (Hand.AUTHOR, Hand.SENDER, Hand.ADMIN, Hand.CARETAKER, Hand.READER)  # who may read who did what


@dataclass(frozen=True, slots=True)
class Told:
    """One line of the history."""

    at: int
    what: str
    by: str
    result: str
    open: bool
    failed: bool
    report: str  # of the campaign that came of it; empty for none


def lines(request: Request, campaign: Campaign, done: Sequence[Action]) -> list[Told]:
    """The history of actions, newest first; a link that was shared shows none."""
    hand = hands.of(request)
    if hand not in _KNOWING:
        return []
    locale, zone = context.language(request, campaign.locale), campaign.timezone
    keyring = context.of(request).keyring
    secret = keyring.keys[min(keyring.keys)]
    return [_line(locale, zone, one, hand, secret) for one in done]


def menu(campaign: Campaign, hand: Hand) -> Sequence[str]:
    """What the report offers beside its two buttons."""
    if campaign.state is CampaignState.REPLACED:
        return []
    found = [power for power, _ in offers(hand, campaign, now_ms())]
    return [one.value for one in found if one not in (Power.STOP, Power.PAUSE)]


def _line(locale: str, zone: str, action: Action, hand: Hand, secret: bytes) -> Told:
    made = action.outcome.get("campaign")
    report = "" if not made else f"/r/{campaigns.report_token(secret, int(made))}"
    if made and hand is not Hand.AUTHOR:
        report = f"{gate.HOME}/campagnes/{made}"
    return Told(
        action.done_at or action.at, told.what(locale, zone, action), told.by(locale, action), told.result(locale, action),
        action.stage in (Stage.ASKED, Stage.READY), action.stage is Stage.REFUSED, report,
    )  # fmt: skip
