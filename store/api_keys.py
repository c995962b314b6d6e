"""API keys: made once, shown once, kept as a hash.

In: an open connection, an account, scopes, instants (UTC ms). Out: the key's text when it is made, a frozen `Key` when it
comes back. A key is 240 bits of chance, so one SHA-256 hides it; it is compared in constant time, also where no key of that
name exists. Nothing is raised but what the database raises.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from store.tables_api import api_keys

SCOPES = ("read", "send", "admin")
USED_MS = 60_000  # the last use is written once a minute
_LETTERS = "abcdefghijkmnpqrstuvwxyz23456789"  # 5 bits each, none that people mix up
_KEY = re.compile(r"m2c_([a-z2-9]{12})_[a-z2-9]{48}", re.ASCII).fullmatch
_NOBODY = bytes(32)


@dataclass(frozen=True, slots=True)
class Key:
    """One key of an account, without its secret."""

    id: int
    account_id: int
    public: str
    label: str
    scopes: frozenset[str]
    created_at: int
    expires_at: int | None
    revoked_at: int | None
    used_at: int | None
    made_by: str
    revoked_by: str

    def works(self, now: int) -> bool:
        """Whether it opens anything now."""
        return self.revoked_at is None and (self.expires_at is None or self.expires_at > now)

    def may(self, scope: str) -> bool:
        """Whether it may do what needs a scope; admin may all."""
        return scope in self.scopes or "admin" in self.scopes


def _word(length: int) -> str:
    return "".join(secrets.choice(_LETTERS) for _ in range(length))


async def add(
    conn: AsyncConnection,
    account_id: int,
    label: str,
    scopes: Iterable[str],
    expires_at: int | None,
    now: int,
    by: str = "",
) -> tuple[Key, str]:
    """Make a key; its text is returned here and never again. `by`: the login that asked, none on the machine itself."""
    public = _word(12)
    whole = f"m2c_{public}_{_word(48)}"
    row = {
        "account_id": account_id,
        "public": public,
        "digest": hashlib.sha256(whole.encode()).digest(),
        "label": label,
        "scopes": " ".join(scope for scope in SCOPES if scope in set(scopes)),
        "created_at": now,
        "expires_at": expires_at,
        "made_by": by,
    }
    made = (await conn.execute(insert(api_keys).returning(api_keys), row)).one()
    return _key(made), whole


async def find(conn: AsyncConnection, text: str) -> Key | None:
    """The key with that text, whether it still works or not; None for all else."""
    named = _KEY(text)
    row = None
    if named is not None:
        row = (await conn.execute(select(api_keys).where(api_keys.c.public == named[1]))).first()
    digest = hashlib.sha256(text.encode("utf-8", "replace")).digest()
    same = hmac.compare_digest(digest, bytes(row.digest) if row is not None else _NOBODY)
    return _key(row) if same and row is not None else None


async def used(conn: AsyncConnection, key: Key, now: int) -> None:
    """Note that a key was used."""
    old = or_(api_keys.c.used_at.is_(None), api_keys.c.used_at <= now - USED_MS)
    await conn.execute(update(api_keys).where(api_keys.c.id == key.id, old).values(used_at=now))


async def list_of(conn: AsyncConnection, account_id: int | None = None) -> list[Key]:
    """The keys of an account, or of all, oldest first, with those that work no more."""
    query = select(api_keys).order_by(api_keys.c.id)
    if account_id is not None:
        query = query.where(api_keys.c.account_id == account_id)
    return [_key(row) for row in await conn.execute(query)]


async def revoke(conn: AsyncConnection, public: str, now: int, account_id: int | None = None, by: str = "") -> bool:
    """End a key; False when there is none of that name (in that account) that could be ended."""
    query = update(api_keys).where(api_keys.c.public == public, api_keys.c.revoked_at.is_(None))
    if account_id is not None:
        query = query.where(api_keys.c.account_id == account_id)
    return (await conn.execute(query.values(revoked_at=now, revoked_by=by))).rowcount == 1


def _key(row: Any) -> Key:
    fields = row._mapping
    values = {name: fields[name] for name in Key.__slots__ if name != "scopes"}
    return Key(scopes=frozenset(str(fields["scopes"]).split()), **values)
