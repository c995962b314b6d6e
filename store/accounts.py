"""Accounts, their logins, attestations and declared senders.

In: an open connection and plain values. Out: frozen values of store.values. A sender address belongs to exactly one
account: `declare_sender` raises Taken when another one has it (or its domain), as do second accounts and logins of a
name.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Row, insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from parsers.address import a_label
from parsers.address import key as mailbox
from store.tables import accounts, attestations, senders
from store.tables_senders import domains, sender_letters
from store.tables_users import logins
from store.values import Account, Sender

UNPROVED_MS = 7 * 86_400_000  # for how long an address that was only declared is kept for its account


class Taken(Exception):
    """The name, login or address exists already; the text says which."""


@dataclass(frozen=True, slots=True)
class Login:
    """Who may log in: `password_hash` is argon2's own format; role is read, send or admin."""

    account_id: int
    login: str
    password_hash: str
    role: str
    id: int = 0
    second_factor: bool = False  # then the password alone opens nothing: programs need one of their own


async def create_account(
    conn: AsyncConnection, name: str, legal_name: str, address: str, locale: str, timezone: str, now: int
) -> int:
    """Add an account and return its id; Taken when the name exists."""
    row = {
        "name": name,
        "legal_name": legal_name,
        "address": address,
        "locale": locale,
        "timezone": timezone,
        "created_at": now,
    }
    try:
        return int((await conn.execute(insert(accounts).returning(accounts.c.id), row)).scalar_one())
    except IntegrityError as error:
        raise Taken(f"account {name!r} exists already") from error


async def add_login(
    conn: AsyncConnection, account_id: int, login: str, password_hash: str, role: str, now: int
) -> None:
    """Give an account a login; Taken when the login exists."""
    row = {
        "account_id": account_id,
        "login": login.casefold(),
        "password_hash": password_hash,
        "role": role,
        "created_at": now,
        "email": login if "@" in login else "",
    }
    try:
        await conn.execute(insert(logins), row)
    except IntegrityError as error:
        raise Taken(f"login {login!r} exists already") from error


async def find_login(conn: AsyncConnection, login: str) -> Login | None:
    """The login of that name, whatever its case."""
    row = (await conn.execute(select(logins).where(logins.c.login == login.casefold()))).first()
    if row is None:
        return None
    return Login(row.account_id, row.login, row.password_hash, row.role, row.id, row.totp_at is not None)


async def attest(conn: AsyncConnection, account_id: int, by: str, wording: str, now: int) -> None:
    """Record that somebody of the account attests its recipients' consent to be followed."""
    await conn.execute(insert(attestations), {"account_id": account_id, "by": by, "wording": wording, "at": now})


def _account(row: Row[tuple[object, ...]] | None) -> Account | None:
    if row is None:
        return None
    fields = row._mapping
    names = (
        "id",
        "name",
        "legal_name",
        "address",
        "locale",
        "timezone",
        "attested",
        "suspended",
        "hygiene",
        "transactional_per_hour",
        "single",
    )
    return Account(**{name: fields[name] for name in names})


def _accounts() -> object:
    attested = select(attestations.c.id).where(
        attestations.c.account_id == accounts.c.id, attestations.c.withdrawn_at.is_(None)
    )
    return select(accounts, attested.exists().label("attested"))


async def get_account(conn: AsyncConnection, account_id: int) -> Account | None:
    """The account of that id."""
    return _account((await conn.execute(_accounts().where(accounts.c.id == account_id))).first())  # type: ignore[attr-defined]


async def find_account(conn: AsyncConnection, name: str) -> Account | None:
    """The account of that name."""
    return _account((await conn.execute(_accounts().where(accounts.c.name == name))).first())  # type: ignore[attr-defined]


async def list_accounts(conn: AsyncConnection) -> list[Account]:
    """All accounts by name."""
    rows = await conn.execute(_accounts().order_by(accounts.c.name))  # type: ignore[attr-defined]
    return [account for row in rows if (account := _account(row)) is not None]


