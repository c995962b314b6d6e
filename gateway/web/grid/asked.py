"""What a reader asks to see of the details, read from an address and written back to it.

In: the words of a query, and the campaign that they are about. Out: a frozen `Query`: tab, search, filter, order, columns and
place; `url` makes the address of the same view with changes, which may be shared as it is. A filter that cannot be used is
kept as it was written, with its fault beside it, so that the page can say what to change; everything else that makes no sense
is read as the default. Pure; nothing is raised or logged.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlencode

from gateway import i18n
from gateway.figures import columns, stats
from parsers import filters
from parsers.filters import NONE, Filter, FilterError
from parsers.provider_domains import PROVIDERS
from store.grid import View
from store.roads import Place
from store.values import Campaign

SEARCH = 100  # characters of a search
WORDS = 200  # words of a query that are looked at
_PLACE = re.compile(r"(\d{1,2})\.(-?\d{1,18})\.(-?\d{1,18})")
_HEAVY = ("q", "c", "sort")


@dataclass(frozen=True, slots=True)
class Query:
    """What the reader asked to see. `columns` empty: the usual ones; `written` are the rows of a filter with a `fault`."""

    base: str
    lang: str = ""
    tab: str = "all"
    q: str = ""
    sort: str = "line"
    down: bool = False
    filter: Filter = NONE
    columns: tuple[str, ...] = ()
    after: Place | None = None
    before: Place | None = None
    looked: int = 0  # recipients that the answers before this one looked through
    zone: str = "UTC"
    fault: FilterError | None = None
    written: tuple[tuple[str, str], ...] = ()

    @property
    def view(self) -> View:
        return View(stats.TABS[self.tab], self.q, self.sort, self.down, self.filter, self.zone)

    @property
    def first_page(self) -> bool:
        """True for the page that may be drawn again by itself: the start of the list, in its own order."""
        plain = not self.q and not self.filter and not self.fault and self.sort == "line"
        return self.after is None and self.before is None and plain

    @property
    def narrowed(self) -> bool:
        """Whether more than the tab decides who is shown."""
        return bool(self.q or self.filter or self.fault)

    def words(self, **changes: Any) -> list[tuple[str, str]]:
        """The words of the address's query with changes; a change of what is listed starts at its first page."""
        asked = replace(self, **{"after": None, "before": None, "looked": 0, **changes})
        rows = [*asked.written] if asked.fault else asked.filter.words()
        values = [
            ("lang", asked.lang),
            ("tab", asked.tab if asked.tab != "all" else ""),
            ("q", asked.q),
            ("sort", asked.sort if asked.sort != "line" else ""),
            ("down", "1" if asked.down else ""),
            ("cols", ",".join(asked.columns)),
            ("after", _pack(asked.after)),
            ("before", _pack(asked.before)),
            ("looked", str(asked.looked or "")),
        ]
        return [(name, value) for name, value in values if value] + rows

    def url(self, place: str = "", fragment: str = "#details", **changes: Any) -> str:
        """The address of the same view with changes."""
        text = urlencode(self.words(**changes))
        return f"{self.base}{place}{'?' if text else ''}{text}{fragment}"

    def order(self, name: str) -> str:
        """The address of an action on who is shown: tab, search and filter, whatever the page and the columns."""
        values = [("lang", self.lang), ("tab", self.tab if self.tab != "all" else ""), ("q", self.q)]
        values.append(("filter", self.filter.packed()))
        text = urlencode([(key, value) for key, value in values if value])
        return f"{self.base}/{name}{'?' if text else ''}{text}"

    def without(self, index: int) -> Filter:
        """The filter less one condition."""
        kept = tuple(one for i, one in enumerate(self.filter.conditions) if i != index)
        return Filter(kept, self.filter.any and len(kept) > 1)


def _pack(place: Place | None) -> str:
    return "" if place is None else "{}.{}.{}".format(*place)


def place(text: str) -> Place | None:
    """Read a place as addresses hold it."""
    found = _PLACE.fullmatch(text)
    return (int(found[1]), int(found[2]), int(found[3])) if found and found[0].isascii() else None


def is_heavy(words: Mapping[str, str]) -> bool:
    """Whether the answer may have to look through a list."""
    return any(words.get(name) for name in _HEAVY)


def read(base: str, campaign: Campaign, words: Sequence[tuple[str, str]]) -> Query:
    """Read the address's query."""
    words = [(name, value.replace("\0", "")) for name, value in words[:WORDS]]
    asked = dict(reversed(words))
    tab, sort, lang = asked.get("tab", "all"), asked.get("sort", "line"), asked.get("lang", "")
    keys = [*asked.get("cols", "").split(","), *(value for name, value in words if name == "col")]
    rows = tuple((name, value) for name, value in words if name in ("m", "c", "o", "v", "w"))
    known = columns.everything(campaign, i18n.DEFAULT)
    query = Query(
        base,
        lang if lang in i18n.LOCALES else "",
        tab if tab in stats.TABS else "all",
        " ".join(asked.get("q", "")[:SEARCH].split()),
        sort if columns.may_sort(campaign, sort) else "line",
        asked.get("down") == "1",
        columns=tuple(key for key in dict.fromkeys(keys) if key in known),
        after=place(asked.get("after", "")),
        before=place(asked.get("before", "")),
        looked=int(far) if (far := asked.get("looked", "")).isascii() and far.isdigit() and len(far) < 10 else 0,
        zone=campaign.timezone,
    )
    try:
        return replace(query, filter=filters.read(_coded(rows), len(campaign.columns)))
    except FilterError as fault:
        return replace(query, fault=fault, written=rows[: 4 * 2 * filters.MOST])


def _coded(rows: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    """The rows with the words of statuses and providers, in any of our languages, as their codes."""
    values = [value for name, value in rows if name == "c"]
    coded, at = [], -1
    for name, value in rows:
        at += name == "c"
        choice = {"status": filters.STATUSES, "provider": PROVIDERS}.get(values[at] if 0 <= at < len(values) else "")
        coded.append((name, _code(values[at], choice, value) if name == "v" and choice else value))
    return coded


def _code(column: str, choice: Sequence[str], value: str) -> str:
    told = " ".join(value.split()).casefold()
    for code in choice:
        names = {i18n.text(locale, f"{column}.{code}").casefold() for locale in i18n.LOCALES}
        if told in names | {code}:
            return code
    return value
