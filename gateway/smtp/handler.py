"""One SMTP connection of ours: who speaks, to which of our addresses, and what becomes of the mail.

In: the hooks of gateway.smtp_protocol. Out: replies, and mails in the spool, fsynced before the 250 (SPEC 1). A mail to
`mail@`, `campagne+…@` or `stop@` needs a declared sender in From, and a login, a trusted network or a proof
(gateway.smtp_proof), which is looked for after the final dot; every other kind is taken from anybody for a token or name of
ours. Nothing is relayed, nothing bounced. Logs mail_accepted and mail_refused.
"""

from __future__ import annotations

import asyncio
from ipaddress import ip_address
from typing import Any

from config.logging import log
from gateway.smtp.addresses import Addressee, addressee
from gateway.smtp.auth import authenticate
from gateway.smtp.data import Flaw, Received, inspect, unstuff
from gateway.smtp.gate import Gate
from gateway.smtp.proof import Admitted, Coming, admit, keep
from gateway.smtp.refusals import reply
from gateway.smtp.senders import Refusal
from gateway.smtp.singles import SINGLE, ours, outward
from store.accounts import Login
from store.engine import now_ms
from store.spool import Envelope

MAX_RECIPIENTS = 100
_PROVED_KINDS = ("campaign", "reply", "forwarded", "single")
_FLAWS = {
    Flaw.BARE: (550, "5.6.0"),
    Flaw.NUL: (550, "5.6.0"),
    Flaw.TOO_BIG: (552, "5.3.4"),
    Flaw.NO_ROOM: (452, "4.3.1"),
    Flaw.LONG_LINE: (550, "5.6.0"),
    Flaw.HEADERS: (550, "5.6.0"),
}


