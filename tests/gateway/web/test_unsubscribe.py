"""One button, one-click POST (RFC 8058), and never by GET."""

from __future__ import annotations

from store_helpers import KEYS
from web_fixture import Web

from parsers.tokens import Purpose
from store import suppressions
from store.engine import now_ms
from store.states import Event, Status


async def test_the_page_asks_and_does_nothing(web: Web) -> None:
    path = f"/u/{web.token(Purpose.UNSUBSCRIBE)}"
    answer = await web.reader.get(path)
    assert answer.status == 200 and "Me désabonner" in answer.text and "r2@d.test" in answer.text
    assert "Société &lt;A&gt;" in answer.text and 'lang="fr"' in answer.text
    await web.reader.ask("HEAD", path, b"", {})
    assert await web.story() == [] and (await web.person()).status is Status.QUEUED
    assert "Unsubscribe me" in (await web.reader.get(f"{path}?lang=en")).text


async def test_the_button_unsubscribes_for_good(web: Web) -> None:
    path = f"/u/{web.token(Purpose.UNSUBSCRIBE)}"
    answer = await web.reader.post(path, {})
    assert answer.status == 200 and "C&#39;est fait" in answer.text
    assert (await web.person()).status is Status.UNSUBSCRIBED
    async with web.db.read() as conn:
        found = await suppressions.find(conn, web.campaign.account_id, ["r2@d.test"], KEYS, now_ms())
    assert found["r2@d.test"].reason == "unsubscribe"
    assert "déjà désabonné" in (await web.reader.get(path)).text


async def test_one_click_needs_no_cookie_no_redirect_and_counts_once(web: Web) -> None:
    path = f"/u/{web.token(Purpose.UNSUBSCRIBE, 2)}"  # also who is not tracked may leave
    for _ in range(2):
        answer = await web.reader.post(path, {"List-Unsubscribe": "One-Click"})
        assert (answer.status, answer.text) == (200, "OK")
        assert answer.headers["content-type"].startswith("text/plain") and "set-cookie" not in answer.headers
    (told,) = await web.story(2)
    assert told.event is Event.UNSUBSCRIBE and told.detail["way"] == "one-click"
    assert (await web.ledger()).measures["unsubscribed"] == 1


async def test_one_click_is_read_from_multipart_too(web: Web) -> None:
    body = b'--b\r\nContent-Disposition: form-data; name="List-Unsubscribe"\r\n\r\nOne-Click\r\n--b--\r\n'
    path = f"/u/{web.token(Purpose.UNSUBSCRIBE)}"
    answer = await web.reader.ask("POST", path, body, {"content-type": "multipart/form-data; boundary=b"})
    assert (answer.status, answer.text) == (200, "OK")


async def test_altered_tokens_are_not_found_and_large_bodies_refused(web: Web) -> None:
    assert (await web.reader.post(f"/u/{web.token(Purpose.CLICK)}", {})).status == 404
    assert (await web.reader.get("/u/abc")).status == 404
    path = f"/u/{web.token(Purpose.UNSUBSCRIBE)}"
    assert (await web.reader.post(path, {"x": "y" * 20_000})).status == 413
    unsaid = {"content_type": "application/x-www-form-urlencoded", "content-length": "3"}
    assert (await web.reader.ask("POST", path, b"x=" + b"y" * 20_000, unsaid)).status == 413
    assert await web.story() == []


async def test_no_promise_while_the_choice_cannot_be_kept(web: Web) -> None:
    web.recorder._patience = 0.05
    path = f"/u/{web.token(Purpose.UNSUBSCRIBE)}"
    async with web.db.write():
        answer = await web.reader.post(path, {"List-Unsubscribe": "One-Click"})
    assert answer.status == 503 and answer.headers["retry-after"] == "10"
