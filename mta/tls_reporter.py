"""The chores of transport security in a sender: counts into the database every minute, and the reports of yesterday.

In: the ledger, the resolver, the HTTPS client, a key to sign with. Out: rows, notices in the queue of system mail, posts to
reporters' URLs; of all senders one makes each report, and a crash repeats it at most once an hour, five times. Only
domains that publish where they want reports are counted at all. Logs; what fails is tried at a later turn.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from mail.dkim import Signer
from mail.fetch import Client, Fetched
from mail.resolver import DnsTrouble, Resolver
from mta import tls_report
from mta.security import Policy
from mta.tls_ledger import DAY, Ledger
from mta.tls_report import Applied, Author
from store import notices, tls
from store.engine import Database, now_ms
from store.tls import Counted, Owed

LOG = logging.getLogger(__name__)
EVERY = 60.0  # seconds between two turns
_LOOK = 600_000  # ms between two looks for reports that are due
_KEEP_DAYS = 7
_AT_ONCE = 50  # lookups, and reports read from the database


@dataclass(frozen=True, slots=True)
class Ways:
    """How reports leave."""

    resolver: Resolver
    client: Client
    signer: Signer
    author: Author
    port: int = 25  # of the servers whose TLSA records are named


class Reporter:
    """Call `turn` every minute, and `flush` at the end."""

    def __init__(self, ledger: Ledger, database: Database, ways: Ways, clock: Callable[[], int] = now_ms) -> None:
        self._ledger, self._database, self._ways, self._now = ledger, database, ways, clock
        self._looked_at = 0

    async def turn(self) -> None:
        """Write the counts, and now and then send what is due."""
        await self.flush()
        now = self._now()
        if now - self._looked_at >= _LOOK:
            self._looked_at = now
            await self.send_due(now)

    async def flush(self) -> None:
        """Write what was counted for domains that want reports."""
        counts = self._ledger.take()
        if not counts:
            return
        wanting = await self._wanting(sorted({key.domain for key in counts}))
        try:
            async with self._database.write() as conn:
                await tls.add_results(conn, {key: n for key, n in counts.items() if key.domain in wanting})
        except Exception:
            self._ledger.restore(counts)
            raise

    async def send_due(self, now: int) -> int:
        """Send the reports of yesterday that are due at `now` (ms); returns how many were tried."""
        day, after, tried = now // DAY - 1, "", 0
        while True:
            async with self._database.read() as conn:
                owed = await tls.owed(conn, day, after, _AT_ONCE)
            if not owed:
                break
            after = owed[-1].domain
            for one in owed:
                if now >= tls_report.due_at(day, one.domain, one.tried_at):
                    tried += await self._send(day, one, now)
        async with self._database.write() as conn:
            await tls.forget(conn, day - _KEEP_DAYS, now)
        return tried

    async def _wanting(self, domains: Sequence[str]) -> set[str]:
        found: set[str] = set()
        for at in range(0, len(domains), _AT_ONCE):
            some = domains[at : at + _AT_ONCE]
            answers = await asyncio.gather(*(self._targets(domain) for domain in some))
            # while DNS is in trouble nobody knows: better counted than lost
            found |= {domain for domain, answer in zip(some, answers, strict=True) if answer is None or answer}
        return found

    async def _targets(self, domain: str) -> tuple[str, ...] | None:
        texts = await self._ways.resolver.texts(f"_smtp._tls.{domain}")
        return None if isinstance(texts, DnsTrouble) else tls_report.targets(texts)

    async def _send(self, day: int, one: Owed, now: int) -> bool:
        async with self._database.write() as conn:
            if not await tls.claim(conn, day, one, now):
                return False  # another sender makes it
        targets = await self._targets(one.domain)
        if targets is None:
            return True  # DNS is in trouble: the next try is in an hour
        async with self._database.read() as conn:
            counts = await tls.results(conn, day, one.domain)
            policy = await tls.policy(conn, one.domain)
        applied = await self._applied(counts, policy)
        body = tls_report.packed(tls_report.document(day, one.domain, counts, applied, self._ways.author))
        posted = [await self._post(url, body) for url in targets if url.startswith("https://")]
        addresses = [to for to in targets if not to.startswith("https://")]
        mails = [await self._mail(day, one.domain, to, body, now) for to in addresses]
        async with self._database.write() as conn:
            for to, raw in zip(addresses, mails, strict=True):
                await notices.add(conn, None, to, raw, now)
            if mails or not targets or any(posted):
                await tls.sent(conn, day, one.domain, now)
        return True

    async def _mail(self, day: int, domain: str, to: str, body: bytes, now: int) -> bytes:
        ways = self._ways
        return await asyncio.to_thread(tls_report.message, day, domain, to, body, ways.author, now, ways.signer)

    async def _post(self, url: str, body: bytes) -> bool:
        got = await self._ways.client.post(url, body, tls_report.GZIP)
        done = isinstance(got, Fetched) and 200 <= got.status < 300
        if not done:
            LOG.warning("a TLS report was not taken: %s", got)
        return done

    async def _applied(self, counts: Mapping[Counted, int], sts: str) -> dict[str, Applied]:
        applied: dict[str, Applied] = {}
        if sts:
            lines = tuple(sts.splitlines())
            patterns = tuple(line[4:] for line in lines if line.startswith("mx: "))
            applied[Policy.STS.value] = Applied(lines, patterns)
        hosts = sorted({key.mx for key in counts if key.policy == Policy.TLSA.value and key.mx})[:10]
        if hosts:
            answers = [await self._ways.resolver.tlsa(host, self._ways.port) for host in hosts]
            records = [str(one) for answer in answers if not isinstance(answer, DnsTrouble) for one in answer.records]
            applied[Policy.TLSA.value] = Applied(tuple(dict.fromkeys(records)), tuple(hosts))
        return applied
