"""The suppression list: addresses that an account, or everybody, no longer writes to.

In: folded addresses (parsers.address.key), or recipients about to be written to. Out: who is suppressed, since when, why
and until when. An address is kept as a keyed hash (HMAC-SHA256, one byte of key id before it), so the list goes on working
when the address itself has been erased; old keys are looked up for ever. A change of the list gives it another number
(`revision`), so that senders notice what concerns mails they hold. Nothing is raised.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, NamedTuple
from unicodedata import normalize

import orjson
from sqlalchemy import bindparam, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from config import keys as files
from config.settings import Settings
from store import rules
from store.rules import Rules
from store.tables import campaigns, recipients, suppressions
from store.tables_delivery import strikes

EVERYBODY = 0  # the account_id of what no account may write to
LEFT = "unsubscribe"  # bars campaigns; a single transactional message is sent all the same
OWN_WISH = (LEFT, "complaint")  # what the person said, so that only the person takes it back
SENDER = "sender"  # as the scope of a leaving: one mailing only; else the whole account
REASONS = ("hard_bounce", "soft_bounce", "complaint", "unsubscribe", "manual", "import")
_CHUNK = 5_000


@lru_cache(maxsize=32)
def _hmac(secret: bytes) -> tuple[Any, Any]:
    """The two halves of HMAC-SHA256 (RFC 2104) with the key in them: begun once, they cost a quarter of hmac.digest."""
    block = (secret if len(secret) <= 64 else hashlib.sha256(secret).digest()).ljust(64, b"\0")
    return tuple(hashlib.sha256(bytes(byte ^ pad for byte in block)) for pad in (0x36, 0x5C))  # type: ignore[return-value]


@dataclass(frozen=True, slots=True)
class SuppressionKeys:
    """The secrets under which addresses are hashed (`current` signs new rows), and the rules of what follows."""

    keys: Mapping[int, bytes]
    current: int
    rules: Rules = field(default_factory=Rules)

    def hash(self, address_key: str, key_id: int | None = None) -> bytes:
        """The keyed hash of a folded address: 1 byte of key id and 32 bytes."""
        chosen = self.current if key_id is None else key_id
        begun, outer = _hmac(self.keys[chosen])
        inner, whole = begun.copy(), outer.copy()
        inner.update(address_key.encode())
        whole.update(inner.digest())
        digest: bytes = whole.digest()
        return bytes([chosen]) + digest

    def hashes(self, address_key: str) -> list[bytes]:
        """The hashes under every key that ever was in use."""
        return [self.hash(address_key, key_id) for key_id in self.keys]


def load(settings: Settings) -> SuppressionKeys:
    """The keys of the data folder and the rules of the settings; KeysError when the file is missing."""
    return SuppressionKeys(
        *files.load_keyring(settings.gateway.data_dir, "suppression"), rules=rules.of(settings.limits)
    )


@dataclass(frozen=True, slots=True)
class Suppressed:
    reason: str  # one of REASONS
    at: int
    until: int | None = None


def mailing(sender_id: int) -> int:
    """The owner of what concerns one mailing of an account only, the campaigns of one sender address: a number that no
    account has."""
    return -sender_id


class Waiting(NamedTuple):
    """A recipient about to be written to."""

    recipient_id: int
    campaign_id: int
    address: str


@dataclass(frozen=True, slots=True)
class Sifted:
    """Who of some recipients must not be written to, and whose mailbox was full before."""

    suppressed: Mapping[int, Suppressed]
    struck: frozenset[int]


def fold(address: str) -> str:
    """The key of a stored address, whose domain is an A-label already: this is all of parsers.address.key."""
    return address.lower() if address.isascii() else normalize("NFC", normalize("NFC", address).casefold())


# what is there for ever keeps its first reason, but for the wish of who leaves; what ends is replaced by what ends later or
# never, under a new id
_GIVE_WAY = text(
    "DELETE FROM suppressions WHERE account_id = :account_id AND key = :key AND expires_at IS NOT NULL"
    " AND (CAST(:expires_at AS BIGINT) IS NULL OR expires_at < CAST(:expires_at AS BIGINT))"
)
_ADD = text(
    "INSERT INTO suppressions (account_id, key, address, reason, at, campaign_id, expires_at)"
    " VALUES (:account_id, :key, :address, :reason, :at, :campaign_id, :expires_at)"
    " ON CONFLICT (account_id, key) DO NOTHING"
)
# who left stays so whatever comes later, which is kept beside: it bars single messages, too
_BESIDE = text(
    "UPDATE suppressions SET also = :reason WHERE account_id = :account_id AND key = :key"
    " AND reason = 'unsubscribe' AND also IS NULL"
)
# and whoever leaves has said so, whatever barred them before, which may be lifted one day
_OVER = text(
    "UPDATE suppressions SET also = reason, reason = 'unsubscribe', at = :at, campaign_id = :campaign_id"
    " WHERE account_id = :account_id AND key = :key AND expires_at IS NULL AND reason NOT IN ('unsubscribe', 'complaint')"
)
_REVISED = text(
    "INSERT INTO revisions (name, n) VALUES ('suppressions', 1) ON CONFLICT (name) DO UPDATE SET n = revisions.n + 1"
)
_REVISION = text("SELECT n FROM revisions WHERE name = 'suppressions'")


async def add(conn: AsyncConnection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Add rows {account_id, key, address, reason, at, campaign_id, expires_at (None, or left out: for ever)}."""
    if not rows:
        return
    ordered = sorted(({"expires_at": None, **row} for row in rows), key=_turn)
    await conn.execute(_GIVE_WAY, ordered)
    await conn.execute(_ADD, ordered)  # before what looks at it: several rows may be of one mailbox
    if graver := [row for row in ordered if row["reason"] != LEFT and row["expires_at"] is None]:
        await conn.execute(_BESIDE, graver)
    if leaving := [row for row in ordered if row["reason"] == LEFT]:
        await conn.execute(_OVER, leaving)
    await conn.execute(_REVISED)