async def set_transactional(conn: AsyncConnection, account_id: int, per_hour: int | None) -> None:
    """Grant so many transactional messages an hour; None takes the grant back."""
    await conn.execute(update(accounts).where(accounts.c.id == account_id).values(transactional_per_hour=per_hour))


async def set_single(conn: AsyncConnection, account_id: int, single: bool) -> None:
    """Let the logins of an account submit single messages to anybody, or not."""
    await conn.execute(update(accounts).where(accounts.c.id == account_id).values(single=single))


async def set_hygiene(conn: AsyncConnection, account_id: int, hygiene: bool) -> None:
    """Let service mail of an account keep the day of each person's last open, or not."""
    await conn.execute(update(accounts).where(accounts.c.id == account_id).values(hygiene=hygiene))


async def suspend(conn: AsyncConnection, account_id: int, suspended: bool) -> bool:
    """Stop (or allow again) every sending of an account, as senders notice within a second; False when it was so before."""
    other = update(accounts).where(accounts.c.id == account_id, accounts.c.suspended.is_not(suspended))
    return (await conn.execute(other.values(suspended=suspended))).rowcount == 1


def _sender(row: Row[tuple[object, ...]]) -> Sender:
    fields = row._mapping
    return Sender(fields["id"], fields["account_id"], fields["address"], fields["name"])


async def proved_by(conn: AsyncConnection, address: str) -> int | None:
    """The account that proved the domain of an address (or a domain itself); None when nobody did."""
    domain = a_label(address.rpartition("@")[2])
    query = select(domains.c.account_id).where(domains.c.domain == domain, domains.c.verified_at.is_not(None))
    found = await conn.scalar(query)
    return None if found is None else int(found)


async def declare_sender(
    conn: AsyncConnection, account_id: int, address: str, name: str, verified_at: int | None, now: int
) -> int:
    """Add a sender address to an account, or mark it verified; Taken when another account has it or its domain.

    An address of a domain that the account proved is verified at once; one that another account only declared, and could
    not prove in a week, changes hands.
    """
    owner = await proved_by(conn, address)
    if owner not in (None, account_id):
        raise Taken(f"{address}: its domain belongs to another account")
    verified_at = verified_at or (now if owner is not None else None)
    key = mailbox(address)
    known = (await conn.execute(select(senders).where(senders.c.address_key == key))).first()
    if known is not None:
        if known.account_id != account_id:
            if known.verified_at is not None or known.created_at > now - UNPROVED_MS:
                raise Taken(f"{address} belongs to another account")
            old = update(sender_letters).where(
                sender_letters.c.sender_id == known.id
            )  # links to it are worth nothing now
            await conn.execute(old.values(serial=sender_letters.c.serial + 1, asked_at=0, refused_at=None))
            moved = {"account_id": account_id, "name": name, "verified_at": verified_at, "created_at": now}
            await conn.execute(update(senders).where(senders.c.id == known.id).values(**moved))
            return int(known.id)
        values = {"verified_at": known.verified_at or verified_at, "name": name or known.name}
        await conn.execute(update(senders).where(senders.c.id == known.id).values(**values))
        return int(known.id)
    row = {
        "account_id": account_id,
        "address": address,
        "address_key": key,
        "name": name,
        "verified_at": verified_at,
        "created_at": now,
    }
    return int((await conn.execute(insert(senders).returning(senders.c.id), row)).scalar_one())


async def find_sender(conn: AsyncConnection, address: str) -> Sender | None:
    """The verified sender of that address, whatever its case and however its domain is written (RFC 5890)."""
    query = select(senders).where(senders.c.address_key == mailbox(address), senders.c.verified_at.is_not(None))
    row = (await conn.execute(query)).first()
    return None if row is None else _sender(row)


async def list_senders(conn: AsyncConnection, account_id: int) -> list[Sender]:
    """The verified senders of an account, by address."""
    query = select(senders).where(senders.c.account_id == account_id, senders.c.verified_at.is_not(None))
    return [_sender(row) for row in await conn.execute(query.order_by(senders.c.address_key))]
