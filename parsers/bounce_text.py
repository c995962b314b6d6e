"""The failed recipients that a bounce names only in words, and what is said of each.

In: a `Notice` without usable fields. Out: `Named` values in reading order: an address and the words that speak of it. An
address that stands alone on a line, or behind a word such as "Recipient:", beats one inside a sentence, which beats one of a
summary, which beats the returned mail's own To. Whose address is somebody else's (the sender's, the postmaster's) is told by
the words before it (`bounce_texts.toml`). Raises nothing; time grows with the length of the text only.
"""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from importlib import resources

from parsers.bounce_notice import Notice
from parsers.headers import Fields
from parsers.mailboxes import mailboxes

MAX_NAMED = 100
_SAID = 1_500
_HINT = 90  # characters before an address that may tell whose it is

_LOCAL = r"[A-Za-z0-9!#$%&'*+/=?^_`{}~.\-]{1,64}"
_DOMAIN = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,62})(?:\.[A-Za-z0-9-]{1,63}){0,9}"
ADDRESS = re.compile(
    rf"(?:<(?P<wide>[^<>\s@]{{1,64}}@[^<>\s@]{{1,250}})>|(?P<bare>(?:\"[^\"\n]{{1,60}}\"|{_LOCAL})@{_DOMAIN}))"
)
_ASSIGNED = re.compile(r"(?:rcpt|to|email|mail|recipient|addr|address|user|mailto)=", re.IGNORECASE)
_BARE_LEAD = re.compile(r"[\s>*|•·\-–=_\"'<\[(:;~#.)]*\d{0,2}[\s>*|•·\-–=_\"'<\[(:;~#.)]*")
_TO_LABEL = re.compile(
    r"^[ \t>*-]*(?:to|[aà]|an|para|per|destinataire|pour|till|aan|do)[ \t]*:[ \t]*[^:]*$", re.IGNORECASE
)
_CODED = re.compile(r"(?<![\d.])[45]\d\d(?=[ \-])|(?<![\d.])[45]\.\d{1,3}\.\d{1,3}\b|rcpt to:", re.IGNORECASE)
_LOCAL_ALONE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{1,63}")
_CODE_FIRST = re.compile(r"[45]\d\d <?$")
_NOBODY = re.compile(
    r"(?:mailer-daemon|mail-daemon|no-?reply|do-?not-?reply|postmaster|abuse|support|helpdesk|mdaemon)@", re.IGNORECASE
)
_END = re.compile(r"\n[ \t]*[-=*_]{4,}|\n[ \t]*\n[ \t]*\n|\n--")
_ENVELOPE_FIELDS = ("x-envelope-to", "envelope-to", "delivered-to", "x-original-to", "x-rcpt-to")
_FOR = re.compile(r"\bfor <([^<>\s@]{1,64}@[^<>\s@]{1,250})>")
_OWN_FIELDS = ("to", "cc", "delivered-to", "x-original-to", "return-path", "from", "reply-to", "envelope-to")


@dataclass(frozen=True, slots=True)
class Named:
    """One failed recipient and the words about it; `certain` when the report itself names it as failed."""

    recipient: str
    words: str
    certain: bool


@dataclass(frozen=True, slots=True)
class _Seen:
    address: str
    start: int
    end: int
    level: int


class _Hints:
    """The patterns of `bounce_texts.toml`, compiled once."""

    def __init__(self) -> None:
        table = tomllib.loads(resources.files("parsers").joinpath("bounce_texts.toml").read_text(encoding="utf-8"))
        spoken = table["recipient"]
        self.label = _before(spoken["label"], r"[ \t]*[:=\-][ \t]*")
        self.cue = _before(spoken["cue"], r"[ \t]*:?[ \t]*")
        self.other = _before(spoken["not"], r"[ \t]*:?[ \t]*")
        self.line = re.compile("|".join(spoken["line"]), re.IGNORECASE)


def _before(words: list[str], gap: str) -> re.Pattern[str]:
    return re.compile(rf"(?:^|[^\w-])(?:{'|'.join(words)}){gap}[\s<\"'\[(«“‘「]*$", re.IGNORECASE)


_HINTS = _Hints()


def named(notice: Notice) -> tuple[Named, ...]:
    """Return the failed recipients that the words of a notice name, else those that the returned mail was for."""
    seen = _seen(notice.text)
    own = own_addresses(notice.fields)
    for level in (1, 2, 3, 4):
        chosen = [one for one in seen if one.level == level and one.address.casefold() not in own]
        chosen = [one for one in chosen if not _NOBODY.match(one.address)] or (chosen if level < 3 else [])
        if chosen:
            marks = [*chosen, *(one for one in seen if one.level == 1)]
            return _said(notice.text, chosen, marks, level <= 2)
        if level == 2 and (failed := _listed(notice.fields, "x-failed-recipients")):
            return tuple(Named(address, notice.text[:_SAID], True) for address in failed)
    if names := _bare_names(notice):
        return names
    # a test mail to oneself comes back to oneself
    mine = [one for one in seen if one.level <= 2]
    if mine:
        return _said(notice.text, mine, mine, certain=True)
    return tuple(Named(address, notice.text[:_SAID], False) for address in returned_to(notice.returned)[:MAX_NAMED])


