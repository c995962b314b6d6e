"""The columns that a list of recipients can be shown with, for the report's table and for its exports alike.

In: a campaign and a locale. Out: `Column`s in their order: those of ours, and those of LISTE as `l0`, `l1`… (the column that
holds the address stands as `email`); each tells its value of a recipient, as text, a whole number, a date in the campaign's
zone, or None. Pure; nothing is raised or logged: a key that names no column is left out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime

from gateway import i18n
from parsers.provider_domains import DOMAINS
from store import roads
from store.reports import Person
from store.states import Status
from store.values import Campaign

Cell = str | int | datetime | None
BEFORE = ("line", "status", "date", "email", "domain", "provider")
AFTER = ("delivered", "opened", "clicked", "unsubscribed", "clicks", "attempts", "reply")
#: What an export of everything holds: what the list or a date does not say already.
WHOLE = ("line", "status", "date", "email"), AFTER
_FIRST = ("status", "date", "email"), ("clicks", "reply")
SHOWN = 6  # columns of LISTE in the table until others are chosen
_HOSTS = {domain: key for key, domains in DOMAINS.items() for domain in domains}
_SORTED = (*roads.INDEXED, "email", "domain")
DOWN = ("date", "opened", "clicked", "clicks")  # whose most is asked for first


@dataclass(frozen=True, slots=True)
class Column:
    """One column; `own` is its index in LISTE."""

    key: str
    title: str
    own: int | None
    value: Callable[[Person], Cell]

    @property
    def sortable(self) -> bool:
        """Whether the list can be put in its order."""
        return self.own is not None or self.key in _SORTED


def everything(campaign: Campaign, locale: str) -> dict[str, Column]:
    """All columns by key, in their natural order."""
    found = [_ours(campaign, locale, key) for key in BEFORE]
    found += [_own(campaign, i) for i in own(campaign)]
    found += [_ours(campaign, locale, key) for key in AFTER]
    return {one.key: one for one in found}


def own(campaign: Campaign) -> list[int]:
    """The columns of LISTE other than the address."""
    return [i for i in range(len(campaign.columns)) if i != campaign.address_column]


def usual(campaign: Campaign) -> list[str]:
    """The keys that are shown until somebody chooses."""
    return [*_FIRST[0], *(f"l{i}" for i in own(campaign)[:SHOWN]), *_FIRST[1]]


def whole(campaign: Campaign) -> list[str]:
    """The keys of an export of everything."""
    return [*WHOLE[0], *(f"l{i}" for i in own(campaign)), *WHOLE[1]]


def chosen(campaign: Campaign, locale: str, keys: Iterable[str]) -> list[Column]:
    """The columns of these keys, in the order given, each once."""
    known = everything(campaign, locale)
    return [known[key] for key in dict.fromkeys(keys) if key in known]


def may_sort(campaign: Campaign, key: str) -> bool:
    """Whether the recipients of this campaign can be put in that order."""
    return key in _SORTED or key in {f"l{i}" for i in own(campaign)}


def provider(address: str) -> str:
    """The provider of an address by its domain; empty for all that are not everybody's."""
    return _HOSTS.get(address.rpartition("@")[2].lower(), "")


def _own(campaign: Campaign, index: int) -> Column:
    def value(person: Person) -> Cell:
        return person.fields[index] if index < len(person.fields) else ""

    return Column(f"l{index}", campaign.columns[index], index, value)


def _ours(campaign: Campaign, locale: str, key: str) -> Column:
    statuses = {status: i18n.text(locale, f"status.{status.code}") for status in Status}
    dates = {"date": "last_at"} | {name: f"{name}_at" for name in ("delivered", "opened", "clicked", "unsubscribed")}

    def date(person: Person) -> Cell:
        ms: int | None = getattr(person, dates[key])
        return None if ms is None else i18n.local(campaign.timezone, ms).replace(tzinfo=None, microsecond=0)

    values: dict[str, Callable[[Person], Cell]] = {
        "line": lambda person: person.label if person.part else person.line,
        "status": lambda person: statuses[person.status],
        "email": lambda person: person.address,
        "domain": lambda person: person.address.rpartition("@")[2],
        "provider": lambda person: named(locale, provider(person.address)),
        "clicks": lambda person: person.clicks,
        "attempts": lambda person: person.attempts,
        "reply": lambda person: person.reply,
    }
    return Column(key, i18n.text(locale, f"grid.column_{key}"), None, values.get(key, date))


def named(locale: str, key: str) -> str:
    """A provider's name as people know it; empty for none."""
    return i18n.text(locale, f"provider.{key}") if key else ""