class Handler:
    """The state of one connection; the names of its hooks are aiosmtpd's."""

    def __init__(self, gate: Gate, port: str) -> None:
        self.gate, self.port = gate, port
        self.domain, self.idle_s = gate.domain, gate.idle_s
        self.login: Login | None = None
        self._to: Addressee | None = None
        self._held = 0
        self._known = False  # the mail under way comes under a login or from a trusted network

    def restart(self) -> None:
        """Forget everything: TLS has begun."""
        self.login = None
        self.reset()

    def reset(self) -> None:
        """Forget the mail under way."""
        self._to = None
        self.release()

    def hold(self, size: int) -> bool:
        """Reserve bytes of the shared budget for the mail under way."""
        if not self.gate.limits.reserve(size, stranger=not self._known):
            return False
        self._held += size
        return True

    def release(self) -> None:
        """Return what the mail under way had reserved."""
        self.gate.limits.give_back(self._held, stranger=not self._known)
        self._held = 0

    async def handle_EHLO(
        self, server: Any, session: Any, _envelope: Any, hostname: str, lines: list[str]
    ) -> list[str]:
        session.host_name = hostname
        self.reset()
        offered = [line for line in lines if not line.startswith(("250-AUTH", "250 HELP"))]
        if server.secure:
            offered = [line for line in offered if line != "250-STARTTLS"]
            offered += ["250-AUTH PLAIN LOGIN"] if self.port != "mx" else []
        return [*offered, "250 PIPELINING"]

    async def handle_HELO(self, server: Any, session: Any, _envelope: Any, hostname: str) -> str:
        session.host_name = hostname
        self.reset()
        return f"250 {server.hostname}"

    async def handle_AUTH(self, server: Any, session: Any, _envelope: Any, args: list[str]) -> str | None:
        outcome = await authenticate(server, self.gate, self.port, session.peer[0], args)
        if isinstance(outcome, Login):
            self.login, session.authenticated = outcome, True
            return "235 2.7.0 Authentication successful"
        return outcome

    async def handle_RSET(self, *_: Any) -> str:
        self.reset()
        return "250 2.0.0 OK"

    async def handle_MAIL(self, _server: Any, session: Any, envelope: Any, address: str, options: list[str]) -> str:
        if self.port != "mx" and self.login is None:
            return reply(530, "5.7.0", "login_first")
        peer, limits = str(session.peer[0]), self.gate.limits
        self._known = self.login is not None or self._trusted(session)
        if limits.messages.spent(peer):
            return reply(421, "4.7.0", "pace")
        size = next((int(item[5:]) for item in options if item.startswith("SIZE=")), 0)
        if not limits.disk_has_room(size) or limits.held_bytes + size > limits.smtp.memory_budget:
            return reply(452, "4.3.1", "no_room")
        limits.messages.count(peer)
        envelope.mail_from = address  # "<>" for the null sender: aiosmtpd takes an empty one for no MAIL at all
        envelope.mail_options.extend(options)
        return "250 2.1.0 OK"

    async def handle_RCPT(self, _server: Any, session: Any, envelope: Any, address: str, _options: list[str]) -> str:
        found = addressee(self.gate.keyring, self.domain, address, self.gate.hosts())
        if found is None and self.login is not None and not ours(self.domain, address):
            refusal = await outward(self.gate, self.login, address, len(envelope.rcpt_tos))
            if refusal is not None:
                return refusal
            found = SINGLE
        if found is None:
            return reply(550, "5.1.1", "unknown_address", address=address, domain=self.domain)
        if self._to is not None and found != self._to:
            return reply(452, "4.5.3", "one_kind")
        if len(envelope.rcpt_tos) >= MAX_RECIPIENTS:
            return reply(452, "4.5.3", "recipients")
        if found.kind in _PROVED_KINDS and not self._known and self.gate.limits.forgeries.spent(str(session.peer[0])):
            return reply(450, "4.7.1", "proof_pace")
        self._to = found
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 OK"

    def _trusted(self, session: Any) -> bool:
        try:
            peer = ip_address(str(session.peer[0]).partition("%")[0])
        except ValueError:
            return False
        peer = getattr(peer, "ipv4_mapped", None) or peer
        return any(peer in network for network in self.gate.trusted)

    async def take(self, server: Any, received: Received) -> str:
        """Answer a whole mail: refuse it, or put it on the disk and give its reference."""
        session, envelope, to = server.session, server.envelope, self._to
        assert to is not None  # RCPT came before
        flaw, size = received.flaw, len(received.stuffed)
        raw = b""
        if flaw is None:
            opened: list[bytes] = []  # not as the thread's result, which stays in memory until the collector finds it
            flaw = await asyncio.to_thread(_open, received.stuffed, opened)
            raw = opened.pop()
        if flaw is not None:
            self._refused(to.kind, session, flaw.value, size)
            return reply(*_FLAWS[flaw], flaw.value)
        admitted: Admitted | Refusal | None = None
        if to.kind in _PROVED_KINDS:
            admitted = await admit(self.gate, self._coming(session, envelope, raw, to == SINGLE))
        if isinstance(admitted, Refusal):
            return self._no(to, session, admitted, size)
        return await self._keep(session, envelope, to, admitted, raw)

    def _coming(self, session: Any, envelope: Any, raw: bytes, single: bool) -> Coming:
        addressed = tuple(envelope.rcpt_tos)
        helo = str(session.host_name or "")
        return Coming(raw, envelope.mail_from, addressed, str(session.peer[0]), helo, self.login, self._known, single)

    async def _keep(self, session: Any, envelope: Any, to: Addressee, admitted: Admitted | None, raw: bytes) -> str:
        if not await asyncio.to_thread(self.gate.limits.disk_has_room, len(raw)):
            return reply(452, "4.3.1", "no_room")
        kept = Envelope(
            to.kind,
            envelope.mail_from.strip("<>"),
            tuple(envelope.rcpt_tos),
            str(session.peer[0]),
            "mx" if self.port == "mx" else "submission",
            now_ms(),
            admitted.proved.account_id if admitted else None,
            self.login.login if self.login else None,
            to.token,
            admitted.proved.way if admitted else "login",
        )
        ref = await keep(self.gate, admitted, kept, raw)
        if isinstance(ref, Refusal):
            return self._no(to, session, ref, len(raw))
        log(
            "mail_accepted", ref=ref, kind=to.kind, listener=self.port, peer=kept.peer, bytes=len(raw), proof=kept.proof
        )
        self.gate.wake()
        return f"250 2.0.0 {ref}"

    def _no(self, to: Addressee, session: Any, why: Refusal, size: int) -> str:
        if not self._known:
            self.gate.limits.forgeries.count(str(session.peer[0]))
        self._refused(to.kind, session, why.key, size)
        values = {"address": why.address, "detail": why.detail, "domain": self.domain}
        return reply(why.code, why.enhanced, why.key, "ways" if why.ways else "", **values)

    async def handle_exception(self, error: Exception) -> str:
        """A bug or a broken disk: the client tries again later."""
        log("failed", what="smtp", error=error)
        return reply(451, "4.3.0", "broken")

    def _refused(self, kind: str, session: Any, why: str, size: int) -> None:
        account = self.login.account_id if self.login else None
        log(
            "mail_refused",
            kind=kind,
            listener=self.port,
            peer=str(session.peer[0]),
            bytes=size,
            account=account,
            why=why,
        )


def _open(stuffed: bytes, opened: list[bytes]) -> Flaw | None:
    raw = unstuff(stuffed)
    opened.append(raw)
    return inspect(raw)