def _bare_names(notice: Notice) -> tuple[Named, ...]:
    """Local parts alone on their lines below "…the following recipients…:", as AOL and Yahoo wrote them."""
    senders = _listed(notice.fields, "from")
    out, listing = [], False
    for line in notice.text.split("\n")[:200]:
        word = line.strip().strip("<>")
        if listing and senders and _LOCAL_ALONE.fullmatch(word):
            out.append(Named(f"{word}@{senders[0].rpartition('@')[2]}", notice.text[:_SAID], True))
        elif word:
            listing = line.endswith(":") and "recipient" in line.casefold()
    return tuple(out[:MAX_NAMED])


def own_addresses(fields: Fields) -> frozenset[str]:
    """The addresses that a report was sent to and from, case-folded."""
    return frozenset(box.casefold() for name in _OWN_FIELDS for box in _listed(fields, name))


def returned_to(returned: Fields) -> tuple[str, ...]:
    """Whom the returned mail was for: what its last server wrote, else its To and Cc."""
    for name, value in returned:  # the topmost was written last
        if name in _ENVELOPE_FIELDS and (found := mailboxes(value[:4_000])):
            return (found[0].address,)
        told = _FOR.search(value[:4_000]) if name == "received" else None
        if told:
            return (told[1],)
    return _listed(returned, "to") or _listed(returned, "cc")


def _listed(fields: Fields, name: str) -> tuple[str, ...]:
    found = [box.address for known, value in fields if known == name for box in mailboxes(value[:20_000])]
    return tuple(dict.fromkeys(address for address in found if "@" in address))[:MAX_NAMED]


def _seen(text: str) -> list[_Seen]:
    """Every address of a text with its level; 9 for one that is somebody else's."""
    out: list[_Seen] = []
    at, before = 0, ""
    for line in text.split("\n"):
        if "@" in line:
            no_recipient = _HINTS.line.match(line) is not None
            places = [(*_bare(found), found) for found in ADDRESS.finditer(line)]
            dotted = any("." in address.rpartition("@")[2] for address, _, _ in places)
            for address, start, found in places:
                if dotted and "." not in address.rpartition("@")[2]:
                    continue  # CN=Jean/O=Firme@NOTES <jean@firme.example>
                level = 9 if no_recipient else _level(line, start, found.end(), before)
                out.append(_Seen(address, at + start, at + found.end(), level))
                if len(out) >= 1_000:
                    return out
        if line.strip():
            before = line
        at += len(line) + 1
    return out


def _bare(found: re.Match[str]) -> tuple[str, int]:
    address = found["wide"] or found["bare"]
    start = found.start()
    if address.lower().startswith("mailto:"):
        address = address[7:]
    if assigned := _ASSIGNED.match(address):
        address = address[assigned.end() :]
        start += assigned.end()
    return address.strip("'"), start


def _level(line: str, start: int, end: int, before: str) -> int:
    """How surely an address is that of a failed recipient: 1 names it, 2 says it, 3 sums up, 4 mentions; 9 is another's."""
    lead = line[max(0, start - _HINT) : start]
    alone = start < _HINT and _BARE_LEAD.fullmatch(lead) is not None
    hint = f"{before[-_HINT:]} {lead}" if alone else lead
    if _HINTS.other.search(lead) or (alone and _HINTS.other.search(hint) and not before.rstrip().endswith(":")):
        return 9
    if _TO_LABEL.match(line[:start]):
        return 3
    if alone:
        return 1
    if _HINTS.label.search(lead):
        return 1
    if _HINTS.cue.search(lead) or _CODED.search(line[:end]):
        return 2
    return 2 if _HINTS.cue.search(hint) else 4


def _said(text: str, chosen: list[_Seen], marks: list[_Seen], certain: bool) -> tuple[Named, ...]:
    """Each chosen address once, with the words from its first place up to the next recipient's."""
    firsts: dict[str, _Seen] = {}
    for one in chosen:
        firsts.setdefault(one.address.casefold(), one)
    out = []
    for key, one in list(firsts.items())[:MAX_NAMED]:
        after = [mark.start for mark in marks if mark.start > one.end and mark.address.casefold() != key]
        words = text[one.end : min([*after, one.end + _SAID])]
        begins = text[text.rfind("\n", 0, one.start) + 1 : one.start]
        # a line of a transcript that begins with a code speaks for itself
        words = words.partition("\n")[0] if _CODE_FIRST.match(begins) else _END.split(words, maxsplit=1)[0]
        out.append(Named(one.address, words, certain))
    return tuple(out)
