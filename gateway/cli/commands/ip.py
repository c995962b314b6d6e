"""`ip`: local addresses that mail leaves from, their warm-up, and the pools of accounts.

In: the parsed command line. Out: one line that says what was done, or a list; warnings on standard error where the DNS of
an address will have its mail refused. What an operator changes holds for all senders within seconds; mails that waited for
room are due again at once. Raises Failure or Taken with one sentence.
"""

from __future__ import annotations

import argparse
import asyncio
import ipaddress
import re
import socket
import sys
from collections.abc import Awaitable, Callable

from sqlalchemy.ext.asyncio import AsyncConnection

from config import warmup
from config.durations import milliseconds
from config.host import host_id
from config.settings import Settings
from config.warmup import Rules
from gateway.cli.commands.database import settings_of, with_database
from gateway.cli.failure import Failure
from mail.resolver import Addresses, DnsTrouble, Resolver
from store import accounts, sources, warmups
from store.engine import Database, now_ms
from store.sources import IN_CALENDAR, SHARED, Source, State
from store.warmups import Use

_POOL = re.compile(r"[A-Za-z0-9][\w.-]{0,62}", re.ASCII)
_VOLUME = re.compile(r"(\d{1,9}(?:[.,]\d{1,3})?)\s*([kKmM]?)", re.ASCII)
_TIMES = {"": 1, "k": 1_000, "m": 1_000_000}

Verb = Callable[[AsyncConnection, Source, int], Awaitable[str]]


def add(found: argparse.Namespace) -> None:
    """Let mail leave from an address of this machine, all of it or by the calendar."""
    settings = settings_of(found)
    address, helo, pool = _canonical(found.address), found.helo.strip().rstrip(".").lower(), _pool(found.pool)
    _bindable(address)
    now = now_ms()
    state, day = (State.WARMING, warmup.day_of(now)) if found.warm_up else (State.READY, None)
    new = Source(0, address, helo, pool, host_id(settings.gateway.data_dir), state, 0, day)

    async def work(database: Database) -> None:
        async with database.write() as conn:
            await sources.add(conn, new, now)
        await _hasten(database)

    with_database(settings, work)
    name = helo or settings.delivery.helo or settings.gateway.domain
    for warning in asyncio.run(_doubts(settings, address, name)):
        print(f"mail2campaign: warning: {warning}", file=sys.stderr)
    begins = f", warms up from today: {_allowance(settings, 0)} mails" if found.warm_up else ""
    print(f"ip {address}: added to pool {pool}{begins}")


def list_all(found: argparse.Namespace) -> None:
    """List the addresses: state, pool, step, allowance and use of today, answers of today."""
    settings = settings_of(found)
    rules, here, now = _rules(settings), host_id(settings.gateway.data_dir), now_ms()

    async def work(database: Database) -> tuple[list[Source], dict[tuple[int, str], Use]]:
        async with database.write() as conn:
            await warmups.advance(conn, rules, now)
            return await sources.every(conn), await warmups.uses(conn, warmup.day_of(now))

    rows, uses = with_database(settings, work)
    for source in rows:
        machine = "" if source.host in ("", here) else "\ton another machine"
        print("\t".join((source.address, source.pool, source.state, *_figures(rules, source, uses))) + machine)


def _figures(rules: Rules, source: Source, uses: dict[tuple[int, str], Use]) -> list[str]:
    own = {provider: use for (one, provider), use in uses.items() if one == source.id}
    total = own.pop("", Use(0, warmup.Answers()))
    shown = [f"helo={source.helo}"] if source.helo else []
    if source.state in IN_CALENDAR:
        shown += [
            f"day={source.step + 1}",
            f"allowance={warmup.allowance(rules, source.step)}",
            f"used={total.claimed}",
        ]
        shown += [f"used.{name}={use.claimed}" for name, use in sorted(own.items()) if use.claimed]
    answers = total.answers
    shown.append(f"accepted={answers.accepted} deferred={answers.deferred} refused={answers.refused}")
    return shown


def start(found: argparse.Namespace) -> None:
    """Begin the warm-up of an address."""
    if found.day < 1:
        raise Failure("--day counts from 1")
    settings = settings_of(found)

    async def verb(conn: AsyncConnection, source: Source, now: int) -> str:
        await sources.start(conn, source.id, found.day - 1, now)
        return f"warms up, today is day {found.day}: {_allowance(settings, found.day - 1)} mails"

    _change(found, settings, verb)


def freeze(found: argparse.Namespace) -> None:
    """Keep an address at its step."""

    async def verb(conn: AsyncConnection, source: Source, _now: int) -> str:
        if not await sources.freeze(conn, source.id):
            raise Failure(f"{source.address} is {source.state}: only an address that is warming can be frozen")
        return f"frozen at day {source.step + 1} of the calendar; it sends on"

    _change(found, settings_of(found), verb)


def thaw(found: argparse.Namespace) -> None:
    """Let an address go on that was frozen or off."""

    async def verb(conn: AsyncConnection, source: Source, _now: int) -> str:
        if not await sources.thaw(conn, source.id):
            raise Failure(f"{source.address} is {source.state}: it is neither frozen nor off")
        return "ready" if source.step_day is None else f"warms up again, day {source.step + 1}"

    _change(found, settings_of(found), verb)


