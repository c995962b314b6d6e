"""The consent register: who agreed to be followed, who refused, and what proves it (deliberation 2026-042, §1.4 to §1.7).

In: an account's id and folded addresses (parsers.address.key). Out: what stands for each of them, and pages of the register.
Nothing is ever changed in it: what stands follows from the whole history. The latest word counts, but what a person refused
on a page of ours only that person can agree to again: no list and no import takes a refusal back. A refusal also stands for
whoever unsubscribed or complained (§1.5). Raises only what the database raises.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import orjson
from sqlalchemy import Boolean, ColumnElement, bindparam, delete, insert, or_, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from parsers.address import key as folded
from parsers.modes import Tracked
from store import driver, suppressions
from store.suppressions import SuppressionKeys, Waiting
from store.tables import attestations, campaigns, recipients
from store.tables import suppressions as suppressed
from store.tables_consent import consents

TRACKING, MAIL = "tracking", "mail"
_CHUNK = 500
_GONE = ("unsubscribe", "complaint")  # reasons of the suppression list that are a person's own wish


@dataclass(frozen=True, slots=True)
class New:
    """A word to be recorded; `personal`: the person said it on a page of ours. `at` is when it was said, UTC ms."""

    address: str
    agreed: bool
    at: int
    source: str
    wording: str = ""
    by: str = ""
    personal: bool = False
    purpose: str = TRACKING
    campaign_id: int | None = None


@dataclass(frozen=True, slots=True)
class Entry:
    """A line of the register; `address` is None once it was erased."""

    id: int
    account_id: int
    address: str | None
    purpose: str
    agreed: bool
    personal: bool
    at: int
    source: str
    wording: str
    by: str
    campaign_id: int | None
    recorded_at: int


async def record(conn: AsyncConnection, account_id: int, words: Sequence[New], keys: SuppressionKeys, now: int) -> None:
    """Add words to the register."""
    rows = [
        {
            "account_id": account_id,
            "key": keys.hash(folded(one.address)),
            "address": one.address,
            "purpose": one.purpose,
            "agreed": one.agreed,
            "personal": one.personal,
            "at": one.at,
            "source": one.source,
            "wording": one.wording,
            "by": one.by,
            "campaign_id": one.campaign_id,
            "recorded_at": now,
        }
        for one in words
    ]
    if rows:
        await conn.execute(insert(consents), rows)


_SOME = select(consents.c.id).where(consents.c.account_id == bindparam("account")).limit(1)
_WORDS = (
    select(consents.c.key, consents.c.agreed, consents.c.personal)
    .where(
        consents.c.account_id.in_(bindparam("accounts", expanding=True)),
        consents.c.key.in_(bindparam("digests", expanding=True)),
        consents.c.purpose == TRACKING,
    )
    .order_by(consents.c.at, consents.c.id)
)


def stands(words: Iterable[tuple[bool, bool]]) -> bool | None:
    """What follows from a person's words, oldest first, as (agreed, personal): True, False, or None where there is none."""
    found, own = None, False
    for agreed, personal in words:
        if agreed and found is False and own and not personal:
            continue
        found, own = agreed, personal
    return found


async def standing(
    conn: AsyncConnection, account_id: int, address_keys: Sequence[str], keys: SuppressionKeys
) -> dict[str, bool]:
    """What stands for these folded addresses: True (agreed) or False (refused); who never said a word is missing."""
    if (await conn.execute(_SOME, {"account": account_id})).first() is None:
        return {}
    hashed = {digest: one for one in address_keys for digest in keys.hashes(one)}
    found = await _standing(conn, (account_id,), hashed)
    return {one: agreed for one, agreed in found.items() if agreed is not None}


async def _standing(
    conn: AsyncConnection, accounts: Sequence[int], hashed: Mapping[bytes, str]
) -> dict[str, bool | None]:
    words: dict[str, list[tuple[bool, bool]]] = {}
    digests = list(hashed)
    for start in range(0, len(digests), _CHUNK):
        asked = {"accounts": accounts, "digests": digests[start : start + _CHUNK]}
        for row in await conn.execute(_WORDS, asked):
            words.setdefault(hashed[bytes(row.key)], []).append((row.agreed, row.personal))
    return {one: stands(said) for one, said in words.items()}


