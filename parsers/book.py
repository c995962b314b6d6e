"""Opening a list of whatever kind: told by its content, never by its name.

In: bytes; out: a `Book` of sheets, or `Unreadable` (encrypted, too big, corrupt, of an unknown kind).
Raises and logs nothing.
"""

from __future__ import annotations

import re

from parsers import liste_html, liste_ods, liste_spreadsheetml, liste_text, liste_xls, liste_xlsb, liste_xlsx
from parsers.archive import Archive, BadArchive
from parsers.sheet import Book, Limits, TooMuch, Unreadable, UnreadableReason

# Things that people attach by mistake; saying what it is beats "no addresses found".
_OTHERS = (
    (b"%PDF", "pdf"), (b"\x89PNG", "png"), (b"\xff\xd8\xff", "jpeg"), (b"GIF8", "gif"), (b"{\\rtf", "rtf"),
    (b"MZ", "exe"), (b"\x1f\x8b", "gzip"), (b"Rar!", "rar"), (b"7z\xbc\xaf", "7z"), (b"BM", "bmp"), (b"SQLite", "sqlite"),
)  # fmt: skip
# Excel 2, 3 and 4 have no container: the file begins with its BOF record.
_BARE_BIFF = re.compile(rb"\x09[\x00\x02\x04][\x04\x06\x08\x10]\x00", re.DOTALL)
_MARKUP = re.compile(
    r"\s*<(?:\?xml|!doctype|!--|html|table|head|body|meta|div|style|(?:\w+:)?workbook)\b", re.IGNORECASE
)
_SPREADSHEETML = "urn:schemas-microsoft-com:office:spreadsheet"
_HEAD = 64 * 1024


def open_book(data: bytes, limits: Limits) -> Book | Unreadable:
    """Open the bytes of a list; sheets are read only when asked for."""
    if not data.strip(b"\0 \t\r\n\xef\xbb\xbf"):
        return Unreadable(UnreadableReason.EMPTY)
    if data.startswith(liste_xls.OLE2) or _BARE_BIFF.match(data):
        return liste_xls.read(data, limits)
    if data.startswith(b"PK"):
        return _zipped(data, limits)
    for magic, kind in _OTHERS:
        if data.startswith(magic) and (kind not in ("exe", "bmp") or b"\0" in data[:64]):
            return Unreadable(UnreadableReason.UNKNOWN_KIND, kind)
    head = liste_text.decode(data[:_HEAD]).lstrip("\ufeff")
    if _MARKUP.match(head):
        if _SPREADSHEETML in head:
            return liste_spreadsheetml.read(data, limits)
        if re.search(r"<(?:html|table|tr)\b", head, re.IGNORECASE):
            return liste_html.read(data, limits)
    return liste_text.read(data, limits)


def _zipped(data: bytes, limits: Limits) -> Book | Unreadable:
    try:
        archive = Archive(data, limits)
        if archive.encrypted:
            return Unreadable(UnreadableReason.ENCRYPTED)
        if liste_xlsx.is_workbook(archive):
            return liste_xlsx.read(archive, limits)
        if liste_ods.is_spreadsheet(archive):
            return liste_ods.read(archive, limits)
        if liste_xlsb.is_workbook(archive):
            return liste_xlsb.read(archive, limits)
    except TooMuch as too_much:
        return too_much.refusal
    except BadArchive as trouble:
        return Unreadable(UnreadableReason.CORRUPT, str(trouble))
    return Unreadable(UnreadableReason.UNKNOWN_KIND, "zip")
