"""One spelling of a text for those who look for it: without case, accents and the typographer's signs.

In: any text. Out: `fold` of it, by which `noel` finds `Noël`, `OEuvre` finds `œuvre` and `strasse` finds `Straße`; a text
of ASCII only loses its case. What has no plain letters (Greek, Arabic, Han …) keeps its own, without case and accents.
Folding twice changes nothing. Pure; nothing is raised or logged.
"""

from __future__ import annotations

import unicodedata

# letters that Unicode does not take apart, and signs that word processors put in the place of those of the keyboard
_PLAIN = str.maketrans(
    {"œ": "oe", "æ": "ae", "ø": "o", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "ħ": "h", "ŧ": "t", "ı": "i"}
    | dict.fromkeys("‘’ʼ′", "'")
    | dict.fromkeys("‐–—−", "-")
    | dict.fromkeys("“”„″«»", '"')
)


def fold(text: str) -> str:
    """The spelling by which a text is looked for."""
    if text.isascii():
        return text.lower()
    apart = unicodedata.normalize("NFKD", text.casefold())
    bare = "".join(char for char in apart if not unicodedata.combining(char))
    return bare.translate(_PLAIN).casefold()
