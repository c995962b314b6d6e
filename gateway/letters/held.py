"""Why a campaign is held, in words: the acknowledgement and the report say the same.

In: one of a campaign's reasons, as intake or a sender wrote it. Out: a sentence in a language; a reason that has no words
(written by a newer version) gives its code. Pure; raises nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gateway.i18n import has, text
from mail.download import size


def reason(locale: str, held: Mapping[str, Any]) -> str:
    """Why a campaign is held, in a sentence."""
    values = {name: held.get(name, "") for name in ("text", "line", "where", "count", "answers", "columns")}
    values |= {name: size(locale, int(held.get(name) or 0)) for name in ("size", "limit")}
    code = "config_file" if held["code"] == "config" and not held.get("line") else str(held["code"])
    if code == "unknown_column" and held.get("columns"):
        code = "unknown_column_of"
    return text(locale, f"held.{code}", **values) if has(locale, f"held.{code}") else code
