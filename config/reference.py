"""The settings file that explains itself: every key with its description and its default.

In: values that shall be set (section -> key -> value). Out: the text of a mail2campaign.toml in which these are written
and every other key stands commented out with its default. Made from config/settings.py, so it cannot grow old.
Raises KeyError for a section or key that no setting has.
"""

from __future__ import annotations

import json
import textwrap
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from config.settings import Settings

_WIDTH = 118
_HEAD = """\
# Settings of mail2campaign. A key that is commented out has the value shown.
# Each can be overridden by the environment: MAIL2CAMPAIGN_SECTION__KEY (lists and tables as JSON).
# Durations are one string with the units s m h d, for example 90s or 1h30m.
"""


def reference(chosen: Mapping[str, Mapping[str, Any]] | None = None) -> str:
    """Return the whole file as text; `chosen` values are written, all others are commented out."""
    rest = {section: dict(values) for section, values in (chosen or {}).items()}
    parts = [_HEAD]
    for name, field in Settings.model_fields.items():
        model: Any = field.annotation
        parts.append(_section(name, model, rest.pop(name, {})))
    if rest:
        raise KeyError(f"no such section: {', '.join(rest)}")
    return "\n".join(parts)


def _section(name: str, model: type[BaseModel], chosen: dict[str, Any]) -> str:
    lines = [f"[{name}]"]
    for key, field in model.model_fields.items():
        lines += textwrap.wrap(field.description or "", _WIDTH, initial_indent="# ", subsequent_indent="# ")
        if key in chosen:
            lines.append(f"{key} = {_value(chosen.pop(key))}")
        else:
            lines.append(f"# {key} = {_value(field.get_default(call_default_factory=True))}".rstrip())
    if chosen:
        raise KeyError(f"no such key in [{name}]: {', '.join(chosen)}")
    return "\n".join(lines) + "\n"


def _value(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return str(value)
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{_value(key)} = {_value(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(_value(item) for item in value) + "]"
    # a JSON string is a TOML basic string but for the surrogates and DEL, which no setting of ours holds
    return json.dumps(str(value) if isinstance(value, Path) else value, ensure_ascii=False)
