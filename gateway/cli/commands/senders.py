"""`sender` and `domain`: the addresses that an account may send from, and how they are proved.

In: the parsed command line. Out: one line that says what was done, or a list. A sender is proved by an operator who knows
(`--verified`), by the link mailed to it, or by its domain's TXT record. Raises Failure or Taken with one sentence.
"""

from __future__ import annotations

import argparse
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from config.durations import milliseconds
from config.settings import Settings
from gateway.cli.commands.accounts import account_of
from gateway.cli.commands.database import settings_of, with_database
from gateway.cli.failure import Failure
from gateway.intake.desk import Desk, rings
from gateway.letters import asking
from gateway.reading.readers import Readers
from mail.alignment import organisation
from mail.resolver import DnsTrouble, Resolver
from parsers.address import Found, a_label, parse
from store import accounts, declared
from store.declared import Declared, Domain
from store.engine import Database, now_ms
from store.spool import Spool

_RECORD = "_mail2campaign"


@asynccontextmanager
async def _desk(settings: Settings, database: Database) -> AsyncIterator[Desk]:
    """What writing a letter and asking DNS need; no process is started."""
    resolver = Resolver(settings.dns.nameservers, timeout=milliseconds(settings.dns.timeout) / 1000)
    readers = Readers(settings.limits.reader_memory, settings.limits.reader_seconds)
    try:
        yield Desk(settings, database, Spool(settings.gateway.data_dir / "spool"), readers, resolver, *rings(settings))
    finally:
        await resolver.close()


def add(found: argparse.Namespace) -> None:
    """Declare a sender address; one that nobody vouches for yet is asked by mail."""
    settings, address = settings_of(found), _address(found.address)

    async def work(database: Database) -> str:
        async with database.write() as conn:
            account, now = await account_of(conn, found.name), now_ms()
            verified = now if found.verified else None
            await accounts.declare_sender(conn, account.id, address.address, address.name, verified, now)
            sender = await declared.find(conn, account.id, address.address)
        assert sender is not None
        if sender.verified:
            return "verified"
        async with _desk(settings, database) as desk:
            return await _asked(desk, sender)

    print(f"sender {address.address} of {found.name}: {with_database(settings, work)}")


async def _asked(desk: Desk, sender: Declared) -> str:
    if await asking.ask(desk, sender) is not None:
        return "declared; a letter asks its owner to confirm (the link is good for 7 days)"
    if sender.refused_at is not None:
        return "its owner refused; not asked again within 30 days"
    return "asked a moment ago; try again in ten minutes"


def show(found: argparse.Namespace) -> None:
    """List the senders of an account, one a line: address, name; with --all also those not proved, and why."""

    async def work(database: Database) -> list[tuple[str, str]]:
        async with database.read() as conn:
            account = await account_of(conn, found.name)
            proved = [(one.address, one.name) for one in await accounts.list_senders(conn, account.id)]
            others = await declared.unproved(conn, account.id) if found.all else []
            return [*proved, *((one.address, f"({_waiting(one)})") for one in others)]

    for address, name in with_database(settings_of(found), work):
        print(f"{address}\t{name}")


def check(found: argparse.Namespace) -> None:
    """Tell whether a sender is proved; look at its domain's record, and ask its owner again if wanted."""
    settings, address = settings_of(found), _address(found.address).address

    async def work(database: Database) -> str:
        async with _desk(settings, database) as desk:
            async with database.read() as conn:
                account = await account_of(conn, found.name)
                sender = await declared.find(conn, account.id, address)
                claimed = await declared.domains_of(conn, account.id)
            if sender is None:
                raise Failure(f"{address} is no sender of {found.name}: declare it with mail2campaign sender add")
            if sender.verified:
                return "verified"
            domain = a_label(address.rpartition("@")[2])
            mine = next((one for one in claimed if one.domain == domain), None)
            if mine is not None and await _published(desk, mine):
                async with database.write() as conn:
                    await declared.prove(conn, account.id, domain, now_ms())
                return f"verified by the record of {domain}"
            return await _asked(desk, sender) if found.again else _waiting(sender)

    print(f"sender {address} of {found.name}: {with_database(settings, work)}")


def _waiting(sender: Declared) -> str:
    if sender.refused_at is not None:
        return "its owner refused"
    late = sender.asked_at is None or sender.asked_at <= now_ms() - declared.LINK_MS
    return "not proved; --again sends a new link" if late else "waiting for its owner's answer"


def _address(text: str) -> Found:
    addresses = parse(text)
    if len(addresses) != 1 or addresses[0].fault is not None:
        raise Failure(f"{text!r} is no e-mail address")
    return addresses[0]


def domain_add(found: argparse.Namespace) -> None:
    """Claim a domain for an account and print the record that proves it."""
    domain = _domain(found.domain)

    async def work(database: Database) -> Domain:
        async with database.write() as conn:
            account = await account_of(conn, found.name)
            return await declared.claim(conn, account.id, domain, secrets.token_hex(16), now_ms())

    claimed = with_database(settings_of(found), work)
    print(f'{_RECORD}.{domain} TXT "{_value(claimed)}"')


def domain_check(found: argparse.Namespace) -> None:
    """Look for the record of a claimed domain; when it is there, the domain is the account's alone."""
    settings, domain = settings_of(found), _domain(found.domain)

    async def work(database: Database) -> tuple[list[str], list[str]]:
        async with _desk(settings, database) as desk:
            async with database.read() as conn:
                account = await account_of(conn, found.name)
                claimed = await declared.domains_of(conn, account.id)
            mine = next((one for one in claimed if one.domain == domain), None)
            if mine is None:
                raise Failure(f"{domain} is no domain of {found.name}: claim it with mail2campaign domain add")
            if not await _published(desk, mine):
                raise Failure(f'not there yet: {_RECORD}.{domain} TXT "{_value(mine)}"')
            async with database.write() as conn:
                return await declared.prove(conn, account.id, domain, now_ms())

    won, lost = with_database(settings, work)
    print(f"domain {domain} of {found.name}: verified, closed to other accounts")
    for address in won:
        print(f"sender {address}: verified")
    for address in lost:
        print(f"sender {address} of another account: may no longer send")


def domain_list(found: argparse.Namespace) -> None:
    """List the domains that an account claims, one a line: domain, verified or waiting."""

    async def work(database: Database) -> list[Domain]:
        async with database.read() as conn:
            return await declared.domains_of(conn, (await account_of(conn, found.name)).id)

    for one in with_database(settings_of(found), work):
        print(f"{one.domain}\t{'verified' if one.verified_at else 'waiting'}")


def _domain(text: str) -> str:
    domain = a_label(text.strip().rstrip("."))
    if not domain or not organisation(domain):
        raise Failure(f"{text!r} is no domain that somebody can own")
    return domain


def _value(claimed: Domain) -> str:
    return f"mail2campaign={claimed.word}"


async def _published(desk: Desk, claimed: Domain) -> bool:
    texts = await desk.resolver.texts(f"{_RECORD}.{claimed.domain}")
    if isinstance(texts, DnsTrouble):
        raise Failure(f"DNS does not answer for {_RECORD}.{claimed.domain} ({texts.why}): try again later")
    return _value(claimed) in (text.strip() for text in texts)
