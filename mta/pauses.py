"""What replies lead to: a site slowed down or paused for a source, a source paused, the operator told.

In: the rule that a reply fits, the line it came over. Out: `Pause` values, and those that are to be written down now.
A rule of a provider acts at once; one that holds everywhere acts when the site refuses us before any recipient is named,
or several mails in a row, for its words may be one recipient's own filter. Pure but for the list it keeps; nothing is
raised.
"""

from __future__ import annotations

from collections.abc import Sequence

from config.providers import Action, ActionKind, Provider, Rule
from mta.lines import Line
from mta.values import Answered
from parsers.replies import Stage
from store.pauses import Kind, Pause

HITS = 3  # replies in a row after which a general rule acts
SLOWEST = 60  # mails an hour: what KumoMTA's shaping goes down to when it is rate-limited
UNKNOWN = 1_200  # mails an hour that a site is taken to have borne, where nobody has counted
_US = frozenset({Stage.CONNECT, Stage.BANNER, Stage.EHLO, Stage.STARTTLS, Stage.AUTH, Stage.MAIL})
_NOTED = 86_400_000  # ms for which a note stands
_AGAIN = 10_000  # ms within which the same pause is not written again
_MOST = 1_000


def line_of(answer: Answered) -> str:
    """A reply as rules are searched in it: `CODE [ENHANCED] text` on one line."""
    return f"{answer.reply.code} {answer.reply.words}"


def follow(rule: Rule, answer: Answered, line: Line, now: int) -> Pause | None:
    """What a reply leads to; None when nothing is to be done or said. `now` in UTC ms."""
    provider = line.terms.provider
    if rule.reply_class in _SPEAKS_OF_US:
        line.hits += 1
    if provider is None or (rule.action.kind is ActionKind.NONE and not rule.alert):
        return None
    if not _certain(rule, provider, answer, line):
        return None
    site, source = line.terms.site, line.way.source_id or 0
    kind, until, rate = _what(rule.action, line, now)
    if rule.action.kind is ActionKind.PAUSE_SOURCE and source:
        site = ""
    return Pause(site, source, until, rule.reply_class, provider.key, answer.reply.text, kind, rate, rule.id)


_SPEAKS_OF_US = frozenset({"throttled", "reputation", "authentication", "configuration", "policy", "protocol"})


def _certain(rule: Rule, provider: Provider, answer: Answered, line: Line) -> bool:
    if rule in provider.rules and provider.mx:
        return True
    return answer.stage in _US or line.hits >= HITS


def _what(action: Action, line: Line, now: int) -> tuple[Kind, int, int | None]:
    until = now + action.seconds * 1000
    if action.kind is ActionKind.NONE:
        return Kind.NOTE, now + _NOTED, None
    if action.kind is ActionKind.SLOW:
        # half of what it took lately; each time it complains again, half of that
        lately = int(line.speed * 3600) or line.terms.per_hour or UNKNOWN
        return Kind.SLOW, until, max(SLOWEST, lately // 2)
    return Kind.PAUSE, until, None


class Reports:
    """Pauses on their way to the database; the same one is not written twice within seconds."""

    def __init__(self) -> None:
        self._new: dict[tuple[str, int], Pause] = {}
        self._alert: set[str] = set()
        self._known: dict[tuple[str, int, str], int] = {}

    def add(self, pause: Pause, rule: Rule, now: int) -> bool:
        """Queue a pause; False when it was written just now."""
        key = (pause.site, pause.source_id, rule.id)
        if self._known.get(key, 0) > now - _AGAIN:
            return False
        if len(self._known) > _MOST:
            self._known.clear()
        self._known[key] = now
        self._new[pause.site, pause.source_id] = pause
        if rule.alert:
            self._alert.add(rule.id)
        return True

    def taken(self) -> tuple[Sequence[Pause], frozenset[str]]:
        """What is to be written now, with the rules of which the operator is to know."""
        told = list(self._new.values()), frozenset(self._alert)
        self._new.clear()
        self._alert.clear()
        return told

    def put_back(self, pauses: Sequence[Pause], alert: frozenset[str]) -> None:
        """They could not be written: later."""
        self._new = {(p.site, p.source_id): p for p in pauses} | self._new
        self._alert |= alert
