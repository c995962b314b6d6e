"""Acting on a campaign by its report: pages that ask, forms that act once, and the history that tells."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import unquote

import pytest
from sqlalchemy import update
from web_fixture import RING, Web

from gateway.web.guard import proof
from parsers.tokens import Purpose, sign
from store import actions, campaigns, links
from store.actions import Action, Power, Stage
from store.engine import now_ms
from store.tables import campaigns as campaigns_table
from store.values import CampaignState

HOUR = 3_600_000


async def done(web: Web) -> list[Action]:
    async with web.db.read() as conn:
        return await actions.of(conn, web.campaign.id)


async def become(web: Web, state: CampaignState, **more: Any) -> None:
    async with web.db.write() as conn:
        await conn.execute(update(campaigns_table).values(state=state, **more))


def fields(page: str) -> dict[str, str]:
    return dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', page))


async def send(web: Web, action: str, said: dict[str, str], query: str = "") -> Any:
    """As a reader would: open the page, fill its form, send it."""
    path = f"/r/{web.word}/{action}{query}"
    page = await web.reader.get(path)
    assert page.status == 200, page.text
    return await web.reader.post(path, fields(page.text) | said)


async def test_what_sends_is_asked_of_the_declared_sender_first(web: Web) -> None:
    await become(web, CampaignState.FINISHED)
    page = (await web.reader.get(f"/r/{web.word}/replay")).text
    assert "un message sera envoyé à a@a.test" in page and "La loi" not in page and "toute la liste" in page
    answer = await send(web, "replay", {"to": "all", "date": ""})
    assert answer.status == 200 and "Regardez votre messagerie" in answer.text
    (action,) = await done(web)
    assert (action.stage, action.via, action.wish["to"]) == (Stage.ASKED, "author", "all")
    link = f"/k/{sign(RING, Purpose.CONFIRM, action.id)}"
    for _ in range(3):
        shown = await web.reader.get(link)
        assert "Renvoi à toute la liste" in shown.text and "Oui, je confirme" in shown.text
    assert (await done(web))[0].stage is Stage.ASKED, "looking confirms nothing"
    assert (await web.reader.post(link, {"proof": "0" * 32})).status == 403
    confirmed = await web.reader.post(link, fields(shown.text))
    assert confirmed.status == 200 and "C&#39;est noté" in confirmed.text
    assert (await done(web))[0].stage is Stage.READY
    again = await web.reader.post(link, fields(shown.text))
    assert again.status == 409 and "déjà servi" in again.text
    assert (await web.reader.get(f"/k/{sign(RING, Purpose.ORDER, action.id)}")).status == 404
    report = (await web.reader.get(f"/r/{web.word}")).text
    assert "Historique des actions" in report and "lien de l&#39;accusé de réception" in report and "En cours" in report


async def test_a_second_click_is_no_second_action(web: Web) -> None:
    await become(web, CampaignState.FINISHED)
    path = f"/r/{web.word}/replay"
    said = fields((await web.reader.get(path)).text) | {"to": "all"}
    for _ in range(3):
        assert (await web.reader.post(path, said)).status == 200
    assert len(await done(web)) == 1


@pytest.mark.parametrize(
    ("said", "doubt"),
    [
        ({"date": "hier"}, "«\u00a0hier\u00a0»"),
        ({"date": "25/12/2020 9h"}, "est déjà passé"),
        ({"date": "demain"}, "Il manque l&#39;heure"),
        ({"subject": "Pour {{Age}}"}, "ne correspond à aucune colonne"),
        ({"sender": "bob@other.example"}, "pas un expéditeur déclaré"),
        ({}, "Vous n&#39;avez rien changé"),
    ],
)
async def test_what_is_not_understood_is_said_beside_its_field(web: Web, said: dict[str, str], doubt: str) -> None:
    await become(web, CampaignState.SCHEDULED, send_at=now_ms() + HOUR)
    answer = await send(web, "modify", said)
    assert answer.status == 422 and doubt in answer.text and 'role="alert"' in answer.text
    assert await done(web) == []


async def test_a_confirmed_modification_is_done_at_once(web: Web) -> None:
    await become(web, CampaignState.SCHEDULED, send_at=now_ms() + HOUR)
    await send(web, "modify", {"date": "demain 9h", "subject": "Pour {{Nom}}"})
    (action,) = await done(web)
    link = f"/k/{sign(RING, Purpose.CONFIRM, action.id)}"
    page = (await web.reader.get(link)).text
    assert "objet «\u00a0Pour {{Nom}}\u00a0»" in page
    assert "Fait" in (await web.reader.post(link, fields(page))).text
    async with web.db.read() as conn:
        got = await campaigns.get(conn, web.campaign.id)
    assert got is not None and got.subject == "Pour {{Nom}}" and got.send_at == action.wish["send_at"]


async def test_a_confirmation_that_comes_too_late_does_nothing(web: Web) -> None:
    await become(web, CampaignState.PAUSED)
    await send(web, "resume", {})
    (action,) = await done(web)
    link = f"/k/{sign(RING, Purpose.CONFIRM, action.id)}"
    page = (await web.reader.get(link)).text
    await become(web, CampaignState.STOPPED)
    answer = await web.reader.post(link, fields(page))
    assert answer.status == 409 and "avait changé d&#39;état" in answer.text
    async with web.db.read() as conn:
        got = await campaigns.get(conn, web.campaign.id)
    assert got is not None and got.state is CampaignState.STOPPED


async def test_a_link_that_reads_shows_neither_menu_nor_history_and_acts_on_nothing(web: Web) -> None:
    secret = RING.keys[1]
    async with web.db.write() as conn:
        token = await links.add(conn, secret, web.campaign.id, "chef@elsewhere.test", now_ms(), now_ms() + HOUR)
    await send(web, "pause", {})
    assert "Mise en pause" in (await web.reader.get(f"/r/{web.word}")).text
    page = await web.reader.get(f"/r/{token}")
    assert page.status == 200 and "Mise en pause" not in page.text and "Autres actions" not in page.text
    for action in ("stop", "pause", "resume", "modify", "share", "revoke", "replay", "extract"):
        assert (await web.reader.get(f"/r/{token}/{action}")).status == 403
        assert (await web.reader.post(f"/r/{token}/{action}", {"proof": proof(token, action)})).status == 403
    assert [one.power for one in await done(web)] == [Power.PAUSE]


async def test_links_are_listed_and_ended_by_confirmation(web: Web) -> None:
    async with web.db.write() as conn:
        await links.add(conn, RING.keys[1], web.campaign.id, "chef@elsewhere.test", now_ms(), now_ms() + HOUR)
    assert "chef@elsewhere.test" in (await web.reader.get(f"/r/{web.word}/share")).text
    assert (await web.reader.get(f"/r/{web.word}/revoke?serial=9")).status == 404
    assert (await web.reader.get(f"/r/{web.word}/revoke?serial=x")).status == 404
    await send(web, "revoke", {}, "?serial=1")
    (action,) = await done(web)
    assert action.wish == {"serial": 1, "address": "chef@elsewhere.test"}
    link = f"/k/{sign(RING, Purpose.CONFIRM, action.id)}"
    await web.reader.post(link, fields((await web.reader.get(link)).text))
    async with web.db.read() as conn:
        (one,) = await links.of(conn, web.campaign.id)
    assert one.revoked_at is not None


async def test_a_link_that_was_replaced_says_so(web: Web) -> None:
    answer = await send(web, "renew", {})
    assert answer.status == 200 and "Regardez votre messagerie" in answer.text, "a link alone replaces nothing"
    async with web.db.write() as conn:
        token = await links.renew(conn, b"secret", web.campaign, "a@a.test", now_ms())
    for path in ("", ".json", "/stop", "/export.xlsx"):
        gone = await web.reader.get(f"/r/{web.word}{path}")
        assert gone.status == 410 and "Ce lien ne s&#39;ouvre plus" in gone.text, path
    assert (await web.reader.get(f"/r/{token}")).status == 200
    assert (await web.reader.get(f"/r/{'x' * 43}")).status == 404


async def test_the_shown_list_is_asked_for_with_its_view(web: Web) -> None:
    report = (await web.reader.get(f"/r/{web.word}?tab=delivered&q=Dup%26%22")).text
    assert f"/r/{web.word}/extract?tab=delivered&amp;q=Dup%26%22" in report
    answer = await send(web, "extract", {}, "?tab=delivered&q=Dup")
    assert answer.status == 200 and "C&#39;est noté" in answer.text
    (action,) = await done(web)
    assert (action.stage, action.wish) == (Stage.READY, {"tab": "delivered", "q": "Dup"})


async def test_who_asks_too_often_is_told_so(web: Web) -> None:
    for _ in range(10):
        assert (await send(web, "extract", {})).status == 200
    assert (await send(web, "extract", {})).status == 429


async def test_a_filter_of_the_report_goes_with_the_order(web: Web) -> None:
    words = "c=l0&o=contains&v=Dup&w=&c=clicks&o=most&v=3&w="
    report = (await web.reader.get(f"/r/{web.word}?{words}")).text
    packed = re.search(r'/extract\?filter=([^"]+)"', report)
    assert packed is not None
    page = (await web.reader.get(f"/r/{web.word}/extract?filter={packed[1]}")).text
    assert "Nom contient «\u00a0Dup\u00a0»" in page and 'name="filter" value="c=l0' in page
    await send(web, "extract", {"filter": unquote(packed[1])})
    (action,) = await done(web)
    assert action.wish == {"tab": "all", "q": "", "filter": words}
    answer = await web.reader.post(
        f"/r/{web.word}/extract", {"filter": "c=l0&o=bad", "proof": proof(web.word, "extract")}
    )
    assert answer.status == 422, "a filter that cannot be used never means everybody"
