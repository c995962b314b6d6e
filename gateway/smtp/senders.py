"""Who may send a campaign: the From of a mail against the declared senders and what its connection has proved.

In: the head of a mail, its return path, the login it came under (None: a trusted network, or anybody's server), and an open
connection. Out: `Proved` with account and sender, or a `Refusal` that names the text to answer with. A sender address
belongs to exactly one account, and login and From must name the same one (SPEC 1). What came from anybody's server is only
a claim up to here: gateway.prover tells whether it holds. Raises nothing of its own.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncConnection

from parsers.autoreply import automatic
from parsers.headers import Fields, first
from parsers.mailboxes import mailboxes
from store import accounts
from store.accounts import Login

MAY_SEND = ("send", "admin")


@dataclass(frozen=True, slots=True)
class Proved:
    """The account and the sender on whose behalf a mail was sent; `way` is login, network, dkim or spf."""

    account_id: int
    sender_id: int
    address: str
    way: str = "login"


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why nobody may send this mail; `key` is a text under smtp.*, `address` and `detail` what it speaks of."""

    key: str
    address: str = ""
    detail: str = ""
    code: int = 550
    enhanced: str = "5.7.1"
    ways: bool = False  # the answer also tells the other ways in


def author(fields: Fields) -> str | None:
    """The one address of the one From field; None when there is none, or more than one way to read it."""
    values = [value for name, value in fields if name == "from"]
    found = mailboxes(values[0]) if len(values) == 1 else ()
    # two addresses, a second field or a second angle bracket are how a sender shows people another From than ours
    if len(found) != 1 or found[0].address.count("@") != 1 or values[0].count("<") > 1:
        return None
    return found[0].address


def _with_files(fields: Fields) -> bool:
    return first(fields, "content-type").strip().lower().startswith(("multipart/mixed", "multipart/related"))


async def prove(
    conn: AsyncConnection,
    fields: Fields,
    mail_from: str,
    login: Login | None,
    way: str = "login",
    machine: bool = False,
) -> Proved | Refusal:
    """Find the account of a mail that came under `login`, or (None) by another `way`; `machine`: it may be a program's."""
    if login is not None and login.role not in MAY_SEND:
        return Refusal("role", login.login)
    # an absence note has no files; what has some is judged by its subject only once they were looked at
    if not machine and automatic(fields, mail_from, by_subject=not _with_files(fields)):
        return Refusal("automatic")
    address = author(fields)
    if address is None:
        return Refusal("from_unreadable")
    sender = await accounts.find_sender(conn, address)
    if sender is None or (login is not None and sender.account_id != login.account_id):
        return Refusal("from_undeclared", address)  # one text for both: nobody learns what other accounts declared
    account = await accounts.get_account(conn, sender.account_id)
    if account is None or account.suspended:
        return Refusal("suspended", address)
    return Proved(account.id, sender.id, sender.address, way)
