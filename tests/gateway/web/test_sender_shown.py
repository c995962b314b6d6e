"""The report says under which address a campaign went out, where that is not its sender's own."""

from __future__ import annotations

import re

import orjson
from sqlalchemy import update
from web_fixture import Web

from store.tables import campaigns

VIA = "Société &lt;A&gt; via gateway.test"


async def test_a_campaign_sent_via_the_gateway(web: Web) -> None:
    own = (await web.reader.get(f"/r/{web.word}")).text
    assert "Envoyé sous" not in own
    async with web.db.write() as conn:
        options = orjson.dumps({"via": True}).decode()
        await conn.execute(update(campaigns).where(campaigns.c.id == web.campaign.id).values(options=options))
    for word, label in (("", "Envoyé sous"), ("?lang=en", "Sent as")):
        page = (await web.reader.get(f"/r/{web.word}{word}")).text
        shown = re.search(rf"<dt>{label}</dt><dd>(.*?)</dd>", page)
        assert shown is not None
        assert VIA in shown[1] and "&lt;mail@gateway.test&gt;" in shown[1]
        assert "&lt;a@a.test&gt;" in page  # the sender as declared is there, too