def _turn(row: Mapping[str, Any]) -> tuple[Any, ...]:
    """One order for all writers (no deadlocks); of one mailbox what lasts longest comes first, for it is what stays."""
    ends = row["expires_at"]
    return row["account_id"], row["key"], ends is not None, -(ends or 0)


async def revision(conn: AsyncConnection) -> int:
    """A number that is another one after each change of the list."""
    return int(await conn.scalar(_REVISION) or 0)


_ANY = select(suppressions.c.id).where(suppressions.c.account_id.in_(bindparam("owners", expanding=True))).limit(1)
_FIND = select(
    suppressions.c.account_id,
    suppressions.c.key,
    suppressions.c.reason,
    suppressions.c.at,
    suppressions.c.expires_at,
    suppressions.c.also,
).where(
    suppressions.c.account_id.in_(bindparam("owners", expanding=True)),
    suppressions.c.key.in_(bindparam("digests", expanding=True)),
)
_STRUCK = select(strikes.c.account_id, strikes.c.key).where(
    strikes.c.account_id.in_(bindparam("owners", expanding=True)),
    strikes.c.key.in_(bindparam("digests", expanding=True)),
)


# SQLite takes all digests as one value, 33 bytes each: binding hundreds costs more than seeking them
_SLICED = (
    "SELECT account_id, key, {names} FROM {table} WHERE account_id IN (SELECT value FROM json_each(:owners)) AND key IN ("
    "WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < :n)"
    " SELECT substr(:digests, i * 33 + 1, 33) FROM n)"
)
_FIND_SLICED = text(_SLICED.format(table="suppressions", names="reason, at, expires_at, also"))
_STRUCK_SLICED = text(_SLICED.format(table="strikes", names="at"))


async def find(
    conn: AsyncConnection,
    account_id: int,
    address_keys: Sequence[str],
    keys: SuppressionKeys,
    now: int,
    sender_id: int = 0,
    single: bool = False,
) -> dict[str, Suppressed]:
    """Which of the folded addresses are suppressed now (UTC ms), for the sender's mailing, its account or everybody; for a
    `single` message those who only left are not."""
    return await listed(conn, (EVERYBODY, account_id, mailing(sender_id)), address_keys, keys, now, single)


async def listed(
    conn: AsyncConnection, owners: Sequence[int], address_keys: Sequence[str], keys: SuppressionKeys, now: int,
    single: bool = False,
) -> dict[str, Suppressed]:  # fmt: skip
    """Which of the folded addresses stand now (UTC ms) on the lists of these accounts."""
    if (await conn.execute(_ANY, {"owners": owners})).first() is None:
        return {}  # nobody does: no need to hash a million addresses
    hashed = {digest: address_key for address_key in address_keys for digest in keys.hashes(address_key)}
    found: dict[str, Suppressed] = {}
    for row in await _rows(conn, owners, list(hashed), now):
        if (why := _bars(row, single)) is not None:
            found[hashed[bytes(row.key)]] = Suppressed(why, row.at, row.expires_at)
    return found


