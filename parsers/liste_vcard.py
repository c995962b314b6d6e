"""Lists that are address cards (vCard 2.1 to 4.0, RFC 6350), as phones and mail programs export their contacts.

In: the text of a file. Out: rows under a header, one an address with the number of its line; a card without any gives a row
with its name alone. Raises nothing; logs nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from quopri import decodestring

_FIELD = re.compile(r"(?:[A-Za-z0-9-]+\.)?([A-Za-z-]{1,40})((?:;[^:]{0,500})?):(.*)", re.DOTALL)
_ESCAPED = re.compile(r"\\(.)")
HEADER = ["Email", "Nom", "Société", "Téléphone"]
_KEPT = {"fn": "name", "org": "firm", "tel": "phone"}


def is_cards(text: str) -> bool:
    """Whether a text begins with a card."""
    return text.lstrip("\ufeff \r\n\t")[:11].upper() == "BEGIN:VCARD"


def rows(text: str) -> Iterator[tuple[int, list[str]]]:
    """Rows of cells with the numbers of their lines; the header stands on the first."""
    yield 1, list(HEADER)
    card: dict[str, str] = {}
    addresses: list[tuple[int, str]] = []
    begun = 0
    for number, line in _unfolded(text):
        found = _FIELD.fullmatch(line)
        if found is None:
            continue
        name, value = found[1].lower(), _value(found[2], found[3])
        if name == "begin":
            card, addresses, begun = {}, [], number
        elif name == "email" and value:
            addresses.append((number, value))
        elif name == "n":
            card.setdefault("n", " ".join(part for part in [*value.split(";"), ""][1::-1] if part))
        elif name in _KEPT and value:
            card.setdefault(_KEPT[name], value.strip(";").replace(";", ", "))
        elif name == "end":
            rest = [card.get("name") or card.get("n", ""), card.get("firm", ""), card.get("phone", "")]
            yield from ((at, [address, *rest]) for at, address in addresses or [(max(begun, 2), "")])


def _unfolded(text: str) -> Iterator[tuple[int, str]]:
    """Content lines with the numbers they begin on; a line goes on behind a blank, or a soft break of quoted-printable."""
    whole, begun = "", 0
    for number, line in enumerate(text.replace("\r\n", "\n").replace("\r", "\n").split("\n"), 1):
        soft = whole.endswith("=") and "QUOTED-PRINTABLE" in whole.upper()
        if begun and (soft or line[:1] in (" ", "\t")) and len(whole) < 10_000:
            whole = whole[:-1] + line if soft else whole + line[1:]
            continue
        if begun:
            yield begun, whole
        whole, begun = line, number
    yield begun, whole


def _value(parameters: str, value: str) -> str:
    if "QUOTED-PRINTABLE" in parameters.upper():
        value = decodestring(value.encode("utf-8", "replace")).decode("utf-8", "replace")
    return _ESCAPED.sub(lambda found: " " if found[1] in "nN" else found[1], value).strip()
