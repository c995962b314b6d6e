"""aiosmtpd's dialogue with our own hands on what it leaves open: STARTTLS, AUTH, and the bytes behind DATA.

In: a connection. Out: calls of the hooks of gateway.smtp_handler. DATA is read in blocks by gateway.smtp_data, strictly
and within the memory budget (aiosmtpd's own reader goes line by line on the event loop); STARTTLS goes through the
loop's public `start_tls`, and everything said before it is forgotten (RFC 3207 section 4.2). Raises nothing.
"""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import Sequence
from typing import Any

from aiosmtpd.smtp import SMTP, syntax

from config.logging import log
from gateway.smtp.data import DataReader, Flaw, Received
from gateway.smtp.limits import Limits
from gateway.smtp.refusals import reply

_BLOCK = 256 * 1024
_COMMAND_LINE = 2_048  # RFC 5321 section 4.5.3.1.4 asks for 512, AUTH and SMTPUTF8 for more
_AUTH_LINE = 12_288  # RFC 4954 section 4
_DATA_S = 3_600.0
_TLS_S = 30.0


class Protocol(SMTP):
    """One connection."""

    # aiosmtpd's own attributes and asyncio's private ones, which its types call optional or hide
    session: Any
    envelope: Any
    transport: Any
    _reader: Any
    _writer: Any
    data_size_limit: int

    command_size_limit = _COMMAND_LINE
    line_length_limit = _AUTH_LINE

    def __init__(self, handler: Any, limits: Limits, *, port: str, tls: ssl.SSLContext, implicit: bool) -> None:
        smtp = limits.smtp
        super().__init__(
            handler,
            data_size_limit=smtp.max_message,
            enable_SMTPUTF8=True,
            hostname=handler.domain,
            ident="ESMTP mail2campaign",
            tls_context=None if implicit else tls,
            timeout=handler.idle_s,
            auth_require_tls=False,  # smtp_AUTH below asks for it: aiosmtpd would not see TLS from the first byte
            loop=asyncio.get_running_loop(),
        )
        self.command_size_limits = dict.fromkeys(self._smtp_methods, _COMMAND_LINE) | {"AUTH": _AUTH_LINE}
        self.limits, self.port, self.secure = limits, port, implicit
        self._peer = ""
        self._entered = False
        self._leaving = False

    @property
    def connected(self) -> bool:
        """Whether a client that was let in is there."""
        return self._entered

    def farewell(self, late: bool) -> None:
        """The gateway ends: a mail under way is taken, the next one is not; `late`: who has begun none is let go."""
        self._leaving = late
        if late and self._entered and not (self.envelope and self.envelope.mail_from is not None):
            self.transport.write(reply(421, "4.3.2", "leaving").encode() + b"\r\n")
            self.transport.close()

    def connection_made(self, transport: Any) -> None:
        """Let the connection in, or answer 421 and close it."""
        name = transport.get_extra_info("peername")
        self._peer = str(name[0]) if name else ""
        self._entered = self.limits.enter(self._peer)
        if not self._entered:
            log("connection_refused", listener=self.port, peer=self._peer)
            transport.write(reply(421, "4.7.0", "connections").encode() + b"\r\n")
            transport.close()
            return
        super().connection_made(transport)

    def connection_lost(self, error: Exception | None) -> None:
        """Count the connection out and return what it held."""
        if not self._entered:
            return
        self._entered = False
        self.limits.leave(self._peer)
        self.event_handler.reset()
        super().connection_lost(error)

    def eof_received(self) -> bool | None:
        """A client that closed its half early is only listened to when it was let in."""
        return super().eof_received() if self._entered else None

    def data_received(self, data: bytes) -> None:
        """Feed the reader, but nothing from a connection that was refused."""
        if self._entered:
            super().data_received(data)

    def _getparams(self, params: Sequence[str]) -> Any:
        # RFC 4954 section 5: a client may add AUTH=<> to MAIL; we take it and trust it for nothing
        return super()._getparams([item for item in params if not item.startswith("AUTH=")])

    @syntax("STARTTLS", when="tls_context")
    async def smtp_STARTTLS(self, arg: str | None) -> None:
        """Upgrade the connection and begin the dialogue anew."""
        if arg or self.secure or not self.tls_context:
            await self.push("501 5.5.4 Syntax: STARTTLS" if arg else "503 5.5.1 TLS already active")
            return
        await self.push("220 2.0.0 Ready to start TLS")
        self._reader._buffer.clear()  # what came before the handshake was said by anybody (RFC 3207 section 4.2)
        try:
            transport = await self.loop.start_tls(
                self.transport, self, self.tls_context, server_side=True, ssl_handshake_timeout=_TLS_S
            )
        except (OSError, ssl.SSLError):
            self.transport.close()
            raise ConnectionResetError from None
        self.transport = self._writer._transport = self._reader._transport = transport
        self.secure = True
        peer = self.session.peer
        self.session, self.envelope = self._create_session(), self._create_envelope()
        self.session.peer, self.session.ssl = peer, {"ssl_object": self.transport.get_extra_info("ssl_object")}
        self.event_handler.restart()
        self._reset_timeout()

    @syntax("AUTH <mechanism>")
    async def smtp_AUTH(self, arg: str | None) -> None:
        """AUTH on submission ports only, under TLS only."""
        if self.port == "mx":
            await self.push("502 5.5.1 No authentication on this port: use port 587 or 465")
        elif not self.secure:
            await self.push("538 5.7.11 Encryption required: say STARTTLS first")
        else:
            words = (arg or "").split()
            await super().smtp_AUTH(" ".join([words[0].upper(), *words[1:]]) if words else None)

    @syntax("MAIL FROM: <address>", extended=" [SP <mail-parameters>]")
    async def smtp_MAIL(self, arg: str | None) -> None:
        """Begin a mail, unless the gateway ends."""
        if self._leaving:
            await self.push(reply(421, "4.3.2", "leaving"))
            self.transport.close()
            return
        await super().smtp_MAIL(arg)

    @syntax("DATA")
    async def smtp_DATA(self, arg: str | None) -> None:
        """Read one mail up to its one true end, then ask the handler what to answer."""
        if await self.check_helo_needed():
            return
        if arg or not self.envelope.rcpt_tos:
            await self.push("501 5.5.4 Syntax: DATA" if arg else "503 5.5.1 Error: need RCPT command")
            return
        await self.push("354 End data with <CR><LF>.<CR><LF>")
        received = await self._receive()
        if received is not None:
            try:
                status = await self.event_handler.take(self, received)
            finally:  # also after a 451: the client's next MAIL is no nested one
                self.envelope = self._create_envelope()
                self.event_handler.reset()
            await self.push(status)

    async def _receive(self) -> Received | None:
        """Collect blocks within the budget; None when the client was let go."""
        reader = DataReader(self.data_size_limit)
        until = time.monotonic() + _DATA_S
        while True:
            block = await self._reader.read(_BLOCK)
            if not block:
                raise ConnectionResetError
            self._reset_timeout()
            if reader.flaw is None and not self.event_handler.hold(len(block)):
                reader.spoil(Flaw.NO_ROOM)
            if reader.flaw is not None:
                self.event_handler.release()
            if (done := reader.feed(block)) is not None:
                # pipelined commands behind the dot go back where they came from (RFC 2920)
                self._reader._buffer[:0] = done.rest
                return done
            if reader.size > 2 * self.data_size_limit or time.monotonic() > until:
                await self.push(reply(421, "4.3.4", "endless"))
                self.transport.close()
                return None
