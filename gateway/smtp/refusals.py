"""SMTP replies that tell people what to do, in French without accents and in English.

In: a code, an enhanced code (RFC 3463) and a key of the smtp.* texts. Out: a multi-line reply (RFC 5321 section 4.2.1)
in ASCII, no line above 400 bytes. Raises KeyError for a key that has no text (a bug).
"""

from __future__ import annotations

import textwrap

from gateway.i18n import text

_WIDTH = 300


def reply(code: int, enhanced: str, key: str, also: str = "", **values: object) -> str:
    """One refusal in both languages, with the text `also` behind it; values are cut to 100 printable ASCII characters."""
    clean = {name: _ascii(str(value)) for name, value in values.items()}  # strangers wrote them
    lines = [
        line
        for locale in ("fr", "en")
        for part in (key, also)
        if part
        for line in textwrap.wrap(text(locale, f"smtp.{part}", **clean), width=_WIDTH)
    ]
    last = len(lines) - 1
    return "\r\n".join(f"{code}{'-' if at < last else ' '}{enhanced} {line}" for at, line in enumerate(lines))


def _ascii(value: str) -> str:
    return "".join(char if " " < char <= "~" else "?" for char in value[:100])
