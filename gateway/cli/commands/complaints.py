"""`complaints`: the rate of complaints at each provider beside what it bears, and figures that providers report themselves.

In: the parsed command line; Signal Spam's CSV (or any other), whose columns are found by name or named with --columns. Out:
one line a provider. Raises Failure with one sentence.
"""

from __future__ import annotations

import argparse
import csv
import io
from collections import Counter
from pathlib import Path

from config.providers import Providers
from gateway.cli.commands.database import settings_of, with_database
from gateway.cli.failure import Failure
from parsers.charsets import decode
from parsers.columns import canonical
from parsers.days import day_or_none
from store import accounts, complaints
from store.complaints import Figures, Reported
from store.engine import Database, now_ms

_DAY = 86_400_000
_LARGEST = 50_000_000
# Signal Spam publishes no description of its columns: these names are tried, --columns names any other
_NAMES = {
    "date": {"date", "day", "jour", "dateheure", "datetime", "timestamp"},
    "ip": {"ip", "adresseip", "ipaddress", "sourceip", "ipsource", "ipemettrice", "sendingip"},
    "count": {"count", "nombre", "nb", "total", "signalements", "reports", "complaints", "plaintes", "volume"},
    "provider": {"provider", "fournisseur", "fai", "isp", "operateur", "source"},
}


def rates(found: argparse.Namespace) -> None:
    """Show delivered mails, complaints, their rate and the rate that the provider bears."""
    settings = settings_of(found)
    providers = Providers.load(settings.providers_file if settings.providers_file.is_file() else None)
    since = now_ms() // _DAY - found.days

    async def work(database: Database) -> tuple[list[Figures], dict[tuple[str, str], int]]:
        async with database.read() as conn:
            account = await accounts.find_account(conn, found.account) if found.account else None
            if found.account and account is None:
                raise Failure(f"no account {found.account!r}: add it with mail2campaign account add")
            known = await complaints.figures(conn, since, account.id if account else None, found.campaign)
            return known, await complaints.reported(conn, since)

    known, told = with_database(settings, work)
    print("PROVIDER\tDELIVERED\tCOMPLAINTS\tRATE\tTHRESHOLD\tSTATE")
    for one in known:
        provider = providers.named(one.provider) if one.provider else None
        bears = provider.complaints / 10 if provider else 0.0
        rate = 100 * one.complained / one.delivered if one.delivered else 0.0
        state = "" if not bears else "ABOVE" if rate >= bears else "near" if rate >= bears / 2 else "ok"
        name = provider.name if provider else "others"
        shown = f"{bears:g} %" if bears else "-"
        print("\t".join((name, str(one.delivered), str(one.complained), f"{rate:.3f} %", shown, state)))
    for (source, place), n in sorted(told.items()) if not (found.account or found.campaign) else ():
        print(f"reported by {source}{f' for {place}' if place else ''}: {n} complaints")


def bring_in(found: argparse.Namespace) -> None:
    """Import complaints a day and address (Signal Spam's CSV); the same day again replaces what was there."""
    try:
        data = Path(found.file).read_bytes()
    except OSError as error:
        raise Failure(f"{found.file}: {error.strerror}") from error
    if len(data) > _LARGEST:
        raise Failure(f"{found.file} is larger than {_LARGEST:,} bytes")
    rows, bad = _rows(decode(data, None), _mapping(found.columns), found.file)
    if not rows:
        raise Failure(f"{found.file} holds no line that could be read")

    async def work(database: Database) -> None:
        for start in range(0, len(rows), 2_000):
            async with database.write() as conn:
                await complaints.report(conn, found.source, rows[start : start + 2_000])

    with_database(settings_of(found), work)
    print(
        f"{found.source}: {sum(one.n for one in rows)} complaints of {len({one.day for one in rows})} days, {bad} bad lines"
    )


def _mapping(text: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for pair in filter(None, text.split(",")):
        what, equals, name = pair.partition("=")
        if not equals or what.strip() not in _NAMES:
            raise Failure(f"--columns {pair!r}: write for example date=Jour,ip=IP,count=Nombre,provider=FAI")
        found[what.strip()] = canonical(name)
    return found


def _rows(text: str, named: dict[str, str], file: str) -> tuple[list[Reported], int]:
    head = text.lstrip("\ufeff").partition("\n")[0]
    separator = max(";,\t", key=head.count)
    lines = list(csv.reader(io.StringIO(text.lstrip("\ufeff")), delimiter=separator))
    titles = [canonical(title) for title in lines[0]] if lines else []
    places = {what: _place(titles, named.get(what), names) for what, names in _NAMES.items()}
    if places["date"] is None:
        raise Failure(f"{file} has no column of dates: name it with --columns date=NAME")
    sums: Counter[tuple[int, str, str]] = Counter()
    bad = 0
    for line in lines[1:]:
        if not any(cell.strip() for cell in line):
            continue
        cells = {what: line[at].strip() if at is not None and at < len(line) else "" for what, at in places.items()}
        day = day_or_none(cells["date"]) or day_or_none(cells["date"][:10])
        count = cells["count"] if places["count"] is not None else "1"  # a line a complaint
        if day is None or not (count.isascii() and count.isdigit()):
            bad += 1
            continue
        sums[day // _DAY, cells["provider"][:100], cells["ip"][:45]] += int(count)
    return [Reported(day, provider, ip, n) for (day, provider, ip), n in sorted(sums.items())], bad


def _place(titles: list[str], named: str | None, known: set[str]) -> int | None:
    if named is not None:
        if named not in titles:
            raise Failure(f"--columns: there is no column {named!r}")
        return titles.index(named)
    return next((at for at, title in enumerate(titles) if title in known), None)
