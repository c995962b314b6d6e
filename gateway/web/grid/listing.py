"""The values of the table's template: tabs, columns, rows, the filter as sentences and as a form.

In: the campaign, its ledger, a `Query` and what was `Seen`. Out: a dictionary for `_details.html`; cells are text as people
read it, every count a sentence. Pure; nothing is raised or logged.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from gateway import i18n
from gateway.figures import columns, stats
from gateway.figures.columns import Column
from gateway.web.grid import remembered
from gateway.web.grid.asked import Query
from gateway.web.grid.looking import Seen
from parsers import filters
from parsers.filters import NONE, OPERATORS, Condition, Filter, FilterError, Kind
from parsers.provider_domains import PROVIDERS
from store import grid
from store.grid import Count
from store.reports import Person
from store.values import Campaign, Ledger

LONG = 5_000  # recipients from which on an export is made in the background
SPARE = 2  # empty rows of the form where nothing adds them
_MAILBOXES = ("orange", "sfr", "free", "laposte", "gmail", "microsoft")
_OURS = ("status", "email", "domain", "provider", "opened", "clicked", "clicks", "delivered", "unsubscribed", "date", "reply",
         "attempts", "line")  # fmt: skip


@dataclass(frozen=True, slots=True)
class Row:
    """One row of the filter's form as it was written; `wrong`: it is the one with the fault."""

    column: str = ""
    operator: str = ""
    value: str = ""
    other: str = ""
    wrong: bool = False


def values(campaign: Campaign, ledger: Ledger, asked: Query, seen: Seen, locale: str) -> dict[str, Any]:
    """Everything that the template uses."""
    usual = tuple(columns.usual(campaign))
    keys = asked.columns or remembered.chosen(campaign, seen.remembered) or usual
    chosen = columns.chosen(campaign, locale, keys)
    every = columns.everything(campaign, locale)
    return {
        "campaign": campaign,
        "query": asked,
        "seen": seen,
        "tabs": stats.tabs(ledger),
        "people": seen.page.rows,
        "page": seen.page,
        "columns": chosen,
        "long": ledger.recipients > LONG,
        "shown_words": urlencode(asked.words(columns=tuple(one.key for one in chosen), lang=locale)),
        "keys": keys,
        "picked": keys != usual,
        "far": (min(asked.looked + seen.page.looked, ledger.recipients), ledger.recipients),
        "elsewhere": _replies(asked),
        "remembered": remembered.known(campaign, seen.remembered, asked),
        "view_words": urlencode(asked.words()),
        "cell": lambda column, person: cell(locale, column, person),
        "every": list(every.values()),
        "down_first": columns.DOWN,
        "has_email": any(one.key == "email" for one in chosen),
        "sorted_by": every[asked.sort].title if asked.sort in every else "",
        "none_filter": NONE,
        "found": found(locale, seen.count, asked.narrowed),
        "counting": counting(asked, seen.count) if seen.count else "",
        "chips": [(chip(locale, every, one), asked.url(filter=asked.without(i)))
                  for i, one in enumerate(asked.filter.conditions)],
        "presets": presets(locale, asked),
        "rows": _rows(locale, asked),
        "any": asked.filter.any or ("m", "any") in asked.written,
        "fault": fault(locale, asked.fault) if asked.fault else "",
        "choices": [(key, every[key].title, str(filters.COLUMNS[key])) for key in _OURS],
        "operators": OPERATORS,
        "own": [one for one in every.values() if one.own is not None],
        "known": {
            "status": [i18n.text(locale, f"status.{code}") for code in filters.STATUSES],
            "provider": [i18n.text(locale, f"provider.{key}") for key in PROVIDERS],
        },
    }  # fmt: skip


def cell(locale: str, column: Column, person: Person) -> str:
    """A value as the table shows it."""
    value = column.value(person)
    if isinstance(value, datetime):
        return f"{i18n.written(locale, value)} {value:%H:%M:%S}"
    if isinstance(value, int):
        return i18n.number(locale, value)
    return value or ""


