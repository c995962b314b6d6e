"""PostgreSQL: how connections to it are made, how long anything may take there, and what is said when it took too long.

In: the URL, which may name several servers, and the section [database] of the settings. Out: an engine. Of several servers
the one that takes writes is used, each asked for CONNECT seconds, the last good one first: a promoted standby is found by
itself. A server or a host that vanished without a word is noticed within some 15 seconds by both ends (TCP keepalive, RFC
9293 3.8.4), so that neither a dead host's locks nor a dead server's silence lasts. Behind a pooler that lends a server's
connection for one transaction nothing is kept in it: no statement has the name of another, and bounds are said each time.
Raises ConnectionError when there is no connection to be had, else what SQLAlchemy raises; logs database_gave_up.
"""

from __future__ import annotations

import asyncio
import socket
import time
import uuid
from collections.abc import Sequence
from typing import Any

import asyncpg
from sqlalchemy import event
from sqlalchemy.engine import Connection, ExceptionContext
from sqlalchemy.exc import InvalidatePoolError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from config.durations import milliseconds
from config.logging import log
from config.settings import DatabaseSection
from store import outages

CONNECT = 10.0  # seconds that each of several servers has to answer a new connection
ALONE = 30.0  # … and one that has no other beside it
REPLAN = (
    10.0  # seconds until statements are planned anew: a plan made for a small table reads all of one that has grown
)
FRESH = 1.0  # seconds after its last use in which a connection is taken for alive: a question costs three round trips
IDLE, INTERVAL, COUNT = (
    5,
    3,
    3,
)  # seconds of silence, between two probes, and probes without answer until an end is dead


def engine(url: str, bounds: DatabaseSection, **more: Any) -> AsyncEngine:
    """An engine with these bounds; nothing is sent before its first use."""
    limits = {
        "statement_timeout": milliseconds(bounds.statement_timeout),
        "lock_timeout": milliseconds(bounds.lock_timeout),
        "idle_in_transaction_session_timeout": milliseconds(bounds.idle_timeout),
    }
    pooled = bounds.pooler == "transaction"
    # the connection used last comes first: it is fresh, and has prepared what is asked again and again
    made = create_async_engine(
        url, pool_use_lifo=True, pool_recycle=1800, connect_args=_connecting(limits, pooled), **more
    )
    made.dialect.setup_asyncpg_json_codec = made.dialect.setup_asyncpg_jsonb_codec = _no_codec  # type: ignore[attr-defined]
    event.listen(made.sync_engine, "handle_error", _failed)
    event.listen(made.sync_engine, "checkin", _used)
    event.listen(made.sync_engine, "checkout", _asked if pooled else _renewed)
    if pooled:
        said = ", ".join(f"set_config('{name}', '{ms}', true)" for name, ms in limits.items())

        @event.listens_for(made.sync_engine, "begin")
        def begun(connection: Connection) -> None:
            connection.exec_driver_sql(f"SELECT {said}")

    return made


def glancing(made: AsyncEngine, bounds: DatabaseSection) -> AsyncEngine:
    """The same connections for statements that are transactions of their own; behind a pooler, where bounds hold for a
    transaction, none are."""
    return made if bounds.pooler == "transaction" else made.execution_options(isolation_level="AUTOCOMMIT")


def _connecting(limits: dict[str, int], pooled: bool) -> dict[str, Any]:
    if pooled:  # a pooler refuses settings at the start of a connection that it does not know
        return {
            "async_creator_fn": connect,
            "statement_cache_size": 0,
            "prepared_statement_cache_size": 0,
            "prepared_statement_name_func": lambda: f"m2c_{uuid.uuid4().hex}",
        }
    probes = {"tcp_keepalives_idle": IDLE, "tcp_keepalives_interval": INTERVAL, "tcp_keepalives_count": COUNT}
    patience = {"tcp_user_timeout": (IDLE + INTERVAL * COUNT) * 1_000}
    told = {name: str(value) for name, value in (limits | probes | patience).items()}
    return {"async_creator_fn": connect, "server_settings": {"application_name": "mail2campaign", **told}}


_LAST: dict[tuple[Any, ...], int] = {}  # of several servers, which one took writes last


async def connect(**options: Any) -> asyncpg.Connection[Any]:
    """A connection to the server named, or to the one among several that takes writes; ConnectionError when there is none."""
    hosts, ports = options.pop("host", None), options.pop("port", None)
    places: Sequence[tuple[Any, Any]] = [(hosts, ports)]
    if isinstance(hosts, list):
        places = list(zip(hosts, ports, strict=True))
        options.setdefault("target_session_attrs", "read-write")
    patience = CONNECT if len(places) > 1 else ALONE
    first, error = _LAST.get(tuple(places), 0), Exception()
    for at in (*range(first, len(places)), *range(first)):
        host, port = places[at]
        try:
            made = await asyncpg.connect(host=host, port=port, timeout=patience, **options)
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as why:
            error = why
            continue
        _LAST[tuple(places)] = at
        _probe(made)
        return made
    raise ConnectionError(f"no connection to the database: {str(error) or type(error).__name__}") from error


def _probe(made: Any) -> None:
    """Let the kernel find out that the other end is gone, whoever waits for whom."""
    end = made._transport.get_extra_info("socket")
    if end is None or end.family not in (socket.AF_INET, socket.AF_INET6):
        return
    end.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in (
        ("TCP_KEEPIDLE", IDLE),
        ("TCP_KEEPINTVL", INTERVAL),
        ("TCP_KEEPCNT", COUNT),
        ("TCP_USER_TIMEOUT", (IDLE + INTERVAL * COUNT) * 1_000),  # RFC 5482
    ):
        if hasattr(socket, name):  # not every system has them
            end.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)


def _used(_connection: Any, record: Any) -> None:
    record.info["used_at"] = time.monotonic()


def _asked(connection: Any, record: Any, _proxy: Any) -> None:
    """Ask a connection that was idle for a while whether it is alive; one that is not makes room for a new one."""
    if time.monotonic() - record.info.get("used_at", float("inf")) < FRESH:
        return
    try:
        connection.ping()
    except connection.dbapi.Error as error:
        raise InvalidatePoolError from error


def _renewed(connection: Any, record: Any, proxy: Any) -> None:
    """Let a connection forget its plans now and then, by which it also tells that it is alive."""
    now = time.monotonic()
    if now - record.info.setdefault("planned_at", now) < REPLAN:
        _asked(connection, record, proxy)
        return
    record.info["planned_at"] = now
    try:
        connection.run_async(_replan)
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        raise InvalidatePoolError from error


async def _replan(connection: asyncpg.Connection[Any]) -> None:
    await connection.execute("DISCARD PLANS")


async def _no_codec(_: object) -> None:
    """JSON is text here: nothing to ask of a new connection."""
    await asyncio.sleep(0)


def _failed(context: ExceptionContext) -> None:
    error = context.original_exception
    if outages.state(error) == outages.STANDBY:
        context.is_disconnect = True  # all connections of the pool: the others are of the same server
    expected = context.connection is not None and context.connection.info.get("bounded")
    if (what := outages.word(error)) and not expected:
        log("database_gave_up", what=what)
