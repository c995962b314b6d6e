"""What is known of each mailbox provider: how much it takes, and what its replies mean.

In: `providers.toml` beside this file, and an operator's file that overrides it key by key and adds rules in front. Out:
frozen `Provider` values, found by the names of a site's MX, each with the `Rule` that a reply fits. `Watch` reads again
when the operator's file changes. A reply's rule never speaks of the person where it stops or slows a site
(config/provider_file.py refuses such a rule). Raises ProvidersError with one sentence a fault; a `Watch` raises nothing,
logs `providers_refused` and goes on with what it had.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from config.durations import Plan
from config.logging import log
from config.patterns import compiled

SHIPPED = Path(__file__).with_name("providers.toml")
KEPT = 2_000  # characters of a reply that rules are searched in; as many as the history keeps
_MOST_KNOWN = 20_000  # sites whose provider is remembered
_LOOK = 1.0  # seconds between two looks at a watched file

#: The words of parsers.classify.ReplyClass that a rule may use; a test holds the two together.
ABOUT_THE_PERSON = frozenset({"mailbox_full", "mailbox_disabled", "moved", "unknown_user", "unknown_domain", "no_mail"})
ABOUT_US = frozenset({"throttled", "reputation", "authentication", "configuration", "policy", "protocol"})
CLASSES = ABOUT_THE_PERSON | ABOUT_US | {"greylisted", "temporary", "content", "too_big", "not_encodable", "refused"}


class ProvidersError(Exception):
    """A providers file cannot be used; the text names file, provider, rule and fault."""


class ActionKind(StrEnum):
    """What follows from a reply, beside what becomes of the mail."""

    NONE = "none"
    SLOW = "slow"  # fewer connections and mails an hour to this provider from this local address
    PAUSE_SITE = "pause_site"  # nothing more to this provider from this local address for a time
    PAUSE_SOURCE = "pause_source"  # nothing more from this local address to anybody for a time


@dataclass(frozen=True, slots=True)
class Action:
    """What to do, and for how many seconds (0 for none; for slow: until the speed may rise again)."""

    kind: ActionKind
    seconds: int = 0


@dataclass(frozen=True, slots=True)
class Rule:
    """One kind of reply: its meaning (a word of ReplyClass), what is done, and the sentences that office people read."""

    id: str
    pattern: str
    reply_class: str
    action: Action
    alert: bool
    fr: str
    en: str
    source: str
    example: str = ""

    def fits(self, line: str) -> bool:
        """Whether the rule holds for a reply of one line, `CODE [ENHANCED] text`."""
        return compiled(self.pattern).search(line) is not None


@dataclass(frozen=True, slots=True)
class Provider:
    """A mailbox provider: its limits for one local address (0: none is known, the settings decide) and its rules."""

    key: str
    name: str
    mx: tuple[str, ...]
    connections: int
    messages: int  # mails over one connection
    per_hour: int
    burst: int  # mails that may go at once where per_hour limits
    retry: Plan | None
    tls: str  # "may": when it is offered; "must": never without
    rules: tuple[Rule, ...]
    source: str
    shared: bool  # the limits hold for all its MX sets together, not for each
    generic: tuple[Rule, ...]  # what holds everywhere, asked after `rules`
    complaints: int = 0  # in a thousand delivered mails, from which on it refuses (0: it publishes no figure)

    def rule(self, reply_line: str) -> Rule | None:
        """The first rule that a reply (`CODE [ENHANCED] text`, lines joined by blanks) fits: its own, then the generic."""
        line = reply_line[:KEPT]
        for rules in (self.rules, self.generic):
            for rule in rules:
                if rule.fits(line):
                    return rule
        return None

    def serves(self, host: str) -> bool:
        """Whether the name of an MX (lower case, no dot at its end) is one of this provider's."""
        return any(compiled(pattern).search(host) for pattern in self.mx)


class Providers:
    """All providers known, in the order in which they are asked; `default` stands for every other site."""

    def __init__(self, providers: Iterable[Provider], default: Provider) -> None:
        self.all = tuple(providers)
        self.default = default
        self._known: dict[tuple[str, ...], Provider] = {}

    @classmethod
    def load(cls, path: Path | None = None, shipped: Path = SHIPPED) -> Providers:
        """Read the shipped file and, in front of it, the operator's; ProvidersError when one cannot be used."""
        from config.provider_file import read  # it makes the values of this module

        return cls(*read(shipped, path))

    def of(self, mx_names: Iterable[str]) -> Provider:
        """The provider of a site by its MX names, best first; the first that is anybody's decides."""
        names = tuple(mx_names)
        if (found := self._known.get(names)) is None:
            if len(self._known) >= _MOST_KNOWN:
                self._known.clear()
            found = self._known[names] = self._find(names)
        return found

    def named(self, key: str) -> Provider | None:
        """The provider of a key, as counters and pauses store it."""
        return next((provider for provider in (*self.all, self.default) if provider.key == key), None)

    def _find(self, names: tuple[str, ...]) -> Provider:
        for name in names:
            host = name.rstrip(".").lower()
            for provider in self.all:
                if provider.serves(host):
                    return provider
        return self.default


class Watch:
    """The providers in force: reads again when the operator's file has changed, and looks at most once a second."""

    def __init__(
        self, path: Path | None = None, shipped: Path = SHIPPED, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._path = path
        self._shipped = shipped
        self._clock = clock
        self._seen: list[tuple[int, int] | None] | None = None
        self._next_look = float("-inf")
        self._current: Providers | None = None

    def current(self) -> Providers:
        """The providers as the files say; those of before when a file has become unusable. A missing file says nothing."""
        now = self._clock()
        if self._current is None or now >= self._next_look:
            self._next_look = now + _LOOK
            self._current = self._look()
        return self._current

    def _look(self) -> Providers:
        seen = [_stamp(self._shipped), _stamp(self._path)]
        if self._current is not None and seen == self._seen:
            return self._current
        self._seen = seen
        try:
            return Providers.load(self._path if seen[1] else None, self._shipped)
        except ProvidersError as error:
            log("providers_refused", why=str(error))
            # a sender that starts beside a bad file still knows what we ship
            return self._current or Providers.load(None, self._shipped)


def _stamp(path: Path | None) -> tuple[int, int] | None:
    if path is None:
        return None
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size
