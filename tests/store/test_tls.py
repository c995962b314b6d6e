"""Policies are kept, counts add up, and a report is sent by one process only."""

from __future__ import annotations

from typing import Any

import pytest
from store_helpers import NOW

from store import tls
from store.engine import Database
from store.tls import Counted, Owed, StsRow

FAILED = Counted(20, "a.test", "sts", "mx.a.test", "certificate-expired", "192.0.2.1", "198.51.100.1", "")
GOOD = Counted(20, "a.test", "sts", "", "", "", "", "")


class Elsewhere:
    """The connection of a database that is not SQLite, as store/tls sees it."""

    def __init__(self, conn: Any) -> None:
        self._conn, self.dialect = conn, type("Dialect", (), {"name": "other"})

    def __getattr__(self, name: str) -> Any:
        return getattr(self._conn, name)


async def test_policies(db: Database) -> None:
    old = StsRow("a.test", "1", "mode: none", NOW, NOW + 1000)
    new = StsRow("a.test", "2", "mode: enforce", NOW + 5, NOW + 2000)
    for row in (old, new, old):
        async with db.write() as conn:
            await tls.keep_policy(conn, row)
    async with db.read() as conn:
        assert await tls.policies(conn, NOW) == [new]
        assert await tls.policies(conn, NOW, NOW + 6) == []
        assert await tls.policies(conn, NOW + 2000) == []
        assert await tls.policy(conn, "a.test") == "mode: enforce"
        assert await tls.policy(conn, "b.test") == ""


@pytest.mark.parametrize("ours", [True, False])
async def test_counts_add_up(db: Database, ours: bool) -> None:
    async with db.write() as conn:
        way: Any = conn if ours else Elsewhere(conn)
        await tls.add_results(way, {})
        await tls.add_results(way, {FAILED: 2, GOOD: 7})
        await tls.add_results(way, {GOOD: 3, GOOD._replace(domain="b.test"): 1, GOOD._replace(day=21): 9})
    async with db.read() as conn:
        assert await tls.results(conn, 20, "a.test") == {FAILED: 2, GOOD: 10}
        assert await tls.results(conn, 20, "b.test") == {GOOD._replace(domain="b.test"): 1}


async def test_a_report_is_claimed_once_a_try(db: Database) -> None:
    async with db.write() as conn:
        await tls.add_results(conn, {GOOD: 1, FAILED: 1, GOOD._replace(domain="b.test"): 1})
    async with db.write() as conn:
        assert await tls.owed(conn, 20, "", 10) == [Owed("a.test", 0), Owed("b.test", 0)]
        assert await tls.owed(conn, 20, "", 1) == [Owed("a.test", 0)]
        assert await tls.owed(conn, 20, "a.test", 10) == [Owed("b.test", 0)]
        assert await tls.claim(conn, 20, Owed("a.test", 0), NOW)
        assert not await tls.claim(conn, 20, Owed("a.test", 0), NOW)
        assert await tls.owed(conn, 20, "", 1) == [Owed("a.test", 1, NOW)]
        assert await tls.claim(conn, 20, Owed("a.test", 1), NOW)
        await tls.sent(conn, 20, "a.test", NOW)
        assert not await tls.claim(conn, 20, Owed("a.test", 2), NOW)
        assert await tls.owed(conn, 20, "", 10) == [Owed("b.test", 0)]
        for tries in range(tls.TRIES):
            assert await tls.claim(conn, 20, Owed("b.test", tries), NOW)
        assert await tls.owed(conn, 20, "", 10) == []


async def test_old_days_are_forgotten(db: Database) -> None:
    async with db.write() as conn:
        await tls.add_results(conn, {GOOD: 1, GOOD._replace(day=21): 1})
        await tls.claim(conn, 20, Owed("a.test", 0), NOW)
        await tls.keep_policy(conn, StsRow("a.test", "1", "", NOW, NOW + 1))
        await tls.forget(conn, 21, NOW + 2)
        assert await tls.results(conn, 20, "a.test") == {}
        assert await tls.results(conn, 21, "a.test") != {}
        assert await tls.policies(conn, 0) == []
        assert await tls.claim(conn, 20, Owed("a.test", 0), NOW)