def found(locale: str, count: Count | None, narrowed: bool) -> str:
    """How many there are, in words."""
    if count is None:
        return ""
    if narrowed and count.many:
        return i18n.text(locale, "grid.found_many", n=i18n.number(locale, grid.COUNTED))
    if count.next is not None:
        return i18n.plural(locale, "grid.found_least", count.n)
    return i18n.plural(locale, "grid.found", count.n)


def counting(asked: Query, count: Count) -> str:
    """Where a count goes on; empty when it is done."""
    return f"{asked.url('/count', '', after=count.next)}&n={count.n}" if count.next else ""


def chip(locale: str, every: dict[str, Column], one: Condition) -> str:
    """A condition in words: `Adresse contient « martin »`."""
    title = every[one.column].title if one.column in every else one.column
    first, last = shown(locale, one, one.value), shown(locale, one, one.other)
    return i18n.text(locale, f"filter.said_{one.kind}_{one.operator}", column=title, value=first, other=last)


def shown(locale: str, one: Condition, value: str) -> str:
    """A value of a condition as people write it."""
    if one.kind is Kind.CHOICE and value:
        return i18n.text(locale, f"{one.column}.{value}")
    if one.kind is Kind.NUMBER:
        return i18n.number(locale, int(value)) if value else ""
    if one.kind is not Kind.MOMENT or one.operator == "hours" or not value:
        return value
    at = datetime.fromisoformat(value)
    return i18n.written(locale, at) + (f" {at:%H:%M}" if "T" in value else "")


def fault(locale: str, one: FilterError) -> str:
    """What is wrong with a filter, and what would be right."""
    return i18n.text(locale, f"filter.fault_{one.key}", row=one.row, value=one.value)


def presets(locale: str, asked: Query) -> list[tuple[str, str]]:
    """Filters that are asked for often: words and address."""
    mornings = Condition("opened", "hours", "09:00", "12:00"), Condition("opened", "hours", "14:00", "18:00")
    ready = [(i18n.text(locale, "filter.preset_provider", name=i18n.text(locale, f"provider.{key}")),
              Condition("provider", "is", key)) for key in _MAILBOXES]  # fmt: skip
    ready += [(i18n.text(locale, f"filter.preset_hours_{i}"), one) for i, one in enumerate(mornings)]
    ready += [(i18n.text(locale, "filter.preset_clicks"), Condition("clicks", "least", "2"))]
    ready += [(i18n.text(locale, "filter.preset_full"), Condition("status", "is", "error"))]
    return [(words, asked.url(filter=_with(asked.filter, one), fault=None)) for words, one in ready]


def _replies(asked: Query) -> str:
    """Where the words of a search are looked for in what servers replied; empty where nothing is searched."""
    one = Condition("reply", "contains", asked.q)
    return asked.url(q="", filter=_with(asked.filter, one)) if asked.q and not asked.fault else ""


def _with(known: Filter, one: Condition) -> Filter:
    if known.any or len(known.conditions) >= filters.MOST or one in known.conditions:
        return Filter((one,)) if one not in known.conditions else known
    return Filter((*(each for each in known.conditions if each.column != one.column), one))


def _rows(locale: str, asked: Query) -> list[Row]:
    """The rows of the form, with some to spare."""
    if asked.fault is None:
        told = [(one, shown(locale, one, one.value) if one.kind is Kind.CHOICE else one.value)
                for one in asked.filter.conditions]  # fmt: skip
        rows = [Row(one.column, one.operator, value, one.other) for one, value in told]
    else:
        rows = _written(asked.written, asked.fault.row)
    return [*rows, *[Row()] * (SPARE if rows else 1)][: filters.MOST]


def _written(words: Sequence[tuple[str, str]], wrong: int) -> list[Row]:
    lists = [[value for name, value in words if name == key] for key in "covw"]
    length = min(filters.MOST, max((len(one) for one in lists), default=0))
    cells = [[one[i] if i < len(one) else "" for one in lists] for i in range(length)]
    return [Row(c, o, v, w, i == wrong) for i, (c, o, v, w) in enumerate(cells, 1) if c]
