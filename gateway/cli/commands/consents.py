"""`consent`: the register of an account, read, brought in and out, and written by hand.

In: the parsed command line; lists of any kind that campaigns take, with columns for the word, its date, source and wording.
Out: lines for people and scripts, or CSV that a spreadsheet reads as text only. Nothing is ever taken out of the register: a
later word stands, and what a person refused on the page stays refused whatever a list says. Raises Failure.
"""

from __future__ import annotations

import argparse
import contextlib
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from gateway.cli.commands.database import settings_of, with_database
from gateway.cli.commands.lists import read_list, tell
from gateway.cli.commands.people import address_of, day, place, value
from gateway.cli.failure import Failure
from gateway.sheet import Csv
from parsers import liste
from parsers.address import key
from parsers.columns import canonical
from parsers.days import date, day_or_none
from parsers.liste import Line, Liste
from store import accounts, consents, suppressions
from store.consents import Entry, New
from store.engine import Database, now_ms

_CHUNK = 2_000
_COLUMNS = ("Email", "Consent", "Date", "Source", "Wording", "By", "Personal", "Purpose", "Recorded", "Campaign")
_YES = frozenset({"oui", "yes", "o", "y", "1", "x", "true", "vrai", "agreed", "accord", "accepte", "granted"})
_NO = frozenset({"non", "no", "n", "0", "false", "faux", "refused", "refus", "refuse", "withdrawn", "retire", "denied"})
_GUARDED = ("'=", "'+", "'-")


def show(found: argparse.Namespace) -> None:
    """List what stands for each address: address, yes or no, since when, from where."""
    latest: dict[str, Entry] = {}
    said: dict[str, list[tuple[bool, bool]]] = {}

    def gather(entries: Sequence[Entry]) -> None:
        for one in sorted(entries, key=lambda entry: (entry.at, entry.id)):
            if one.address is not None and one.purpose == consents.TRACKING:
                latest[key(one.address)] = one
                said.setdefault(key(one.address), []).append((one.agreed, one.personal))

    _pages(found, gather)
    for address, one in sorted(latest.items()):
        stands = "yes" if consents.stands(said[address]) else "no"
        print("\t".join((one.address or "", stands, date(one.at), one.source)))


def export(found: argparse.Namespace) -> None:
    """Write the whole register as CSV, oldest row first, to a file or standard output."""
    writer = Csv()
    with contextlib.ExitStack() as files:
        out = sys.stdout.buffer if found.file is None else files.enter_context(Path(found.file).open("wb"))
        out.write(writer.start(_COLUMNS))
        _pages(found, lambda entries: out.write(writer.rows(map(_fields, entries))))


def _fields(one: Entry) -> tuple[str, ...]:
    said = "yes" if one.agreed else "no"
    own, campaign = "yes" if one.personal else "no", "" if one.campaign_id is None else str(one.campaign_id)
    whole = (one.address or "", said, date(one.at), one.source, one.wording, one.by, own, one.purpose)
    return (*whole, date(one.recorded_at), campaign)


def _pages(found: argparse.Namespace, use: Callable[[Sequence[Entry]], object]) -> None:
    async def work(database: Database) -> None:
        account_id, after = await _account(database, found.account), 0
        while True:
            async with database.read() as conn:
                entries = await consents.page(conn, account_id, after)
            if not entries:
                return
            use(entries)
            after = entries[-1].id

    with_database(settings_of(found), work)


def history(found: argparse.Namespace) -> None:
    """List every word that was ever recorded of an address."""
    address, settings = address_of(found.address), settings_of(found)
    keys = suppressions.load(settings)

    async def work(database: Database) -> list[Entry]:
        account_id = await _account(database, found.account)
        async with database.read() as conn:
            return await consents.history(conn, account_id, address, keys)

    entries = with_database(settings, work)
    if not entries:
        raise Failure(f"nothing is recorded of {address}")
    for one in entries:
        print("\t".join(_fields(one)))


