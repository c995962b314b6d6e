"""The web application over a fresh database."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from store_helpers import KEYS
from web_fixture import LINKS, RING, WORD, Web, row
from web_helpers import Reader

from gateway.web.app import build
from gateway.web.context import Context
from gateway.web.recorder import Recorder
from store import accounts, campaigns
from store.engine import Database, now_ms
from store.values import NewCampaign, NewFault, Tracked


@pytest.fixture
async def web(db: Database) -> AsyncIterator[Web]:
    now = now_ms()
    async with db.write() as conn:
        account = await accounts.create_account(conn, "A", "", "", "fr", "Europe/Paris", now)
        sender = await accounts.declare_sender(conn, account, "a@a.test", "A", now, now)
        new = NewCampaign(
            account, sender, "Sujet", "Rentrée", "Société <A>", "a@a.test", "", "<1@a>", "key", "fr", "Europe/Paris",
            ("Nom", "Lien", "Email"), 2, {}, (), None, now, LINKS,
        )  # fmt: skip
        campaign_id = await campaigns.begin(conn, new, b"source")
        assert isinstance(campaign_id, int)
        people = [
            row(2, "Dupont & fils", "https://own.test/é?a=b", Tracked.FULL),
            row(3, "=1+1", "javascript:alert(1)", Tracked.FULL),
            row(4, "Noël", "", Tracked.NONE),
        ]
        await campaigns.add_rows(conn, campaign_id, people, [NewFault(5, 0, "x@", "syntax", "", ("", "", "x@"))], now)
        campaign = await campaigns.publish(conn, campaign_id, WORD, now)
    recorder = Recorder(db, KEYS)
    app = build(Context(db, RING, recorder, "http://gateway.test", "gateway.test", "fr", 30))
    writing = asyncio.create_task(recorder.run())
    yield Web(db, Reader(app), recorder, campaign, (1, 2, 3), WORD)
    recorder.close()
    await writing
