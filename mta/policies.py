"""The MTA-STS policies of the world: found by TXT, fetched over HTTPS, kept in memory and in the database (RFC 8461).

In: domains. Out: the policy in force or None. A policy is fetched when its id changes and once a day; one that cannot be
fetched stays in force until its max_age ends, and so does one whose TXT record is gone, for an attacker could hide it
(section 5.1). Processes share what they fetch through the database, which is read at the start and every ten minutes. A
failure is told to whoever counts, and not repeated for five minutes. Logs; raises nothing but CancelledError.
"""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from mail.fetch import Client, Fetched, Trouble, Unfetched
from mail.resolver import DnsTrouble, Resolver
from mta.security import Fault, Flaw, Policy, Seen
from parsers.mta_sts import MAX_BODY, StsPolicy, parse, policy_id
from store import tls
from store.engine import Database, now_ms
from store.tls import StsRow

LOG = logging.getLogger(__name__)
PATH = "/.well-known/mta-sts.txt"
_DAY = 86_400_000  # ms
_AGAIN = 300_000  # ms after a failure (section 3.3)
_RELOAD = 600_000  # ms
_OVERLAP = 60_000  # ms that clocks may differ between machines
_KEPT = 50_000  # policies, and failures, remembered
_AT_ONCE = 20  # fetches under way
_FAULTS = {Trouble.CERTIFICATE: Fault.STS_WEB, Trouble.TLS: Fault.STS_WEB}


@dataclass(frozen=True, slots=True)
class Held:
    """A policy in force until `expires_at` (ms)."""

    id: str
    policy: StsPolicy
    fetched_at: int
    expires_at: int

    def old(self, now: int) -> bool:
        """Whether it should be looked at again though its id has not changed (section 10.2)."""
        return now - self.fetched_at > min(_DAY, self.policy.max_age * 500)


class Policies:
    """Knows the policy of every domain; one a process."""

    def __init__(
        self,
        resolver: Resolver,
        client: Client,
        database: Database,
        told: Callable[[Sequence[str], Seen], None] | None = None,
        clock: Callable[[], int] = now_ms,
    ) -> None:
        self._resolver, self._client, self._database, self._told, self._now = resolver, client, database, told, clock
        self._held: OrderedDict[str, Held] = OrderedDict()
        self._failed: OrderedDict[str, int] = OrderedDict()
        self._fetching: dict[str, asyncio.Task[None]] = {}
        self._turns = asyncio.Semaphore(_AT_ONCE)
        self._loading = asyncio.Lock()
        self._loaded_at = 0

    async def of(self, domain: str) -> StsPolicy | None:
        """The policy of a domain (an A-label) in force; waits for its first fetch, some ten seconds at most."""
        await self._load()
        texts = await self._resolver.texts(f"_mta-sts.{domain}")
        wanted = "" if isinstance(texts, DnsTrouble) else policy_id(texts)
        held, now = self._current(domain), self._now()
        if wanted and self._failed.get(domain, 0) <= now:
            if held is None or held.id != wanted:
                await asyncio.shield(self._fetch(domain, wanted))
                held = self._current(domain)
            elif held.old(now):
                self._fetch(domain, wanted)  # nobody waits for it
        return None if held is None else held.policy

    async def close(self) -> None:
        """Give up the fetches under way."""
        tasks = list(self._fetching.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _current(self, domain: str) -> Held | None:
        held = self._held.get(domain)
        return held if held is not None and held.expires_at > self._now() else None

    def _fetch(self, domain: str, wanted: str) -> asyncio.Task[None]:
        task = self._fetching.get(domain)
        if task is None:
            task = self._fetching[domain] = asyncio.create_task(self._renew(domain, wanted))
            task.add_done_callback(lambda _: self._fetching.pop(domain, None))
        return task

    async def _renew(self, domain: str, wanted: str) -> None:
        async with self._turns:
            got = await self._client.get(f"mta-sts.{domain}", PATH, MAX_BODY)
        now, policy = self._now(), _read(got)
        if isinstance(policy, Flaw):
            self._fail(domain, policy, now)
            return
        held = Held(wanted, policy, now, now + policy.max_age * 1000)
        self._keep(domain, held)
        await self._store(domain, held)

    def _fail(self, domain: str, flaw: Flaw, now: int) -> None:
        self._failed[domain] = now + _AGAIN
        if len(self._failed) > _KEPT:
            self._failed.popitem(last=False)
        if self._told is not None:
            self._told([domain], Seen(Policy.STS, "", "", "", flaw))

    def _keep(self, domain: str, held: Held) -> None:
        self._failed.pop(domain, None)
        self._held[domain] = held
        self._held.move_to_end(domain)
        if len(self._held) > _KEPT:
            self._held.popitem(last=False)

    async def _store(self, domain: str, held: Held) -> None:
        row = StsRow(domain, held.id, "\n".join(held.policy.lines), held.fetched_at, held.expires_at)
        try:
            async with self._database.write() as conn:
                await tls.keep_policy(conn, row)
        except Exception:
            LOG.exception("cannot store the MTA-STS policy of %s", domain)

    async def _load(self) -> None:
        """Read what any process has fetched; a database that fails is asked again a little later."""
        if self._now() - self._loaded_at < _RELOAD:
            return
        async with self._loading:
            now = self._now()
            if now - self._loaded_at < _RELOAD:
                return
            since, self._loaded_at = self._loaded_at - _OVERLAP, now
            try:
                async with self._database.read() as conn:
                    rows = await tls.policies(conn, now, since)
            except Exception:
                LOG.exception("cannot read the MTA-STS policies")
                self._loaded_at = now - _RELOAD + _OVERLAP
                return
        for row in reversed(rows):
            policy = parse(row.policy.encode())
            mine = self._held.get(row.domain)
            if isinstance(policy, StsPolicy) and (mine is None or mine.fetched_at < row.fetched_at):
                self._keep(row.domain, Held(row.policy_id, policy, row.fetched_at, row.expires_at))


def _read(got: Fetched | Unfetched) -> StsPolicy | Flaw:
    """The policy in what was fetched, or why there is none (section 3.3: only 200 counts, nothing is followed)."""
    if isinstance(got, Unfetched):
        return Flaw(_FAULTS.get(got.why, Fault.STS_FETCH), got.detail or got.why.value)
    if got.status != 200:
        return Flaw(Fault.STS_FETCH, f"HTTP {got.status}")
    if got.content_type != "text/plain":
        return Flaw(Fault.STS_INVALID, "not text/plain")  # section 3.2
    policy = parse(got.body)
    return Flaw(Fault.STS_INVALID, policy) if isinstance(policy, str) else policy
