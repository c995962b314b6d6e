"""Columns of a list: where its header stands, what its columns are called, which one holds the addresses.

In: the shown rows of a sheet; out: a `Layout` (header row, unique column names, address, PJ and Suivi columns).
`canonical` is the one spelling-insensitive key of a column name, used by merge tags too. Raises and logs nothing.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from parsers.address import looks_like

NAME_MAX = 200
# Titles, dates and empty rows that people put above the header.
_HEADER_DEPTH = 30
_SAMPLE = 2000

_EXACT_TEXT = (
    "email mail mel courriel couriel mails emails mels courriels adressemail adresseemail adressesmail adressesemail "
    "adressemails adresseelectronique adresseselectroniques adressecourriel adressemel adressedemessagerie "
    "adressemessagerie adressedecourriel adresseinternet emailaddress emailaddresses mailaddress emailadresse emailadress "
    "messagerie messagerieelectronique courrierelectronique courrielelectronique electronicmail emailid"
)
_EXACT = frozenset(_EXACT_TEXT.split())
_WORDS = frozenset(("email", "emails", "mail", "mails", "mel", "mels", "courriel", "courriels", "messagerie"))
# Columns about mails that hold no address: "Mail envoyé", "Date e-mail", "Opt-in email".
_ABOUT_TEXT = (
    "date envoye envoyee envoyes statut status opt optin optout valide valid consentement consent nb nombre objet type "
    "template modele sujet subject sent ok newsletter refus npai domaine domain format langue nom name prenom"
)
_ABOUT = frozenset(_ABOUT_TEXT.split())
_WEAK_TEXT = (
    "adresse adresses destinataire destinataires contact contacts recipient recipients to a address addresses abonne "
    "abonnes login identifiant user username liste list"
)
_WEAK = frozenset(_WEAK_TEXT.split())
# Words of header rows whose address column has a name nobody would guess.
_HEADERS_TEXT = (
    "nom noms prenom prenoms name firstname lastname surname civilite titre rs raison societe entreprise company "
    "organisme organisation client clients code cp ville city pays country tel telephone phone portable mobile gsm "
    "fonction service id numero no ref reference date naissance montant adherent adherents contact contacts pj suivi"
)
_HEADERS = frozenset(_HEADERS_TEXT.split())


@dataclass(frozen=True, slots=True)
class Layout:
    """How to read a sheet; `header` is the index of its row among the rows, None when there is none."""

    header: int | None
    columns: tuple[str, ...]
    address: int
    pj: int | None
    suivi: int | None
    certain: bool

    @property
    def first(self) -> int:
        """The index of the first row below the header."""
        return 0 if self.header is None else self.header + 1


def _words(name: str) -> list[str]:
    plain = unicodedata.normalize("NFKD", name).casefold().replace("œ", "oe").replace("æ", "ae")
    plain = "".join(char for char in plain if not unicodedata.combining(char))
    plain = re.sub(r"\be[\s_.\-‐‑–]?mail", "email", plain)
    return re.findall(r"[^\W_]+", plain)


def canonical(name: str) -> str:
    """The key under which two spellings of a column name are one: no accents, case, punctuation or blanks."""
    return "".join(_words(name))


def unique_names(header: Sequence[str], width: int) -> tuple[str, ...]:
    """Column names as people see them, none empty ("Colonne 3") and none twice ("Nom (2)")."""
    names: list[str] = []
    taken: set[str] = set()
    counts: dict[str, int] = {}
    for index in range(width):
        given = " ".join(header[index].split())[:NAME_MAX] if index < len(header) else ""
        name = base = given or f"Colonne {index + 1}"
        while _key(name) in taken:
            counts[_key(base)] = counts.get(_key(base), 1) + 1
            name = f"{base} ({counts[_key(base)]})"
        taken.add(_key(name))
        names.append(name)
    return tuple(names)


def _key(name: str) -> str:
    return canonical(name) or name


def arrange(rows: Sequence[Sequence[str]]) -> Layout:
    """The layout of a sheet; `certain` is False when neither a header nor any cell speaks of addresses."""
    counts = _counts(rows)
    header, named = _header(rows, counts)
    body = rows if header is None else rows[header + 1 :]
    width = _width(rows, header, body)
    address = named if named is not None else _fullest(counts)
    columns = unique_names(rows[header] if header is not None else (), width)
    keys = [canonical(name) for name in columns] if header is not None else []
    pj = keys.index("pj") if "pj" in keys else None
    suivi = keys.index("suivi") if "suivi" in keys else None
    certain = bool(counts) or (header is not None and named is not None)
    return Layout(header, columns, min(address, max(width - 1, 0)), pj, suivi, certain)


def _counts(rows: Sequence[Sequence[str]]) -> dict[int, int]:
    """How many cells of each column look like addresses; the whole sheet only where its beginning has none."""
    for sample in (rows[:_SAMPLE], rows[_SAMPLE:]):
        counts: dict[int, int] = {}
        for row in sample:
            for index, cell in enumerate(row):
                if "@" in cell and looks_like(cell):
                    counts[index] = counts.get(index, 0) + 1
        if counts:
            return counts
    return {}


def _fullest(counts: dict[int, int]) -> int:
    return min(counts, key=lambda index: (-counts[index], index)) if counts else 0


def _width(rows: Sequence[Sequence[str]], header: int | None, body: Sequence[Sequence[str]]) -> int:
    width = len(_trimmed(rows[header])) if header is not None else 0
    for row in body:
        if len(row) > width:
            width = max(width, len(_trimmed(row)))
    return max(width, 1)


def _trimmed(row: Sequence[str]) -> Sequence[str]:
    end = len(row)
    while end and not row[end - 1].strip():
        end -= 1
    return row[:end]


def _header(rows: Sequence[Sequence[str]], counts: dict[int, int]) -> tuple[int | None, int | None]:
    """Index of the header row and of the address column it names; (None, None) without header."""
    best: tuple[int, int, int, int] | None = None
    last: int | None = None
    for index, row in enumerate(rows[:_HEADER_DEPTH]):
        if any("@" in cell and looks_like(cell) for cell in row):
            break
        if not any(cell.strip() for cell in row):
            continue
        last = index
        column, score = _named(row, counts)
        filled = sum(1 for cell in row if cell.strip())
        # The title "Mails des adhérents" alone on its row loses against the real header below it.
        if score and (best is None or (score, min(filled, 2), index) > best[:3]):
            best = (score, min(filled, 2), index, column)
    if best is not None and (best[0] > 1 or _heads(rows, best[2], best[3], counts)):
        return best[2], best[3]
    if last is not None and counts and _speaks(rows[last], _fullest(counts)):
        return last, _fullest(counts)
    return None, None


def _named(row: Sequence[str], counts: dict[int, int]) -> tuple[int, int]:
    """The column whose name says addresses best (ties: the fullest, then the first), and how well it says so."""
    scored = [(score(cell), counts.get(index, 0), -index) for index, cell in enumerate(row)]
    best, _, index = max(scored, default=(0, 0, 0))
    with_content = [entry for entry in scored if entry[0] and entry[1]]
    if counts and with_content:
        # A named column that holds addresses beats a better named one that holds none.
        best, _, index = max(with_content)
    elif counts and best:
        index = -_fullest(counts)
    return -index, best


def score(name: str) -> int:
    """How surely a header cell names the address column: 3 exactly, 2 by a word, 1 perhaps, 0 not."""
    if not name.strip() or len(name) > NAME_MAX or "@" in name:
        return 0
    words = _words(name)
    numbered = [word for word in words if not word.isdigit()]
    flat = re.sub(r"\d+$", "", "".join(numbered))
    if flat in _EXACT:
        return 3
    if any(word in _ABOUT for word in words):
        return 0
    if any(re.sub(r"\d+$", "", word) in _WORDS for word in words) or flat.startswith(("email", "adressemail")):
        return 2
    if (
        flat.endswith(("email", "emails", "mail", "courriel", "adresseelectronique", "smtpaddress", "adressesmtp"))
        and flat != "hotmail"
    ):
        return 2
    return 1 if flat in _WEAK else 0


def _heads(rows: Sequence[Sequence[str]], index: int, column: int, counts: dict[int, int]) -> bool:
    """Whether a row with a weak name ("Adresse", "Contact") really stands above a column of addresses."""
    return counts.get(column, 0) > 0 and column < len(rows[index])


def _speaks(row: Sequence[str], column: int) -> bool:
    """Whether the row above the first address is a header although no name in it says so."""
    if column >= len(row) or not row[column].strip():
        return False
    cells = [cell for cell in row if cell.strip()]
    if any(cell.strip().replace(" ", "").isdigit() for cell in cells):
        return False
    return any(word in _HEADERS for cell in cells for word in _words(cell)[:4]) and all(
        len(cell) < 60 for cell in cells
    )
