"""The suppression list: who is on it, for how long, what replaces what; and full mailboxes, campaign by campaign."""

from __future__ import annotations

import hmac
from typing import Any

import pytest
from sqlalchemy import select, text, update
from store_helpers import KEYS, NOW

from store import accounts, comebacks, events, jobs, suppression_list, suppressions
from store.engine import Database
from store.rules import MONTH
from store.states import Event, Status
from store.suppressions import EVERYBODY, SuppressionKeys, Waiting, fold
from store.tables import campaigns, recipients
from store.values import Campaign, Change

FULL = {"class": "mailbox_full", "reply": "552 5.2.2 over quota"}
HALF_YEAR = 6 * MONTH


def row(account_id: int, address: str, reason: str = "manual", until: int | None = None) -> dict[str, Any]:
    return {
        "account_id": account_id, "key": KEYS.hash(fold(address)), "address": address, "reason": reason, "at": NOW,
        "campaign_id": None, "expires_at": until,
    }  # fmt: skip


async def put(db: Database, *rows: dict[str, Any]) -> None:
    async with db.write() as conn:
        await suppressions.add(conn, rows)


async def found(db: Database, account_id: int, *addresses: str, now: int = NOW) -> dict[str, tuple[str, int | None]]:
    async with db.read() as conn:
        known = await suppressions.find(conn, account_id, addresses, KEYS, now)
    return {address: (why.reason, why.until) for address, why in known.items()}


async def test_an_account_s_list_is_its_own_and_everybody_s_is_for_all(db: Database) -> None:
    await put(db, row(1, "a@d.test"), row(EVERYBODY, "b@d.test"))
    assert set(await found(db, 1, "a@d.test", "b@d.test", "c@d.test")) == {"a@d.test", "b@d.test"}
    assert set(await found(db, 2, "a@d.test", "b@d.test")) == {"b@d.test"}


async def test_a_soft_cause_ends_and_gives_way_to_what_lasts_longer(db: Database) -> None:
    await put(db, row(1, "a@d.test", "soft_bounce", NOW + 100))
    assert await found(db, 1, "a@d.test", now=NOW + 99) == {"a@d.test": ("soft_bounce", NOW + 100)}
    assert await found(db, 1, "a@d.test", now=NOW + 100) == {}
    await put(db, row(1, "a@d.test", "manual", NOW + 50))
    assert await found(db, 1, "a@d.test") == {"a@d.test": ("soft_bounce", NOW + 100)}, "the longer one stays"
    await put(db, row(1, "a@d.test", "manual", NOW + 500))
    assert await found(db, 1, "a@d.test") == {"a@d.test": ("manual", NOW + 500)}
    await put(db, row(1, "a@d.test", "complaint"))
    await put(db, row(1, "a@d.test", "unsubscribe"), row(1, "a@d.test", "soft_bounce", NOW + 9_000))
    assert await found(db, 1, "a@d.test") == {"a@d.test": ("complaint", None)}, "the first reason for ever is kept"


async def test_every_change_of_the_list_has_its_number(db: Database) -> None:
    seen = []
    for rows in ([], [row(1, "a@d.test")], [row(1, "b@d.test")]):
        await put(db, *rows)
        async with db.read() as conn:
            seen.append(await suppressions.revision(conn))
    assert seen == [0, 1, 2]


@pytest.mark.parametrize("length", [1, 32, 64, 65, 200])
def test_addresses_are_hashed_as_the_library_does(length: int) -> None:
    secret = bytes(range(length))
    keys = SuppressionKeys({7: secret}, 7)
    for address in ("", "a@d.test", "ΰ@d.test", "x" * 300):
        assert keys.hash(address) == b"\x07" + hmac.digest(secret, address.encode(), "sha256")


async def test_old_keys_find_what_they_hid(db: Database) -> None:
    await put(db, row(1, "a@d.test"))
    rotated = SuppressionKeys({1: KEYS.keys[1], 2: b"n" * 32}, 2)
    async with db.read() as conn:
        assert set(await suppressions.find(conn, 1, ["a@d.test"], rotated, NOW)) == {"a@d.test"}
        campaignless = await suppressions.sift(conn, [Waiting(1, 99, "a@d.test")], rotated, NOW)
    assert campaignless.suppressed == {}


async def test_a_lease_is_sifted_by_the_account_of_each_campaign(db: Database, make: Any) -> None:
    mine: Campaign = await make(3)
    async with db.write() as conn:
        other = await accounts.create_account(conn, "other", "", "", "fr", "Europe/Paris", NOW)
    waiting = [Waiting(n, mine.id, f"P{n}@dest.test") for n in range(3)]
    await put(db, row(other, "p0@dest.test"))
    async with db.read() as conn:
        assert (await suppressions.sift(conn, waiting, KEYS, NOW)).suppressed == {}
    await put(db, row(mine.account_id, "p1@dest.test", "unsubscribe"), row(EVERYBODY, "p2@dest.test", until=NOW + 1))
    async with db.read() as conn:
        now = (await suppressions.sift(conn, waiting, KEYS, NOW)).suppressed
        later = (await suppressions.sift(conn, waiting, KEYS, NOW + 1)).suppressed
    assert {one: why.reason for one, why in now.items()} == {1: "unsubscribe", 2: "manual"}
    assert set(later) == {1}


