"""The log: one JSON object a line on standard error, in a closed vocabulary.

In: `log("campaign_created", campaign=3, lines=12)`. The event must stand in EVENTS and each field in its list there;
tests/rules/test_log_vocabulary.py reads every call in the house, so a new event is added here first. `setup` also turns
what libraries say (standard `logging`, from WARNING) into the same lines, as event "library".
Out: {"at": UTC ISO 8601 with milliseconds, "level", "process", "pid", "event", …fields}. Tokens of links and
addresses are cut out of every text, also out of tracebacks. `log` raises ValueError for a word outside the vocabulary.
"""

from __future__ import annotations

import contextlib
import datetime
import json
import logging
import os
import re
import sys
import traceback
from typing import Any

from config import metrics

_ANY = {"seconds", "error", "why"}  # fields that every event may carry
_MAX_TEXT = 20_000  # a traceback is cut above

# event -> (level, its fields). Addresses of recipients are no field: a recipient is its number.
EVENTS: dict[str, tuple[str, set[str]]] = {
    # processes
    "started": ("info", {"domain", "listen", "data", "workers"}),
    "stopped": ("info", {"code"}),
    "child_started": ("info", {"child", "child_pid"}),
    "child_ended": ("warning", {"child", "child_pid", "code"}),
    "child_hangs": ("error", {"child", "child_pid"}),
    "lifeline_cut": ("warning", set()),
    "reloaded": ("info", {"changed"}),
    "settings_refused": ("error", set()),
    "replacing": ("info", set()),
    "replacement_refused": ("error", set()),
    "certificate_loaded": ("info", {"file", "until"}),
    "certificate_refused": ("error", {"file"}),
    "certificate_got": ("info", {"host", "until"}),
    "certificate_failed": ("error", {"host", "until"}),
    "host_looked": ("info", {"account", "host", "kind"}),
    "host_changed": ("info", {"account", "host", "by"}),
    "failed": ("error", {"what", "campaign", "recipient"}),
    "library": ("warning", {"logger", "message"}),
    "database_gave_up": ("warning", {"what"}),
    # receiving
    "mail_accepted": ("info", {"ref", "kind", "listener", "peer", "bytes", "account", "campaign", "proof"}),
    "mail_refused": ("info", {"kind", "listener", "peer", "reply", "bytes", "account"}),
    "logged_in": ("info", {"user", "account", "peer", "way"}),
    "logged_out": ("info", {"user", "account"}),
    "gateway_changed": ("warning", {"what", "place", "campaign", "count", "by"}),
    "account_changed": ("info", {"account", "what", "by"}),
    "suppressions_changed": ("info", {"account", "what", "rows", "by"}),
    "consents_changed": ("info", {"account", "what", "rows", "by"}),
    "senders_changed": ("info", {"account", "sender", "what", "by"}),
    "user_changed": ("info", {"user", "account", "what", "by"}),
    "keys_changed": ("info", {"account", "what", "key", "by"}),
    "hooks_changed": ("info", {"account", "webhook", "what", "by"}),
    "sender_asked": ("info", {"account", "sender", "notice"}),
    "sender_answered": ("info", {"account", "sender", "answer"}),
    "login_failed": ("warning", {"listener", "peer"}),
    "connection_refused": ("warning", {"listener", "peer"}),
    "mail_answered": ("info", {"ref", "kind", "account", "notice"}),
    "mail_ignored": ("info", {"ref", "kind", "peer"}),
    "mail_shunted": ("error", {"ref", "kind"}),
    # campaigns
    "campaign_created": (
        "info",
        {"ref", "account", "campaign", "state", "lines", "invalid", "duplicate", "suppressed", "recipients"},
    ),
    "campaign_held": ("warning", {"campaign", "reasons", "account", "ref"}),
    "campaign_repeated": ("info", {"ref", "campaign", "account"}),
    "campaign_changed": ("info", {"campaign", "state", "by"}),
    "campaign_finished": ("info", {"campaign"}),
    "campaign_reported": ("info", {"campaign", "count"}),
    "campaign_braked": ("warning", {"campaign", "reason", "count", "answers"}),
    "operator_told": ("warning", {"kind", "place", "source", "until", "reply", "notice", "ref", "rows"}),
    # delivering
    "attempt": ("info", {"campaign", "recipient", "kind", "host", "ip", "code", "stage", "class", "status"}),
    "notice_attempt": ("info", {"notice", "campaign", "host", "ip", "code", "stage", "delivered"}),
    "batch_written": ("info", {"rows", "dropped"}),
    "change_dropped": ("warning", {"campaign", "recipient", "worker", "kind"}),
    "source_moved": ("info", {"ip", "step", "provider"}),
    "worker_joined": ("info", {"worker"}),
    "leases_lost": ("warning", {"rows"}),
    "site_paused": ("warning", {"host", "kind", "rule", "until"}),
    "worker_retired": ("warning", {"worker", "rows"}),
    "providers_refused": ("error", set()),
    "dkim_failed": ("error", {"campaign", "domain", "selector"}),
    # returns and people
    "bounce_read": ("info", {"campaign", "recipient", "status", "source"}),
    "complaint_read": ("info", {"campaign", "recipient", "type"}),
    "stop_read": ("info", {"campaign", "recipient", "way"}),
    "hits_written": ("info", {"rows"}),
    "erased": ("info", {"campaign"}),
    "hits_judged": ("info", {"rows"}),
    "machines_refused": ("error", set()),
    "consent_changed": ("info", {"account", "recipient", "kind", "source"}),
    "token_refused": ("info", {"purpose"}),
    "list_gathered": ("info", {"campaign", "rows"}),
    "list_sorted": ("info", {"campaign", "rows"}),
    "export_asked": ("info", {"campaign", "kind"}),
    "export_written": ("info", {"campaign", "rows", "bytes"}),
    "message_taken": ("info", {"account", "campaign", "recipients"}),
    "hook_told": ("info", {"account", "webhook", "rows"}),
    "hook_failed": ("warning", {"account", "webhook", "rows"}),
    "hook_disabled": ("warning", {"account", "webhook"}),
    "swept": ("info", {"rows", "workers", "campaigns", "files"}),
}

