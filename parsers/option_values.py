"""The values of Config, each read by its own small rule.

In: the text of a value; out: the value, or None where it cannot be read. Pure; raises nothing, logs nothing.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from enum import StrEnum

from parsers.address import clean, key, parse
from parsers.columns import canonical
from parsers.option_keys import Key
from parsers.schedule import zone_of

__all__ = ["READERS", "Attachments", "CampaignType", "Tracking"]

_NAME_MAX, _CAMPAIGN_MAX, _ADDRESSES_MAX, _RATE_MAX = 100, 200, 50, 10_000_000


class CampaignType(StrEnum):
    """What a campaign is before the law."""

    MARKETING = "marketing"
    TRANSACTIONAL = "transactional"


class Tracking(StrEnum):
    """How much Config asks to be tracked."""

    AUTO = "auto"
    FULL = "full"
    ANONYMOUS = "anonymous"
    NONE = "none"


class Attachments(StrEnum):
    """How files travel."""

    AUTO = "auto"
    ATTACHED = "attached"
    LINKS = "links"


_YES = frozenset(("oui", "yes", "o", "y", "vrai", "true", "1", "on", "x", "ok"))
_NO = frozenset(("non", "no", "n", "faux", "false", "0", "off", "aucun", "none", "jamais"))
_TYPES = {"marketing": "marketing", "transactionnel": "transactional", "transactional": "transactional"} | {
    "transactionnelle": "transactional", "commercial": "marketing", "newsletter": "marketing",
}  # fmt: skip
_TRACKINGS = {
    "auto": "auto", "automatique": "auto", "automatic": "auto", "complet": "full", "full": "full", "anonyme": "anonymous",
    "anonymous": "anonymous", "non": "none", "none": "none", "no": "none", "aucun": "none", "faux": "none", "false": "none",
}  # fmt: skip
_FILES = {
    "auto": "auto", "automatique": "auto", "jointes": "attached", "jointe": "attached", "attached": "attached",
    "joints": "attached", "joint": "attached",
    "liens": "links", "lien": "links", "links": "links", "link": "links",
}  # fmt: skip
_LANGUAGES = {
    "fr": "fr", "francais": "fr", "french": "fr", "frfr": "fr", "en": "en", "anglais": "en", "english": "en",
    "enus": "en", "engb": "en",
}  # fmt: skip
_COMMENT = re.compile(r"\s#(?:\s.*)?$")
_RATE = re.compile(r"(\d[\d  .,']*)(?:mails?|messages?|emails?)?(?:/h|parheure|anhour|perhour|/heure|/hour|h)?")
_MIDNIGHT = re.compile(r"(.*\d{4}) 00:00(?::00)?")
_TITLES = frozenset(("cle", "key", "parametre", "parameter", "option", "options", "config", "configuration", "reglage"))


def without_comment(value: str) -> str:
    """A value without the comment behind it (` # …`), its blanks and surrounding quotes trimmed."""
    return _COMMENT.sub("", clean(value)).strip(" \"'")


def without_midnight(value: str) -> str:
    """A date cell's text without the empty hour that sheets put behind it."""
    match = _MIDNIGHT.fullmatch(value)
    return match[1] if match is not None else value


def is_title(name: str, value: str | None) -> bool:
    """Whether a line is the heading of a two-column sheet ("Clé | Valeur") or of the file, and asks for nothing."""
    return canonical(name) in _TITLES and canonical(value or "") in ("", "valeur", "value", "valeurs", "values")


def address(value: str) -> str | None:
    """One good address, its display name dropped."""
    found = parse(value)
    return found[0].address if len(found) == 1 and found[0].fault is None else None


def addresses(value: str) -> tuple[str, ...] | None:
    """One or more good addresses, each once."""
    found = parse(value)
    if len(found) > _ADDRESSES_MAX or any(one.fault is not None for one in found):
        return None
    return tuple({key(one.address): one.address for one in found}.values())


def name(value: str) -> str | None:
    """A display name: printable, one line, of bounded length."""
    return value if value.isprintable() and 0 < len(value) <= _NAME_MAX and "@" not in value else None


def sender(value: str) -> tuple[str, str] | None:
    """Name and address of `Nom <adresse>`, a name alone, or an address alone; "" where not given."""
    if "@" not in value and "<" not in value:
        return (value, "") if name(value) else None
    found = parse(value)
    if len(found) != 1 or found[0].fault is not None or len(found[0].name) > _NAME_MAX:
        return None
    return (found[0].name, found[0].address) if found[0].name.isprintable() else None


def campaign(value: str) -> str | None:
    """The campaign's name: printable, one line, of bounded length."""
    return value if value.isprintable() and len(value) <= _CAMPAIGN_MAX else None


def yes_or_no(value: str) -> bool | None:
    """Oui or non in either language."""
    word = canonical(value)
    return True if word in _YES else False if word in _NO else None


def rate(value: str) -> int | None:
    """Messages an hour, from 1 to ten million."""
    match = _RATE.fullmatch(re.sub(r"\s", "", value.casefold()))
    digits = re.sub(r"\D", "", match[1]) if match is not None and not re.search(r"[.,]\d{1,2}(?!\d)", match[1]) else ""
    return int(digits) if 0 < len(digits) < 9 and 0 < int(digits) <= _RATE_MAX else None


def zone(value: str) -> str | None:
    """The name of a time zone."""
    found = zone_of(value)
    return found.key if found is not None else None


def campaign_type(value: str) -> CampaignType | None:
    """Marketing or transactional."""
    word = _TYPES.get(canonical(value))
    return CampaignType(word) if word else None


def tracking(value: str) -> Tracking | None:
    """The tracking asked for."""
    word = _TRACKINGS.get(canonical(value))
    return Tracking(word) if word else None


def attachments(value: str) -> Attachments | None:
    """How files are to travel."""
    word = _FILES.get(canonical(value))
    return Attachments(word) if word else None


def language(value: str) -> str | None:
    """fr or en."""
    return _LANGUAGES.get(canonical(value))


READERS: dict[Key, tuple[str, Callable[[str], object | None]]] = {
    Key.SENDER: ("sender", sender),
    Key.SENDER_NAME: ("sender_name", name),
    Key.SENDER_ADDRESS: ("sender_address", address),
    Key.REPLY_TO: ("reply_to", address),
    Key.ZONE: ("zone", zone),
    Key.CAMPAIGN: ("campaign", campaign),
    Key.TYPE: ("type", campaign_type),
    Key.LANGUAGE: ("locale", language),
    Key.TRACKING: ("tracking", tracking),
    Key.UNSUBSCRIBE: ("unsubscribe", yes_or_no),
    Key.ATTACHMENTS: ("attachments", attachments),
    Key.VALIDATION: ("validation", yes_or_no),
    Key.TEST: ("test", addresses),
    Key.RATE: ("rate", rate),
    Key.NOTIFY: ("notify", addresses),
}