def _bars(row: Any, single: bool) -> str | None:
    """The reason for which a row bars a campaign's mail, or a single message."""
    reason: str | None = row.also if single and row.reason == LEFT else row.reason
    return reason


async def _rows(conn: AsyncConnection, owners: Sequence[int], digests: Sequence[bytes], now: int) -> list[Any]:
    found: list[Any] = []
    for start in range(0, len(digests), _CHUNK):
        found += await _asked(conn, _FIND, _FIND_SLICED, owners, digests[start : start + _CHUNK])
    return [row for row in found if row.expires_at is None or row.expires_at > now]


async def _asked(
    conn: AsyncConnection, query: Any, sliced: Any, owners: Sequence[int], digests: Sequence[bytes]
) -> Sequence[Any]:
    if conn.dialect.name != "sqlite":
        return (await conn.execute(query, {"owners": owners, "digests": digests})).all()
    values = {"owners": orjson.dumps(owners).decode(), "digests": b"".join(digests), "n": len(digests)}
    return (await conn.execute(sliced, values)).all()


def _exists(table: Any, *owners: Any) -> Any:
    return select(table.c.id).where(table.c.account_id.in_(owners)).exists()


_OWNERS = select(
    campaigns.c.id,
    campaigns.c.account_id,
    campaigns.c.sender_id,
    campaigns.c.single,
    _exists(suppressions, EVERYBODY, campaigns.c.account_id, -campaigns.c.sender_id).label("suppressed"),
    _exists(strikes, campaigns.c.account_id).label("struck"),
).where(campaigns.c.id.in_(bindparam("ids", expanding=True)))


async def sift(conn: AsyncConnection, waiting: Sequence[Waiting], keys: SuppressionKeys, now: int) -> Sifted:
    """Find who of these recipients is suppressed now, and who has strikes; one look where the lists are empty."""
    ids = list({one.campaign_id for one in waiting})
    accounts = {row.id: row for row in await conn.execute(_OWNERS, {"ids": ids})}
    asked = {
        id_: (EVERYBODY, row.account_id, mailing(row.sender_id))
        for id_, row in accounts.items()
        if row.suppressed or row.struck
    }
    if not asked:
        return Sifted({}, frozenset())
    hashed: dict[bytes, list[Waiting]] = {}
    for one in waiting:
        if one.campaign_id in asked:
            for digest in keys.hashes(fold(one.address)):
                hashed.setdefault(digest, []).append(one)
    owners, digests = sorted({owner for owners in asked.values() for owner in owners}), list(hashed)
    suppressed: dict[int, Suppressed] = {}
    struck: set[int] = set()
    if any(row.suppressed for row in accounts.values()):
        for row in await _rows(conn, owners, digests, now):
            for one in _those(hashed, row, asked):
                if (why := _bars(row, accounts[one.campaign_id].single)) is not None:
                    suppressed[one.recipient_id] = Suppressed(why, row.at, row.expires_at)
    if any(row.struck for row in accounts.values()):
        for row in await _asked(conn, _STRUCK, _STRUCK_SLICED, owners, digests):
            struck.update(one.recipient_id for one in _those(hashed, row, asked))
    return Sifted(suppressed, frozenset(struck))


def _those(hashed: Mapping[bytes, Sequence[Waiting]], row: Any, asked: Mapping[int, Sequence[int]]) -> list[Waiting]:
    """The recipients that a row speaks of: those of its mailing, of its account, or of any."""
    return [one for one in hashed[bytes(row.key)] if row.account_id in asked[one.campaign_id]]


_HELD = select(recipients.c.id, recipients.c.campaign_id, recipients.c.address).where(
    recipients.c.owner == bindparam("worker")
)
_HELD_AT_ONCE = text(
    "SELECT json_group_array(json_array(id, campaign_id, address)) FROM recipients WHERE owner = :worker"
)


async def held(conn: AsyncConnection, worker: int) -> list[Waiting]:
    """The recipients that a worker has leased."""
    if conn.dialect.name == "sqlite":  # one step for all rows: store.bulk says why
        return [Waiting(*row) for row in orjson.loads(await conn.scalar(_HELD_AT_ONCE, {"worker": worker}) or "[]")]
    return [Waiting(*row) for row in await conn.execute(_HELD, {"worker": worker})]