_REFUSED = select(consents.c.id).where(consents.c.account_id == campaigns.c.account_id, ~consents.c.agreed).exists()
_OWNERS = select(campaigns.c.id, campaigns.c.account_id).where(
    campaigns.c.id.in_(bindparam("ids", expanding=True)), _REFUSED
)


async def refused(conn: AsyncConnection, people: Sequence[Waiting], keys: SuppressionKeys) -> frozenset[int]:
    """Which of these recipients refused to be followed; one look where nobody of their accounts ever did."""
    ids = list({one.campaign_id for one in people})
    owners = {row.id: row.account_id for row in await conn.execute(_OWNERS, {"ids": ids})} if ids else {}
    found: set[int] = set()
    for account_id in sorted(set(owners.values())):
        mine = [one for one in people if owners.get(one.campaign_id) == account_id]
        spelt = {one.recipient_id: folded(one.address) for one in mine}
        said = await standing(conn, account_id, list(set(spelt.values())), keys)
        found.update(recipient for recipient, address in spelt.items() if said.get(address) is False)
    return frozenset(found)


_LISTED = (
    select(suppressed.c.id)
    .where(suppressed.c.account_id.in_((suppressions.EVERYBODY, campaigns.c.account_id, -campaigns.c.sender_id)))
    .exists()
)
_FOLLOWED = (
    select(recipients.c.id, recipients.c.address, campaigns.c.account_id, campaigns.c.sender_id, _REFUSED, _LISTED)
    .join(campaigns, campaigns.c.id == recipients.c.campaign_id)
    .where(
        recipients.c.id.in_(bindparam("ids", expanding=True)),
        recipients.c.tracked == int(Tracked.FULL),
        or_(bindparam("leavers", type_=Boolean), recipients.c.unsubscribed_at.is_(None)),
    )
)
# one step for all rows: store.bulk says why
_FOLLOWED_AT_ONCE = f"""
SELECT json_group_array(json_array(r.id, r.address, c.account_id, c.sender_id,
  EXISTS (SELECT 1 FROM consents WHERE account_id = c.account_id AND NOT agreed),
  EXISTS (SELECT 1 FROM suppressions WHERE account_id IN ({suppressions.EVERYBODY}, c.account_id, -c.sender_id))))
FROM recipients AS r JOIN campaigns AS c ON c.id = r.campaign_id
WHERE r.id IN (SELECT value FROM json_each(:ids)) AND r.tracked = {int(Tracked.FULL)}
  AND (:leavers OR r.unsubscribed_at IS NULL)
"""  # noqa: S608 our own numbers


async def followed(
    conn: AsyncConnection, ids: Sequence[int], keys: SuppressionKeys, now: int, *, leavers: bool = False
) -> frozenset[int]:
    """Which of these recipients may be followed now: also on mails sent before a refusal the refusal counts (§1.5). With
    `leavers` those count who meanwhile left the list: what they did before they left is theirs."""
    people = [_Person(*row) for row in await _people(conn, ids, leavers)] if ids else []
    out: set[int] = set()
    for account_id, sender_id in sorted({one.whose for one in people if one.refusals or one.leavings}):
        mine = [(one, folded(one.address)) for one in people if one.whose == (account_id, sender_id)]
        spelt = list({address for _, address in mine})
        said = await standing(conn, account_id, spelt, keys) if any(one.refusals for one, _ in mine) else {}
        looked = not leavers and any(one.leavings for one, _ in mine)
        gone = await suppressions.find(conn, account_id, spelt, keys, now, sender_id) if looked else {}
        left = {address for address, why in gone.items() if why.reason in _GONE}
        out.update(one.id for one, address in mine if said.get(address) is False or address in left)
    return frozenset(one.id for one in people) - out


class _Person(NamedTuple):
    """Somebody who is followed in full, and whether anybody of the account ever refused, or stands on a list."""

    id: int
    address: str
    account_id: int
    sender_id: int
    refusals: bool
    leavings: bool

    @property
    def whose(self) -> tuple[int, int]:
        """The account and the sender address that wrote to them."""
        return self.account_id, self.sender_id


