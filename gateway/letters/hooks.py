"""The letter that tells an account that one of its webhooks was switched off.

In: webhooks that were switched off and whose account does not know yet. Out: a notice to each admin who has an address, else
to the account's first sender, queued in the transaction that marks the account as told. Raises what the database raises.
"""

from __future__ import annotations

from gateway.i18n import instant, text
from gateway.intake.desk import Desk
from gateway.letters import notice
from gateway.letters.letter import Block, Facts, Say
from gateway.letters.notice import Letter
from store import accounts, hook_queue, users, webhooks
from store.engine import now_ms
from store.webhooks import Webhook

READERS = 5


async def tell(desk: Desk) -> int:
    """Write to the accounts of webhooks that were switched off; returns how many letters were queued."""
    async with desk.database.read() as conn:
        waiting = await webhooks.untold(conn)
    queued = 0
    for webhook in waiting:
        letters = await _letters(desk, webhook)
        raws = [await notice.built(desk, letter) for letter in letters]
        async with desk.database.write() as conn:
            if await webhooks.told(conn, webhook.id, now_ms()):
                for letter, raw in zip(letters, raws, strict=True):
                    await notice.queue(conn, letter, raw)
                    queued += 1
    return queued


async def _letters(desk: Desk, webhook: Webhook) -> list[Letter]:
    async with desk.database.read() as conn:
        account = await accounts.get_account(conn, webhook.account_id)
        people = await users.list_of(conn, webhook.account_id)
        senders = await accounts.list_senders(conn, webhook.account_id)
        waits, dead = (await hook_queue.counts(conn, [webhook.id])).get(webhook.id, (0, 0))
    if account is None:
        return []
    to = [one.email for one in people if one.role == "admin" and one.email][:READERS]
    to = to or [one.address for one in senders[:1]]
    locale = account.locale
    since = instant(locale, account.timezone, webhook.failing_since or webhook.disabled_at)
    facts = [
        (text(locale, "hook.fact_url"), webhook.url),
        (text(locale, "hook.fact_since"), since),
        (text(locale, "hook.fact_error"), webhook.last_error),
        (text(locale, "hook.fact_waiting"), str(waits + dead)),
    ]
    blocks: list[Block] = [Say(text(locale, f"hook.{webhook.disabled_why}")), Facts(tuple(facts))]
    blocks.append(Say(text(locale, "hook.todo", id=webhook.id)))
    subject, title = text(locale, "hook.subject"), text(locale, "hook.title")
    return [Letter(to=one, locale=locale, subject=subject, title=title, blocks=blocks, stop=True) for one in to]
