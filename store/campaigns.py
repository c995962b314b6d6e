"""Campaigns: one source blob, many recipients, written in short transactions and visible in one.

In: what intake made of a mail. `begin` claims the message (the same one within 30 days is the same campaign), `add_rows`
writes lines in chunks so that nobody waits long for the writer, `prepare` counts them, and `reveal` makes all of it exist
at once (in the transaction that queues the acknowledgement, so that never one is there without the other); a crash before
that leaves rows in state `loading`, which `loading` finds and `wipe` removes while the mail is still in the spool. Out:
Campaign and Ledger values. Nothing is raised but what the database raises.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from base64 import urlsafe_b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import orjson
from sqlalchemy import Row, bindparam, delete, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from store import actions, files, hosts, rows, searched, tallies, webhooks
from store import blobs as kept
from store.engine import now_ms
from store.states import Status
from store.tables import accounts, blobs, campaigns, faults, recipients
from store.tables import tallies as tallies_table
from store.tables_align import campaign_advice
from store.tables_talks import talks
from store.values import Campaign, CampaignState, Ledger, NewCampaign, NewFault, NewRecipient

WIPED = 5_000  # rows removed in one transaction
SAME_MESSAGE = 30 * 86_400_000  # how long a message is remembered, ms (SPEC 1)
_JSON = ("columns", "options", "held", "links")
_TAG = re.compile(r"\{\{[^{}]*(?:\}\}|$)")
_QUEUED = int(Status.QUEUED)
_RECIPIENT = ("campaign_id", "line", "part", "address", "name", "fields", "tracked", "status", "attempts", "clicks", "reply",
              "next_attempt_at", "folded")  # fmt: skip
_FAULT = ("campaign_id", "line", "part", "address", "kind", "detail", "fields")


@dataclass(frozen=True, slots=True)
class Existing:
    """The message is known already: this is its campaign."""

    campaign_id: int


def report_token(secret: bytes, campaign_id: int, serial: int = 0, link_round: int = 0) -> str:
    """The secret word of a report's address: 43 characters derived from a key, so that only its hash is stored."""
    words = (campaign_id, serial, link_round) if link_round else (campaign_id, serial)
    digest = hmac.digest(secret, b"report " + b" ".join(b"%d" % n for n in words), "sha256")
    return urlsafe_b64encode(digest).rstrip(b"=").decode()


def author_token(secret: bytes, campaign: Campaign) -> str:
    """The word of the author's own link, as it stands now."""
    return report_token(secret, campaign.id, 0, campaign.link_round)


def _json(value: object) -> str:
    return orjson.dumps(value).decode()


async def begin(conn: AsyncConnection, new: NewCampaign, source: bytes | Path) -> int | Existing:
    """Claim a message and store its source, which may be given as its file in the spool; Existing when the same message
    came within 30 days."""
    same = select(campaigns.c.id, campaigns.c.created_at).where(
        campaigns.c.account_id == new.account_id, campaigns.c.message_key == new.message_key
    )
    known = (await conn.execute(same)).first()
    if known is not None:
        if known.created_at > new.created_at - SAME_MESSAGE:
            return Existing(known.id)
        forgotten = update(campaigns).where(campaigns.c.id == known.id)
        await conn.execute(forgotten.values(message_key=f"{new.message_key}:{known.id}"))
    blob_id = await kept.keep(conn, source)
    row = {
        "account_id": new.account_id,
        "sender_id": new.sender_id,
        "state": CampaignState.LOADING,
        "subject": new.subject,
        "name": new.name,
        "from_name": new.from_name,
        "from_address": new.from_address,
        "reply_to": new.reply_to,
        "message_id": new.message_id,
        "message_key": new.message_key,
        "locale": new.locale,
        "timezone": new.timezone,
        "columns": _json(new.columns),
        "address_column": new.address_column,
        "options": _json({**new.options, **await hosts.for_new(conn, new.account_id)}),
        "held": _json([dict(reason) for reason in new.held]),
        "links": _json([dict(link) for link in new.links]),
        "blob_id": blob_id,
        "created_at": new.created_at,
        "send_at": new.send_at or new.created_at,
        "single": bool(new.options.get("single")),
    }
    return int((await conn.execute(insert(campaigns).returning(campaigns.c.id), row)).scalar_one())


async def add_rows(
    conn: AsyncConnection, campaign_id: int, people: Sequence[NewRecipient], bad: Sequence[NewFault], send_at: int
) -> None:
    """Write a chunk of lines (5,000 at most); the recipients are due at `send_at`, once the campaign may send."""
    made = [(p, _json(p.values)) for p in people]
    await rows.insert(
        conn, recipients, _RECIPIENT,
        [(campaign_id, p.line, p.part, p.address, p.name, fields, int(p.tracked), _QUEUED, 0, 0, "", send_at,
          searched.copy(p.address, p.values, fields)) for p, fields in made],
    )  # fmt: skip
    values = [(campaign_id, f.line, f.part, f.address, f.kind, f.detail, _json(f.values)) for f in bad]
    await rows.insert(conn, faults, _FAULT, values)


