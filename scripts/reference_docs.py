"""Write docs/commands.md, docs/settings.md and docs/words.md from the program itself, so that they cannot grow old.

In: nothing. Out: the three documents. A test compares what is committed with what `documents` makes.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from config.logging import EVENTS
from config.reference import _value
from config.settings import Settings
from gateway.cli.arguments import HIDDEN, build
from gateway.i18n import catalogue
from store.states import Event, Status
from store.values import CampaignState

DOCS = Path(__file__).resolve().parents[1] / "docs"
_MADE = "<!-- made by scripts/reference_docs.py; a test compares -->\n"


def documents() -> dict[str, str]:
    """The documents by name."""
    return {"commands.md": commands(), "settings.md": settings(), "words.md": words()}


def commands() -> str:
    """Every command with its arguments, as argparse knows them."""
    parts = [
        "# Commands\n", _MADE,
        "`mail2campaign [--config FILE] COMMAND …`. The settings are those of `--config`, else of `MAIL2CAMPAIGN_CONFIG`,",
        "else `./mail2campaign.toml`. Each command ends with status 0 when it did what was asked, 1 with one line on",
        "standard error when it could not, 2 when the words make no command; `doctor` has statuses of its own.\n",
    ]  # fmt: skip
    for name, parser in _leaves(build(), ""):
        parts.append(f"## `{name}`\n\n{_sentence(parser.description or '')}\n")
        rows = [row for action in parser._actions if (row := _argument(action))]
        if rows:
            parts.append("| argument | |\n|---|---|\n" + "\n".join(rows) + "\n")
    return "\n".join(parts)


def _leaves(parser: argparse.ArgumentParser, name: str) -> Iterator[tuple[str, argparse.ArgumentParser]]:
    """Every parser that does something, with the words that lead there."""
    subs = [action for action in parser._actions if isinstance(action, argparse._SubParsersAction)]
    if name and (not subs or parser.get_default("run")):
        yield name, parser
    for action in subs:
        for word, below in action._name_parser_map.items():
            if word not in HIDDEN:
                yield from _leaves(below, f"{name} {word}".strip())


def _argument(action: argparse.Action) -> str:
    if action.help == argparse.SUPPRESS or isinstance(action, (argparse._HelpAction, argparse._SubParsersAction)):
        return ""
    choices = "|".join(str(one) for one in action.choices) if action.choices else ""
    value = "" if action.nargs == 0 else str(action.metavar or choices or action.dest.upper()).replace("|", "\\|")
    named = " ".join(part for part in (action.option_strings[-1] if action.option_strings else "", value) if part)
    wanted = action.required and bool(action.option_strings)
    said = _sentence(action.help or "")
    return f"| `{named}` | {said}{' Required.' if wanted else ''} |"


def _sentence(text: str) -> str:
    text = text.replace("%%", "%").replace("|", "\\|")
    return text[:1].upper() + text[1:] + ("" if not text or text.endswith((".", ")")) else ".")


def settings() -> str:
    """Every key with its default and what it is for."""
    parts = [
        "# Settings\n", _MADE,
        "Keys of `mail2campaign.toml`; each can be overridden by `MAIL2CAMPAIGN_SECTION__KEY` (lists and tables as JSON).",
        "Durations are one string with the units s m h d. An unknown key is an error. `mail2campaign settings` prints the",
        "same as a file.\n",
    ]  # fmt: skip
    for name, field in Settings.model_fields.items():
        model: Any = field.annotation
        rows = [f"## `[{name}]`\n", "| key | default | |", "|---|---|---|"]
        for key, one in model.model_fields.items():
            default = _value(one.get_default(call_default_factory=True)).replace("|", "\\|")
            said = (one.description or "").replace("|", "\\|")
            rows.append(f"| `{key}` | {f'`{default}`' if default else ''} | {said} |")
        parts.append("\n".join(rows) + "\n")
    return "\n".join(parts)


def words() -> str:
    """Statuses, states, events, what replies mean, faults, reasons to hold, and the log's vocabulary."""
    tables = [
        ("Statuses of a recipient", [(one.code, f"status.{one.code}") for one in Status]),
        ("States of a campaign", [(str(one), f"state.{one}") for one in CampaignState]),
        ("Events in a recipient's history", [(one.code, f"event.{one.code}") for one in Event]),
        ("What a server's reply means", _below("explain")),
        ("Faults of a line of LISTE", [row for row in _below("fault") if not row[0].startswith("reason.")]),
        ("Why an address is suppressed", _below("fault.reason")),
        ("Why a campaign is held or paused", _below("held")),
        ("Faults of Config", _below("config")),
        ("What a list or mail cannot be read for", _below("unreadable")),
        ("Notes in an acknowledgement", _below("note")),
        ("What the doctor finds", _doctor()),
    ]
    french, english = catalogue("fr"), catalogue("en")
    parts = ["# Words: every status, fault, reason and event, as people read them\n", _MADE,
             "Advice before sending has a page of its own: [advice.md](advice.md).\n"]  # fmt: skip
    for title, rows in tables:
        lines = [f"## {title}\n", "| code | French | English |", "|---|---|---|"]
        lines += [f"| `{code}` | {_cell(french[key])} | {_cell(english[key])} |" for code, key in rows]
        parts.append("\n".join(lines) + "\n")
    lines = [
        "## Events of the log\n",
        "| event | level | fields (any may also bear `seconds`, `error`, `why`) |",
        "|---|---|---|",
    ]
    lines += [f"| `{name}` | {level} | {', '.join(sorted(fields))} |" for name, (level, fields) in EVENTS.items()]
    return "\n".join([*parts, "\n".join(lines) + "\n"])


def _below(prefix: str) -> list[tuple[str, str]]:
    keys = sorted(key for key in catalogue("en") if key.startswith(f"{prefix}."))
    return [(key.removeprefix(f"{prefix}."), key) for key in keys]


def _doctor() -> list[tuple[str, str]]:
    return [
        (key.split(".")[1], key)
        for key in sorted(catalogue("en"))
        if key.startswith("doctor.") and key.endswith((".text", ".text.other"))
    ]


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("<", "&lt;").replace("\n", " ")


if __name__ == "__main__":
    for name, text in documents().items():
        (DOCS / name).write_text(text, "utf-8")
