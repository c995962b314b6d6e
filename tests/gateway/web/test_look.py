"""A look costs as little for a million recipients, read for a month, as for a hundred.

Measured is the time of this process alone, database included: the machine may be busy with other tests."""

from __future__ import annotations

import time

import pytest
from web_fixture import Web

from gateway.web import look
from store import campaigns, reports
from store.tables import tallies
from store.tables_tracking import agent_counts, link_counts

MINUTES = 33 * 1_440
BEGUN = 1_790_000_000_000 - 1_790_000_000_000 % 60_000


async def fill(web: Web) -> None:
    """The counters of a campaign of a million that was opened in every minute of 33 days, with 60 links."""
    number = web.campaign.id
    names = ("delivered", "opened", "clicked")
    points = [(number, BEGUN + i * 60_000, name, 7) for i in range(MINUTES) for name in names]
    async with web.db.write() as conn:
        raw = "INSERT INTO curves (campaign_id, slot, name, n) VALUES (?, ?, ?, ?)"
        await conn.exec_driver_sql(raw, points)
        await conn.execute(tallies.delete())
        await conn.execute(
            tallies.insert(),
            [{"campaign_id": number, "name": f"status:{n}", "n": 1_000_000 // 11} for n in range(11)],
        )
        agents = [
            {
                "campaign_id": number,
                "kind": 9 + i % 2,
                "system": f"s{i % 20}",
                "form": "phone",
                "client": f"c{i}",
                "n": i,
            }
            for i in range(2_000)
        ]
        await conn.execute(agent_counts.insert(), agents)
        links = [{"campaign_id": number, "link": i, "name": "clicks", "n": i} for i in range(60)]
        await conn.execute(link_counts.insert(), links)


@pytest.mark.slow
async def test_a_look_at_a_million_takes_less_than_a_second(web: Web) -> None:
    await fill(web)
    async with web.db.read() as conn:
        campaign = await campaigns.get(conn, web.campaign.id)
        assert campaign is not None
        began = time.process_time()
        found = await look.read(conn, campaign)
        took = time.process_time() - began
    assert sum(found.hours["opened"].values()) == 7 * MINUTES
    assert found.axis is not None and found.axis.step % 3_600_000 == 0
    async with web.db.read() as conn:
        assert found.counts == await reports.curve(conn, campaign.id, found.axis.start, found.axis.step)
    await web.reader.get(f"/r/{web.word}")  # templates are read once
    began = time.process_time()
    answer = await web.reader.get(f"/r/{web.word}")
    whole = time.process_time() - began
    assert answer.status == 200 and len(answer.body) < 100_000, len(answer.body)
    assert took < 1 and whole < 1, (took, whole)
