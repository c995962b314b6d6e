"""Where an account says so, people leave one sender address, or everything, as they choose."""

from __future__ import annotations

from dataclasses import replace

import pytest
from store_helpers import KEYS
from web_fixture import LINKS, Web, row

from parsers.tokens import Purpose
from store import accounts, campaigns, consents, rulings, suppression_list, suppressions
from store.engine import now_ms
from store.rulings import Rules
from store.states import Event
from store.suppressions import Waiting
from store.values import NewCampaign, Tracked

ADDRESS = "r2@d.test"


@pytest.fixture
async def other(web: Web) -> int:
    """A campaign of the same account from another address, with the same first recipient; its recipient's id."""
    now = now_ms()
    async with web.db.write() as conn:
        await rulings.set_rules(conn, web.campaign.account_id, Rules(leaving_sender=True))
        sender = await accounts.declare_sender(conn, web.campaign.account_id, "bills@a.test", "A", now, now)
        new = NewCampaign(
            web.campaign.account_id, sender, "Autre", "Autre", "A", "bills@a.test", "", "<2@a>", "key2", "fr",
            "Europe/Paris", ("Nom", "Lien", "Email"), 2, {}, (), None, now, LINKS,
        )  # fmt: skip
        campaign = await campaigns.begin(conn, new, b"source")
        assert isinstance(campaign, int)
        person = replace(row(2, "Dupont", "", Tracked.FULL))
        await campaigns.add_rows(conn, campaign, [person], [], now)
        await campaigns.publish(conn, campaign, "v" * 43, now)
    return 4


async def withheld(web: Web, other: int) -> tuple[bool, bool]:
    """Whether the two campaigns may not write to the person any more, as a sender process would be told."""
    async with web.db.read() as conn:
        waiting = [Waiting(1, web.campaign.id, ADDRESS), Waiting(other, web.campaign.id + 1, ADDRESS)]
        found = (await suppressions.sift(conn, waiting, KEYS, now_ms())).suppressed
    return 1 in found, other in found


async def test_the_page_lets_people_choose(web: Web, other: int) -> None:
    path = f"/u/{web.token(Purpose.UNSUBSCRIBE)}"
    page = (await web.reader.get(path)).text
    assert 'value="sender"' in page and 'value="account"' in page and "a@a.test" in page
    done = (await web.reader.post(path, {"scope": "sender"})).text
    assert "a@a.test" in done and "peut encore vous écrire" in done
    assert await withheld(web, other) == (True, False)
    again = (await web.reader.get(path)).text
    assert "déjà désabonné" in again and 'value="account"' in again and 'value="sender"' not in again
    await web.reader.post(path, {"scope": "account"})
    assert await withheld(web, other) == (True, True)
    assert 'value="account"' not in (await web.reader.get(path)).text


async def test_everything_can_be_left_at_once(web: Web, other: int) -> None:
    await web.reader.post(f"/u/{web.token(Purpose.UNSUBSCRIBE)}", {"scope": "account"})
    assert await withheld(web, other) == (True, True)


async def test_one_click_leaves_what_the_account_has_set(web: Web, other: int) -> None:
    path = f"/u/{web.token(Purpose.UNSUBSCRIBE)}"
    assert (await web.reader.post(path, {"List-Unsubscribe": "One-Click"})).text == "OK"
    assert await withheld(web, other) == (True, False)
    (told,) = await web.story()
    assert told.event is Event.UNSUBSCRIBE


async def test_without_that_rule_a_choice_that_nobody_offered_counts_for_nothing(web: Web, other: int) -> None:
    async with web.db.write() as conn:
        await rulings.set_rules(conn, web.campaign.account_id, Rules())
    path = f"/u/{web.token(Purpose.UNSUBSCRIBE)}"
    assert "scope" not in (await web.reader.get(path)).text
    await web.reader.post(path, {"scope": "sender"})
    assert await withheld(web, other) == (True, True)


async def test_who_left_a_sender_is_not_followed_in_its_mails_any_more(web: Web, other: int) -> None:
    await web.reader.post(f"/u/{web.token(Purpose.UNSUBSCRIBE)}", {"scope": "sender"})
    async with web.db.read() as conn:
        assert await consents.followed(conn, [1, 2, other], KEYS, now_ms()) == {2, other}


async def test_operators_see_whose_list_it_is_and_the_way_back_clears_it(web: Web, other: int) -> None:
    path = f"/u/{web.token(Purpose.UNSUBSCRIBE)}"
    await web.reader.post(path, {"scope": "sender"})
    async with web.db.read() as conn:
        (entry,) = await suppression_list.page(conn, web.campaign.account_id, None, now_ms())
    assert (entry.account, entry.sender, entry.address) == ("A", "a@a.test", ADDRESS)
    came = f"/b/{web.token(Purpose.RETURN, 0, now_ms() // 86_400_000 % 4096)}"
    assert "Bon retour" in (await web.reader.post(came, {})).text
    assert await withheld(web, other) == (False, False)
