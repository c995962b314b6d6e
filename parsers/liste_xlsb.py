"""Lists in the binary Excel format (.xlsb), streamed record by record within bounds.

In: a checked zip archive; out: a `Book`, one sheet read at a time. Raises and logs nothing: damage is `Unreadable`.
The workbook has the parts and relations of .xlsx ([MS-XLSB] 2.1.7); only what stands in the parts is binary.
"""

from __future__ import annotations

from collections.abc import Callable
from struct import error as StructError
from struct import unpack_from

from parsers import xlsb_records as biff
from parsers.archive import Archive, BadArchive
from parsers.cells import BUILTIN
from parsers.liste_xlsx import SHEETS_MAX, Workbook, relations
from parsers.sheet import Book, Limits, Sheet, TooMuch, Unreadable, UnreadableReason

_DATE_1904 = 1  # the lowest flag of BrtWbProp (2.4.823)


def is_workbook(archive: Archive) -> bool:
    """Whether a zip archive holds a binary workbook."""
    return _main_part(archive) is not None


def read(archive: Archive, limits: Limits) -> Book | Unreadable:
    """Open a workbook; its sheets are read when asked for, its shared strings once."""
    try:
        workbook = _workbook(archive)
        strings: list[list[str]] = []
        names = tuple(name for name, _ in workbook.sheets)
        return Book("xlsb", names, _loader(archive, workbook, strings, limits), frozenset(workbook.hidden))
    except TooMuch as too_much:
        return too_much.refusal
    except (BadArchive, StructError) as trouble:
        return Unreadable(UnreadableReason.CORRUPT, str(trouble))


def _loader(
    archive: Archive, workbook: Workbook, strings: list[list[str]], limits: Limits
) -> Callable[[int], Sheet | Unreadable]:
    def load(index: int) -> Sheet | Unreadable:
        name, part = workbook.sheets[index]
        try:
            if not strings:
                strings.append(_strings(archive, workbook.strings, limits))
            cells = biff.Cells(name, limits, strings[0], workbook.formats, workbook.date1904)
            for number, body in biff.records(archive.chunks(part)):
                cells.take(number, body)
            return cells.sheet()
        except TooMuch as too_much:
            return too_much.refusal
        except (BadArchive, StructError, IndexError) as trouble:
            return Unreadable(UnreadableReason.CORRUPT, str(trouble))

    return load


def _main_part(archive: Archive) -> str | None:
    if archive.find("_rels/.rels") is not None:
        for kind, target in relations(archive, "").values():
            if kind == "officeDocument" and target.lower().endswith(".bin") and archive.find(target):
                return target
    return next((name for name in archive.names() if name.lower().endswith("workbook.bin")), None)


def _workbook(archive: Archive) -> Workbook:
    main = _main_part(archive)
    if main is None:
        raise BadArchive("no workbook")
    known = relations(archive, main)
    workbook = Workbook()
    for number, body in biff.records(archive.chunks(main)):
        if number == biff.BOOK_PROPERTIES:
            workbook.date1904 = bool(unpack_from("<I", body)[0] & _DATE_1904)
        elif number == biff.SHEET:
            key, at = biff.wide(body, 8)
            kind, target = known.get(key, ("", ""))
            if kind == "worksheet" and len(workbook.sheets) < SHEETS_MAX and archive.find(target):
                if unpack_from("<I", body)[0]:  # hsState (2.4.304)
                    workbook.hidden.add(len(workbook.sheets))
                workbook.sheets.append((biff.wide(body, at)[0], target))
    for kind, target in known.values():
        if kind == "sharedStrings":
            workbook.strings = target
        elif kind == "styles":
            workbook.styles = target
    if not workbook.sheets:
        raise BadArchive("no worksheet")
    workbook.formats = _formats(archive, workbook.styles)
    return workbook


def _formats(archive: Archive, part: str) -> list[str]:
    """The number format of each cell style, in order; damaged styles leave everything General."""
    own: dict[int, str] = {}
    formats: list[str] = []
    inside = False
    if not part or archive.find(part) is None:
        return formats
    try:
        for number, body in biff.records(archive.chunks(part)):
            if number == biff.FORMAT:
                own[unpack_from("<H", body)[0]] = biff.wide(body, 2)[0]
            elif number in (biff.BEGIN_CELL_XFS, biff.END_CELL_XFS):
                inside = number == biff.BEGIN_CELL_XFS
            elif number == biff.XF and inside:
                key = unpack_from("<H", body, 2)[0]
                formats.append(own.get(key) or BUILTIN.get(key, "General"))
    except (BadArchive, StructError):
        pass
    return formats


def _strings(archive: Archive, part: str, limits: Limits) -> list[str]:
    strings: list[str] = []
    if part and archive.find(part) is not None:
        for number, body in biff.records(archive.chunks(part)):
            if number == biff.STRING_ITEM:
                strings.append(biff.wide(body, 1)[0])  # behind the flags of a rich string (2.5.121)
                if len(strings[-1]) > 8 * limits.cell:
                    raise TooMuch(UnreadableReason.CELL_TOO_LONG, str(limits.cell))
    return strings
