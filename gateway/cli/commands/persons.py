"""`person`: everything stored about one person, told or erased (GDPR articles 15 and 17).

In: the parsed command line. Out: JSON or CSV of all that is stored, or a line that says what was erased and what stays, and
until when. Raises Failure with one sentence.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from config.keys import load_keyring
from config.settings import Settings
from gateway.cli.commands.database import settings_of, with_database
from gateway.cli.commands.people import address_of
from gateway.cli.failure import Failure
from gateway.sheet import Csv
from mail.tracking import last_open_id
from parsers.address import key as folded
from parsers.tokens import Keyring
from store import accounts, persons, suppression_list, suppressions
from store.engine import Database, now_ms
from store.persons import Erased
from store.suppression_list import New


def export(found: argparse.Namespace) -> None:
    """Write everything that is stored about a person, to a file or standard output."""
    address, settings = address_of(found.address), settings_of(found)
    keys = suppressions.load(settings)

    async def work(database: Database) -> dict[str, Any]:
        account, numbers = await _whose(database, settings, found.account, address)
        return await persons.tell(database, address, account, keys, numbers)

    told = _readable(with_database(settings, work))
    data = _csv(told) if found.csv else json.dumps(told, ensure_ascii=False, indent=2).encode() + b"\n"
    if found.file is None:
        sys.stdout.buffer.write(data)
    else:
        Path(found.file).write_bytes(data)


def erase(found: argparse.Namespace) -> None:
    """Erase a person; what stays names nobody."""
    address, settings = address_of(found.address), settings_of(found)
    keys, now = suppressions.load(settings), now_ms()

    async def work(database: Database) -> Erased:
        account, numbers = await _whose(database, settings, found.account, address)
        done = await persons.erase(database, address, account, keys, numbers)
        if found.suppress:
            async with database.write() as conn:
                entry = New(address, "manual", now)
                await suppression_list.put(conn, account or suppressions.EVERYBODY, [entry], keys, now)
                await suppression_list.forget(conn, keys.hashes(folded(address)))
        return done

    done = with_database(settings, work)
    print(
        f"erased: {done.recipients} mails, {done.faults} bad lines, {done.consents} words of the consent register,"
        f" {done.suppressions} addresses of the suppression list (which go on working as keyed hashes)"
    )
    if found.suppress:
        print("nobody writes to the address any more: its keyed hash is on the suppression list")
    if done.campaigns:
        numbers = ", ".join(map(str, done.campaigns))
        kept = settings.retention.report
        print(f"still in the list as it was mailed to us, erased {kept} after the end of each campaign: {numbers}")


async def _whose(
    database: Database, settings: Settings, name: str | None, address: str
) -> tuple[int | None, dict[int, int]]:
    """The account that is meant, and the number of the person's last open in it or in each."""
    ring = Keyring(*load_keyring(settings.gateway.data_dir, "tokens"))
    async with database.read() as conn:
        known = await accounts.list_accounts(conn)
    mine = [account for account in known if name is None or account.name == name]
    if name is not None and not mine:
        raise Failure(f"no account {name!r}: add it with mail2campaign account add")
    ids = {account.id: last_open_id(ring, account.id, address) for account in mine}
    return (mine[0].id if name is not None else None), {
        one: number << 12 | extra for one, (number, extra) in ids.items()
    }


def _readable(value: Any, name: str = "") -> Any:
    """Instants as dates."""
    if isinstance(value, dict):
        return {key: _readable(one, key) for key, one in value.items()}
    if isinstance(value, list):
        return [_readable(one) for one in value]
    if isinstance(value, int) and not isinstance(value, bool):
        if name == "day":
            return datetime.fromtimestamp(value * 86_400, UTC).strftime("%Y-%m-%d")
        if name in ("at", "since", "until") or name.endswith("_at"):
            return datetime.fromtimestamp(value / 1000, UTC).isoformat(timespec="milliseconds")
    return value


def _csv(told: Mapping[str, Any]) -> bytes:
    writer = Csv()
    return writer.start(("Kind", "Account", "Campaign", "What", "Value")) + writer.rows(list(_flat(told)))


def _flat(told: Mapping[str, Any]) -> Iterator[tuple[str, ...]]:
    for kind in ("mails", "bad_lines", "consents", "last_opens", "suppressions"):
        for one in told[kind]:
            account, campaign = str(one.get("account", "")), str(one.get("campaign", ""))
            for what, value in one.items():
                if what in ("account", "campaign") or value in (None, "", [], {}):
                    continue
                if isinstance(value, dict):
                    yield from (
                        (kind, account, campaign, f"{what}: {name}", str(inner)) for name, inner in value.items()
                    )
                elif isinstance(value, list):
                    yield from (
                        (kind, account, campaign, str(event.get("event")), json.dumps(event, ensure_ascii=False))
                        for event in value
                    )
                else:
                    yield kind, account, campaign, what, str(value)
