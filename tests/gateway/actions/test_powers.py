"""Who may do what: the table, whole."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from gateway.actions.powers import Grant, Hand, barred, fits, may, offers
from store.actions import Power
from store.values import CampaignState
from tests.conftest import MakeCampaign

YES, CONFIRM, NO = Grant.YES, Grant.CONFIRM, Grant.NO
EVERYTHING = (Hand.CONFIRMED, Hand.MAIL, Hand.SENDER, Hand.ADMIN, Hand.KEY, Hand.OPERATOR, Hand.GATEWAY)


def test_a_shared_link_and_a_reader_only_read() -> None:
    for hand in (Hand.SHARED, Hand.READER):
        assert {power: may(hand, power) for power in Power} == {one: YES if one is Power.READ else NO for one in Power}


def test_the_link_of_the_acknowledgement_reads_stops_and_pauses() -> None:
    alone = (Power.READ, Power.STOP, Power.PAUSE, Power.EXTRACT)
    assert {one: may(Hand.AUTHOR, one) for one in Power} == {
        one: YES if one in alone else NO if one is Power.HOLD else CONFIRM for one in Power
    }


def test_the_operator_s_login_looks_after_others_campaigns_and_writes_none() -> None:
    care = (Power.READ, Power.STOP, Power.PAUSE, Power.RESUME, Power.REVOKE, Power.RENEW)
    assert {one: may(Hand.CARETAKER, one) for one in Power} == {one: YES if one in care else NO for one in Power}


@pytest.mark.parametrize("hand", EVERYTHING)
def test_a_login_a_key_or_a_proved_word_may_all(hand: Hand) -> None:
    assert all(may(hand, power) is YES for power in Power if power is not Power.HOLD)
    assert may(hand, Power.HOLD) is (YES if hand is Hand.GATEWAY else NO), "it is nobody's order"


async def test_what_a_campaign_allows_by_where_it_stands(make: MakeCampaign) -> None:
    campaign = await make(1)
    allowed: dict[CampaignState, set[Any]] = {
        CampaignState.HELD: {Power.STOP, Power.RELEASE},
        CampaignState.SCHEDULED: {Power.STOP, Power.PAUSE, Power.MODIFY},
        CampaignState.SENDING: {Power.STOP, Power.PAUSE, Power.REPLAY},
        CampaignState.PAUSED: {Power.STOP, Power.RESUME, Power.MODIFY, Power.REPLAY},
        CampaignState.STOPPED: {Power.REPLAY},
        CampaignState.FINISHED: {Power.REPLAY},
        CampaignState.REPLACED: set(),
    }
    always = {Power.READ, Power.SHARE, Power.REVOKE, Power.EXTRACT, Power.RENEW}
    before = campaign.send_at - 1
    for state, those in allowed.items():
        one = replace(campaign, state=state)
        assert {power for power in Power if fits(power, one, before)} == those | always, state
    scheduled = replace(campaign, state=CampaignState.SCHEDULED)
    assert not fits(Power.MODIFY, scheduled, campaign.send_at), "its time has come"
    proof = replace(campaign, state=CampaignState.FINISHED, options={"test": True})
    assert not fits(Power.REPLAY, proof, 0), "a proof is a proof"
    erased = replace(campaign, state=CampaignState.FINISHED, erased_at=1)
    assert {power for power in Power if fits(power, erased, 0)} == {Power.READ}
    assert offers(Hand.SHARED, scheduled, before) == ()
    assert (Power.MODIFY, CONFIRM) in offers(Hand.AUTHOR, scheduled, before)


async def test_what_an_operator_paused_an_operator_resumes(make: MakeCampaign) -> None:
    campaign = replace(await make(1), state=CampaignState.PAUSED, held=({"code": "paused_operator"},))
    allowed = {hand for hand in Hand if may(hand, Power.RESUME) is not NO and not barred(hand, Power.RESUME, campaign)}
    assert allowed == {Hand.OPERATOR, Hand.CARETAKER, Hand.GATEWAY}
    assert Power.RESUME not in dict(offers(Hand.ADMIN, campaign, 0))
    assert not barred(Hand.ADMIN, Power.STOP, campaign)
    own = replace(campaign, held=())
    assert Power.RESUME in dict(offers(Hand.ADMIN, own, 0)) and not barred(Hand.KEY, Power.RESUME, own)
