"""Who may do what with a campaign: one closed table (SPEC 9).

In: by which right somebody asks, what they want, and where the campaign stands. Out: yes, no, or "once the declared
sender has confirmed it by mail". What stops needs least, what sends or changes needs a login or that confirmation; a link
that was shared only reads. Pure; raises nothing.
"""

from __future__ import annotations

from enum import StrEnum

from store import control
from store.actions import Power
from store.values import Campaign, CampaignState


class Hand(StrEnum):
    """By which right somebody asks."""

    SHARED = "shared"  # a link that was shared, or that of "Accusé à"
    AUTHOR = "author"  # the link of the acknowledgement
    CONFIRMED = "confirmed"  # a link that was mailed to the declared sender for this one action
    MAIL = "mail"  # a proved reply to one of our letters
    READER = "read"  # a login, by its role
    SENDER = "send"
    ADMIN = "admin"
    KEY = "key"  # a program with a key of the account that may send
    CARETAKER = "caretaker"  # the operator's login, on a campaign of an account that is not theirs
    OPERATOR = "operator"
    GATEWAY = "gateway"  # we ourselves, for safety


class Grant(StrEnum):
    """The answer."""

    YES = "yes"
    CONFIRM = "confirm"
    NO = "no"


_AUTHOR = {
    Power.READ: Grant.YES,
    Power.STOP: Grant.YES,
    Power.PAUSE: Grant.YES,
    Power.EXTRACT: Grant.YES,  # it goes to the declared sender and nowhere else, and the link reads the same people
}

_CARE = (
    Power.READ,
    Power.STOP,
    Power.PAUSE,
    Power.RESUME,
    Power.REVOKE,
    Power.RENEW,
)  # looks after others' campaigns, writes none


def may(hand: Hand, power: Power) -> Grant:
    """Whether somebody with that right may do that."""
    if power is Power.HOLD:
        return Grant.YES if hand is Hand.GATEWAY else Grant.NO
    match hand:
        case Hand.SHARED | Hand.READER:
            return Grant.YES if power is Power.READ else Grant.NO
        case Hand.CARETAKER:
            return Grant.YES if power in _CARE else Grant.NO
        case Hand.AUTHOR:
            return _AUTHOR.get(power, Grant.CONFIRM)
        case Hand.CONFIRMED | Hand.MAIL | Hand.SENDER | Hand.ADMIN | Hand.KEY | Hand.OPERATOR | Hand.GATEWAY:
            return Grant.YES


_STATES = {
    Power.STOP: (CampaignState.HELD, CampaignState.SCHEDULED, CampaignState.SENDING, CampaignState.PAUSED),
    Power.PAUSE: (CampaignState.SCHEDULED, CampaignState.SENDING),
    Power.RESUME: (CampaignState.PAUSED,),
    Power.MODIFY: (CampaignState.SCHEDULED, CampaignState.PAUSED),
    Power.HOLD: (),
    Power.REPLAY: (CampaignState.FINISHED, CampaignState.STOPPED, CampaignState.SENDING, CampaignState.PAUSED),
}
ENDED = (CampaignState.FINISHED, CampaignState.STOPPED)


def fits(power: Power, campaign: Campaign, now: int) -> bool:
    """Whether a campaign is where that can be done with it at all."""
    if campaign.erased_at is not None:
        return power is Power.READ
    if power is Power.RELEASE:
        return campaign.state is CampaignState.HELD
    if power is Power.REPLAY and campaign.options.get("test"):
        return False  # a proof is a proof
    if power is Power.MODIFY and campaign.send_at <= now:
        return False
    return campaign.state in _STATES.get(power, tuple(CampaignState))


_HOUSE = (Hand.OPERATOR, Hand.CARETAKER, Hand.GATEWAY)


def barred(hand: Hand, power: Power, campaign: Campaign) -> bool:
    """Whether it is the operator's alone: what an operator paused, or a backup brought back, only an operator resumes."""
    paused = any(reason.get("code") == control.BY_OPERATOR for reason in campaign.held)
    return power is Power.RESUME and paused and hand not in _HOUSE


OFFERED = (
    Power.PAUSE, Power.RESUME, Power.STOP, Power.MODIFY, Power.REPLAY, Power.SHARE, Power.EXTRACT, Power.RENEW,
)  # fmt: skip


def offers(hand: Hand, campaign: Campaign, now: int) -> tuple[tuple[Power, Grant], ...]:
    """What a report may offer its reader, in the order of a menu."""
    found = (
        (power, may(hand, power))
        for power in OFFERED
        if fits(power, campaign, now) and not barred(hand, power, campaign)
    )
    return tuple((power, grant) for power, grant in found if grant is not Grant.NO)
