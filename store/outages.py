"""Errors that speak of the database's state and not of what was asked: the same may work a moment later.

In: an exception. Out: whether it passes, and the word under which the log tells why PostgreSQL ended something. Pure; nothing
is raised.
"""

from __future__ import annotations

from sqlalchemy.exc import DBAPIError

STANDBY = "25006"  # read_only_sql_transaction: this server has become, or always was, a standby
# https://www.postgresql.org/docs/current/errcodes-appendix.html
_WORDS = {
    "57014": "statement",  # query_canceled
    "55P03": "lock",  # lock_not_available
    "25P03": "idle",  # idle_in_transaction_session_timeout
    "40P01": "deadlock",
    "40001": "serialization",
    STANDBY: "standby",
}
_CLASSES = ("08", "53", "57", "58")  # connection, resources, operator intervention, system
_SQLITE = ("database is locked", "database or disk is full", "disk I/O error")


def state(error: BaseException | None) -> str:
    """The SQLSTATE that the database gave, empty where it gave none."""
    return str(getattr(error, "sqlstate", None) or "")


def word(error: BaseException | None) -> str:
    """What PostgreSQL ended: statement, lock, idle …; empty for other errors."""
    return _WORDS.get(state(error), "")


def passing(error: Exception) -> bool:
    """Whether to try again is worth it."""
    if not isinstance(error, DBAPIError):
        return isinstance(error, OSError)  # TimeoutError is one
    known = state(error.orig) in _WORDS or state(error.orig).startswith(_CLASSES)
    return known or error.connection_invalidated or str(error.orig).startswith(_SQLITE)
