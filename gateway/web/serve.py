"""The web process: opens what the pages need and serves them until it is told to stop.

In: the settings, and the event that SIGTERM sets. Out: nothing; it returns once answers under way are finished and every
hit that was taken is on disk. uvicorn (httptools) runs in our loop and leaves signals to us; there is no access log,
since addresses hold tokens. Logs started and stopped; raises what the keys, the database or the port raise at the start.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
import sys
from collections.abc import Iterator, Sequence
from functools import partial
from ipaddress import ip_network
from typing import Any

import uvicorn
from starlette.applications import Starlette

from config.durations import milliseconds
from config.logging import log
from config.settings import Settings, split_hostport
from gateway.certificates.cupboard import Cupboard
from gateway.intake.desk import Desk, rings
from gateway.intake.destinations import watch
from gateway.processes import lifeline, sockets
from gateway.reading.readers import Readers
from gateway.web import express
from gateway.web.app import build
from gateway.web.context import Context
from gateway.web.machines import Machines
from gateway.web.recorder import Recorder
from mail.resolver import Resolver
from store.engine import Database
from store.spool import Spool

SWITCH = 0.0005  # seconds for which a thread keeps the interpreter: the database's must not wait long for its turn
DRAIN = 1.0  # seconds for answers under way once we are told to stop
LINGER = 0.3  # seconds that a client which has just connected gets to send its request
HANDSHAKE = 10.0  # seconds for the beginning of https
LAST_WRITE = 0.8  # seconds for the hits still in memory after that


Secure = tuple[str, Sequence[socket.socket] | None, ssl.SSLContext]


class Server(uvicorn.Server):
    """uvicorn without its own signal handlers: the process has one way to stop. `secure` are its places by https, each with
    the sockets that the supervisor opened there, if it did."""

    def __init__(self, config: uvicorn.Config, secure: Secure | None = None) -> None:
        super().__init__(config)
        self._secure = secure

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Open the port, then tell the supervisor and the log."""
        await super().startup(sockets)
        if self._secure is not None:
            await self._open(*self._secure)
        lifeline.ready()
        log("started", listen=f"{self.config.host}:{self.config.port}")

    async def _open(self, place: str, held: Sequence[socket.socket] | None, tls: ssl.SSLContext) -> None:
        """Serve the same pages by https, too."""
        host, port = split_hostport(place)
        protocol: Any = self.config.http_protocol_class
        made = partial(
            protocol,
            config=self.config, server_state=self.server_state, app_state=self.lifespan.state,
        )  # fmt: skip
        loop = asyncio.get_running_loop()
        ways: list[dict[str, Any]] = [{"sock": one} for one in held or ()]
        for way in ways or [{"host": host, "port": port}]:
            server = await loop.create_server(
                made, ssl=tls, ssl_handshake_timeout=HANDSHAKE, backlog=self.config.backlog, **way
            )
            self.servers.append(server)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Take no new connection, let those that have just come send their request, then end as uvicorn does."""
        for server in self.servers:
            server.close()
        await asyncio.sleep(LINGER)
        await super().shutdown(sockets)


async def run(settings: Settings, stop: asyncio.Event) -> None:
    """Serve the pages until `stop` is set."""
    sys.setswitchinterval(SWITCH)
    gateway, db = settings.gateway, Database.open(settings.database_url, settings.database)
    readers = Readers(settings.limits.reader_memory, settings.limits.reader_seconds)
    resolver = Resolver(settings.dns.nameservers, timeout=milliseconds(settings.dns.timeout) / 1000)
    spool = await asyncio.to_thread(Spool, gateway.data_dir / "spool")
    desk = Desk(settings, db, spool, readers, resolver, *rings(settings))
    recorder = Recorder(db, desk.suppression)
    app = build(_context(desk, recorder))
    held, https = sockets.adopted(), settings.web.https_listen
    cupboard = Cupboard(settings) if https else None
    secure = None if cupboard is None else (https, held.get(https), cupboard.context)
    server = Server(configuration(settings, app), secure)
    try:
        async with asyncio.TaskGroup() as tasks:
            writing = tasks.create_task(recorder.run())
            if cupboard is not None:
                tasks.create_task(cupboard.watch(stop))
            own = held.get(settings.web.listen)
            serving = tasks.create_task(server.serve(own))
            making = tasks.create_task(app.state.maker.run())
            stopping = tasks.create_task(stop.wait())
            await asyncio.wait({serving, stopping}, return_when=asyncio.FIRST_COMPLETED)
            ended_alone = serving.done()
            stopping.cancel()
            app.state.streams.close()
            await app.state.sorter.close()
            making.cancel()
            server.should_exit = True
            await serving
            recorder.close()
            async with asyncio.timeout(LAST_WRITE):
                await writing
            if ended_alone:
                raise RuntimeError(f"the web server at {settings.web.listen} ended by itself")
    finally:
        await readers.close()
        await resolver.close()
        await db.close()
    log("stopped", code=0)


def _context(desk: Desk, recorder: Recorder) -> Context:
    """What the pages share."""
    settings = desk.settings
    gateway = settings.gateway
    return Context(
        desk.database,
        desk.keyring,
        recorder,
        gateway.url,
        gateway.domain,
        gateway.locale,
        milliseconds(settings.retention.report) / 86_400_000,
        watch(settings.providers_file).current,
        Machines(settings.tracking.machines_file).current,
        tuple(ip_network(network, strict=False) for network in settings.web.trusted_proxies),
        desk,
        folder=gateway.data_dir,
    )


def configuration(settings: Settings, app: Starlette) -> uvicorn.Config:
    """How uvicorn serves the application."""
    host, port = split_hostport(settings.web.listen)
    return uvicorn.Config(
        app,
        host=host,
        port=port,
        http=express.protocol(app.state.context, app.state.links),
        ws="none",
        lifespan="off",
        access_log=False,
        log_config=None,
        server_header=False,
        proxy_headers=False,
        limit_concurrency=2000,
        timeout_keep_alive=20,
        timeout_graceful_shutdown=int(DRAIN),
        backlog=1024,
    )
