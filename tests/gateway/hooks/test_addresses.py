"""Where webhooks may lead: public https addresses, and what the operator allows."""

from __future__ import annotations

from pathlib import Path

import pytest
from api_kit import api_over
from hook_kit import endpoint

from gateway.hooks import dispatcher
from gateway.hooks.dispatcher import Dispatcher
from store import webhooks
from store.engine import Database, now_ms


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("http://hooks.example/x", "hook_https"),
        ("https://user:pw@hooks.example/", "hook_url"),
        ("https://hooks.example/#part", "hook_url"),
        ("https://hooks.example:99999/", "hook_url"),
        ("https://127.0.0.1/x", "hook_private"),
        ("https://10.0.0.8/x", "hook_private"),
        ("https://[::1]/x", "hook_private"),
        ("https://[::ffff:127.0.0.1]/x", "hook_private"),
        ("https://169.254.169.254/latest/meta-data", "hook_private"),
        ("https://localhost/x", "hook_private"),
    ],
)
async def test_addresses_that_no_webhook_may_have(db: Database, tmp_path: Path, url: str, code: str) -> None:
    async with api_over(db, tmp_path) as api:
        status, problem, _ = await api.ask("POST", "/api/v1/webhooks", {"url": url, "events": ["delivered"]})
        assert (status, problem["code"]) == (422, code) and problem["errors"][0]["field"] == "/url"


async def test_a_private_address_is_not_asked_where_it_is_not_allowed(db: Database, tmp_path: Path) -> None:
    async with api_over(db, tmp_path, webhooks={"allow_http": True}) as api, endpoint() as place:
        async with api.db.write() as conn:
            made = await webhooks.add(conn, api.account, place.url, ["delivered", "campaign.created"], 1, "", now_ms())
        assert made is not None
        form = [
            ("from", None, b"anne@acme.test"),
            ("subject", None, b"s"),
            ("text", None, b"t"),
            ("liste", "l", b"a@d.test"),
        ]
        assert (await api.form("/api/v1/campaigns", form))[0] == 202
        await api.intake()
        client, resolver = dispatcher.client(api.desk)
        assert not await Dispatcher(api.desk, client).round(made.id)
        await resolver.close()
        _, about, _ = await api.ask("GET", f"/api/v1/webhooks/{made.id}")
        assert place.told == [] and about["last_error"] == "address not allowed" and about["waiting"] == 1