async def prepare(conn: AsyncConnection, campaign_id: int, token: str, now: int) -> Campaign:
    """Count a loaded campaign: its five figures, its counters, its report's address; the state is what `reveal` gives it."""
    people = await conn.scalar(select(func.count()).where(recipients.c.campaign_id == campaign_id)) or 0
    kinds = select(faults.c.kind, func.count()).where(faults.c.campaign_id == campaign_id).group_by(faults.c.kind)
    bad: dict[str, int] = {row[0]: row[1] for row in await conn.execute(kinds)}
    total = sum(bad.values())
    duplicate, suppressed = bad.get("duplicate", 0), bad.get("suppressed", 0)
    values = {
        "lines": total + people,
        "invalid": total - duplicate - suppressed,
        "duplicate": duplicate,
        "suppressed": suppressed,
        "recipients": people,
        "report_hash": hashlib.sha256(token.encode()).digest(),
    }
    await conn.execute(update(campaigns).where(campaigns.c.id == campaign_id).values(**values))
    counter = {"campaign_id": campaign_id, "name": tallies.status_name(Status.QUEUED), "n": people}
    await conn.execute(insert(tallies_table), counter)
    campaign = await get(conn, campaign_id)
    assert campaign is not None  # written above
    due = CampaignState.SCHEDULED if campaign.send_at > now else CampaignState.SENDING
    return replace(campaign, state=CampaignState.HELD if campaign.held else due)


async def reveal(conn: AsyncConnection, campaign: Campaign, replaces: bool = True) -> None:
    """Make a prepared campaign exist, in one row: from here on it is sent, shown and counted; `replaces`: a held one of the
    same author and subject gives way to it."""
    shown = update(campaigns).where(campaigns.c.id == campaign.id, campaigns.c.state == CampaignState.LOADING)
    await conn.execute(shown.values(state=campaign.state))
    row = (await conn.execute(select(campaigns).where(campaigns.c.id == campaign.id))).one()
    for kind in (webhooks.CREATED, *([webhooks.HELD] if campaign.state is CampaignState.HELD else [])):
        await webhooks.tell(conn, [campaign.id], kind, campaign.created_at)
    if replaces and not campaign.options.get("test"):  # a proof takes nobody's place
        await _replace_held(conn, row)


async def take_place(conn: AsyncConnection, held_id: int) -> bool:
    """Put an end to a held campaign whose correction came as a reply; False when it is held no more, or was held in its
    midst: whoever has the mail would get it again."""
    untouched = campaigns.c.state == CampaignState.HELD, campaigns.c.started_at.is_(None)
    query = update(campaigns).where(campaigns.c.id == held_id, *untouched)
    return (await conn.execute(query.values(state=CampaignState.REPLACED))).rowcount == 1


async def publish(conn: AsyncConnection, campaign_id: int, token: str, now: int) -> Campaign:
    """Prepare a loaded campaign and reveal it, where nothing (an acknowledgement) comes between."""
    campaign = await prepare(conn, campaign_id, token, now)
    await reveal(conn, campaign)
    return campaign


async def _replace_held(conn: AsyncConnection, row: Any) -> None:
    # a corrected resend takes the place of what was held, never both (SPEC 3): same author and subject within 7 days. The
    # author is who wrote the mail (Config may name another sender), and a merge tag may be what had to be corrected.
    held = select(campaigns.c.id, campaigns.c.subject, campaigns.c.options).where(
        campaigns.c.account_id == row.account_id,
        campaigns.c.state == CampaignState.HELD,
        campaigns.c.started_at.is_(None),
        campaigns.c.id != row.id,
        campaigns.c.created_at > row.created_at - 7 * 86_400_000,
    )
    same = [one.id for one in await conn.execute(held) if _resent(one) == _resent(row)]
    if same:
        await conn.execute(update(campaigns).where(campaigns.c.id.in_(same)).values(state=CampaignState.REPLACED))


def _resent(row: Any) -> tuple[str, str]:
    """By what a resend is known: its author, and its subject without merge tags."""
    author = str(orjson.loads(row.options).get("author", ""))
    return author, " ".join(_TAG.sub(" ", row.subject).casefold().split())


async def loading(conn: AsyncConnection) -> list[int]:
    """Campaigns that were never revealed: what a crash left half-written; the mails are still in the spool."""
    query = select(campaigns.c.id).where(campaigns.c.state == CampaignState.LOADING)
    return list((await conn.execute(query)).scalars())


