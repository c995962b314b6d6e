"""scripts/follow_campaign.py sends a campaign and follows it by webhook to its end."""

from __future__ import annotations

import asyncio
import os
import re
import sys
from pathlib import Path

import pytest
from api_kit import Api, api_over
from peer_dns import free_port
from store_helpers import KEYS

from gateway.hooks import dispatcher
from gateway.hooks.dispatcher import Dispatcher
from store import control, events
from store.engine import Database, now_ms
from store.states import Event
from store.values import Change
from tests.gateway.api.test_schemathesis import served

ROOT = Path(__file__).resolve().parents[3]


async def _rest_of_the_gateway(api: Api) -> None:
    """What the other processes do: read the mail, deliver to one, be refused by the other, end the campaign."""
    while not api.desk.spool.pending():
        await asyncio.sleep(0.02)
    await api.intake()
    async with api.db.write() as conn:
        changes = [Change(1, Event.ACCEPTED, now_ms()), Change(2, Event.REFUSED, now_ms())]
        await events.apply(conn, changes, KEYS)
    await asyncio.sleep(0.7)  # the campaign's end is told after what came before it
    async with api.db.write() as conn:
        assert await control.finish_done(conn, now_ms()) == [1]


@pytest.mark.slow
async def test_the_script_tells_what_became_of_each_recipient(db: Database, tmp_path: Path) -> None:
    own = {"allow_networks": ["127.0.0.0/8"], "allow_http": True}
    async with api_over(db, tmp_path, webhooks=own) as api, served(api) as url:
        client, resolver = dispatcher.client(api.desk)
        stop = asyncio.Event()
        telling = asyncio.create_task(Dispatcher(api.desk, client).run(stop))
        (tmp_path / "liste.csv").write_text("Email\na@d.test\nb@d.test\n", "utf-8")
        words = (
            "anne@acme.test",
            "Bonjour",
            "Bonjour !",
            str(tmp_path / "liste.csv"),
            f"http://127.0.0.1:{free_port()}/",
        )
        process = await asyncio.create_subprocess_exec(
            sys.executable, str(ROOT / "scripts" / "follow_campaign.py"), *words, stdout=asyncio.subprocess.PIPE,
            env={**os.environ, "M2C_URL": url, "M2C_KEY": api.key},
        )  # fmt: skip
        try:
            async with asyncio.timeout(40):
                out, _ = await asyncio.gather(process.communicate(), _rest_of_the_gateway(api))
        finally:
            if process.returncode is None:
                process.kill()
            stop.set()
            await telling
            await resolver.close()
        said = out[0].decode().splitlines()
        assert process.returncode == 0 and re.fullmatch(r"sent http://gateway\.test/api/v1/campaigns/sub_\w+", said[0])
        assert (
            sorted(said[1:3]) == ["bounced b@d.test", "delivered a@d.test"] and said[3].strip() == "campaign.finished"
        )
        assert (await api.ask("GET", "/api/v1/webhooks"))[1] == {"data": []}