async def test_who_only_left_still_gets_single_messages_until_something_graver_comes(db: Database, make: Any) -> None:
    mailing: Campaign = await make(2)
    single: Campaign = await make(2)
    async with db.write() as conn:
        await conn.execute(update(campaigns).where(campaigns.c.id == single.id).values(single=True))
    waiting = [
        Waiting(n, one.id, f"p{n % 10}@dest.test") for one, at in ((mailing, 0), (single, 10)) for n in (at, at + 1)
    ]

    async def barred() -> tuple[dict[int, str], dict[str, str]]:
        async with db.read() as conn:
            sifted = (await suppressions.sift(conn, waiting, KEYS, NOW)).suppressed
            people = ["p0@dest.test", "p1@dest.test"]
            known = await suppressions.find(conn, single.account_id, people, KEYS, NOW, single=True)
        return {one: why.reason for one, why in sifted.items()}, {key[:2]: why.reason for key, why in known.items()}

    account = mailing.account_id
    await put(db, row(account, "p0@dest.test", "unsubscribe"), row(account, "p1@dest.test", "hard_bounce"))
    assert await barred() == ({0: "unsubscribe", 1: "hard_bounce", 11: "hard_bounce"}, {"p1": "hard_bounce"})
    await put(db, row(account, "p0@dest.test", "soft_bounce", NOW + 1))
    assert (await barred())[1] == {"p1": "hard_bounce"}, "what ends is not kept beside"
    async with db.write() as conn:  # as an import does, which looks first at what is known
        new = suppression_list.New("p0@dest.test", "complaint", NOW)
        assert await suppression_list.put(conn, account, [new], KEYS, NOW) == (1, 0)
    assert await barred() == (
        {0: "unsubscribe", 1: "hard_bounce", 10: "complaint", 11: "hard_bounce"}, {"p0": "complaint", "p1": "hard_bounce"},
    )  # fmt: skip
    assert (await found(db, account, "p0@dest.test"))["p0@dest.test"] == ("unsubscribe", None), (
        "leaving is not forgotten"
    )


async def test_who_leaves_has_left_whatever_barred_them_before(db: Database) -> None:
    await put(db, row(1, "a@d.test", "hard_bounce"), row(1, "b@d.test", "manual"), row(1, "c@d.test", "complaint"))
    await put(db, *(row(1, f"{name}@d.test", "unsubscribe") for name in "ac"))
    async with db.write() as conn:  # as an import does, which looks first at what is known
        new = suppression_list.New("b@d.test", "unsubscribe", NOW + 1)
        assert await suppression_list.put(conn, 1, [new], KEYS, NOW) == (1, 0)
        assert await suppression_list.put(conn, 1, [new], KEYS, NOW) == (0, 1)
        single = await suppressions.find(conn, 1, ["a@d.test", "b@d.test"], KEYS, NOW, single=True)
    assert {name: why.reason for name, why in single.items()} == {"a@d.test": "hard_bounce", "b@d.test": "manual"}
    known = await found(db, 1, "a@d.test", "b@d.test", "c@d.test")
    assert {name: why for name, (why, _) in known.items()} == {
        "a@d.test": "unsubscribe", "b@d.test": "unsubscribe", "c@d.test": "complaint",
    }  # fmt: skip


@pytest.mark.parametrize("turned", [False, True])
async def test_what_comes_in_one_batch_is_kept_as_if_it_had_come_one_by_one(db: Database, turned: bool) -> None:
    end = NOW + 1_000
    some = [
        row(1, "a@d.test", "hard_bounce"), row(1, "a@d.test", "unsubscribe"),
        row(1, "b@d.test", "soft_bounce", end), row(1, "b@d.test", "unsubscribe"),
        row(1, "c@d.test", "complaint"), row(1, "c@d.test", "unsubscribe"),
        row(1, "d@d.test", "soft_bounce", end), row(1, "d@d.test", "soft_bounce", end + 1),
    ]  # fmt: skip
    await put(db, *(reversed(some) if turned else some))
    known = await found(db, 1, *(f"{name}@d.test" for name in "abcd"))
    assert known.pop("c@d.test")[0] in suppressions.OWN_WISH
    assert known == {
        "a@d.test": ("unsubscribe", None), "b@d.test": ("unsubscribe", None), "d@d.test": ("soft_bounce", end + 1),
    }  # fmt: skip
    async with db.read() as conn:
        single = await suppressions.find(conn, 1, ["a@d.test", "b@d.test"], KEYS, NOW, single=True)
    assert {name: why.reason for name, why in single.items()} == {"a@d.test": "hard_bounce"}


