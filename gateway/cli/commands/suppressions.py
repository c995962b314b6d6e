"""`suppression`: look at the list of addresses that get no mail, edit it, bring lists in and out.

In: the parsed command line; files that hold addresses. Out: lines for people and scripts, or CSV that a spreadsheet reads
as text only. Without --account an order concerns the list that holds for all accounts. Raises Failure with one sentence.
"""

from __future__ import annotations

import argparse
import contextlib
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.cli.commands.database import settings_of, with_database
from gateway.cli.commands.lists import read_list, tell
from gateway.cli.commands.people import address_of, day, place, value
from gateway.cli.failure import Failure
from gateway.sheet import Csv
from parsers import liste
from parsers.address import key
from parsers.days import date, day_or_none
from parsers.liste import Liste
from store import accounts, suppression_list, suppressions
from store.engine import Database, now_ms
from store.suppression_list import Entry, New
from store.suppressions import EVERYBODY, REASONS, SuppressionKeys

_CHUNK = 2_000
_COLUMNS = ("Email", "Account", "Reason", "Since", "Until")
_ALL = "*"
_GUARDED = ("'=", "'+", "'-")
_REASON_COLUMNS, _SINCE_COLUMNS = ("reason", "raison", "motif"), ("since", "depuis", "date")
_UNTIL_COLUMNS = ("until", "jusquau", "jusqua")


def show(found: argparse.Namespace) -> None:
    """List the entries in force, one a line: address, account (* for all), reason, since, until."""
    _pages(found, lambda entries: print(*("\t".join(_fields(entry)) for entry in entries), sep="\n"))


def export(found: argparse.Namespace) -> None:
    """Write the entries in force as CSV, to a file or standard output."""
    writer = Csv()
    with contextlib.ExitStack() as files:
        out = sys.stdout.buffer if found.file is None else files.enter_context(Path(found.file).open("wb"))
        out.write(writer.start(_COLUMNS))
        _pages(found, lambda entries: out.write(writer.rows(map(_fields, entries))))


def _fields(entry: Entry) -> tuple[str, ...]:
    return (entry.address or "", _owner(entry), entry.reason, date(entry.at), date(entry.until))


def _owner(entry: Entry) -> str:
    """Whose list it is: an account, `account / sender` for one mailing of it, * for all."""
    return f"{entry.account} / {entry.sender}" if entry.sender else entry.account or _ALL


def _pages(found: argparse.Namespace, use: Callable[[Sequence[Entry]], object]) -> None:
    async def work(database: Database) -> None:
        async with database.read() as conn:
            account_id, after = await _list_of(conn, found, None), 0
        while True:
            async with database.read() as conn:
                entries = await suppression_list.page(conn, account_id, found.reason, now_ms(), after)
            if not entries:
                return
            use(entries)
            after = entries[-1].id

    with_database(settings_of(found), work)


def add(found: argparse.Namespace) -> None:
    """Add addresses by hand."""
    now, until = now_ms(), day(found.until) if found.until else None
    if until is not None and until <= now:
        raise Failure(f"--until {found.until} has passed")
    good = [New(address_of(text), found.reason, now, until) for text in found.addresses]
    added, known = _put(found, good)
    print(f"suppression list: {added} added, {known} known already")


def remove(found: argparse.Namespace) -> None:
    """Take an address off the list; without --account or --all off every list."""
    address = address_of(found.address)

    async def work(database: Database) -> list[Entry]:
        keys = suppressions.load(settings_of(found))
        async with database.write() as conn:
            account_id = await _list_of(conn, found, None)
            return await suppression_list.remove(conn, account_id, key(address), keys, now_ms())

    gone = with_database(settings_of(found), work)
    if not gone:
        raise Failure(f"{address} is not on the list")
    for entry in gone:
        whose = _owner(entry) if entry.account else "all accounts"
        print(f"{address}: removed ({whose}: {entry.reason} since {date(entry.at)})")


def bring_in(found: argparse.Namespace) -> None:
    """Import a list of any kind that campaigns take; columns named Reason, Since and Until count."""
    read = read_list(found.file)
    good, bad = _entries(read, now_ms())
    added, known = _put(found, good)
    print(f"suppression list: {added} added, {known} known already, {len(bad)} bad")
    tell(bad)


def _entries(read: Liste, now: int) -> tuple[list[New], list[str]]:
    """What the lines of a file ask for, and what is wrong with the others."""
    places = [place(read, names) for names in (_REASON_COLUMNS, _SINCE_COLUMNS, _UNTIL_COLUMNS)]
    good: list[New] = []
    bad: list[str] = []
    for line in read.lines:
        if line.fault is liste.Fault.DUPLICATE:
            continue  # the same address twice is no fault here
        if line.fault is not None:
            bad.append(f"line {line.label}: {line.fault.value}: {line.address[:100]!r}")
            continue
        reason, since, until = (value(line, place) for place in places)
        if (ends := day_or_none(until)) is not None and ends <= now:
            continue  # it has ended
        started = day_or_none(since)
        # what our own export wrote before an address that a spreadsheet would compute
        address = line.address[1:] if line.address.startswith(_GUARDED) else line.address
        good.append(New(address, reason if reason in REASONS else "import", min(started or now, now), ends))
    return good, bad


def _put(found: argparse.Namespace, good: Sequence[New]) -> tuple[int, int]:
    settings = settings_of(found)
    keys = suppressions.load(settings)
    return with_database(settings, lambda database: _written(database, found, good, keys))


async def _written(
    database: Database, found: argparse.Namespace, good: Sequence[New], keys: SuppressionKeys
) -> tuple[int, int]:
    async with database.read() as conn:
        account_id = await _list_of(conn, found, EVERYBODY)
    added = known = 0
    for start in range(0, len(good), _CHUNK):  # senders write in between
        async with database.write() as conn:
            part = good[start : start + _CHUNK]
            counts = await suppression_list.put(conn, account_id or EVERYBODY, part, keys, now_ms())
        added, known = added + counts[0], known + counts[1]
    return added, known


async def _list_of(conn: AsyncConnection, found: argparse.Namespace, default: int | None) -> int | None:
    if found.account is None:
        return EVERYBODY if found.all else default
    account = await accounts.find_account(conn, found.account)
    if account is None:
        raise Failure(f"no account {found.account!r}: add it with mail2campaign account add")
    return account.id
