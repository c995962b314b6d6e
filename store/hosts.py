"""The own host of an account: under which its links, pages and return path stand, and whether it works right now.

In: an open connection, accounts, host names as A-labels, instants. Out: frozen `Host` values. A host belongs to one
account for ever, since mails that bear it are out in the world; an account uses one at a time. `use` raises Taken, the
rest what the database raises.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from parsers.address import a_label
from store import accounts
from store.accounts import Taken
from store.tables_hosts import account_hosts
from store.tables_senders import domains


@dataclass(frozen=True, slots=True)
class Host:
    """One host; `links_why` and `bounces_why` say why its pages, or mail to it, do not come to us ("": they do, or nobody
    has looked yet)."""

    id: int
    account_id: int
    host: str
    left_at: int | None
    looked_at: int | None
    links_at: int | None
    links_why: str
    bounces_at: int | None
    bounces_why: str


async def every(conn: AsyncConnection) -> list[Host]:
    """All hosts, also those that are left: their links go on working."""
    return [_host(row) for row in await conn.execute(select(account_hosts).order_by(account_hosts.c.id))]


async def of_account(conn: AsyncConnection, account_id: int) -> Host | None:
    """The host that an account uses."""
    mine = account_hosts.c.account_id == account_id, account_hosts.c.left_at.is_(None)
    row = (await conn.execute(select(account_hosts).where(*mine))).first()
    return None if row is None else _host(row)


async def working(conn: AsyncConnection) -> dict[int, tuple[str, str]]:
    """For each account with a host: that under which links work now, and that to which bounces come ("": neither)."""
    current = select(account_hosts).where(account_hosts.c.left_at.is_(None))
    return {
        row.account_id: (row.host if row.links_at else "", row.host if row.bounces_at else "")
        for row in await conn.execute(current)
    }


async def for_new(conn: AsyncConnection, account_id: int) -> dict[str, str]:
    """What the options of a new campaign note: the host to which its bounces go, so that every retry has the same return path
    (SPEC 7) though the host of the account changes, or works only later."""
    found = await of_account(conn, account_id)
    return {"bounces": found.host} if found is not None and found.bounces_at else {}


async def proved_domains(conn: AsyncConnection, account_id: int) -> frozenset[str]:
    """The domains in which an account has a proved address, and those that it proved whole."""
    mine = domains.c.account_id == account_id, domains.c.verified_at.is_not(None)
    whole = {str(name) for name in await conn.scalars(select(domains.c.domain).where(*mine))}
    senders = await accounts.list_senders(conn, account_id)
    return frozenset(whole | {a_label(one.address.rpartition("@")[2]) for one in senders})


async def use(conn: AsyncConnection, account_id: int, host: str, now: int) -> Host:
    """Let an account use a host from now on; Taken when it is another account's."""
    await leave(conn, account_id, now)
    again = update(account_hosts).where(account_hosts.c.host == host, account_hosts.c.account_id == account_id)
    if (await conn.execute(again.values(left_at=None, looked_at=None))).rowcount == 0:
        try:
            async with conn.begin_nested():
                await conn.execute(insert(account_hosts), {"account_id": account_id, "host": host, "created_at": now})
        except IntegrityError as error:
            raise Taken(f"{host} belongs to another account") from error
    found = await of_account(conn, account_id)
    assert found is not None  # just made
    return found


async def leave(conn: AsyncConnection, account_id: int, now: int) -> bool:
    """Use the gateway's own name again; False when there was no other."""
    mine = account_hosts.c.account_id == account_id, account_hosts.c.left_at.is_(None)
    return (await conn.execute(update(account_hosts).where(*mine).values(left_at=now))).rowcount > 0


async def looked(conn: AsyncConnection, host_id: int, links: str | None, bounces: str | None, now: int) -> None:
    """Keep what was found: "" it works, a word why not, None when nobody could tell: then what was known stays."""
    row = account_hosts.c
    values: dict[str, object] = {"looked_at": now}
    for name, why in (("links", links), ("bounces", bounces)):
        if why is not None:
            values |= {f"{name}_why": why, f"{name}_at": None if why else now}
    await conn.execute(update(account_hosts).where(row.id == host_id).values(**values))


def _host(row: object) -> Host:
    fields = row._mapping  # type: ignore[attr-defined]
    return Host(**{name: fields[name] for name in Host.__dataclass_fields__})
