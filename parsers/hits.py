"""Human, machine or unsure: who asked for a pixel or followed a link, judged from one request.

In: what the request says (method, User-Agent, headers that announce a prefetch or a part) and the rules of
hit_rules.toml, before which an operator may put more. Out: a `Verdict` with the reason in one word (a key of
`machine.*` in the translations). What is not known to be a machine counts as a person. Raises `RulesError` for a file
of rules that cannot be read, nothing otherwise; logs nothing.

This much is judged from one request alone; what needs several (parsers.bursts) is judged where the requests meet.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from parsers.useragent import LIMIT, describe

_RULES = Path(__file__).with_name("hit_rules.toml")
MOST_RULES, LONGEST = 500, 4_000
_BROWSERS = re.compile(
    r"(?:mozilla|opera|outlook|microsoft (?:outlook|office)|lynx|w3m|thunderbird|lotus|airmail|mail|spark|"
    r"superhuman|postbox|the bat|"
    r"yahoomobilemail|bluemail|mailbird|em client|emclient|barca|pocomail|kmail|evolution|claws|sylpheed|foxmail|"
    r"incredimail|windows-?livemail|live5ch|gnus|seamonkey|safari|firefox|apple ?mail|newton|canary|nine|k-9)",
    re.I,
)
# Chrome and Firefox say so in Sec-Purpose or Purpose, Safari in X-Purpose, older ones in X-Moz (fetch.spec.whatwg.org)
PURPOSES = ("sec-purpose", "purpose", "x-purpose", "x-moz")
_EARLY = re.compile(r"prefetch|prerender|preview", re.I)


class RulesError(ValueError):
    """A file of rules cannot be read; the text says where and why."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """`machine` with its reason; where it is not `sure`, it may have been a person. The reason of a person is empty."""

    machine: bool
    reason: str = ""
    sure: bool = True


PERSON = Verdict(False)


@dataclass(frozen=True, slots=True, eq=False)
class Rule:
    """One entry of hit_rules.toml; known by identity, as `judge` looks its verdicts up by them."""

    pattern: re.Pattern[str]
    verdict: Verdict


@dataclass(frozen=True, slots=True)
class Asked:
    """What one request says of itself; `purpose` and `range` are header values, empty where absent."""

    method: str
    agent: str
    purpose: str = ""
    range: str = ""


def asked(method: str, headers: Mapping[str, str]) -> Asked:
    """Take what is judged from a request."""
    purpose = next((headers[name] for name in PURPOSES if name in headers), "")
    return Asked(
        method.upper(), headers.get("user-agent", "").strip()[:LIMIT], purpose[:100], headers.get("range", "")[:100]
    )


def read_rules(text: str, name: str = "hit_rules.toml") -> tuple[Rule, ...]:
    """Read rules; RulesError names the entry at fault."""
    try:
        entries = tomllib.loads(text).get("rule", [])
    except tomllib.TOMLDecodeError as error:
        raise RulesError(f"{name}: {error}") from error
    if not isinstance(entries, list) or len(entries) > MOST_RULES:
        raise RulesError(f"{name}: [[rule]] entries are wanted, {MOST_RULES} at most")
    return tuple(_rule(f"{name}, rule {number}", entry) for number, entry in enumerate(entries, 1))


def _rule(where: str, entry: object) -> Rule:
    if not isinstance(entry, dict) or {"reason", "verdict", "pattern"} - set(entry):
        raise RulesError(f"{where}: reason, verdict and pattern are wanted")
    pattern, verdict = str(entry["pattern"]), entry["verdict"]
    if verdict not in ("machine", "unsure"):
        raise RulesError(f"{where}: verdict is machine or unsure, not {verdict!r}")
    if len(pattern) > LONGEST:
        raise RulesError(f"{where}: the pattern is longer than {LONGEST} characters")
    try:
        return Rule(re.compile(pattern, re.I), Verdict(True, str(entry["reason"]), sure=verdict == "machine"))
    except re.error as error:
        raise RulesError(f"{where}: {error}") from error


OURS = read_rules(_RULES.read_text("utf-8"))


@lru_cache(maxsize=8_192)
def judge(request: Asked, rules: tuple[Rule, ...] = OURS) -> Verdict:
    """Tell whether a request came from a machine, and why."""
    if request.method == "HEAD":
        return Verdict(True, "head")
    if _EARLY.search(request.purpose):
        return Verdict(True, "prefetch")
    if request.range and request.range.replace(" ", "") != "bytes=0-":
        return Verdict(True, "range")  # who looks at a mail wants the whole of it
    if not request.agent:
        return Verdict(True, "silent")
    for rule in rules:
        if rule.pattern.search(request.agent):
            return rule.verdict
    known = describe(request.agent)
    if known.device == "Spider":
        return Verdict(True, "bot")
    # people's software says on which system it runs, or is a mail program that we know
    return PERSON if known.system or _BROWSERS.match(request.agent) else Verdict(True, "tool")
