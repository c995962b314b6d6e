"""File names that make an attachment the list or the Config, and names that must never go out.

In: a file name as the mail gives it; out: booleans. Pure; raises nothing, logs nothing.
"""

from __future__ import annotations

import re
import unicodedata

# What copying and downloading add: "Liste (1)", "Liste - Copie (2)", "Copie de Liste", "Liste - Copy", "Liste_2".
_COPY = r"(?:[\s_-]*(?:\(\d{1,3}\)|\[\d{1,3}\]|[\s_-]+(?:copie|copy)))*"
_FRONT = r"(?:(?:copie de|copy of)\s+)?"
_LISTE = re.compile(rf"{_FRONT}liste{_COPY}")
_CONFIG = re.compile(rf"{_FRONT}config{_COPY}")
_ENDING = re.compile(r"\.[a-z0-9]{1,5}$")


def stem(filename: str) -> str:
    """The name without folders, endings, accents, case and doubled blanks."""
    name = re.split(r"[/\\]", filename)[-1]
    name = "".join(char for char in unicodedata.normalize("NFKD", name) if not unicodedata.combining(char))
    name = " ".join("".join(char for char in name.casefold() if char.isprintable()).split()).strip(" .\"'")
    # "liste.xls.xlsx", "liste.csv.txt": what Windows makes of a hidden extension.
    for _ in range(2):
        name = _ENDING.sub("", name).strip(" .")
    return name


def is_liste(filename: str) -> bool:
    """Whether this attachment is the list of recipients by its name (SPEC: LISTE)."""
    return _LISTE.fullmatch(_squeezed(filename)) is not None


def is_config(filename: str) -> bool:
    """Whether this attachment holds the campaign's options by its name (SPEC: Config)."""
    return _CONFIG.fullmatch(_squeezed(filename)) is not None


def begins_with_liste_or_config(filename: str) -> bool:
    """Whether a file left to send looks like a list or a Config by the beginning of its name (leak check)."""
    return stem(filename).replace(" ", "").lstrip("_-.").startswith(("liste", "config"))


def _squeezed(filename: str) -> str:
    name = stem(filename)
    # "L i s t e" and "LISTE ": blanks do not count inside the word itself.
    flat = name.replace(" ", "")
    return flat if flat in ("liste", "config") else name
