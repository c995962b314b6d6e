"""Links that read: found by their token alone, until they expire or are revoked."""

from __future__ import annotations

from typing import Any

from sqlalchemy import text
from store_helpers import KEYS, NOW

from store import campaigns, erasing, links, talks
from store.engine import Database

SECRET = b"k" * 32


async def test_a_link_reads_until_it_is_revoked_or_over(db: Database, make: Any) -> None:
    campaign, other = await make(1), await make(1)
    async with db.write() as conn:
        first = await links.add(conn, SECRET, campaign.id, "boss@acme.test", NOW)
        second = await links.add(conn, SECRET, campaign.id, "guest@acme.test", NOW, NOW + 1_000)
        third = await links.add(conn, SECRET, other.id, "boss@acme.test", NOW)
        stored = await conn.execute(
            text("SELECT count(*) FROM report_links WHERE token_hash = :word"), {"word": first.encode()}
        )
        assert stored.scalar_one() == 0
    assert len({first, second, third, campaigns.report_token(SECRET, campaign.id)}) == 4
    async with db.write() as conn:
        assert (await links.find(conn, first, NOW)) == await campaigns.get(conn, campaign.id)
        assert (await links.find(conn, third, NOW)) == await campaigns.get(conn, other.id)
        assert (
            await links.find(conn, second, NOW + 999) is not None
            and await links.find(conn, second, NOW + 1_000) is None
        )
        assert await links.find(conn, first[:-1] + "_", NOW) is None
        assert [(one.serial, one.address, one.works(NOW)) for one in await links.of(conn, campaign.id)] == [
            (1, "boss@acme.test", True), (2, "guest@acme.test", True),
        ]  # fmt: skip
        assert await links.revoke(conn, campaign.id, 1, NOW + 5) and not await links.revoke(
            conn, campaign.id, 1, NOW + 6
        )
        assert await links.find(conn, first, NOW) is None
        assert await campaigns.find_by_report_token(conn, second) is None  # it has none of the author's powers
        fourth = await links.add(conn, SECRET, campaign.id, "boss@acme.test", NOW)
        assert fourth != first  # nobody gets a revoked word again


async def test_an_erased_campaign_names_nobody_who_was_told(db: Database, make: Any) -> None:
    campaign = await make(1)
    async with db.write() as conn:
        token = await links.add(conn, SECRET, campaign.id, "boss@acme.test", NOW)
        await talks.begin(conn, campaign.id, "anne@acme.test", ("boss@acme.test",))
    more = True
    while more:
        async with db.write() as conn:
            more = await erasing.step(conn, campaign.id, KEYS, NOW)
    async with db.read() as conn:
        talk = await talks.get(conn, campaign.id)
        assert talk is not None and (talk.author, talk.notify) == ("", ())
        assert await links.of(conn, campaign.id) == [] and await links.find(conn, token, NOW) is None
