"""The ports on which mail comes in.

In: the [smtp] settings, the gate that all connections share, and the TLS certificate. Out: listening servers on every
host:port, one dialogue a connection. Raises OSError when a port or the certificate cannot be had.
"""

from __future__ import annotations

import asyncio
import logging
import ssl
from pathlib import Path

from config.settings import Settings, split_hostport
from gateway.smtp.gate import Gate
from gateway.smtp.handler import Handler
from gateway.smtp.protocol import Protocol

_BACKLOG = 512
_HANDSHAKE_S = 10.0  # who says nothing on the TLS port is not counted before the handshake: it must be short


def tls_context(settings: Settings) -> ssl.SSLContext:
    """The certificate of the settings, or the one that init made in DATA/tls."""
    folder = settings.gateway.data_dir / "tls"
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    certificate: Path = settings.smtp.tls_certificate or folder / "cert.pem"
    context.load_cert_chain(certificate, settings.smtp.tls_key or folder / "key.pem")
    return context


class Listener:
    """All servers of the settings; `ports` tells where they listen (a port 0 was chosen by the system)."""

    def __init__(self) -> None:
        self._servers: list[asyncio.Server] = []
        self.ports: dict[str, list[int]] = {"mx": [], "submission": [], "submissions": []}

    async def start(self, gate: Gate, listens: dict[str, list[str]], tls: ssl.SSLContext) -> None:
        """Open every port of `listens` (mx, submission, submissions: host:port lists)."""
        logging.getLogger("mail.log").setLevel(logging.ERROR)  # aiosmtpd tells every command it reads
        loop = asyncio.get_running_loop()
        for port, places in listens.items():
            for place in places:
                host, number = split_hostport(place)
                implicit = port == "submissions"

                def connection(port: str = port, implicit: bool = implicit) -> Protocol:
                    return Protocol(Handler(gate, port), gate.limits, port=port, tls=tls, implicit=implicit)

                server = await loop.create_server(
                    connection,
                    host,
                    number,
                    ssl=tls if implicit else None,
                    ssl_handshake_timeout=_HANDSHAKE_S if implicit else None,
                    backlog=_BACKLOG,
                    reuse_address=True,
                )
                self._servers.append(server)
                self.ports[port] += [sock.getsockname()[1] for sock in server.sockets]

    async def stop(self) -> None:
        """Close the ports; connections still open end with the process."""
        for server in self._servers:
            server.close()
        await asyncio.sleep(0)
