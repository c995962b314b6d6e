"""Bounces and complaints that Amazon SES reports by mail as JSON (its notification contents, through SNS).

In: the text of a mail. Out: `Told` values, none where the text is no such notification. Raises nothing; logs nothing.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

MAX_TEXT = 100_000
_KIND = re.compile(r'"(?:notification|event)Type"')  # feedback notifications, and events of configuration sets


@dataclass(frozen=True, slots=True)
class Told:
    """What a notification says of one recipient; `action` and `status` are those of RFC 3464, or ""."""

    recipient: str
    status: str
    action: str
    reply: str


def bounced(text: str) -> tuple[Told, ...]:
    """Return the bounced recipients of a notification."""
    return tuple(
        Told(
            _text(one, "emailAddress"),
            _text(one, "status"),
            _text(one, "action"),
            _text(one, "diagnosticCode").partition(";")[2].strip(),
        )
        for one in _recipients(text, "bounce", "bouncedRecipients")
    )


def complained(text: str) -> tuple[str, str]:
    """Return who complained and how ("abuse" where nothing is said); ("", "") where nobody did."""
    found = _recipients(text, "complaint", "complainedRecipients")
    if not found:
        return "", ""
    inner = _notification(text).get("complaint")
    kind = _text(inner, "complaintFeedbackType") if isinstance(inner, dict) else ""
    return _text(found[0], "emailAddress"), kind or "abuse"


def _recipients(text: str, kind: str, name: str) -> list[dict[str, Any]]:
    inner = _notification(text).get(kind)
    found = inner.get(name) if isinstance(inner, dict) else None
    return (
        [one for one in found[:100] if isinstance(one, dict) and _text(one, "emailAddress")]
        if isinstance(found, list)
        else []
    )


def _notification(text: str) -> dict[str, Any]:
    start = text[:2_000].find("{")
    if start < 0 or not _KIND.search(text, start, start + 2_000):
        return {}
    try:
        # lines were folded by mail programs in the middle of words
        found, _ = json.JSONDecoder(strict=False).raw_decode(text[start:MAX_TEXT].replace("\n", ""))
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _text(values: dict[str, Any], name: str) -> str:
    found = values.get(name)
    return found[:2_000] if isinstance(found, str) else ""
