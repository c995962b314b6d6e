"""Opening a list of whatever kind: told by its content, never by its name.

In: bytes; out: a `Book` of sheets, or `Unreadable` (encrypted, too big, corrupt, of an unknown kind).
Raises and logs nothing.
"""

from __future__ import annotations

import re

from parsers import kinds, liste_html, liste_ods, liste_spreadsheetml, liste_text, liste_xls, liste_xlsb, liste_xlsx
from parsers.archive import Archive, BadArchive
from parsers.headers import first, read_fields
from parsers.names import is_liste
from parsers.parts import read_tree
from parsers.sheet import Book, Limits, TooMuch, Unreadable, UnreadableReason

# Excel 2, 3 and 4 have no container: the file begins with its BOF record.
_BARE_BIFF = re.compile(rb"\x09[\x00\x02\x04][\x04\x06\x08\x10]\x00", re.DOTALL)
_MARKUP = re.compile(
    r"\s*<(?:\?xml|!doctype|!--|html|table|head|body|meta|title|link|script|div|style|center|form|span|font|p|b|br|h[1-6]"
    r"|thead|tbody|tr|(?:\w+:)?workbook)\b",
    re.IGNORECASE,
)
_SPREADSHEETML = "urn:schemas-microsoft-com:office:spreadsheet"
_HEAD, _FIELD_NAME = 64 * 1024, 40
_PACKED_MAX = 256 << 20
# What the directory of an office file names; only such archives are opened inside another.
_OFFICE = (b"[Content_Types].xml", b"content.xml")


def open_book(data: bytes, limits: Limits) -> Book | Unreadable:
    """Open the bytes of a list; sheets are read only when asked for."""
    if not data.strip(b"\0 \t\r\n\xef\xbb\xbf"):
        return Unreadable(UnreadableReason.EMPTY)
    if data.startswith(liste_xls.OLE2) or _BARE_BIFF.match(data):
        return liste_xls.read(data, limits)
    if data.startswith(b"PK"):
        return _zipped(data, limits)
    if kind := kinds.of_bytes(data):
        return Unreadable(UnreadableReason.UNKNOWN_KIND, kind)
    if _is_saved_page(data):
        pages = [piece.data for piece in read_tree(data.lstrip()).bodies if piece.kind == "html"]
        data = max(pages, key=len, default=data)
    head = liste_text.decode(data[:_HEAD]).lstrip("\ufeff")
    if _MARKUP.match(head):
        if _SPREADSHEETML in head:
            return liste_spreadsheetml.read(data, limits)
        if re.search(r"<(?:html|table|tr)\b", head, re.IGNORECASE):
            page = liste_html.read(data, limits)
            # a page without a table is a text like any other
            return page if page != liste_html.NO_TABLE else liste_text.read(data, limits)
    return liste_text.read(data, limits)


def _is_saved_page(data: bytes) -> bool:
    """Whether bytes are a page that Excel saved with its pictures: a multipart/related that nobody sent."""
    if not data[:200].lstrip()[:_FIELD_NAME].replace(b"-", b"").partition(b":")[0].isalpha():
        return False
    fields, _ = read_fields(data[:_HEAD].lstrip())
    if not first(fields, "content-type").lower().startswith("multipart/related"):
        return False
    return not any(first(fields, name) for name in ("to", "received", "message-id", "return-path"))


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
        return _within(archive, limits)
    except TooMuch as too_much:
        return too_much.refusal
    except BadArchive as trouble:
        return Unreadable(UnreadableReason.CORRUPT, str(trouble))


def _within(archive: Archive, limits: Limits) -> Book | Unreadable:
    """The list that an archive holds: the one file named so, else its only file."""
    mimetype = archive.whole("mimetype", 4096) if archive.find("mimetype") else b""
    if kind := kinds.of_archive(archive.names(), mimetype):
        return Unreadable(UnreadableReason.UNKNOWN_KIND, kind)
    files = [name for name in archive.names() if not _is_by_product(name)]
    chosen = [name for name in files if is_liste(name)] or files
    if len(chosen) != 1:
        return Unreadable(UnreadableReason.ARCHIVE, str(len(chosen)))
    data = archive.whole(chosen[0], _PACKED_MAX)
    if data.startswith(b"PK") and not any(name in data for name in _OFFICE):
        return Unreadable(UnreadableReason.ARCHIVE)  # an archive within an archive is nobody's list
    return open_book(data, limits)


def _is_by_product(name: str) -> bool:
    """Folders, and what systems leave in archives unasked."""
    flat = name.replace("\\", "/")
    last = flat.rpartition("/")[2].lower()
    return (
        flat.endswith("/")
        or flat.startswith("__MACOSX/")
        or last.startswith(".")
        or last in ("thumbs.db", "desktop.ini")
    )
