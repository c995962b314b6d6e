"""The way out and the way in: shown on GET, acting on POST, at once and on mails already sent, and nothing kept of nobody."""

from __future__ import annotations

import json

from sqlalchemy import select
from store_helpers import KEYS
from web_fixture import RING, Web

from mail.tracking import last_open_id, last_open_token
from parsers.tokens import Purpose, sign
from store import anonymous, consents
from store.tables import campaigns, events, recipients
from store.tables_consent import anonymous_hits, last_opens
from store.values import Tracked


async def register(web: Web, who: int = 0) -> list[consents.Entry]:
    async with web.db.read() as conn:
        return await consents.history(conn, web.campaign.account_id, (await web.person(who)).address, KEYS)


async def set_mode(web: Web, mode: Tracked, recipients_: int = 50) -> None:
    async with web.db.write() as conn:
        await conn.execute(recipients.update().values(tracked=int(mode)))
        await conn.execute(campaigns.update().values(recipients=recipients_))


async def test_get_asks_and_post_acts_on_mails_already_sent(web: Web) -> None:
    path = f"/t/{web.token(Purpose.CONSENT)}"
    asked = await web.reader.get(path)
    assert asked.status == 200 and "Arrêter le suivi" in asked.text and "r2@d.test" in asked.text
    assert await register(web) == []
    await web.reader.get(f"/o/{web.token(Purpose.OPEN)}.gif")
    assert len(await web.story()) == 1
    done = await web.reader.post(path, {"say": "no"})
    assert done.status == 200 and "C&#39;est fait" in done.text and "set-cookie" not in done.headers
    for address in (f"/o/{web.token(Purpose.OPEN)}.gif", f"/c/{web.token(Purpose.CLICK)}"):
        assert (await web.reader.get(address)).status in (200, 302)
    assert len(await web.story()) == 1, "old pixels and links are answered, and nothing more is recorded"
    (word,) = await register(web)
    assert (word.agreed, word.personal, word.source, word.campaign_id) == (False, True, "page", web.campaign.id)
    assert word.wording == "Je n'accepte pas que Société <A> mesure l'ouverture de ses messages et mes clics."


async def test_whoever_refused_may_agree_again_and_the_very_sentence_is_kept(web: Web) -> None:
    path = f"/t/{web.token(Purpose.CONSENT)}?lang=en"
    await web.reader.post(path, {"say": "no"})
    offered = await web.reader.get(path)
    assert "I agree that Société &lt;A&gt; measures" in offered.text and "Stop the tracking" not in offered.text
    assert "Thank you" in (await web.reader.post(path, {"say": "yes"})).text
    await web.reader.get(f"/o/{web.token(Purpose.OPEN)}.gif")
    assert len(await web.story()) == 1
    words = await register(web)
    assert [one.agreed for one in words] == [False, True] and words[1].wording.startswith("I agree that Société <A>")


async def test_what_is_no_answer_changes_nothing(web: Web) -> None:
    path = f"/t/{web.token(Purpose.CONSENT)}"
    assert (await web.reader.post(path, {})).status == 400
    assert (await web.reader.post(path, {"say": "maybe"})).status == 400
    assert (await web.reader.get(f"/t/{web.token(Purpose.OPEN)}")).status == 404
    assert (await web.reader.post(f"/t/{web.token(Purpose.UNSUBSCRIBE)}", {"say": "no"})).status == 404
    assert await register(web) == []


async def test_leaving_ends_the_following_too(web: Web) -> None:
    await web.reader.post(f"/u/{web.token(Purpose.UNSUBSCRIBE)}", {})
    await web.reader.get(f"/o/{web.token(Purpose.OPEN)}.gif")
    assert [told.event.code for told in await web.story()] == ["unsubscribe"]


