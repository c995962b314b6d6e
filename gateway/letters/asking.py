"""The letter that asks the owner of an address whether an account may send as them, and the link in it.

In: the desk, a declared sender that was not proved. Out: the id of the notice; None when its owner said no before, or was
asked a moment ago. The link shows a page and acts on nothing but its form (gateway.web.senders). Raises what the database
raises. Logs sender_asked.
"""

from __future__ import annotations

from config.logging import log
from gateway.i18n import text
from gateway.intake.desk import Desk
from gateway.letters import notice
from gateway.letters.letter import Block, Button, Facts, Say
from gateway.letters.notice import Letter
from parsers.tokens import Keyring, Purpose, sign
from store import declared
from store.declared import Declared
from store.engine import now_ms


def link(keyring: Keyring, url: str, sender_id: int, serial: int) -> str:
    """The address of the page on which the owner answers."""
    return f"{url}/s/{sign(keyring, Purpose.PROOF, sender_id, serial)}"


async def ask(desk: Desk, sender: Declared) -> int | None:
    """Write to the owner of an address."""
    now = now_ms()
    async with desk.database.read() as conn:
        current = await declared.get(conn, sender.id)
    if current is None or not declared.may_ask(current, now):
        return None
    serial = (current.serial + 1) % (1 << 12)
    letter = _letter(desk, current, serial)
    raw = await notice.built(desk, letter)
    async with desk.database.write() as conn:
        again = await declared.get(conn, sender.id)
        if again is None or again.serial != current.serial:
            return None  # asked by somebody else meanwhile
        await declared.ask(conn, again, now)
        sent = await notice.queue(conn, letter, raw)
    log("sender_asked", account=sender.account_id, sender=sender.id, notice=sent)
    return sent


def _letter(desk: Desk, sender: Declared, serial: int) -> Letter:
    locale = sender.locale
    values = {"account": sender.account, "address": sender.address, "domain": desk.domain}
    facts = tuple((text(locale, f"asking.{name}"), values[name]) for name in ("account", "address", "domain"))
    blocks: list[Block] = [
        Say(text(locale, "asking.body", **values)),
        Facts(facts),
        Button(text(locale, "asking.button"), link(desk.keyring, desk.settings.gateway.url, sender.id, serial)),
        Say(text(locale, "asking.note")),
    ]
    return Letter(
        to=sender.address,
        locale=locale,
        subject=text(locale, "asking.subject", **values),
        title=text(locale, "asking.title"),
        blocks=blocks,
    )
