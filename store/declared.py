"""Senders and domains on their way to being proved (SPEC 1): a link that their owner got by mail, or a record in DNS.

In: an open connection and plain values. Out: frozen values and a `Word` about what became of a link. A link bears the serial
of the last letter and counts once, for LINK_MS; a person who said no is asked again after NO_MS only, and nobody more often
than every AGAIN_MS. A domain belongs to the one account that proved it, and closes it to the others. Raises Taken, and what
the database raises.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from parsers.address import a_label
from parsers.address import key as mailbox
from store.accounts import Taken, proved_by
from store.tables import accounts, senders
from store.tables_senders import domains, sender_letters

DAY = 86_400_000
LINK_MS = 7 * DAY
AGAIN_MS = 600_000
NO_MS = 30 * DAY
_SERIALS = 4_096  # what a token can bear


class Word(StrEnum):
    """What a link means now."""

    ASK = "ask"  # the owner may say yes or no
    DONE = "done"  # the sender is proved
    NO = "no"  # its owner said that it was not them
    OLD = "old"  # used, replaced, or too old


@dataclass(frozen=True, slots=True)
class Declared:
    """A sender address of an account, proved or not."""

    id: int
    account_id: int
    account: str
    locale: str
    address: str
    verified: bool
    serial: int = 0
    asked_at: int | None = None
    refused_at: int | None = None


@dataclass(frozen=True, slots=True)
class Domain:
    """A domain that an account claims; `word` is what its TXT record must say."""

    domain: str
    word: str
    verified_at: int | None


_SENDERS = (
    select(
        senders.c.id, senders.c.account_id, senders.c.address, senders.c.verified_at, accounts.c.locale,
        accounts.c.name, accounts.c.legal_name,
        sender_letters.c.serial, sender_letters.c.asked_at, sender_letters.c.refused_at,
    )
    .join(accounts, accounts.c.id == senders.c.account_id)
    .outerjoin(sender_letters, sender_letters.c.sender_id == senders.c.id)
)  # fmt: skip


async def find(conn: AsyncConnection, account_id: int, address: str) -> Declared | None:
    """The sender of that address in that account."""
    mine = (senders.c.account_id == account_id) & (senders.c.address_key == mailbox(address))
    return _declared((await conn.execute(_SENDERS.where(mine))).first())


async def get(conn: AsyncConnection, sender_id: int) -> Declared | None:
    """The sender of that id."""
    return _declared((await conn.execute(_SENDERS.where(senders.c.id == sender_id))).first())


async def all_of(conn: AsyncConnection, account_id: int) -> list[Declared]:
    """Every sender of an account, proved or not, by address."""
    rows = await conn.execute(_SENDERS.where(senders.c.account_id == account_id).order_by(senders.c.address_key))
    return [found for row in rows if (found := _declared(row)) is not None]


async def unproved(conn: AsyncConnection, account_id: int) -> list[Declared]:
    """The senders of an account that nobody proved yet, by address."""
    mine = (senders.c.account_id == account_id) & senders.c.verified_at.is_(None)
    rows = await conn.execute(_SENDERS.where(mine).order_by(senders.c.address_key))
    return [found for row in rows if (found := _declared(row)) is not None]


def _declared(row: object) -> Declared | None:
    if row is None:
        return None
    fields = row._mapping  # type: ignore[attr-defined]
    return Declared(
        fields["id"], fields["account_id"], fields["legal_name"] or fields["name"], fields["locale"], fields["address"],
        fields["verified_at"] is not None, fields["serial"] or 0, fields["asked_at"], fields["refused_at"],
    )  # fmt: skip


def may_ask(sender: Declared, now: int) -> bool:
    """Whether its owner may be written to."""
    if sender.refused_at is not None and sender.refused_at > now - NO_MS:
        return False
    return not sender.verified and (sender.asked_at is None or sender.asked_at <= now - AGAIN_MS)


async def ask(conn: AsyncConnection, sender: Declared, now: int) -> int:
    """Note that the owner is written to; returns the serial of the link, which makes older ones worthless."""
    serial = (sender.serial + 1) % _SERIALS
    values = {"serial": serial, "asked_at": now, "refused_at": None}
    known = update(sender_letters).where(sender_letters.c.sender_id == sender.id).values(**values)
    if (await conn.execute(known)).rowcount == 0:
        await conn.execute(insert(sender_letters), {"sender_id": sender.id, **values})
    return serial


def read(sender: Declared, serial: int, now: int) -> Word:
    """What a link with that serial means now."""
    if sender.serial != serial or sender.asked_at is None:
        return Word.OLD
    if sender.verified:
        return Word.DONE
    if sender.refused_at is not None:
        return Word.NO
    return Word.ASK if sender.asked_at > now - LINK_MS else Word.OLD


async def answer(conn: AsyncConnection, sender_id: int, serial: int, yes: bool, now: int) -> Word:
    """Take the owner's answer, once; the first one counts."""
    sender = await get(conn, sender_id)
    word = read(sender, serial, now) if sender is not None else Word.OLD
    if sender is None or word is not Word.ASK:
        return word
    owner = await proved_by(conn, sender.address)
    if owner not in (None, sender.account_id):
        return Word.OLD  # the domain was proved by another account meanwhile
    if yes:
        await conn.execute(update(senders).where(senders.c.id == sender_id).values(verified_at=now))
        return Word.DONE
    await conn.execute(update(sender_letters).where(sender_letters.c.sender_id == sender_id).values(refused_at=now))
    return Word.NO