# Secret links and signed addresses: whoever reads the log must not be able to use them.
_SECRETS = re.compile(
    r"(?i)(m2c_[a-z2-9]{12}_)[a-z2-9]{48}|(/(?:r|o|c|u|l|v|a|h|t|b|s)/)[a-z0-9_-]{22,}|\b((?:bounce|stop|campagne)\+)[a-z0-9]+|\b[a-z2-7]{30}\b"
)
_process = "mail2campaign"


def setup(process: str) -> None:
    """Name this process in its lines and send what libraries log (WARNING and above) the same way."""
    global _process
    _process = process
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Lines())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)


def log(event: str, **fields: Any) -> None:
    """Write one line; ValueError when the event or a field is outside the vocabulary (a bug, found by a test)."""
    level, known = EVENTS.get(event, ("", set()))
    if not level or not fields.keys() <= known | _ANY:
        raise ValueError(f"{event}({', '.join(fields)}) is outside the log's vocabulary")
    metrics.event(event, level, fields)
    written = line(level, event, fields)
    with contextlib.suppress(OSError):  # a full disk, a reader that went away: nothing ends for want of a log
        sys.stderr.write(written)
        sys.stderr.flush()


def line(level: str, event: str, fields: dict[str, Any]) -> str:
    """Return one JSON line with its line feed; an exception becomes its traceback, a secret becomes `…`."""
    now = datetime.datetime.now(datetime.UTC).isoformat(timespec="milliseconds")
    head = {"at": now.replace("+00:00", "Z"), "level": level, "process": _process, "pid": os.getpid(), "event": event}
    body = {name: _plain(value) for name, value in fields.items() if value is not None}
    return json.dumps(head | body, ensure_ascii=False) + "\n"


def scrub(text: str) -> str:
    """Return the text without the tokens of links and addresses."""
    return _SECRETS.sub(lambda found: f"{found[1] or found[2] or found[3] or ''}…", text)


def _plain(value: Any) -> Any:
    if isinstance(value, bool | int | float):
        return value
    if isinstance(value, BaseException):
        value = "".join(traceback.format_exception(value))
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(item) for item in value]
    return scrub(str(value)[:_MAX_TEXT])


class _Lines(logging.Formatter):
    """What a library logged, as a line of ours."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line without its line feed, which the handler adds."""
        fields: dict[str, Any] = {"logger": record.name, "message": record.getMessage()}
        if record.exc_info and record.exc_info[1]:
            fields["error"] = record.exc_info[1]
        return line(record.levelname.lower(), "library", fields).rstrip("\n")