def skip(found: argparse.Namespace) -> None:
    """Go up in the calendar, or end it."""
    if found.days < 1:
        raise Failure("--days must be 1 or more")
    settings = settings_of(found)
    rules = _rules(settings)

    async def verb(conn: AsyncConnection, source: Source, now: int) -> str:
        if not await warmups.skip(conn, rules, source.id, None if found.end else found.days, now):
            raise Failure(f"{source.address} is {source.state}: it is in no calendar")
        moved = await sources.find(conn, source.address)
        assert moved is not None  # it is there: the row is locked
        if found.end:
            return "ready, its warm-up is over"
        return f"day {moved.step + 1} of the calendar: {warmup.allowance(rules, moved.step)} mails today"

    _change(found, settings, verb)


def off(found: argparse.Namespace) -> None:
    """Let nothing leave from an address."""

    async def verb(conn: AsyncConnection, source: Source, _now: int) -> str:
        if not await sources.off(conn, source.id):
            raise Failure(f"{source.address} is off already")
        return "off, nothing leaves from it within seconds"

    _change(found, settings_of(found), verb)


def remove(found: argparse.Namespace) -> None:
    """Forget an address that is off."""

    async def verb(conn: AsyncConnection, source: Source, _now: int) -> str:
        if source.state is not State.OFF:
            raise Failure(f"{source.address} is {source.state}: switch it off first (ip off)")
        await sources.remove(conn, source.id)
        return "forgotten"

    _change(found, settings_of(found), verb)


def advise(found: argparse.Namespace) -> None:
    """Tell how many addresses a daily volume asks for."""
    read = _VOLUME.fullmatch(found.volume.strip().replace(" ", ""))
    if read is None:
        raise Failure(f"{found.volume!r} is no volume: mails a day, for example 120000 or 120k")
    volume = int(float(read[1].replace(",", ".")) * _TIMES[read[2].lower()])
    print(warmup.advised(_rules(settings_of(found)), volume))


def calendar(found: argparse.Namespace) -> None:
    """Print the calendar, one day a line: day, mails a day, mails an hour, mails to one provider."""
    rules = _rules(settings_of(found))
    for step in range(max(0, found.days)):
        total = warmup.allowance(rules, step)
        print(f"{step + 1}\t{total}\t{warmup.part(rules, total)}/h\t{warmup.cap(rules, '*', total)} to one provider")


def account_pool(found: argparse.Namespace) -> None:
    """Let an account send from a pool."""
    pool = _pool(found.pool)

    async def work(database: Database) -> bool:
        async with database.write() as conn:
            account = await accounts.find_account(conn, found.name)
            if account is None:
                raise Failure(f"no account {found.name!r}: add it with mail2campaign account add")
            await sources.change_pool(conn, account.id, pool)
            known = pool == SHARED or any(source.pool == pool for source in await sources.every(conn))
        await _hasten(database)
        return known

    if not with_database(settings_of(found), work):
        print(f"mail2campaign: warning: pool {pool} has no address yet; the shared pool stands in", file=sys.stderr)
    print(f"account {found.name}: sends from pool {pool}")


def _change(found: argparse.Namespace, settings: Settings, verb: Verb) -> None:
    address = _canonical(found.address)

    async def work(database: Database) -> str:
        async with database.write() as conn:
            source = await sources.find(conn, address)
            if source is None:
                raise Failure(f"no address {address}: add it with mail2campaign ip add")
            said = await verb(conn, source, now_ms())
        await _hasten(database)
        return said

    print(f"ip {address}: {with_database(settings, work)}")


async def _hasten(database: Database) -> None:
    # a chunk a transaction: a million recipients that wait must not keep the senders from writing
    now = now_ms()
    while True:
        async with database.write() as conn:
            if not await sources.hasten(conn, now):
                return


def _rules(settings: Settings) -> Rules:
    try:
        return warmup.load(settings.warmup_file)
    except ValueError as error:
        raise Failure(str(error)) from error


def _allowance(settings: Settings, step: int) -> int:
    return warmup.allowance(_rules(settings), step)


def _pool(name: str) -> str:
    if not _POOL.fullmatch(name):
        raise Failure(f"{name!r} is no name of a pool: letters, digits, . _ and -")
    return name


def _canonical(text: str) -> str:
    try:
        address = ipaddress.ip_address(text.strip())
    except ValueError as error:
        raise Failure(f"{text!r} is no IP address") from error
    if address.is_unspecified or address.is_multicast:
        raise Failure(f"{address} is no address that mail can leave from")
    return str(address)


def _bindable(address: str) -> None:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.bind((address, 0))
    except OSError as error:
        raise Failure(f"{address} is no address of this machine ({error.strerror}): add it to an interface") from error


async def _doubts(settings: Settings, address: str, helo: str) -> list[str]:
    """What in the DNS of an address makes servers refuse its mail: no reverse name, or one that does not lead back."""
    resolver = Resolver(settings.dns.nameservers, milliseconds(settings.dns.timeout) / 1000)
    try:
        names = await resolver.names(address)
        if isinstance(names, DnsTrouble):
            return [f"the reverse name of {address} could not be looked up ({names.why})"]
        found = []
        if not names:
            found.append(f"{address} has no reverse name (PTR): many servers refuse its mail")
        elif not [name for name in names if await _leads_to(resolver, name, address)]:
            found.append(f"the reverse name of {address}, {names[0]}, does not lead back to it")
        if not await _leads_to(resolver, helo, address):
            found.append(f"{helo}, said in EHLO, does not lead to {address} (--helo gives it a name of its own)")
        elif names and helo not in names:
            found.append(f"{helo}, said in EHLO, is not the reverse name of {address}, {names[0]}")
        return found
    finally:
        await resolver.close()


async def _leads_to(resolver: Resolver, name: str, address: str) -> bool:
    answer = await resolver.addresses(name)
    return isinstance(answer, Addresses) and address in (*answer.allowed, *answer.refused)