async def test_who_comes_back_takes_back_what_they_said_and_nothing_else(db: Database, make: Any) -> None:
    one: Campaign = await make(1)
    await put(db, row(one.account_id, "a@d.test", "manual"), row(one.account_id, "b@d.test", "unsubscribe"))
    await put(db, row(one.account_id, "a@d.test", "unsubscribe"), row(one.account_id, "b@d.test", "complaint"))
    async with db.write() as conn:
        for name in ("a@d.test", "b@d.test"):
            await comebacks.back(conn, one.account_id, 0, name, "Oui", KEYS, NOW)
    assert await found(db, one.account_id, "a@d.test", "b@d.test") == {"a@d.test": ("manual", None)}


async def answered(db: Database, campaign: Campaign, event: Event, detail: dict[str, str], **more: Any) -> None:
    """The first recipient of a campaign gets an answer."""
    async with db.write() as conn:
        (one,) = (await conn.execute(select(recipients.c.id).where(recipients.c.campaign_id == campaign.id))).scalars()
        await events.apply(conn, [Change(one, event, more.pop("at", NOW), detail=detail, **more)], KEYS)


async def test_a_full_mailbox_is_left_alone_after_three_campaigns(db: Database, make: Any) -> None:
    for n, wanted in enumerate(({}, {}, {"p0@dest.test": ("soft_bounce", NOW + 2 + HALF_YEAR)})):
        await answered(db, await make(1), Event.REFUSED, FULL, at=NOW + n)
        assert await found(db, 1, "p0@dest.test") == wanted
    async with db.read() as conn:
        assert (await conn.execute(text("SELECT count(*) FROM strikes"))).scalar_one() == 0, "it begins anew"


async def test_strikes_are_counted_once_a_campaign_and_forgotten_with_time(db: Database, make: Any) -> None:
    first = await make(1)
    await answered(db, first, Event.REFUSED, FULL)
    for _ in range(3):
        await answered(db, first, Event.REPORT_SOFT, FULL)
    await answered(db, await make(1), Event.EXPIRED, FULL, at=NOW + 1)
    await answered(db, await make(1), Event.REFUSED, FULL, at=NOW + 1 + HALF_YEAR)
    assert await found(db, 1, "p0@dest.test") == {}
    async with db.read() as conn:
        assert (await conn.execute(text("SELECT campaigns FROM strikes"))).scalars().all() == [1]


@pytest.mark.parametrize(("told_by", "left"), [(Event.REFUSED, 0), (Event.REPORT_HARD, 1)])
async def test_a_delivered_mail_clears_what_the_dialogue_said_and_not_what_reports_say(
    db: Database, make: Any, told_by: Event, left: int
) -> None:
    await answered(db, await make(1), told_by, FULL)
    last = await make(1)
    async with db.read() as conn:
        (one,) = (await conn.execute(select(recipients.c.id).where(recipients.c.campaign_id == last.id))).scalars()
        assert (await suppressions.sift(conn, [Waiting(one, last.id, "p0@dest.test")], KEYS, NOW)).struck == {one}
    await answered(db, last, Event.ACCEPTED, {}, clears=True)
    async with db.read() as conn:
        assert (await conn.execute(text("SELECT count(*) FROM strikes"))).scalar_one() == left


@pytest.mark.parametrize("why", ["reputation", "policy", "authentication", "throttled", "content", "too_big"])
async def test_what_is_about_us_never_suppresses_a_person(db: Database, make: Any, why: str) -> None:
    for _ in range(4):
        await answered(db, await make(1), Event.REFUSED, {"class": why})
    assert await found(db, 1, "p0@dest.test") == {}


async def test_who_is_suppressed_before_sending_is_cancelled_without_an_attempt(db: Database, make: Any) -> None:
    campaign = await make(2)
    async with db.write() as conn:
        worker = await jobs.join(conn, "host", 1, NOW)
        taken = [job.id for job in await jobs.lease(conn, worker, NOW, {campaign.id: 9})]
        held = await suppressions.held(conn, worker)
        changes = [Change(one, Event.SUPPRESSED, NOW, worker, detail={"class": "suppressed"}) for one in taken]
        await conn.execute(update(recipients).where(recipients.c.id == taken[1]).values(owner=None))
        assert await events.apply(conn, changes, KEYS) == 1, "the fence holds"
        rows = (await conn.execute(select(recipients).order_by(recipients.c.id))).all()
        tallies = dict(tuple(one) for one in await conn.execute(text("SELECT name, n FROM tallies WHERE n <> 0")))
    assert [one.recipient_id for one in held] == taken
    assert (rows[0].status, rows[0].owner, rows[0].next_attempt_at, rows[0].attempts) == (
        Status.CANCELLED,
        None,
        None,
        0,
    )
    assert tallies == {"status:0": 1, "status:4": 1, "withdrawn": 1}