async def _people(conn: AsyncConnection, ids: Sequence[int], leavers: bool) -> Sequence[Sequence[Any]]:
    if conn.dialect.name != "sqlite":
        return (await conn.execute(_FOLLOWED, {"ids": list(ids), "leavers": leavers})).all()
    asked = {"ids": orjson.dumps(list(ids)).decode(), "leavers": leavers}
    told = await driver.of(conn).together([(_FOLLOWED_AT_ONCE, asked)])
    rows: list[list[Any]] = orjson.loads(told[0])
    return rows


async def page(conn: AsyncConnection, account_id: int, after: int = 0, limit: int = 1_000) -> list[Entry]:
    """The register of an account in the order in which it was written, from behind the row `after`."""
    query = select(*(consents.c[name] for name in Entry.__slots__)).where(
        consents.c.account_id == account_id, consents.c.id > after
    )
    return [Entry(*row) for row in await conn.execute(query.order_by(consents.c.id).limit(limit))]


async def history(conn: AsyncConnection, account_id: int | None, address: str, keys: SuppressionKeys) -> list[Entry]:
    """All that was ever recorded of an address, oldest first, for one account or (None) for all."""
    query = select(*(consents.c[name] for name in Entry.__slots__)).where(
        consents.c.key.in_(keys.hashes(folded(address)))
    )
    if account_id is not None:
        query = query.where(consents.c.account_id == account_id)
    return [Entry(*row) for row in await conn.execute(query.order_by(consents.c.at, consents.c.id))]


# consent that was taken back, and every word before the last one, proves nothing more once the claims are time-barred
_OUTDATED = text(
    "DELETE FROM consents WHERE id IN (SELECT old.id FROM consents old WHERE old.at < :before AND EXISTS ("
    "SELECT 1 FROM consents newer WHERE newer.account_id = old.account_id AND newer.key = old.key"
    " AND newer.purpose = old.purpose AND newer.personal >= old.personal"
    " AND newer.at < :before AND (newer.at > old.at OR (newer.at = old.at AND newer.id > old.id))) LIMIT :n)"
)


async def sweep(conn: AsyncConnection, before: int, limit: int = 1_000) -> int:
    """Forget words that newer ones, themselves older than `before`, have replaced; returns how many."""
    return (await conn.execute(_OUTDATED, {"before": before, "n": limit})).rowcount


async def forget_agreements(conn: AsyncConnection, account_id: int | None, digests: Sequence[bytes]) -> int:
    """Erase a person from the register: agreements go, a refusal stays as a keyed hash; returns how many rows changed."""
    mine: list[ColumnElement[bool]] = [consents.c.key.in_(list(digests))]
    if account_id is not None:
        mine.append(consents.c.account_id == account_id)
    gone = (await conn.execute(delete(consents).where(*mine, consents.c.agreed))).rowcount
    blank = consents.update().where(*mine, consents.c.address.is_not(None))
    return gone + (await conn.execute(blank.values(address=None, by="", wording=""))).rowcount


async def withdraw_attestation(conn: AsyncConnection, account_id: int, by: str, now: int) -> int:
    """Take back what an account attested; returns how many attestations stood."""
    query = attestations.update().where(attestations.c.account_id == account_id, attestations.c.withdrawn_at.is_(None))
    return (await conn.execute(query.values(withdrawn_at=now, withdrawn_by=by))).rowcount


async def unfollow_attested(
    conn: AsyncConnection, account_id: int, after: int, keys: SuppressionKeys, limit: int = 1_000
) -> tuple[int, int] | None:
    """Follow no more, from behind the row `after`, those whom only an attestation let us follow; mails already sent too.

    Returns the last row that was looked at and how many changed; None at the end.
    """
    query = (
        select(recipients.c.id, recipients.c.address)
        .join(campaigns, campaigns.c.id == recipients.c.campaign_id)
        .where(campaigns.c.account_id == account_id, recipients.c.id > after)
        .where(recipients.c.tracked == int(Tracked.FULL))
        .order_by(recipients.c.id)
        .limit(limit)
    )
    rows = (await conn.execute(query)).all()
    if not rows:
        return None
    own = await standing(conn, account_id, list({folded(row.address) for row in rows}), keys)
    ids = [row.id for row in rows if own.get(folded(row.address)) is not True]
    if ids:
        change = recipients.update().where(recipients.c.id.in_(ids))
        await conn.execute(change.values(tracked=int(Tracked.ANONYMOUS)))
    return rows[-1].id, len(ids)
