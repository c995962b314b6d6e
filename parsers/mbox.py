"""The mails of an mbox file (RFC 4155), one behind the other.

In: bytes that begin with an mbox separator. Out: the raw mails, without their separators; a single one where the bytes hold
no second separator, and the bytes themselves where they begin with none. A line "From …" inside a letter is no separator:
one has a date, stands behind a blank line and before a header field. Raises nothing; at most MAX_MAILS mails are read.
"""

from __future__ import annotations

import re

MAX_MAILS = 1_000
_SEPARATOR = re.compile(rb">?From [^\r\n]{0,1000}(?:\r?\n|\Z)")
_NEXT = re.compile(
    rb"(?<=\n)\r?\nFrom \S{1,320} +(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun),? [^\r\n]{8,60}\r?\n(?=>?[A-Za-z][A-Za-z0-9-]{0,60}:)"
)


def mails(data: bytes) -> tuple[bytes, ...]:
    """Return the mails of a file."""
    first = _SEPARATOR.match(data)
    if first is None:
        return (data,)
    found, at = [], first.end()
    for separator in _NEXT.finditer(data, at):
        found.append(data[at : separator.start()])
        at = separator.end()
        if len(found) >= MAX_MAILS - 1:
            break
    return (*found, data[at:])
