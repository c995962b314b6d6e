"""Certificates got and renewed by the gateway itself: for its own names, and for the hosts of accounts that lead here.

In: the desk, the settings `[acme]`, a cupboard that is told of new files. Out: DATA/tls/acme/NAME.pem (key and chain,
0600), replaced in one step when less than a third of its life is left; a certificate that works is never touched by a
failure. One process at a time asks for a name (store.certificates); after a failure it is asked again later and later
(AGAIN), and where time runs out the operator is written to. Raises what the database and the disk raise. Logs
certificate_got and certificate_failed.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

from config.certificate import Seen, got, look, paths
from config.durations import milliseconds
from config.host import host_id
from config.keys import write_private
from config.logging import log
from config.settings import Settings
from config.urls import is_address
from gateway.certificates.authority import PATIENCE, Authority, Refused
from gateway.certificates.cupboard import Cupboard
from gateway.certificates.jws import AccountKey
from gateway.hosts.looking import leads_here
from gateway.intake.desk import Desk
from gateway.letters import certificates as letters
from mail.fetch import Client
from mail.resolver import Fence, Resolver
from store import certificates, hosts
from store.certificates import Asked
from store.engine import now_ms

RENEW = 2 / 3  # of its life: then there is a third left
PRESSING = 5 / 6  # of its life: then the operator is told that it cannot be renewed
AGAIN = (10, 30, 60, 180, 360, 720)  # minutes after the first failure, the second …
TELL = 3 * 86_400_000  # ms between two letters about one name
_MINUTE = 60_000


def account_key(data_dir: Path) -> Path:
    """Where the key stands by which the authority knows us."""
    return data_dir / "keys" / "acme.pem"


def own_names(settings: Settings) -> list[str]:
    """The names of the gateway itself: its domain, and the host of its pages."""
    names = [settings.gateway.domain, urlsplit(settings.gateway.url).hostname or ""]
    return [one for one in dict.fromkeys(names) if "." in one and not is_address(one)]


def seen(settings: Settings, name: str) -> Seen | None:
    """The certificate that is served for a name; None where there is none from elsewhere than ourselves."""
    smtp, data = settings.smtp, settings.gateway.data_dir
    for file in (smtp.tls_certificate, data / "tls" / f"{name}.pem", got(data, name), paths(data)[0]):
        try:
            found = None if file is None else look(file)
        except (OSError, ValueError, IndexError):
            continue
        if found is not None and found.bears(name) and not found.own:
            return found
    return None


def due(found: Seen | None, now: datetime) -> bool:
    """Whether a certificate is to be asked for."""
    return found is None or found.spent(now) >= RENEW


class Keeper:
    """Looks after all names; one a gateway."""

    def __init__(self, desk: Desk, cupboard: Cupboard) -> None:
        self._desk, self._cupboard = desk, cupboard
        settings, acme = desk.settings, desk.settings.acme
        self._owner = f"{host_id(settings.gateway.data_dir)} {os.getpid()}"
        self._resolver = Resolver(
            settings.dns.nameservers, milliseconds(settings.dns.timeout) / 1000, Fence(acme.allow_networks)
        )
        agent = f"mail2campaign (+{settings.gateway.url})"
        self._client = Client(self._resolver, acme.ca_file, timeout=30, agent=agent)

    async def close(self) -> None:
        """Let go of DNS."""
        await self._resolver.close()

    async def turn(self) -> int:
        """Ask for what is due; returns how many certificates were got."""
        if not self._desk.settings.acme.directory:
            return 0
        async with self._desk.database.read() as conn:
            theirs = [one.host for one in await hosts.every(conn)]
            known = await certificates.every(conn)
        done = 0
        for name in [*own_names(self._desk.settings), *theirs]:
            asked = known.get(name)
            if asked is not None and asked.again_at > now_ms():
                continue
            if due(seen(self._desk.settings, name), datetime.now(UTC)) and await self._leads_here(name, theirs):
                done += await self._ask(name)
        if done:
            self._cupboard.look()
        return done

    async def _leads_here(self, name: str, theirs: Sequence[str]) -> bool:
        """An account's host is asked for once its DNS is there: nobody's patience is spent on what is still to come."""
        return name not in theirs or await leads_here(self._desk.resolver, self._desk.settings, name)

    async def _ask(self, name: str) -> bool:
        database, acme, now = self._desk.database, self._desk.settings.acme, now_ms()
        async with database.write() as conn:
            until = now + int(PATIENCE * 1000) + _MINUTE
            if not await certificates.take(conn, name, self._owner, now, until):
                return False
        data = self._desk.settings.gateway.data_dir
        contact = acme.contact or self._desk.settings.gateway.operator
        key = AccountKey(account_key(data))
        authority = Authority(acme.directory, contact, key, self._client, self._put, self._take)
        try:
            pem = await authority.obtain(name)
        except Refused as error:
            await self._failed(name, str(error))
            return False
        write_private(got(data, name), pem)
        async with database.write() as conn:
            await certificates.got(conn, name, now_ms())
        log("certificate_got", host=name, until=f"{look(got(data, name)).ends:%Y-%m-%d}")
        return True

    async def _put(self, token: str, answer: str) -> None:
        now = now_ms()
        async with self._desk.database.write() as conn:
            await certificates.prove(conn, token, answer, now, now + int(PATIENCE * 1000))

    async def _take(self, token: str) -> None:
        async with self._desk.database.write() as conn:
            await certificates.forget(conn, [token])

    async def _failed(self, name: str, why: str) -> None:
        now = now_ms()
        async with self._desk.database.write() as conn:
            failures = (await certificates.every(conn))[name].failures
            again_at = now + AGAIN[min(failures, len(AGAIN) - 1)] * _MINUTE
            await certificates.failed(conn, name, why, now, again_at)
            asked = (await certificates.every(conn))[name]
        log("certificate_failed", host=name, why=why, until=datetime.fromtimestamp(again_at / 1000, UTC).isoformat())
        await self._warn(asked)

    async def _warn(self, asked: Asked) -> None:
        """Write to the operator where time runs out."""
        found = seen(self._desk.settings, asked.host)
        if found is None or found.spent(datetime.now(UTC)) >= PRESSING:
            await letters.warn(self._desk, asked, found, now_ms() - TELL)