def agree(found: argparse.Namespace) -> None:
    """Record that a person agreed, with the words they were asked in."""
    _by_hand(found, agreed=True)


def refuse(found: argparse.Namespace) -> None:
    """Record that a person refused: nothing of them is recorded any more, on mails already sent too."""
    _by_hand(found, agreed=False)


def _by_hand(found: argparse.Namespace, *, agreed: bool) -> None:
    now = now_ms()
    at = day(found.date) if found.date else now
    if at > now:
        raise Failure(f"--date {found.date} is still to come")
    word = New(address_of(found.address), agreed, at, found.source, found.wording, found.by)
    stands = _written(found, [word])
    print(f"{word.address}: recorded; what stands now: {'yes' if stands.get(key(word.address)) else 'no'}")


def bring_in(found: argparse.Namespace) -> None:
    """Import a list with a column Consent (yes, no) and, if there are, Date, Source and Wording."""
    read = read_list(found.file)
    good, bad = _words(read, found, now_ms())
    stands = _written(found, good)
    kept = sum(1 for one in good if one.agreed and stands.get(key(one.address)) is False)
    print(f"consent register: {len(good)} recorded, {len(bad)} bad, {kept} yes outweighed by a refusal")
    tell(bad)


def _words(read: Liste, found: argparse.Namespace, now: int) -> tuple[list[New], list[str]]:
    names = (("consent", "consentement", "suivi", "tracking"), ("date", "le", "since", "depuis"), ("source", "origine"))
    said_at, when_at, source_at = (place(read, one) for one in names)
    wording_at, by_at = place(read, ("wording", "texte", "formulation")), place(read, ("by", "par"))
    if said_at is None:
        raise Failure(f"{found.file} has no column Consent (yes or no)")
    good: list[New] = []
    bad: list[str] = []
    for line in read.lines:
        if line.fault not in (None, liste.Fault.DUPLICATE):  # the same address twice is its history
            bad.append(f"line {line.label}: {line.fault.value if line.fault else ''}: {line.address[:100]!r}")
            continue
        word = canonical(value(line, said_at))
        if word not in _YES | _NO:
            bad.append(f"line {line.label}: {value(line, said_at)[:100]!r} is neither yes nor no")
            continue
        at = _when(line, when_at, found, now)
        if at is None:
            bad.append(f"line {line.label}: {value(line, when_at)[:100]!r} is no date that has passed")
            continue
        address = line.address[1:] if line.address.startswith(_GUARDED) else line.address
        source, wording = value(line, source_at) or found.source, value(line, wording_at) or found.wording
        if word in _YES and not wording:
            bad.append(f"line {line.label}: a yes needs its wording (§1.7): a column Wording, or --wording")
            continue
        good.append(New(address, word in _YES, at, source[:200], wording[:2_000], value(line, by_at) or found.by))
    return good, bad


def _when(line: Line, at: int | None, found: argparse.Namespace, now: int) -> int | None:
    said = value(line, at)
    when = day_or_none(said) if said else day(found.date) if found.date else now
    return when if when is not None and when <= now else None


def _written(found: argparse.Namespace, words: Sequence[New]) -> dict[str, bool]:
    settings = settings_of(found)
    keys = suppressions.load(settings)

    async def work(database: Database) -> dict[str, bool]:
        account_id = await _account(database, found.account)
        stands: dict[str, bool] = {}
        for start in range(0, len(words), _CHUNK):  # senders write in between
            part = words[start : start + _CHUNK]
            async with database.write() as conn:
                await consents.record(conn, account_id, part, keys, now_ms())
                stands |= await consents.standing(conn, account_id, [key(one.address) for one in part], keys)
        return stands

    return with_database(settings, work)


async def _account(database: Database, name: str) -> int:
    async with database.read() as conn:
        account = await accounts.find_account(conn, name)
    if account is None:
        raise Failure(f"no account {name!r}: add it with mail2campaign account add")
    return account.id
