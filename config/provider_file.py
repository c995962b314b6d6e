"""Reads providers files: the shipped one, and the operator's in front of it.

In: paths of TOML files (`docs/providers.md` explains them). Out: the values of config/providers.py. The operator's keys
replace ours one by one, its rules are asked before ours, its providers before ours. Raises ProvidersError, whose one
sentence names file, provider, rule and what is wrong; so a rule that slows or stops a site and blames the person is.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeVar

from config.durations import Plan, milliseconds, plan
from config.patterns import compiled
from config.providers import ABOUT_THE_PERSON, CLASSES, SHIPPED, Action, ActionKind, Provider, ProvidersError, Rule

DEFAULT = "default"
_Made = TypeVar("_Made")
_LONGEST_PAUSE = 7 * 86_400  # seconds
_LARGEST = 2_000_000  # bytes of a file
_GROUPS = re.compile(r"\((?:[^()]|\([^()]*\))*\)")
PROVIDER_KEYS = {
    "name": str,
    "spoken": str,
    "spoken_en": str,
    "mx": list,
    "connections": int,
    "messages": int,
    "per_hour": int,
    "burst": int,
    "retry": str,
    "tls": str,
    "complaints": int,
    "shared": bool,
    "rules_of": str,
    "source": str,
    "rule": list,
}
RULE_KEYS = {
    "id": str,
    "pattern": str,
    "class": str,
    "action": str,
    "alert": bool,
    "text": str,
    "fr": str,
    "en": str,
    "source": str,
    "example": str,
}


class _Fault(Exception):
    """What is wrong, without its place."""


@dataclass(slots=True)
class _Draft:
    """A provider while the files are laid over each other; rules carry the file they come from."""

    keys: dict[str, Any] = field(default_factory=dict)
    rules: list[tuple[Path, Mapping[str, Any]]] = field(default_factory=list)


def read(shipped: Path, path: Path | None) -> tuple[list[Provider], Provider]:
    """The providers in the order in which they are asked, and the default one; ProvidersError when a file is bad."""
    texts: dict[str, Mapping[str, str]] = {}
    drafts: dict[str, _Draft] = {}
    for file in (shipped, path) if path else (shipped,):
        ours = _tables(file, texts)
        for key, keys in ours.items():
            draft = drafts.setdefault(key, _Draft())
            draft.rules[:0] = [(file, rule) for rule in keys.get("rule", ())]
            draft.keys |= {name: value for name, value in keys.items() if name != "rule"}
        drafts = {key: drafts[key] for key in (*ours, *(key for key in drafts if key not in ours))}
    if DEFAULT not in drafts:
        raise ProvidersError(f"{shipped}: there is no [provider.{DEFAULT}] for all other sites")
    maker = _Maker(path or shipped, drafts, texts)
    default = maker.provider(DEFAULT, ())
    return [maker.provider(key, default.rules) for key in drafts if key != DEFAULT], default


def _tables(file: Path, texts: dict[str, Mapping[str, str]]) -> dict[str, dict[str, Any]]:
    """The providers of one file, its keys checked; its texts are laid over `texts`."""
    try:
        there = file.stat()
        if there.st_size > _LARGEST:
            raise ProvidersError(f"{file}: the file is larger than {_LARGEST:,} bytes")
        parsed = _parsed(file, there.st_mtime_ns, there.st_size)
    except OSError as error:
        raise ProvidersError(f"{file}: the file cannot be read: {error.strerror}") from error
    except ValueError as error:  # TOMLDecodeError and UnicodeDecodeError are such
        raise ProvidersError(f"{file}: the file is no TOML: {error}") from error
    for key in parsed:
        if key not in ("provider", "text"):
            raise ProvidersError(f"{file}: {key!r} is unknown here: write [provider.KEY] or [text.KEY]")
    for key, text in _table(file, parsed, "text").items():
        _checked(f"{file}: text {key}", text, {"fr": str, "en": str})
        texts[key] = text
    found = _table(file, parsed, "provider")
    for key, keys in found.items():
        place = f"{file}: provider {key}"
        _checked(place, keys, PROVIDER_KEYS)
        for number, rule in enumerate(keys.get("rule", ()), 1):
            _checked(f"{place}, rule {_rule_name(rule, number)}", rule, RULE_KEYS)
    return found


@lru_cache(maxsize=4)
def _parsed(file: Path, _changed_at: int, _size: int) -> Mapping[str, Any]:
    """A file as TOML, not to be changed: reading ours takes longer than all else at the start of a process."""
    return tomllib.loads(file.read_text(encoding="utf-8"))


def _table(file: Path, parsed: Mapping[str, Any], name: str) -> dict[str, Any]:
    found = parsed.get(name, {})
    if not isinstance(found, dict):
        raise ProvidersError(f"{file}: {name!r} must be tables such as [{name}.orange]")
    return found


def _rule_name(rule: Any, number: int) -> str:
    return str(rule.get("id", number)) if isinstance(rule, dict) else str(number)


def _checked(place: str, table: Any, known: Mapping[str, type]) -> None:
    if not isinstance(table, dict):
        raise ProvidersError(f"{place}: this must be a table of keys")
    for key, value in table.items():
        if key not in known:
            raise ProvidersError(f"{place}: {key!r} is no key here; known are {', '.join(sorted(known))}")
        if type(value) is not known[key]:
            raise ProvidersError(f"{place}: {key} must be {_WORDS[known[key]]}, not {value!r}")
        if isinstance(value, int) and value < 0:
            raise ProvidersError(f"{place}: {key} must not be below zero, but is {value}")


_WORDS: Mapping[type, str] = {str: "a text in quotes", int: "a whole number", bool: "true or false", list: "a list"}


class _Maker:
    """Makes the values out of the drafts."""

    def __init__(self, file: Path, drafts: Mapping[str, _Draft], texts: Mapping[str, Mapping[str, str]]) -> None:
        self._file = file
        self._drafts = drafts
        self._texts = texts

    def provider(self, key: str, generic: tuple[Rule, ...]) -> Provider:
        draft = self._drafts[key]
        keys = draft.keys
        place = f"{self._file}: provider {key}"
        for needed in ("name", "source"):
            if not keys.get(needed):
                raise ProvidersError(f"{place}: {needed!r} is missing")
        return Provider(
            key=key,
            name=keys["name"],
            mx=_at(place, lambda: self._mx(key, keys.get("mx", []))),
            connections=keys.get("connections", 0),
            messages=keys.get("messages", 0),
            per_hour=keys.get("per_hour", 0),
            burst=keys.get("burst", 0) or max(1, keys.get("per_hour", 0) // 60),
            retry=_at(place, lambda: _retry(keys.get("retry", ""))),
            tls=_at(place, lambda: _one_of("tls", keys.get("tls", "may"), ("may", "must"))),
            rules=self._rules(key, place),
            source=keys["source"],
            shared=keys.get("shared", True),
            complaints=keys.get("complaints", 0),
            generic=generic,
        )

    def _mx(self, key: str, patterns: list[Any]) -> tuple[str, ...]:
        if not patterns and key != DEFAULT:
            raise _Fault("'mx' is missing: the patterns of the names of its mail servers")
        for pattern in patterns:
            if not isinstance(pattern, str) or not pattern.endswith("$"):
                raise _Fault(f"the mx pattern {pattern!r} must end with $, or it would fit the names of strangers")
            if "|" in _GROUPS.sub("", pattern):
                raise _Fault(f"the mx pattern {pattern!r} has a | outside brackets: write two patterns")
            if self._file != SHIPPED:
                compiled(pattern)
        return tuple(patterns)

    def _rules(self, key: str, place: str) -> tuple[Rule, ...]:
        draft = self._drafts[key]
        rows = [(file, key, row) for file, row in draft.rules]
        if other := draft.keys.get("rules_of"):
            if other not in self._drafts:
                raise ProvidersError(f"{place}: rules_of names {other!r}, which is no provider")
            rows += [(file, other, row) for file, row in self._drafts[other].rules]
        spoken = draft.keys.get("spoken", draft.keys["name"])
        names = {"fr": spoken, "en": draft.keys.get("spoken_en", spoken)}
        rules: dict[str, Rule] = {}
        origins: dict[str, tuple[Path, str]] = {}
        for number, (file, owner, row) in enumerate(rows, 1):
            where = f"{file}: provider {owner}, rule {_rule_name(row, number)}"
            rule = _at(where, lambda file=file, row=row: self._rule(file, key, row, names))  # type: ignore[misc]
            if origins.setdefault(rule.id, (file, owner)) != (file, owner):
                continue  # an id that is used again replaces what would come later
            if rule.id in rules:
                raise ProvidersError(f"{where}: this provider has two rules with this id")
            rules[rule.id] = rule
        return tuple(rules.values())

    def _rule(self, file: Path, key: str, row: Mapping[str, Any], names: Mapping[str, str]) -> Rule:
        for needed in ("id", "pattern", "class", "source"):
            if not row.get(needed):
                raise _Fault(f"{needed!r} is missing")
        action = _action(row.get("action", "none"))
        reply_class = _one_of("class", row["class"], sorted(CLASSES))
        if reply_class in ABOUT_THE_PERSON and (row.get("alert") or action.kind is not ActionKind.NONE):
            raise _Fault(f"{reply_class!r} blames the recipient, so no action and no alert may follow from it")
        rule = Rule(
            id=f"{key}.{row['id']}",
            pattern=row["pattern"],
            reply_class=reply_class,
            action=action,
            alert=row.get("alert", False),
            fr=self._words(row, "fr", names["fr"]),
            en=self._words(row, "en", names["en"]),
            source=row["source"],
            example=row.get("example", ""),
        )
        # what we ship is held to this by tests; compiling all of it takes longer than reading it
        if file != SHIPPED:
            compiled(rule.pattern)
            if rule.example and not rule.fits(rule.example):
                raise _Fault("its pattern does not fit its own example")
        return rule

    def _words(self, row: Mapping[str, Any], language: str, name: str) -> str:
        words = row.get(language)
        if not words:
            text = self._texts.get(row.get("text", row["class"]))
            if text is None:
                raise _Fault(f"there is no text {row.get('text', row['class'])!r}: write fr and en here, or that text")
            words = text.get(language, "")
        if not words:
            raise _Fault(f"its explanation in {language!r} is missing")
        words = words.replace("{name}", name)
        return words[0].upper() + words[1:]


def _action(text: str) -> Action:
    word, _, time = text.partition(" ")
    kind = ActionKind(_one_of("action", word, [str(kind) for kind in ActionKind]))
    if kind is ActionKind.NONE:
        return Action(kind)
    if not time:
        raise _Fault(f'the action {kind!r} must say how long it lasts, for example "{kind} 2h"')
    seconds = milliseconds(time) // 1000
    if not 0 < seconds <= _LONGEST_PAUSE:
        raise _Fault(f"an action must last from one second to seven days, not {time!r}")
    return Action(kind, seconds)


def _retry(text: str) -> Plan | None:
    return plan(text) if text else None


def _one_of(key: str, value: str, allowed: Sequence[str]) -> str:
    if value not in allowed:
        raise _Fault(f"{key} must be one of {', '.join(allowed)}, not {value!r}")
    return value


def _at(place: str, make: Callable[[], _Made]) -> _Made:
    try:
        return make()
    except (_Fault, ValueError) as error:
        raise ProvidersError(f"{place}: {error}") from error
