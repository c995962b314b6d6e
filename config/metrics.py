"""Counters of what happens, for Prometheus: whatever is logged is counted, and what is too frequent to be logged, too.

In: events of the log with their fields (`event`), attempts of senders (`attempt`). Out: counters in the files of a folder,
one a process, that add up over all processes and over those that have ended; `exposition` is their text, for whom `may_read`
lets in. The supervisor
names the folder by VARIABLE; without it nothing is counted. Raises nothing.
"""

from __future__ import annotations

import contextlib
import hmac
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from prometheus_client import Counter

MEDIA = "text/plain; version=0.0.4; charset=utf-8"
_FORWARDED = ("x-forwarded-for", "x-forwarded-host", "forwarded", "via", "x-real-ip")
_LOCAL_HOSTS = ("localhost", "127.0.0.1", "[::1]", "::1")
VARIABLE = "PROMETHEUS_MULTIPROC_DIR"
PREFIX = "mail2campaign_"
_LONGEST = 40  # characters of a label's value


@dataclass(frozen=True, slots=True)
class Counted:
    """A counter: labels are fields of the event; `adds` is the field whose number is added, "" for one."""

    name: str
    help: str
    labels: tuple[str, ...] = ()
    adds: str = ""


EVERY = Counted("log_events", "Lines of the log, by event.", ("event", "level"))
ATTEMPTS = Counted(
    "attempts", "Ended attempts to deliver a mail, by what followed and what the server meant.", ("kind", "class")
)
COUNTERS: dict[str, tuple[Counted, ...]] = {
    "mail_accepted": (Counted("mails_accepted", "Mails that got a 250.", ("kind", "listener")),),
    "mail_refused": (Counted("mails_refused", "Mails refused in the dialogue.", ("kind", "listener")),),
    "mail_shunted": (Counted("mails_shunted", "Accepted mails that could not be read.", ("kind",)),),
    "connection_refused": (Counted("connections_refused", "SMTP connections above a bound.", ("listener",)),),
    "login_failed": (Counted("logins_failed", "Wrong passwords.", ("listener",)),),
    "campaign_created": (
        Counted("campaigns_created", "Campaigns made.", ("state",)),
        Counted("recipients_created", "Recipients of new campaigns.", (), "recipients"),
        Counted("lines_read", "Lines of lists read.", (), "lines"),
    ),
    "campaign_braked": (Counted("campaigns_braked", "Campaigns that paused themselves.", ("reason",)),),
    "notice_attempt": (Counted("notice_attempts", "Attempts to deliver a system mail.", ("delivered",)),),
    "site_paused": (Counted("site_pauses", "Sites that asked us to pause.", ("kind",)),),
    "leases_lost": (Counted("leases_lost", "Recipients whose lease went to another sender.", (), "rows"),),
    "change_dropped": (Counted("changes_dropped", "Outcomes that belonged to somebody else by then."),),
    "bounce_read": (Counted("bounces_read", "Bounces that came by mail.", ("status",)),),
    "complaint_read": (Counted("complaints_read", "Complaints that came by mail.", ("type",)),),
    "stop_read": (Counted("stops_read", "STOP mails.", ("way",)),),
    "hits_written": (Counted("hits", "Pixels and clicks taken.", (), "rows"),),
    "hits_judged": (Counted("hits_judged", "Pixels and clicks judged.", (), "rows"),),
    "child_ended": (Counted("processes_ended", "Processes of the gateway that ended.", ("child",)),),
    "failed": (Counted("failures", "Errors that nobody foresaw.", ("what",)),),
}


@cache
def _counter(counted: Counted) -> Counter:
    from prometheus_client import Counter

    return Counter(PREFIX + counted.name, counted.help, counted.labels)


def on() -> bool:
    """Whether somebody counts."""
    return VARIABLE in os.environ


def event(name: str, level: str, fields: Mapping[str, Any]) -> None:
    """Count one line of the log."""
    if not on():
        return
    with contextlib.suppress(OSError, ValueError):  # a full disk: nothing ends for want of a number
        _add(EVERY, {"event": name, "level": level})
        for counted in COUNTERS.get(name, ()):
            _add(counted, fields)


def attempt(kind: str, reply_class: str) -> None:
    """Count one ended attempt, where somebody counts; most of them, being deliveries, are not logged."""
    with contextlib.suppress(OSError, ValueError):
        _labelled(ATTEMPTS, (kind, reply_class)).inc()


def _add(counted: Counted, fields: Mapping[str, Any]) -> None:
    values = tuple(str(fields.get(label, ""))[:_LONGEST] for label in counted.labels)
    amount = fields.get(counted.adds, 0) if counted.adds else 1
    if amount:
        _labelled(counted, values).inc(float(amount))


@cache
def _labelled(counted: Counted, values: tuple[str, ...]) -> Counter:
    return _counter(counted).labels(*values) if values else _counter(counted)


def announce(folder: Path) -> None:
    """Let the processes that are started from now on count in this folder, those too that are forked from one that has
    imported everything: the library looks for the variable when it is imported, and never again."""
    os.environ[VARIABLE] = str(folder)


def begin(folder: Path) -> None:
    """Empty the folder, and count there from now on."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(mode=0o700, parents=True)
    announce(folder)


def may_read(headers: Mapping[str, str], peer: str, token: str) -> bool:
    """Whether a reader may see the metrics: by token where one is set, else from this machine and by no proxy."""
    if token:
        scheme, _, given = headers.get("authorization", "").partition(" ")
        return scheme.lower() == "bearer" and hmac.compare_digest(given.strip().encode(), token.encode())
    host = headers.get("host", "").rpartition(":")[0] or headers.get("host", "")
    if host not in _LOCAL_HOSTS or any(name in headers for name in _FORWARDED):
        return False
    try:
        return ip_address(peer).is_loopback
    except ValueError:
        return False


def exposition(*collectors: Any) -> bytes:
    """All counters of all processes, and what some collectors have besides, as Prometheus reads it (text format 0.0.4)."""
    from prometheus_client import CollectorRegistry, generate_latest, multiprocess

    registry = CollectorRegistry()
    if on():
        multiprocess.MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    for collector in collectors:
        registry.register(collector)
    return generate_latest(registry)
