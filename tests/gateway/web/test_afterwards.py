"""Old links once their people are erased: where no person's values stood they lead on, and leaving works for ever."""

from __future__ import annotations

from dataclasses import replace

from sqlalchemy import update
from store_helpers import KEYS
from web_fixture import RING, Web
from web_helpers import Reader

from gateway.web.app import build
from parsers.tokens import Purpose, sign
from store import comebacks, consents, erasing, suppressions
from store.engine import now_ms
from store.states import Event, Status
from store.tables import campaigns, recipients

DAY = 86_400_000


async def erase(web: Web, links_too: bool = False) -> Reader:
    now = now_ms()
    async with web.db.write() as conn:
        await conn.execute(update(campaigns).values(state="finished", finished_at=now - 31 * DAY))
        await conn.execute(update(recipients).values(next_attempt_at=None))
    more = True
    while more:
        async with web.db.write() as conn:
            more = await erasing.step(conn, web.campaign.id, KEYS, now)
    while links_too:
        async with web.db.write() as conn:
            links_too = await erasing.end_links(conn, now + 900 * DAY, 395 * DAY)
    return Reader(build(replace(web.reader.app.state.context)))


async def test_links_lead_on_but_for_those_with_a_person_s_values(web: Web) -> None:
    tokens = [web.token(Purpose.CLICK, 0, index) for index in range(3)]
    reader = await erase(web)
    assert (await reader.get(f"/c/{tokens[0]}")).headers["location"].startswith("https://shop.test/a%20b/")
    for token in tokens[1:]:
        answer = await reader.get(f"/c/{token}")
        assert answer.status == 410 and "n&#39;est plus actif" in answer.text and "location" not in answer.headers
    assert (await reader.get(f"/l/{sign(RING, Purpose.LINK, web.campaign.id, 0)}")).status == 302
    assert (await reader.get(f"/o/{web.token(Purpose.OPEN)}.gif")).status == 200
    assert (await reader.get(f"/t/{web.token(Purpose.CONSENT)}")).status == 404
    assert (await reader.get(f"/r/{web.word}")).status == 200 and (
        await reader.get(f"/r/{web.word}/details")
    ).status == 410
    assert (await web.ledger()).recipients == 3


async def test_after_their_time_links_say_that_they_have_ended(web: Web) -> None:
    reader = await erase(web, links_too=True)
    for path in (f"/c/{web.token(Purpose.CLICK)}", f"/l/{sign(RING, Purpose.LINK, web.campaign.id, 0)}"):
        answer = await reader.get(path)
        assert answer.status == 410 and "n&#39;est plus actif" in answer.text


async def test_leaving_works_for_ever(web: Web) -> None:
    reader = await erase(web, links_too=True)
    path = f"/u/{web.token(Purpose.UNSUBSCRIBE)}"
    page = await reader.get(path)
    assert page.status == 200 and "à laquelle vous avez reçu ce message" in page.text and "r2@d.test" not in page.text
    answer = await reader.post(path, {"List-Unsubscribe": "One-Click"})
    assert (answer.status, answer.text) == (200, "OK")
    assert "déjà désabonné" in (await reader.get(path)).text
    async with web.db.read() as conn:
        found = await suppressions.find(conn, web.campaign.account_id, ["r2@d.test"], KEYS, now_ms())
    assert found["r2@d.test"].reason == "unsubscribe"
    assert (await reader.post(f"{path}/back", {})).status == 404, "nobody can be written to who was erased"


async def test_coming_back_takes_the_mailbox_itself(web: Web) -> None:
    path = f"/u/{web.token(Purpose.UNSUBSCRIBE)}"
    assert "Me réabonner" in (await web.reader.post(path, {})).text
    asked = await web.reader.post(f"{path}/back", {})
    assert "Regardez votre messagerie" in asked.text and (await web.reader.get(f"{path}/back")).status in (404, 405)
    async with web.db.read() as conn:
        (one,) = await comebacks.waiting(conn)
        assert (one.recipient_id, one.address, one.sender) == (1, "r2@d.test", "Société <A>")
        assert await comebacks.left(conn, (web.campaign.account_id,), "r2@d.test", KEYS, now_ms())
    today = now_ms() // DAY
    late = f"/b/{sign(RING, Purpose.RETURN, 1, (today - 8) % 4096)}"
    assert "plus valable" in (await web.reader.post(late, {})).text
    link = f"/b/{sign(RING, Purpose.RETURN, 1, (today - 7) % 4096)}"
    assert "Oui, me réabonner" in (await web.reader.get(link)).text
    async with web.db.read() as conn:
        assert await comebacks.left(conn, (web.campaign.account_id,), "r2@d.test", KEYS, now_ms()), "a GET does nothing"
    assert "Bon retour" in (await web.reader.post(link, {})).text
    async with web.db.read() as conn:
        assert not await comebacks.left(conn, (web.campaign.account_id,), "r2@d.test", KEYS, now_ms())
        (word,) = await consents.history(conn, None, "r2@d.test", KEYS)
    assert (word.purpose, word.agreed, word.personal, word.source) == ("mail", True, True, "mailbox")
    await web.reader.post(path, {"List-Unsubscribe": "One-Click"})
    async with web.db.read() as conn:
        assert await comebacks.left(conn, (web.campaign.account_id,), "r2@d.test", KEYS, now_ms()), (
            "and can leave again"
        )


async def test_a_letter_a_day_and_none_to_who_did_not_leave(web: Web) -> None:
    path = f"/u/{web.token(Purpose.UNSUBSCRIBE)}"
    await web.reader.post(f"{path}/back", {})
    async with web.db.write() as conn:
        assert await comebacks.waiting(conn) == []
        now = now_ms()
        for at in (now, now + 1):
            await comebacks.ask(conn, 1, at)
            assert len(await comebacks.waiting(conn)) == (1 if at == now else 0)
            await comebacks.sent(conn, 1, at)
        await comebacks.ask(conn, 1, now + DAY)
        assert len(await comebacks.waiting(conn)) == 1


async def test_an_operator_s_entry_and_a_bounce_are_not_taken_back(web: Web) -> None:
    account = web.campaign.account_id
    async with web.db.write() as conn:
        row = {"key": KEYS.hash("r2@d.test"), "address": "r2@d.test", "at": 1, "campaign_id": None}
        await suppressions.add(conn, [row | {"account_id": 0, "reason": "manual"}])
        await suppressions.add(conn, [row | {"account_id": account, "reason": "hard_bounce"}])
        await comebacks.back(conn, account, 0, "r2@d.test", "", KEYS, 2)
        assert len(await suppressions.find(conn, account, ["r2@d.test"], KEYS, 3)) == 1
    assert (await web.story()) == [] and (await web.person()).status is Status.QUEUED
    assert Event.UNSUBSCRIBE.code == "unsubscribe"
