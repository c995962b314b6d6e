"""SQLite databases of one test process share what SQLAlchemy makes of the statements: a gateway compiles each once, but tests
open hundreds of databases, and compiling anew was a quarter of their processor time."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from store import engine

_first: list[AsyncEngine] = []


def _make(url: Any, **more: Any) -> AsyncEngine:
    made = create_async_engine(url, query_cache_size=5_000, **more)
    first, own = (_first or [made])[0].sync_engine, made.sync_engine.dialect
    _first[:] = _first or [made]

    @event.listens_for(made.sync_engine, "connect")
    def connected(_connection: Any, _record: Any) -> None:
        if first.dialect.server_version_info is None:  # it has not seen a server yet: what ours has found out of it
            first.dialect.__dict__.update(own.__dict__)

    # the statements are kept by dialect: engines that share both find each other's
    made.sync_engine.dialect, made.sync_engine._compiled_cache = first.dialect, first._compiled_cache
    return made


@contextmanager
def shared() -> Iterator[None]:
    """From here on databases share what is compiled."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(engine, "create_async_engine", _make)
        yield
