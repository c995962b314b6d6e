"""The options of a campaign as the form asks for them, and the Config file that says the same to intake.

In: the fields of the form. Out: the fields kept, what is wrong with them (keys of texts), the lines of Config. Intake
reads Config as it reads anybody's, so what holds there holds here. Pure; raises nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from parsers.address import parse
from parsers.schedule import zone_of
from store.values import Sender

TYPES, FOLLOWED, CARRIED = ("marketing", "transactional"), ("auto", "anonymous", "none"), ("auto", "attached", "links")
_WORDS = {
    "transactional": "transactionnel", "anonymous": "anonyme", "none": "non", "full": "complet",
    "attached": "jointes", "links": "liens",
}  # fmt: skip
_LINE = 200


NAMES = (
    "sender", "from_name", "reply_to", "campaign", "when", "day", "time", "type", "tracking", "attachments", "language",
    "rate", "notify", "validation", "unsubscribe",
)  # fmt: skip


def taken(sent: Mapping[str, Any]) -> dict[str, str]:
    """The fields of the form, each one line."""
    return {name: " ".join(str(sent.get(name) or "").replace("\0", "").split())[:_LINE] for name in NAMES}


def wrong(options: Mapping[str, str], senders: Sequence[Sender], zone: str, now: int) -> dict[str, str]:
    """What is wrong, by field: a key of a text."""
    found = {}
    if sender_of(options, senders) is None:
        found["sender"] = "sender"
    for name in ("reply_to", "notify"):
        if options.get(name) and any(one.fault is not None for one in parse(options[name]) or [_NONE]):
            found[name] = "address"
    if options.get("when") == "later":
        at = instant(options, zone)
        if at is None:
            found["day"] = "date"
        elif at <= now:
            found["day"] = "past"
    rate = options.get("rate", "")
    if rate and not (rate.isascii() and rate.isdigit() and 0 < int(rate) < 10**9):
        found["rate"] = "number"
    return found


class _None:
    fault = "none"


_NONE: Any = _None()


def sender_of(options: Mapping[str, str], senders: Sequence[Sender]) -> Sender | None:
    """The sender that was chosen, the first one where none was."""
    chosen = options.get("sender", "")
    if not chosen:
        return senders[0] if senders else None
    return next((one for one in senders if one.address == chosen), None)


def instant(options: Mapping[str, str], zone: str) -> int | None:
    """When a campaign is to leave, UTC ms; None for what is no date."""
    try:
        at = datetime.fromisoformat(f"{options.get('day', '')}T{options.get('time') or '09:00'}")
    except ValueError:
        return None
    return int(at.replace(tzinfo=zone_of(zone) or ZoneInfo("UTC")).timestamp() * 1000)


def config(options: Mapping[str, str], test: str = "") -> str:
    """The Config file of these options; `test`: a proof, to this address alone."""
    lines = [("Répondre à", options.get("reply_to")), ("Campagne", options.get("campaign", "").replace(" #", " n° "))]
    if test:
        lines.append(("Test", test))
    elif options.get("when") == "later":
        lines.append(("Date d'envoi", f"{options.get('day')}T{options.get('time') or '09:00'}"))
    for key, name, known in (
        ("Type", "type", TYPES), ("Suivi", "tracking", (*FOLLOWED, "full")), ("Pièces jointes", "attachments", CARRIED),
    ):  # fmt: skip
        value = options.get(name, "")
        if value in known[1:]:
            lines.append((key, _WORDS[value]))
    if options.get("language") in ("fr", "en"):
        lines.append(("Langue", options["language"]))
    if options.get("unsubscribe") == "no":
        lines.append(("Désabonnement", "non"))
    lines += [("Débit", options.get("rate")), ("Accusé à", "" if test else options.get("notify"))]
    if options.get("validation") == "yes" and not test:
        lines.append(("Validation", "oui"))
    return "".join(f"{key} : {value}\n" for key, value in lines if value)