async def claim(conn: AsyncConnection, account_id: int, domain: str, word: str, now: int) -> Domain:
    """Note that an account claims a domain (an A-label); the word of an earlier claim stays. Taken when another has it."""
    owner = await proved_by(conn, domain)
    if owner not in (None, account_id):
        raise Taken(f"{domain} belongs to another account")
    known = await _domain(conn, account_id, domain)
    if known is None:
        row = {"account_id": account_id, "domain": domain, "word": word, "created_at": now}
        await conn.execute(insert(domains), row)
    return known or Domain(domain, word, None)


async def _domain(conn: AsyncConnection, account_id: int, domain: str) -> Domain | None:
    mine = (domains.c.account_id == account_id) & (domains.c.domain == domain)
    row = (await conn.execute(select(domains).where(mine))).first()
    return None if row is None else Domain(row.domain, row.word, row.verified_at)


async def domains_of(conn: AsyncConnection, account_id: int) -> list[Domain]:
    """The domains that an account claims, by name."""
    query = select(domains).where(domains.c.account_id == account_id).order_by(domains.c.domain)
    return [Domain(row.domain, row.word, row.verified_at) for row in await conn.execute(query)]


async def prove(conn: AsyncConnection, account_id: int, domain: str, now: int) -> tuple[list[str], list[str]]:
    """Make a claimed domain the account's: its declared senders there become proved, those of others no longer are.

    Returns the addresses of the one and the other.
    """
    owner = await proved_by(conn, domain)
    if owner not in (None, account_id):
        raise Taken(f"{domain} belongs to another account")
    mine = (domains.c.account_id == account_id) & (domains.c.domain == domain)
    await conn.execute(update(domains).where(mine, domains.c.verified_at.is_(None)).values(verified_at=now))
    query = select(senders.c.id, senders.c.account_id, senders.c.address, senders.c.verified_at)
    won: list[str] = []
    lost: list[str] = []
    for row in await conn.execute(query.where(senders.c.address_key.like(f"%@{_escaped(domain)}", escape="\\"))):
        own = row.account_id == account_id
        if own == (row.verified_at is not None) or a_label(row.address.rpartition("@")[2]) != domain:
            continue
        await conn.execute(update(senders).where(senders.c.id == row.id).values(verified_at=now if own else None))
        (won if own else lost).append(row.address)
    return won, lost


def _escaped(domain: str) -> str:
    return domain.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
