"""All that is stored about one person, by address: found, told, erased (GDPR articles 15 and 17).

In: an address, one account or (None) all, keys. Out: plain values ready for JSON, or how much was erased. Looking through the
recipients is a read of a slice at a time; erasing is short transactions. What names the person only as a keyed hash (the
suppression list, a refusal, an old link's way out) stays. Raises only what the database raises.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import orjson
from sqlalchemy import ColumnElement, Table, case, delete, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from parsers.address import key as folded
from parsers.modes import Tracked
from store import consents, erasing, suppression_list
from store.engine import Database
from store.states import Event, Status
from store.suppressions import SuppressionKeys
from store.tables import accounts, campaigns, events, faults, recipients, senders, suppressions
from store.tables_align import known_addresses
from store.tables_consent import last_opens, remnants
from store.tables_delivery import strikes

SLICE = 100_000  # rows looked through in one read
_PART = 500
_IMPERSONAL = ("suppressed", "duplicate", "no_mail")  # faults whose detail names nobody


@dataclass(frozen=True, slots=True)
class Found:
    """Where a person stands: rows of campaigns, rows of bad lines."""

    recipients: tuple[int, ...]
    faults: tuple[int, ...]


@dataclass(slots=True)
class Erased:
    """What was erased, in rows."""

    recipients: int = 0
    faults: int = 0
    consents: int = 0
    suppressions: int = 0
    campaigns: list[int] = field(default_factory=list)  # whose source (with its list) is kept until the report ends


async def find(database: Database, address: str, account_id: int | None) -> Found:
    """Look for a person in all campaigns."""
    return Found(
        tuple(await _scan(database, recipients, address, account_id)),
        tuple(await _scan(database, faults, address, account_id)),
    )


async def _scan(database: Database, table: Table, address: str, account_id: int | None) -> list[int]:
    box = folded(address)
    # a first sieve that the database can do by itself: the domain, in either of its spellings, or letters beyond ASCII
    local = box.rpartition("@")[0]
    start = local if local.isascii() else ""
    found: list[int] = []
    async with database.read() as conn:
        last = await conn.scalar(select(func.max(table.c.id))) or 0
    for low in range(0, last, SLICE):
        query = select(table.c.id, table.c.address).where(table.c.id > low, table.c.id <= low + SLICE)
        query = query.where(func.lower(table.c.address).like(f"{_escaped(start.lower())}%@%", escape="\\"))
        if account_id is not None:
            mine = select(campaigns.c.id).where(campaigns.c.account_id == account_id)
            query = query.where(table.c.campaign_id.in_(mine))
        async with database.read() as conn:
            found += [row.id for row in await conn.execute(query) if folded(row.address) == box]
    return found


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


async def tell(
    database: Database, address: str, account_id: int | None, keys: SuppressionKeys, open_keys: dict[int, int]
) -> dict[str, Any]:
    """Everything that is stored about a person; `open_keys`: the number of their last open by account."""
    found = await find(database, address, account_id)
    async with database.read() as conn:
        names = {row.id: row.name for row in await conn.execute(select(accounts.c.id, accounts.c.name))}
        mails = [one for ids in _parts(found.recipients) for one in await _mails(conn, ids, names)]
        bad = [one for ids in _parts(found.faults) for one in await _bad(conn, ids, names)]
        said = [asdict(one) for one in await consents.history(conn, account_id, address, keys)]
        opens = await _opens(conn, open_keys, names)
        listed = await _listed(conn, account_id, keys.hashes(folded(address)), names)
        left = await conn.scalar(select(func.count()).where(remnants.c.key.in_(keys.hashes(folded(address)))))
    for one in said:
        one["account"] = names.get(one.pop("account_id"), "")
    return {
        "address": address, "mails": mails, "bad_lines": bad, "consents": said, "last_opens": opens, "suppressions": listed,
        "erased_mails": left or 0,
    }  # fmt: skip


async def _mails(conn: AsyncConnection, ids: Sequence[int], names: dict[int, str]) -> list[dict[str, Any]]:
    query = (
        select(
            recipients, campaigns.c.account_id, campaigns.c.name.label("campaign"), campaigns.c.subject, campaigns.c.columns,
            campaigns.c.from_address,
        )
        .join(campaigns, campaigns.c.id == recipients.c.campaign_id)
        .where(recipients.c.id.in_(ids))
        .order_by(recipients.c.id)
    )  # fmt: skip
    rows = (await conn.execute(query)).all()
    told: dict[int, list[dict[str, Any]]] = {}
    for event in await conn.execute(
        select(events).where(events.c.recipient_id.in_(ids)).order_by(events.c.at, events.c.id)
    ):
        one = {"at": event.at, "event": Event(event.kind).code, "machine": event.machine}
        told.setdefault(event.recipient_id, []).append(one | orjson.loads(event.detail))
    times = (
        "first_attempt_at",
        "delivered_at",
        "bounced_at",
        "opened_at",
        "clicked_at",
        "unsubscribed_at",
        "complained_at",
    )
    return [
        {
            "account": names.get(row.account_id, ""), "campaign": row.campaign, "subject": row.subject,
            "from": row.from_address, "line": row.line, "address": row.address, "name": row.name,
            "fields": dict(zip(orjson.loads(row.columns), orjson.loads(row.fields), strict=False)),
            "followed": Tracked(row.tracked).name.lower(), "status": Status(row.status).code, "clicks": row.clicks,
            "reply": row.reply, "events": told.get(row.id, []),
        } | {name: getattr(row, name) for name in times}
        for row in rows
    ]  # fmt: skip


async def _bad(conn: AsyncConnection, ids: Sequence[int], names: dict[int, str]) -> list[dict[str, Any]]:
    query = select(faults, campaigns.c.account_id, campaigns.c.name.label("campaign"), campaigns.c.columns)
    query = query.join(campaigns, campaigns.c.id == faults.c.campaign_id).where(faults.c.id.in_(ids))
    return [
        {
            "account": names.get(row.account_id, ""), "campaign": row.campaign, "line": row.line, "address": row.address,
            "fault": row.kind, "fields": dict(zip(orjson.loads(row.columns), orjson.loads(row.fields), strict=False)),
        }
        for row in await conn.execute(query)
    ]  # fmt: skip


async def _opens(conn: AsyncConnection, open_keys: dict[int, int], names: dict[int, str]) -> list[dict[str, Any]]:
    rows = {
        row.key: row for row in await conn.execute(select(last_opens).where(last_opens.c.key.in_(open_keys.values())))
    }
    return [
        {"account": names.get(account, ""), "day": rows[key].day, "refused": rows[key].stopped}
        for account, key in open_keys.items()
        if key in rows
    ]


async def _listed(
    conn: AsyncConnection, account_id: int | None, digests: Sequence[bytes], names: dict[int, str]
) -> list[dict[str, Any]]:
    query = select(suppressions, senders.c.account_id.label("of"), senders.c.address.label("sender")).outerjoin(
        senders, senders.c.id == -suppressions.c.account_id
    )
    query = query.where(suppressions.c.key.in_(digests))
    if account_id is not None:
        query = query.where(suppression_list.whose(account_id))
    return [
        {
            "account": names.get(row.of or row.account_id, "*"), "sender": row.sender, "reason": row.reason,
            "since": row.at, "until": row.expires_at,
            "address_kept": row.address is not None,
        }
        for row in await conn.execute(query)
    ]  # fmt: skip


async def erase(
    database: Database, address: str, account_id: int | None, keys: SuppressionKeys, open_keys: dict[int, int]
) -> Erased:
    """Erase a person; twice changes nothing more."""
    found, done = await find(database, address, account_id), Erased()
    for ids in _parts(found.recipients):
        async with database.write() as conn:
            touched = select(recipients.c.campaign_id).where(recipients.c.id.in_(ids)).distinct()
            done.campaigns += (await conn.execute(touched)).scalars().all()
            done.recipients += await erasing.blank(conn, ids, keys)
    for ids in _parts(found.faults):
        async with database.write() as conn:
            blank = update(faults).where(faults.c.id.in_(ids))
            kept = case((faults.c.kind.in_(_IMPERSONAL), faults.c.detail), else_="")
            done.faults += (await conn.execute(blank.values(address="", detail=kept, fields="[]"))).rowcount
    digests = keys.hashes(folded(address))
    async with database.write() as conn:
        done.consents = await consents.forget_agreements(conn, account_id, digests)
        mine: list[ColumnElement[bool]] = [suppressions.c.key.in_(digests), suppressions.c.address.is_not(None)]
        counted: list[ColumnElement[bool]] = [strikes.c.key.in_(digests)]
        if account_id is not None:
            mine.append(suppression_list.whose(account_id))
            counted.append(strikes.c.account_id == account_id)
        done.suppressions = (await conn.execute(update(suppressions).where(*mine).values(address=None))).rowcount
        await conn.execute(delete(strikes).where(*counted))
        heard: list[ColumnElement[bool]] = [known_addresses.c.digest.in_(digests)]
        heard += [] if account_id is None else [known_addresses.c.account_id == account_id]
        await conn.execute(delete(known_addresses).where(*heard))
        # a refusal stays: it names nobody
        days = last_opens.c.key.in_(open_keys.values()), last_opens.c.stopped.is_(False)
        await conn.execute(delete(last_opens).where(*days))
    done.campaigns = sorted(set(done.campaigns))
    return done


def _parts(ids: Sequence[int]) -> list[Sequence[int]]:
    return [ids[start : start + _PART] for start in range(0, len(ids), _PART)]
