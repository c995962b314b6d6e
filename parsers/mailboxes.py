"""Mailboxes of From, To, Cc and Reply-To fields as real clients write them (RFC 5322 section 3.4).

In: an unfolded, undecoded field value. Out: mailboxes in order, names decoded; groups are opened, comments dropped
(the old `a@b (Name)` form gives its name). Raises nothing; logs nothing; at most 1,000 mailboxes are read.
"""

from __future__ import annotations

import re

from parsers.headers import Mailbox, text

MAX_MAILBOXES = 1000
_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"?|\((?:[^()\\]|\\.)*\)?|<[^<>]*>?|[,;:]|[^",;:<>()]+|.', re.DOTALL)
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)
_BLANKS = re.compile(r"\s+")
_BARE = re.compile(r"[^\s<>\"(),;:@]{1,320}@[^\s<>\"(),;:@]{1,320}")


def mailboxes(value: str) -> tuple[Mailbox, ...]:
    """Return the mailboxes of a field value; entries without any address are left out."""
    found: list[Mailbox] = []
    name: list[str] = []
    comment, address = "", None
    for token in _TOKEN.findall(value):
        mark = token[0]
        if mark in ",;":
            _add(found, name, comment, address)
            name, comment, address = [], "", None
        elif mark == ":" and address is None and not any("@" in piece for piece in name):
            name, comment = [], ""  # the name of a group
        elif mark == "(":
            comment = comment or token.strip("()")
        elif mark == "<":
            address = address or token.strip("<>")
        else:
            name.append(_quoted(token) if mark == '"' else token)
        if len(found) >= MAX_MAILBOXES:
            return tuple(found)
    _add(found, name, comment, address)
    return tuple(found[:MAX_MAILBOXES])


def _add(found: list[Mailbox], name: list[str], comment: str, address: str | None) -> None:
    phrase = "".join(name).strip()
    if address is None:
        bare = _BARE.search(phrase)
        if not bare:
            return
        address = bare.group()
        phrase = (phrase[: bare.start()] + phrase[bare.end() :]).strip() or comment
    address = _BLANKS.sub("", address)
    if address[:7].lower() == "mailto:":
        address = address[7:]
    if address.startswith("@") and ":" in address:
        address = address.split(":", 1)[1]  # an obsolete source route, RFC 5322 section 4.4
    if address:
        found.append(Mailbox(_bare_name(text(phrase)), address))


def _quoted(token: str) -> str:
    closed = len(token) > 1 and token.endswith('"')
    return _ESCAPED.sub(r"\1", token[1:-1] if closed else token[1:])


def _bare_name(name: str) -> str:
    """Return a name without the pair of quotes that Outlook puts around an address used as a name."""
    paired = len(name) > 1 and name[0] == name[-1] and name[0] in "'\""
    return name[1:-1].strip() if paired else name
