"""Campaigns exist whole or not at all, and the same message is one campaign."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select, update
from store_helpers import NOW

from store import accounts, campaigns
from store.campaigns import SAME_MESSAGE, Existing
from store.engine import Database
from store.spool import Envelope, Spool
from store.states import Status
from store.tables import blobs, recipients
from store.tables import campaigns as table
from store.values import CampaignState, NewCampaign, NewRecipient, Tracked


async def new_campaign(db: Database) -> NewCampaign:
    async with db.write() as conn:
        account = await accounts.create_account(conn, "beta", "", "", "fr", "Europe/Paris", NOW)
        sender = await accounts.declare_sender(conn, account, "b@beta.test", "", NOW, NOW)
    return NewCampaign(
        account, sender, "S", "S", "", "b@beta.test", "", "<1@b>", "key", "fr", "Europe/Paris",
        ("Email",), 0, {}, (), None, NOW
    )  # fmt: skip


async def test_the_ledger_adds_up(db: Database, make: Any) -> None:
    campaign = await make(4, faults=3)
    assert (campaign.lines, campaign.invalid, campaign.duplicate, campaign.suppressed, campaign.recipients) == (
        7,
        2,
        1,
        0,
        4,
    )
    async with db.read() as conn:
        ledger = await campaigns.ledger(conn, campaign.id)
        bad = await campaigns.faults_of(conn, campaign.id)
    assert ledger is not None and sum(ledger.statuses.values()) == 4 == ledger.statuses[Status.QUEUED]
    assert [fault.kind for fault in bad] == ["duplicate", "syntax", "syntax"]


async def test_the_same_message_is_one_campaign_for_thirty_days(db: Database) -> None:
    new = await new_campaign(db)
    async with db.write() as conn:
        first = await campaigns.begin(conn, new, b"source")
        assert isinstance(first, int)
        await campaigns.publish(conn, first, "token", NOW)
    async with db.write() as conn:
        again = replace(new, created_at=NOW + SAME_MESSAGE - 1)
        assert await campaigns.begin(conn, again, b"source") == Existing(first)
        later = await campaigns.begin(conn, replace(new, created_at=NOW + SAME_MESSAGE), b"source")
        assert isinstance(later, int) and later != first


async def test_a_campaign_that_was_never_published_leaves_nothing(db: Database) -> None:
    new = await new_campaign(db)
    async with db.write() as conn:
        campaign = await campaigns.begin(conn, new, b"source")
        assert isinstance(campaign, int)
        person = NewRecipient(2, 0, "a@d.test", "a@d.test", "", ("a@d.test",), Tracked.NONE)
        await campaigns.add_rows(conn, campaign, [replace(person, line=line) for line in range(2, 9)], [], NOW)
        assert await campaigns.loading(conn) == [campaign]
    steps = 0
    while True:  # each step a short transaction
        async with db.write() as conn:
            steps += 1
            if not await campaigns.wipe(conn, campaign, 3):
                break
    assert steps == 4, "3, 3 and 1 rows, then the campaign itself"
    async with db.write() as conn:
        assert await campaigns.loading(conn) == []
        assert await campaigns.get(conn, campaign) is None
        for table in (recipients, blobs):
            assert await conn.scalar(select(func.count()).select_from(table)) == 0
        assert isinstance(await campaigns.begin(conn, new, b"source"), int), "the message may be read again"


async def test_a_report_is_found_by_its_secret_word_alone(db: Database, make: Any) -> None:
    campaign = await make(1)
    async with db.read() as conn:
        found = await campaigns.find_by_report_token(conn, "token1")
        assert found is not None and found.id == campaign.id
        assert await campaigns.find_by_report_token(conn, "Token1") is None
    word = campaigns.report_token(b"secret", 7)
    assert len(word) == 43 and word != campaigns.report_token(b"secret", 8) != campaigns.report_token(b"secret", 7, 1)


async def test_a_corrected_resend_replaces_the_held_campaign(db: Database, make: Any) -> None:
    held = await make(2, held=({"reason": "config"},))
    assert held.state is CampaignState.HELD
    await make(2)
    async with db.read() as conn:
        assert (await campaigns.states(conn, [held.id]))[held.id] is CampaignState.REPLACED


async def test_what_was_held_in_its_midst_is_never_replaced(db: Database, make: Any) -> None:
    """Whoever has the mail already would get it again."""
    begun = await make(2, held=({"reason": "signature"},))
    async with db.write() as conn:
        await conn.execute(update(table).where(table.c.id == begun.id).values(started_at=NOW))
    await make(2)
    async with db.write() as conn:
        assert not await campaigns.take_place(conn, begun.id)
        assert (await campaigns.states(conn, [begun.id]))[begun.id] is CampaignState.HELD


async def test_an_address_belongs_to_one_account(db: Database) -> None:
    async with db.write() as conn:
        one = await accounts.create_account(conn, "one", "", "", "fr", "Europe/Paris", NOW)
        two = await accounts.create_account(conn, "two", "", "", "fr", "Europe/Paris", NOW)
        await accounts.declare_sender(conn, one, "Info@one.test", "", None, NOW)
        assert await accounts.find_sender(conn, "info@one.test") is None, "not verified yet"
        await accounts.declare_sender(conn, one, "info@ONE.test", "", NOW, NOW)
        sender = await accounts.find_sender(conn, "INFO@one.test")
        assert sender is not None and sender.account_id == one
        try:
            await accounts.declare_sender(conn, two, "info@one.test", "", NOW, NOW)
        except accounts.Taken as taken:
            assert "another account" in str(taken)
        else:
            raise AssertionError("a second account took the address")


async def test_the_source_may_be_a_file_of_the_spool_of_any_size(db: Database, tmp_path: Path) -> None:
    spool, new = Spool(tmp_path), await new_campaign(db)
    for number, mail in enumerate((b"", b"one line\n", bytes(range(256)) * 9_001)):
        ref = spool.put(Envelope("campaign", "", (), "", "mx", NOW), mail)
        one = replace(new, message_key=f"file {number}")
        async with db.write() as conn:
            made = await campaigns.begin(conn, one, spool.path(ref))
            assert isinstance(made, int)
            campaign = await campaigns.get(conn, made)
            assert campaign is not None
            row = (await conn.execute(select(blobs).where(blobs.c.id == campaign.blob_id))).one()
        assert (bytes(row.data), row.size, bytes(row.sha256)) == (mail, len(mail), hashlib.sha256(mail).digest())
    with pytest.raises(FileNotFoundError):
        async with db.write() as conn:
            await campaigns.begin(conn, replace(new, message_key="gone"), tmp_path / "gone")