async def test_an_anonymous_click_is_one_more_and_nothing_else(web: Web) -> None:
    await set_mode(web, Tracked.ANONYMOUS)
    link = f"/l/{sign(RING, Purpose.LINK, web.campaign.id, 0)}"
    answer = await web.reader.get(link)
    assert (answer.status, answer.headers["location"]) == (302, "https://shop.test/a%20b/%C3%A9?x=1&amp=2&y=a+b#top")
    await web.reader.get(link, user_agent="BarracudaCentral/1.0")
    await web.reader.get(f"/a/{sign(RING, Purpose.OPENS, web.campaign.id)}.gif")
    async with web.db.read() as conn:
        assert await anonymous.counts(conn, web.campaign.id) == {-1: (1, 0), 0: (1, 1)}
        assert await anonymous.totals(conn, web.campaign.id) == anonymous.Totals(1, 1, 1, 0)
        assert set(anonymous_hits.c.keys()) == {"campaign_id", "link", "machine", "n"}
        assert (await conn.execute(select(events))).all() == []
        assert {row.last_at for row in await conn.execute(select(recipients))} == {None}


async def test_the_report_tells_anonymous_clicks_beside_the_rates(web: Web) -> None:
    await set_mode(web, Tracked.ANONYMOUS)
    assert "sans savoir de qui" not in (await web.reader.get(f"/r/{web.word}")).text
    for _ in range(2):
        await web.reader.get(f"/l/{sign(RING, Purpose.LINK, web.campaign.id, 0)}")
    assert "2 clics comptés en plus, sans savoir de qui" in (await web.reader.get(f"/r/{web.word}")).text
    told = json.loads((await web.reader.get(f"/r/{web.word}.json")).text)
    assert told["anonymous"] == {"clicks": 2, "opens": 0, "machine_clicks": 0, "machine_opens": 0}
    assert told["measures"]["clicked"] == 0 and told["rates"]["click"]["count"] == 0


async def test_in_a_small_circle_nothing_is_counted(web: Web) -> None:
    await set_mode(web, Tracked.ANONYMOUS, recipients_=4)
    assert (await web.reader.get(f"/l/{sign(RING, Purpose.LINK, web.campaign.id, 0)}")).status == 302
    assert (await web.reader.get(f"/a/{sign(RING, Purpose.OPENS, web.campaign.id)}.gif")).status == 200
    async with web.db.read() as conn:
        assert await anonymous.counts(conn, web.campaign.id) == {}


async def test_a_merged_target_has_no_anonymous_link(web: Web) -> None:
    for index in (1, 2, 9):
        assert (await web.reader.get(f"/l/{sign(RING, Purpose.LINK, web.campaign.id, index)}")).status == 404
    for token in (web.token(Purpose.CLICK), "x"):
        assert (await web.reader.get(f"/l/{token}")).status == 404
        assert (await web.reader.get(f"/a/{token}.gif")).status == 404
        assert (await web.reader.get(f"/h/{token}.gif")).status == 404


async def test_service_mail_keeps_one_day_until_it_is_refused(web: Web) -> None:
    await set_mode(web, Tracked.HYGIENE)
    account, address = web.campaign.account_id, (await web.person()).address
    number, extra = last_open_id(RING, account, address)
    pixel = f"/h/{last_open_token(RING, account, address)}.gif"
    for _ in range(3):
        assert (await web.reader.get(pixel)).status == 200
    async with web.db.read() as conn:
        (row,) = (await conn.execute(select(last_opens))).all()
        assert (row.key, row.stopped) == (number << 12 | extra, False) and row.day > 20_000
        assert (await conn.execute(select(events))).all() == []
    path = f"/t/{web.token(Purpose.CONSENT)}"
    assert "le jour de votre dernière lecture" in (await web.reader.get(path)).text
    await web.reader.post(path, {"say": "no"})
    await web.reader.get(pixel)
    async with web.db.read() as conn:
        (row,) = (await conn.execute(select(last_opens))).all()
    assert (row.day, row.stopped) == (None, True)
