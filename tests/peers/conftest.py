"""The pool of the sending side's own tests, aimed at foreign servers."""

from __future__ import annotations

from tests.mta.conftest import lane, server

__all__ = ["lane", "server"]
