"""What the doctor says of certificates that the gateway gets itself, and of the hosts of accounts."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import trustme

from config import certificate, keys
from config.settings import Settings
from gateway.doctor import names
from store import certificates, hosts
from store.engine import Database, now_ms
from tests.conftest import MakeCampaign

NAME, OWN = "gateway.test", "envois.acme.test"
NOW = datetime.now(UTC)


async def said(db: Database, settings: Settings) -> list[tuple[str, str]]:
    found = await names.check(db, settings, NOW)
    for one in found:  # every place of every sentence is filled, in both languages
        for locale in ("fr", "en"):
            assert "{" not in one.text(locale) + one.remedy(locale)
    return [(one.code, one.level.code) for one in found]


def put(folder: Path, left: int) -> None:
    """A certificate of ninety days, of which some are left."""
    ends = NOW + timedelta(days=left)
    leaf = trustme.CA().issue_cert(NAME, not_before=ends - timedelta(days=90), not_after=ends)
    keys.write_private(certificate.got(folder, NAME), leaf.private_key_and_cert_chain_pem.bytes())


async def test_certificates(db: Database, tmp_path: Path) -> None:
    off = Settings(gateway={"domain": NAME, "data_dir": tmp_path})
    assert await said(db, off) == []
    settings = Settings(gateway={"domain": NAME, "data_dir": tmp_path}, acme={"directory": "https://ca.test/dir"})
    assert await said(db, settings) == [("acme_waiting", "advice")]
    now = now_ms()
    async with db.write() as conn:
        assert await certificates.take(conn, NAME, "me", now, now + 1)
        await certificates.failed(conn, NAME, "dns: no such name", now, now + 600_000)
    assert await said(db, settings) == [("acme_failing", "critical")]
    put(tmp_path, 25)
    assert await said(db, settings) == [("acme_failing", "warning")]
    put(tmp_path, 14)
    assert await said(db, settings) == [("acme_failing", "critical")]
    async with db.write() as conn:
        await certificates.got(conn, NAME, now)
    assert await said(db, settings) == [("acme_ok", "ok")]


async def test_hosts(db: Database, make: MakeCampaign, tmp_path: Path) -> None:
    settings = Settings(gateway={"domain": NAME, "data_dir": tmp_path})
    campaign = await make(1)
    async with db.write() as conn:
        host = await hosts.use(conn, campaign.account_id, OWN, now_ms())
    assert await said(db, settings) == [("host_unseen", "advice")] * 2
    async with db.write() as conn:
        await hosts.looked(conn, host.id, "certificate", "spf", now_ms())
    assert await said(db, settings) == [("host_links", "warning"), ("host_bounces", "warning")]
    async with db.write() as conn:
        await hosts.looked(conn, host.id, "", "", now_ms())
    assert await said(db, settings) == [("host_ok", "ok")] * 2
    async with db.write() as conn:
        await hosts.leave(conn, campaign.account_id, now_ms())
    assert await said(db, settings) == []
