"""RCPT to the world: a single message that an account's own login submits (`account single NAME on`).

In: a login, an address that is none of ours. Out: None when it may go there, or the reply that refuses: the account does not
relay, its cap is spent, or the recipient is suppressed, with the reason. Without the grant every such address stays unknown,
so nothing is relayed. Raises only what the database raises.
"""

from __future__ import annotations

from gateway.intake.single import MOST, full
from gateway.smtp.addresses import Addressee
from gateway.smtp.gate import Gate
from gateway.smtp.refusals import reply
from gateway.smtp.senders import MAY_SEND
from parsers.address import key as folded
from parsers.address import parse
from store import accounts, singles, suppressions
from store.accounts import Login
from store.engine import now_ms

SINGLE = Addressee("single")


def ours(domain: str, address: str) -> bool:
    """Whether an address is in the gateway's own domain, where nobody has a mailbox."""
    return address.lower().rpartition("@")[2].rstrip(".") in ("", domain)


async def outward(gate: Gate, login: Login, address: str, others: int) -> str | None:
    """Refuse an address outside, or let it pass (None)."""
    unknown = reply(550, "5.1.1", "unknown_address", address=address, domain=gate.domain)
    async with gate.database.read() as conn:
        account = await accounts.get_account(conn, login.account_id)
        if account is None or not account.single or not account.transactional_per_hour or login.role not in MAY_SEND:
            return unknown
        waiting = await singles.waiting(conn, account.id)
        found = parse(address)
        if len(found) != 1 or found[0].fault is not None:
            return reply(553, "5.1.3", "single_syntax", address=address)
        key = folded(found[0].address)
        listed = await suppressions.find(conn, account.id, [key], gate.suppression, now_ms(), single=True)
        barred = listed.get(key)
    if account.suspended:
        return reply(550, "5.7.1", "suspended", address=address)
    if barred is not None:
        return reply(550, "5.7.1", "single_barred", address=address, why=barred.reason.replace("_", "-"))
    if others >= MOST or full(account, waiting):
        return reply(452, "4.5.3" if others >= MOST else "4.7.1", "single_full")
    return None
