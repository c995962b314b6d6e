"""The task that tells events to webhooks: in order for each recipient, a few requests at once, again when they fail.

In: the desk, an HTTP client whose resolver knows which networks may be asked. Out: requests; rows of the queue gone, put off
or set aside. One endpoint that hangs holds up no other. An endpoint of which a whole round fails rests for a while that
grows; after `give_up_after` without a success it is switched off, and the account gets a letter (gateway.letters.hooks). A
crash between a request and the note of its success tells the event again, under the same `webhook-id`. Logs hook_told,
hook_failed, hook_disabled; raises nothing but what the database raises, which `run` waits out.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection

from config.durations import Plan, milliseconds, plan
from config.logging import log
from gateway.hooks.documents import MEDIA, request
from gateway.hooks.signature import headers
from gateway.intake.desk import Desk
from gateway.letters import hooks
from mail.fetch import Client, Fetched, Unfetched
from mail.resolver import Fence, Resolver
from store import consents, hook_answers, hook_queue, webhooks
from store.engine import now_ms
from store.hook_answers import Answer
from store.hook_queue import Waiting
from store.states import Event
from store.webhooks import Webhook, word

LOOK = 0.5  # seconds between two looks while nothing is due
AT_ONCE = 4  # requests to one endpoint
ENDPOINTS = 20  # endpoints asked at once
ROUNDS = 50  # rounds of one endpoint before others get their turn
ANSWER = 262_144  # bytes of an answer, of which only the status counts
EXPIRE = 30.0  # seconds between two looks for what is too old, and for letters to be written
_RESTS = (5_000, 15_000, 60_000, 300_000, 600_000)  # ms an endpoint rests after so many failed rounds
_PERSONAL = (int(Event.OPEN), int(Event.CLICK))


@dataclass(frozen=True, slots=True)
class _Outcome:
    """What became of one request: empty `why` for a success; `gone` when the endpoint says that it is no more (410)."""

    events: Sequence[Waiting]
    answer: Answer
    why: str = ""
    gone: bool = False


class Dispatcher:
    """Tells what waits, until it is told to stop."""

    def __init__(self, desk: Desk, client: Client) -> None:
        settings = desk.settings.webhooks
        self._desk, self._client, self._http = desk, client, settings.allow_http
        self._plan: Plan = plan(settings.retry)
        self._give_up = milliseconds(settings.give_up_after)
        self._endpoints = asyncio.Semaphore(ENDPOINTS)
        self._busy: set[int] = set()

    async def run(self, stop: asyncio.Event) -> None:
        """Tell events until `stop` is set; a request under way is waited for, or cut short and told again later."""
        tasks: set[asyncio.Task[None]] = set()
        expired = 0.0
        while not stop.is_set():
            try:
                for webhook in await self._due():
                    self._busy.add(webhook.id)
                    task = asyncio.create_task(self._serve(webhook))
                    tasks.add(task)
                    task.add_done_callback(tasks.discard)
                if (now := asyncio.get_running_loop().time()) - expired >= EXPIRE:
                    expired = now
                    await self._expire()
                    await hooks.tell(self._desk)
            except (SQLAlchemyError, OSError) as error:
                log("failed", what="webhooks", error=error)
            try:
                async with asyncio.timeout(LOOK):
                    await stop.wait()
            except TimeoutError:
                continue
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _due(self) -> list[Webhook]:
        async with self._desk.database.read() as conn:
            return [one for one in await hook_queue.due(conn, now_ms()) if one.id not in self._busy]

    async def _expire(self) -> None:
        async with self._desk.database.write() as conn:
            rows = await hook_queue.expire(conn, now_ms() - self._give_up, now_ms())
        if rows:
            log("swept", rows=rows)

    async def _serve(self, webhook: Webhook) -> None:
        try:
            async with self._endpoints:
                for _ in range(ROUNDS):
                    if not await self.round(webhook.id):
                        return
        except (SQLAlchemyError, OSError) as error:
            log("failed", what="webhooks", error=error)
        finally:
            self._busy.discard(webhook.id)

    async def round(self, webhook_id: int) -> bool:
        """Tell what is due of one webhook, once; False when there is no more to be done now."""
        now = now_ms()
        async with self._desk.database.read() as conn:
            webhook = await webhooks.get(conn, webhook_id)
            if webhook is None or webhook.disabled_at is not None or (webhook.again_at or 0) > now:
                return False
            most = webhook.batch * (AT_ONCE if not webhook.failures else 1)
            some = await hook_queue.heads(conn, webhook.id, now, most)
            silenced = await self._silenced(conn, some, now)
        if not some:
            return False
        told = [one for one in some if one.id not in silenced]
        parts = [told[at : at + webhook.batch] for at in range(0, len(told), webhook.batch)]
        outcomes = await asyncio.gather(*(self._post(webhook, part) for part in parts))
        return await self._note(webhook, outcomes, sorted(silenced))

    async def _silenced(self, conn: AsyncConnection, some: Sequence[Waiting], now: int) -> set[int]:
        """Opens and clicks of people who meanwhile refused, or are erased: told to nobody (SPEC 6: at once)."""
        personal = [one for one in some if one.kind in _PERSONAL]
        ids = sorted({one.recipient_id for one in personal})
        allowed = await consents.followed(conn, ids, self._desk.suppression, now, leavers=True) if ids else frozenset()
        return {one.id for one in personal if one.recipient_id not in allowed}

    async def _post(self, webhook: Webhook, some: Sequence[Waiting]) -> _Outcome:
        message_id, body = request(some, webhook.batch)
        now, began = now_ms(), time.monotonic()
        signed = headers(self._desk.keyring, webhook, message_id, body, now)
        found = await self._client.post(webhook.url, body, MEDIA, ANSWER, signed, plain=self._http)
        answer = answered(found, now, began, word(some[0].kind) if webhook.batch == 1 else "batch", len(some))
        if isinstance(found, Unfetched):
            return _Outcome(some, answer, f"{found.why.value} {found.detail}".strip())
        return _Outcome(some, answer, "" if answer.good else f"HTTP {found.status}", found.status == 410)

    async def _note(self, webhook: Webhook, outcomes: Sequence[_Outcome], silenced: Sequence[int]) -> bool:
        now = now_ms()
        good = [one.id for outcome in outcomes if not outcome.why for one in outcome.events]
        bad = [(one, outcome.why) for outcome in outcomes if outcome.why for one in outcome.events]
        why = next((outcome.why for outcome in outcomes if outcome.why), "")
        down = bool(bad) and not good
        async with self._desk.database.write() as conn:
            await hook_queue.done(conn, [*good, *silenced])
            await hook_queue.failed(conn, [(one.id, self._again(one, now), why) for one, why in bad], now)
            values: dict[str, object] = {}
            if good:
                values |= {"taken_at": now, "taken": webhook.taken + len(good), "failures": 0, "failing_since": None,
                           "again_at": None}  # fmt: skip
            if bad:
                values["last_error"] = why
            if down:
                rest = _RESTS[min(webhook.failures, len(_RESTS) - 1)]
                values |= {"failures": webhook.failures + 1, "failing_since": webhook.failing_since or now,
                           "again_at": now + rest}  # fmt: skip
            await webhooks.change(conn, webhook.id, **values)
            await hook_answers.note(conn, webhook.id, [outcome.answer for outcome in outcomes])
            gone = any(outcome.gone for outcome in outcomes)
            late = down and webhook.failing_since is not None and now - webhook.failing_since >= self._give_up
            if gone or late:
                await webhooks.disable(conn, webhook.id, "gone" if gone else "failing", now)
                log("hook_disabled", account=webhook.account_id, webhook=webhook.id, why=why)
        if good:
            log("hook_told", account=webhook.account_id, webhook=webhook.id, rows=len(good))
        if bad:
            log("hook_failed", account=webhook.account_id, webhook=webhook.id, rows=len(bad), why=why)
        return not down

    def _again(self, one: Waiting, now: int) -> int | None:
        """When an event is tried again; None: too old, it becomes a dead letter."""
        delay = self._plan.delay(one.attempts + 1)
        return None if delay is None or now + delay - one.queued_at > self._give_up else now + delay


def answered(found: Fetched | Unfetched, at: int, began: float, told: str, events: int) -> Answer:
    """What is remembered of a request that began at `at` (UTC ms; `began` of time.monotonic)."""
    took = round((time.monotonic() - began) * 1_000)
    if isinstance(found, Unfetched):
        return Answer(at, took, None, found.why.value, told, events)
    return Answer(at, took, found.status, "", told, events)


def client(desk: Desk) -> tuple[Client, Resolver]:
    """The HTTP client of webhooks, and its resolver (to be closed), which takes out what is not public."""
    settings = desk.settings
    fence = Fence(settings.webhooks.allow_networks)
    resolver = Resolver(settings.dns.nameservers, milliseconds(settings.dns.timeout) / 1000, fence)
    timeout = milliseconds(settings.webhooks.timeout) / 1000
    agent = f"mail2campaign-webhooks (+{settings.gateway.url})"
    return Client(resolver, settings.tls.ca_file, timeout=timeout, agent=agent), resolver
