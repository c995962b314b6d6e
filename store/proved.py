"""How an account's mails may be proved, and which ones were: the memory against replay.

In: an open connection, the account, the Message-ID and the content of a mail that was proved by DKIM or SPF. Out: the
`Rules` of the account; `Claim`, which tells a new mail from the same one again (a client or server that never got the 250
sends it again, and Outlook does) and from another one that bears a used Message-ID. Kept for 30 days. Raises only what the
database raises.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from store.campaigns import SAME_MESSAGE
from store.tables_senders import proof_rules, proved_mails

SAME_AGAIN = (
    3  # times that one mail is taken in all: each is answered, and a replayer must not fill its author's mailbox
)
CHUNK = 5_000


@dataclass(frozen=True, slots=True)
class Rules:
    """What an account allows besides a DKIM signature of the very domain of From."""

    relaxed: bool = False
    spf: bool = False


class Claim(StrEnum):
    """What a proved mail is to us."""

    NEW = "new"
    AGAIN = "again"  # the same one
    SPENT = "spent"  # the same one, too often
    OTHER = "other"  # its Message-ID belongs to another mail


async def rules(conn: AsyncConnection, account_id: int) -> Rules:
    """The rules of an account."""
    row = (await conn.execute(select(proof_rules).where(proof_rules.c.account_id == account_id))).first()
    return Rules() if row is None else Rules(bool(row.relaxed), bool(row.spf))


async def set_rules(conn: AsyncConnection, account_id: int, wanted: Rules) -> None:
    """Change the rules of an account."""
    values = {"relaxed": wanted.relaxed, "spf": wanted.spf}
    known = update(proof_rules).where(proof_rules.c.account_id == account_id).values(**values)
    if (await conn.execute(known)).rowcount == 0:
        await conn.execute(insert(proof_rules), {"account_id": account_id, **values})


def _key(message_id: str) -> bytes:
    return hashlib.sha256(message_id.encode("utf-8", "replace")).digest()


async def claim(conn: AsyncConnection, account_id: int, message_id: str, content: bytes, now: int) -> Claim:
    """Note a mail about to be accepted; `release` takes back what was NEW and then could not be kept."""
    mine = (proved_mails.c.account_id == account_id) & (proved_mails.c.key == _key(message_id))
    row = (await conn.execute(select(proved_mails).where(mine))).first()
    if row is not None and row.at <= now - SAME_MESSAGE:
        await conn.execute(delete(proved_mails).where(mine))
        row = None
    if row is None:
        new = {"account_id": account_id, "key": _key(message_id), "content": content, "at": now}
        await conn.execute(insert(proved_mails), new)
        return Claim.NEW
    if bytes(row.content) != content:
        return Claim.OTHER
    if row.times >= SAME_AGAIN:
        return Claim.SPENT
    await conn.execute(update(proved_mails).where(mine).values(times=row.times + 1))
    return Claim.AGAIN


async def release(conn: AsyncConnection, account_id: int, message_id: str) -> None:
    """Forget a mail that was claimed and not accepted."""
    mine = (proved_mails.c.account_id == account_id) & (proved_mails.c.key == _key(message_id))
    await conn.execute(delete(proved_mails).where(mine))


async def stale(conn: AsyncConnection, now: int) -> bool:
    """Whether there is anything to sweep."""
    old = select(proved_mails.c.id).where(proved_mails.c.at <= now - SAME_MESSAGE).limit(1)
    return (await conn.execute(old)).first() is not None


async def sweep(conn: AsyncConnection, now: int) -> int:
    """Forget a chunk of what is older than 30 days; returns how many."""
    old = select(proved_mails.c.id).where(proved_mails.c.at <= now - SAME_MESSAGE).limit(CHUNK)
    return (await conn.execute(delete(proved_mails).where(proved_mails.c.id.in_(old.scalar_subquery())))).rowcount
