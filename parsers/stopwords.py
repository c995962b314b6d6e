"""Replies that ask for the end: STOP and its kin, in French, English and the other languages of our neighbours.

In: the subject of a person's reply and its text, or its HTML. Out: whether it asks not to be written to again. Only what the
person wrote counts: quoted text and signatures are left out, and a long letter that happens to hold the word is no request.
A line that is nothing but the request counts above any signature. Pure; raises nothing.
"""

from __future__ import annotations

import re
import tomllib
from importlib import resources

from parsers import said
from parsers.folding import fold

MAX_WORDS = 25  # of the reply itself; above, a person should read it
_MAX_LINE = 120  # characters of a line that is nothing but the demand
_SIGNED_WORDS = 80  # of a reply whose first line is the whole request: the rest is a signature
_REPLY_PREFIX = re.compile(
    r"^\s*(?:(?:re|ré|rép|tr|fwd?|aw|wg|sv|vs|r|rv|res|antw|odp)\s*(?:\[\d+\])?\s*:\s*)+", re.IGNORECASE
)
_CLOSING = re.compile(
    r"^\W*(?:(?:bien )?cordialement|cdlt|bien a (?:vous|toi)|salutations|sinceres|sincerement|respectueusement"
    r"|bonne (?:journee|soiree|reception)|(?:kind |best |warm )?regards|best wishes|sincerely|yours|mit freundlichen"
    r"|viele gru|mfg|saludos|cordiali|atentamente|cumprimentos|groeten|met vriendelijke)\b"
)
_SENTENCE = re.compile(r"[.!;]\s|\s-\s")
_GREETING = re.compile(
    r"^(?:bonjour|bonsoir|salut|hello|hi|dear|madame|monsieur|cher|chere|hallo|guten tag|hola|buongiorno|ola)\b"
    r"[^,.!:;\n]{0,40}(?:[,.!:;\n]\s*|$)"
)


def _patterns() -> tuple[re.Pattern[str], re.Pattern[str], re.Pattern[str]]:
    table = tomllib.loads(resources.files("parsers").joinpath("stop_texts.toml").read_text(encoding="utf-8"))
    want, polite, whole = ("|".join(table[name]) for name in ("want", "polite", "whole"))
    named = rf"(?:{table['these']}){{0,3}}{table['mails']}"
    follows = rf"(?: (?:{polite}|{named})){{0,4}}(?: (?:de|of|from|a|aux|sur|mon) .{{1,40}})?(?: (?:{polite}))?"
    asked = re.compile(rf"(?:{want}){{0,3}}(?:{whole}){follows}")
    return asked, re.compile(rf"\b(?:{'|'.join(table['within'])})"), re.compile(rf"\b(?:{'|'.join(table['unless'])})")


_WHOLE, _WITHIN, _UNLESS = _patterns()


def asks_to_stop(subject: str, text: str | None, html: str | None = None) -> bool:
    """Tell whether a reply asks not to be written to again."""
    lines = _own_lines(text, html)
    own = " ".join(lines)
    about = _plain(_REPLY_PREFIX.sub("", subject))
    if _whole(about) and not _REPLY_PREFIX.match(subject):
        return True  # the person wrote this subject: it is the request, whatever else is said
    if not own:
        return _whole(about)
    words = len(own.split())
    if words <= _SIGNED_WORDS and any(_whole(line) for line in lines[:2]):
        return True
    asks = any(_whole(line) for line in lines[:4]) or _WITHIN.search(own) is not None
    return words <= MAX_WORDS and asks and not _UNLESS.search(own)


def _whole(words: str) -> bool:
    return len(words) <= _MAX_LINE and _WHOLE.fullmatch(words) is not None


def _own_lines(text: str | None, html: str | None) -> list[str]:
    """The plain lines that the person wrote, without greeting, and up to the closing formula."""
    kept: list[str] = []
    for line in fold(said.read(text, html).words[:20_000]).split("\n"):
        bare = _GREETING.sub("", line.strip()) if not kept else line.strip()
        if kept and _CLOSING.match(bare):
            break
        kept += [plain for one in _SENTENCE.split(bare) if (plain := _plain(one))]
    return kept


def _plain(text: str) -> str:
    return re.sub(r"[^\w]+|_", " ", fold(text)).strip()
