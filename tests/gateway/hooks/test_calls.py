"""What programs see of a webhook's endpoint: a test event on demand, and the last calls with their answers."""

from __future__ import annotations

from pathlib import Path

from api_kit import api_over
from hook_kit import endpoint

from store.engine import Database

OWN = {"allow_networks": ["127.0.0.0/8"], "allow_http": True}


async def test_a_test_event_is_told_at_once_and_stands_among_the_last_calls(db: Database, tmp_path: Path) -> None:
    async with api_over(db, tmp_path, webhooks=OWN) as api, endpoint() as place:
        _, made, _ = await api.ask("POST", "/api/v1/webhooks", {"url": place.url, "events": ["bounced"]})
        url = f"/api/v1/webhooks/{made['id']}"
        status, call, _ = await api.ask("POST", f"{url}/test")
        assert (status, call["status"], call["type"], call["taken"]) == (200, 200, "test", True)
        (told,) = place.told
        assert told.document["type"] == "test" and told.signed_by(made["secret"])
        status, problem, answer = await api.ask("POST", f"{url}/test", accept_language="en")
        assert status == 429 and "test event" in problem["detail"] and 0 < int(answer.headers["retry-after"]) <= 5
        _, calls, _ = await api.ask("GET", f"{url}/calls")
        assert calls["data"] == [call]
        assert (await api.ask("GET", "/api/v1/webhooks/999/calls"))[0] == 404
