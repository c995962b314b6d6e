"""AUTH PLAIN (RFC 4616) and LOGIN: from base64 to a login, or a reply.

In: the arguments of AUTH and the connection to ask further. Out: the `Login`, a reply to give, or None when a reply was
given already. An unknown login and a wrong password get the same answer after the same work; ten failures of one
address within ten minutes close the door to it, and fifty of one login (there or not) within an hour close that login
to all addresses but those from which it was right before. A password of a program (store.factors) opens like the
login's own. Logs login_failed, without the name.
"""

from __future__ import annotations

import binascii
from base64 import b64decode
from typing import Any

from aiosmtpd.smtp import MISSING

from config.logging import log
from gateway import totp
from gateway.smtp.gate import Gate
from gateway.smtp.refusals import reply
from store import factors
from store.accounts import Login, find_login
from store.engine import now_ms

_NAME = 200  # characters of a login that are told apart


async def authenticate(server: Any, gate: Gate, port: str, peer: str, args: list[str]) -> Login | str | None:
    """Carry one AUTH command to its end."""
    if gate.limits.failures.spent(peer):
        return reply(454, "4.7.0", "failures")
    pair = await (_plain(server, args) if args[0] == "PLAIN" else _login(server, args))
    if pair is None or isinstance(pair, str):
        return pair
    return await _checked(gate, port, peer, *pair)


async def _checked(gate: Gate, port: str, peer: str, name: str, password: str) -> Login | str:
    limits, key = gate.limits, name.casefold()[:_NAME]
    if limits.names.spent(key) and (key, peer) not in limits.familiar:
        return reply(454, "4.7.0", "failures")
    async with gate.database.read() as conn:
        found = await find_login(conn, name)
        own = await factors.password_of(conn, found.id if found else 0, totp.digest(password[:_NAME]))
    # with a second factor the password alone opens nothing here: a program has one of its own
    stored = found.password_hash if found and not found.second_factor else None
    right = own is not None or await gate.passwords.fit(password, stored)
    if limits.failures.spent(peer):  # many guesses at once: those before this one have used up its window
        return reply(454, "4.7.0", "failures")
    if right and found:
        limits.familiar.add(key, peer)
        if own is not None and (own.used_at or 0) < now_ms() - factors.DAY:
            async with gate.database.write() as conn:
                await factors.password_used(conn, own, now_ms())
        return found
    limits.failures.count(peer)
    limits.names.count(key)
    log("login_failed", listener=port, peer=peer)
    return reply(535, "5.7.8", "login_wrong")


async def _plain(server: Any, args: list[str]) -> tuple[str, str] | str | None:
    blob = _decoded(args[1]) if len(args) > 1 else await server.challenge_auth("")
    if blob is MISSING:
        return None
    words = blob.split(b"\0") if blob is not None else []
    if len(words) != 3:
        return "501 5.5.2 Cannot read these credentials"
    return words[1].decode("utf-8", "replace"), words[2].decode("utf-8", "replace")


async def _login(server: Any, args: list[str]) -> tuple[str, str] | str | None:
    name = _decoded(args[1]) if len(args) > 1 else await server.challenge_auth("Username:")
    if name is MISSING:
        return None
    if name is None:
        return "501 5.5.2 Cannot read these credentials"
    password = await server.challenge_auth("Password:")
    return None if password is MISSING else (name.decode("utf-8", "replace"), password.decode("utf-8", "replace"))


def _decoded(text: str) -> bytes | None:
    try:
        return b64decode(text.encode(), validate=True) if text != "=" else b""
    except (binascii.Error, UnicodeEncodeError):
        return None
