"""Coming back after leaving: asked for on a page, proved by a link in the mailbox itself, kept in the register.

In: recipients and addresses. Out: whose letters are to be written, and an address off its account's list: only what the
person said there themselves (unsubscribed, complained) is taken back, never a bounce or an operator's entry. Raises only what
the database raises.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import delete, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection

from parsers.address import key as folded
from store import consents, suppressions
from store.suppressions import OWN_WISH, SuppressionKeys
from store.tables import campaigns, recipients
from store.tables import suppressions as listed
from store.tables_consent import comebacks

AGAIN = 86_400_000  # ms before the same recipient gets another letter
_ASK = text(
    "INSERT INTO comebacks (recipient_id, asked_at, sent_at) VALUES (:id, :now, NULL)"
    " ON CONFLICT (recipient_id) DO UPDATE SET asked_at = excluded.asked_at, sent_at = NULL"
    " WHERE comebacks.asked_at <= excluded.asked_at - :again"
)


@dataclass(frozen=True, slots=True)
class Comeback:
    """Somebody who asked for a way back."""

    recipient_id: int
    address: str
    sender: str
    locale: str


async def left(conn: AsyncConnection, owners: Sequence[int], address: str, keys: SuppressionKeys, now: int) -> bool:
    """Whether the person asked for no more mails of an account, or of one of its mailings."""
    box = folded(address)
    found = (await suppressions.listed(conn, owners, [box], keys, now)).get(box)
    return found is not None and found.reason in OWN_WISH


async def ask(conn: AsyncConnection, recipient_id: int, now: int) -> None:
    """Note that a letter is wanted; one a day at most."""
    await conn.execute(_ASK, {"id": recipient_id, "now": now, "again": AGAIN})


async def waiting(conn: AsyncConnection, limit: int = 20) -> list[Comeback]:
    """Who waits for a letter; those who were erased meanwhile have an empty address."""
    query = (
        select(
            comebacks.c.recipient_id,
            recipients.c.address,
            campaigns.c.from_name,
            campaigns.c.from_address,
            campaigns.c.locale,
        )
        .outerjoin(recipients, recipients.c.id == comebacks.c.recipient_id)
        .outerjoin(campaigns, campaigns.c.id == recipients.c.campaign_id)
        .where(comebacks.c.sent_at.is_(None))
        .limit(limit)
    )
    return [
        Comeback(row.recipient_id, row.address or "", row.from_name or row.from_address or "", row.locale or "fr")
        for row in await conn.execute(query)
    ]


async def sent(conn: AsyncConnection, recipient_id: int, now: int) -> None:
    """Note that the letter is queued."""
    await conn.execute(update(comebacks).where(comebacks.c.recipient_id == recipient_id).values(sent_at=now))


async def back(
    conn: AsyncConnection,
    account_id: int,
    sender_id: int,
    address: str,
    wording: str,
    keys: SuppressionKeys,
    now: int,
) -> None:
    """Take an address off the lists of an account and of one of its mailings at the wish of its person, and keep the
    proof."""
    owners = account_id, suppressions.mailing(sender_id)
    mine = listed.c.account_id.in_(owners), listed.c.key.in_(keys.hashes(folded(address)))
    other = update(listed).where(*mine, listed.c.reason.in_(OWN_WISH), listed.c.also.not_in(OWN_WISH))
    await conn.execute(other.values(reason=listed.c.also, also=None))
    await conn.execute(delete(listed).where(*mine, listed.c.reason.in_(OWN_WISH)))
    word = consents.New(address, True, now, "mailbox", wording, personal=True, purpose=consents.MAIL)
    await consents.record(conn, account_id, [word], keys, now)