async def wipe(conn: AsyncConnection, campaign_id: int, chunk: int = WIPED) -> bool:
    """Remove a part of a campaign that was never revealed, and at last itself with its source; call it again, each time in
    a transaction of its own, while it returns True: a million rows at once would keep all senders waiting."""
    loading = select(campaigns.c.blob_id).where(
        campaigns.c.id == campaign_id, campaigns.c.state == CampaignState.LOADING
    )
    blob_id = await conn.scalar(loading)
    if blob_id is None:
        return False  # one that exists is left alone
    for table in (recipients, faults):
        some = select(table.c.id).where(table.c.campaign_id == campaign_id).limit(chunk)
        if (await conn.execute(delete(table).where(table.c.id.in_(some)))).rowcount:
            return True
    if await files.wipe(conn, campaign_id):
        return True
    await conn.execute(delete(tallies_table).where(tallies_table.c.campaign_id == campaign_id))
    await conn.execute(delete(talks).where(talks.c.campaign_id == campaign_id))
    await conn.execute(delete(campaign_advice).where(campaign_advice.c.campaign_id == campaign_id))
    await conn.execute(delete(campaigns).where(campaigns.c.id == campaign_id))
    await conn.execute(delete(blobs).where(blobs.c.id == blob_id))
    return False


def _campaign(row: Row[Any]) -> Campaign:
    fields: dict[str, Any] = {name: row._mapping[name] for name in Campaign.__slots__}
    fields.update({name: orjson.loads(fields[name]) for name in _JSON})
    fields.update({name: tuple(fields[name]) for name in ("columns", "held", "links")})
    fields["state"] = CampaignState(fields["state"])
    return Campaign(**fields)


async def get(conn: AsyncConnection, campaign_id: int) -> Campaign | None:
    """The campaign of that id."""
    row = (await conn.execute(select(campaigns).where(campaigns.c.id == campaign_id))).first()
    return None if row is None else _campaign(row)


async def recent(conn: AsyncConnection, limit: int = 50) -> list[Campaign]:
    """The newest campaigns of all accounts, newest first."""
    query = select(campaigns).where(campaigns.c.state != CampaignState.LOADING).order_by(campaigns.c.id.desc())
    return [_campaign(row) for row in await conn.execute(query.limit(limit))]


async def find_by_report_token(conn: AsyncConnection, token: str) -> Campaign | None:
    """The campaign whose report lies at that token; the token is compared by its hash."""
    digest = hashlib.sha256(token.encode()).digest()
    known = select(campaigns).where(campaigns.c.report_hash == digest, campaigns.c.state != CampaignState.LOADING)
    row = (await conn.execute(known)).first()
    return None if row is None else _campaign(row)


async def source(conn: AsyncConnection, blob_id: int) -> bytes:
    """The user's mail, byte for byte."""
    return bytes((await conn.execute(select(blobs.c.data).where(blobs.c.id == blob_id))).scalar_one())


async def faults_of(conn: AsyncConnection, campaign_id: int, limit: int = 1_000_000) -> list[NewFault]:
    """The lines that are no recipients, in the order of the list."""
    query = select(faults).where(faults.c.campaign_id == campaign_id).order_by(faults.c.line, faults.c.part)
    rows = await conn.execute(query.limit(limit))
    return [NewFault(r.line, r.part, r.address, r.kind, r.detail, tuple(orjson.loads(r.fields))) for r in rows]


async def ledger(conn: AsyncConnection, campaign_id: int) -> Ledger | None:
    """The accounts of a campaign, from one consistent moment (call it inside one read)."""
    columns = ("lines", "invalid", "duplicate", "suppressed", "recipients")
    query = select(*(campaigns.c[name] for name in columns)).where(campaigns.c.id == campaign_id)
    row = (await conn.execute(query)).first()
    if row is None:
        return None
    statuses, measures = await tallies.read(conn, campaign_id)
    return Ledger(row.lines, row.invalid, row.duplicate, row.suppressed, row.recipients, statuses, measures)


_STATES = (
    select(campaigns.c.id, campaigns.c.state, accounts.c.suspended)
    .where(campaigns.c.id.in_(bindparam("ids", expanding=True)))
    .join(accounts, accounts.c.id == campaigns.c.account_id)
)


async def states(conn: AsyncConnection, ids: Sequence[int]) -> dict[int, CampaignState]:
    """Where these campaigns stand, paused while their account is suspended; senders ask it several times a second."""
    rows = await conn.execute(_STATES, {"ids": list(ids)})
    return {row.id: CampaignState.PAUSED if row.suspended else CampaignState(row.state) for row in rows}


async def set_held(conn: AsyncConnection, campaign_id: int, reasons: Sequence[Mapping[str, Any]]) -> None:
    """Hold a campaign that was sending: nothing more leaves until somebody decides; what was stopped stays so."""
    held = _json([dict(reason) for reason in reasons])
    going = campaigns.c.state.in_((CampaignState.SCHEDULED, CampaignState.SENDING, CampaignState.PAUSED))
    query = update(campaigns).where(campaigns.c.id == campaign_id, going)
    if (await conn.execute(query.values(state=CampaignState.HELD, held=held))).rowcount:
        now = now_ms()
        await webhooks.tell(conn, [campaign_id], webhooks.HELD, now)
        await actions.note(conn, [campaign_id], actions.Power.HOLD, "gateway", now, {"cause": "held"})
