"""A test event: told to a webhook at once, signed as all others, so that its owner sees what their server answers.

In: the desk, a webhook. Out: the endpoint's `Answer`, which is remembered beside those to real events. It tells nothing of
anybody and changes nothing of what waits. Raises only what the database raises.
"""

from __future__ import annotations

import time
from collections.abc import Sequence

import orjson

from gateway.hooks.dispatcher import ANSWER, answered, client
from gateway.hooks.documents import MEDIA
from gateway.hooks.signature import headers
from gateway.i18n import iso
from gateway.intake.desk import Desk
from store import hook_answers
from store.engine import now_ms
from store.hook_answers import TEST, Answer
from store.webhooks import Webhook

REST_MS = 5_000  # between two test events to one webhook


def rest(answers: Sequence[Answer], now: int) -> int:
    """The ms until another test event may be told, by the last answers; 0 for at once."""
    return max((one.at + REST_MS - now for one in answers if one.word == TEST and one.at + REST_MS > now), default=0)


async def probe(desk: Desk, webhook: Webhook) -> Answer:
    """Tell a test event and remember the answer."""
    now, began = now_ms(), time.monotonic()
    told = {"type": TEST, "timestamp": iso(now), "data": {"webhook": {"id": webhook.id, "label": webhook.label}}}
    body = orjson.dumps(told)
    signed = headers(desk.keyring, webhook, f"msg_test_{now}", body, now)
    asking, resolver = client(desk)
    try:
        found = await asking.post(webhook.url, body, MEDIA, ANSWER, signed, plain=desk.settings.webhooks.allow_http)
    finally:
        await resolver.close()
    answer = answered(found, now, began, TEST, 1)
    async with desk.database.write() as conn:
        await hook_answers.note(conn, webhook.id, [answer])
    return answer
