"""The ports on which mail comes in.

In: the [smtp] settings, the gate that all connections share, and the TLS certificate. Out: listening servers on every
host:port (on the supervisor's sockets where it handed some), one dialogue a connection. `drain` lets mails under way come to
their end. Raises OSError when a port or the certificate cannot be had.
"""

from __future__ import annotations

import asyncio
import logging
import ssl
import time
import weakref
from typing import Any

from config.settings import split_hostport
from gateway.processes import sockets
from gateway.smtp.gate import Gate
from gateway.smtp.handler import Handler
from gateway.smtp.protocol import Protocol

DRAIN_S = 10.0  # seconds that mails under way get when we end; the supervisor waits 20
IDLE_S = 1.5  # seconds that a client which has not begun a mail gets
_BACKLOG = 1024
_HANDSHAKE_S = 10.0  # who says nothing on the TLS port is not counted before the handshake: it must be short


class Listener:
    """All servers of the settings; `ports` tells where they listen (a port 0 was chosen by the system)."""

    def __init__(self) -> None:
        self._servers: list[asyncio.Server] = []
        self._open: weakref.WeakSet[Protocol] = weakref.WeakSet()
        self.ports: dict[str, list[int]] = {"mx": [], "submission": [], "submissions": []}

    async def start(self, gate: Gate, listens: dict[str, list[str]], tls: ssl.SSLContext) -> None:
        """Open every port of `listens` (mx, submission, submissions: host:port lists)."""
        logging.getLogger("mail.log").setLevel(logging.ERROR)  # aiosmtpd tells every command it reads
        loop = asyncio.get_running_loop()
        handed = sockets.adopted()
        for port, places in listens.items():
            for place in places:
                implicit = port == "submissions"

                def connection(port: str = port, implicit: bool = implicit) -> Protocol:
                    made = Protocol(Handler(gate, port), gate.limits, port=port, tls=tls, implicit=implicit)
                    self._open.add(made)
                    return made

                secure: dict[str, Any] = {"ssl": tls, "ssl_handshake_timeout": _HANDSHAKE_S} if implicit else {}
                host, number = split_hostport(place)
                ways: list[dict[str, Any]] = [{"sock": one} for one in handed.get(place, ())]
                for way in ways or [{"host": host, "port": number, "reuse_address": True}]:
                    server = await loop.create_server(connection, backlog=_BACKLOG, **way, **secure)
                    self._servers.append(server)
                    self.ports[port] += [sock.getsockname()[1] for sock in server.sockets]

    async def drain(self) -> None:
        """Take no new connection, and let those that are open come to the end of their mail: DRAIN_S seconds at most."""
        self._close()
        began = time.monotonic()
        while (waited := time.monotonic() - began) < DRAIN_S:
            still = [one for one in self._open if one.connected]
            for one in still:
                one.farewell(waited > IDLE_S)
            if not still:
                return
            await asyncio.sleep(0.05)

    async def stop(self) -> None:
        """Close the ports; connections still open end with the process."""
        self._close()
        await asyncio.sleep(0)

    def _close(self) -> None:
        for server in self._servers:
            server.close()
