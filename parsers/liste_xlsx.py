"""Lists in the newer Excel format (.xlsx, .xlsm), streamed straight from their XML within bounds.

In: a checked zip archive; out: a `Book`, one sheet parsed at a time, numbers exactly as stored.
Raises and logs nothing: damage is `Unreadable`. A reader of our own because openpyxl takes five times as long
and refuses files that Excel opens; openpyxl is the oracle in the tests.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable
from dataclasses import dataclass, field

from parsers.archive import Archive, BadArchive, Elements, parse_xml
from parsers.cells import BUILTIN
from parsers.sheet import Book, Limits, Sheet, TooMuch, Unreadable, UnreadableReason
from parsers.xlsx_rows import Rows, SharedStrings

_TRUE = frozenset(("1", "true", "on"))
SHEETS_MAX = 1000


@dataclass(slots=True)
class Workbook:
    """What all sheets share: their names and parts, the epoch, the format of each style."""

    sheets: list[tuple[str, str]] = field(default_factory=list)
    hidden: set[int] = field(default_factory=set)
    date1904: bool = False
    formats: list[str] = field(default_factory=list)
    strings: str = ""
    styles: str = ""


def read(archive: Archive, limits: Limits) -> Book | Unreadable:
    """Open a workbook; its sheets are read when asked for, its shared strings once."""
    try:
        workbook = _workbook(archive)
        strings: list[list[str]] = []
        names = tuple(name for name, _ in workbook.sheets)
        return Book("xlsx", names, _loader(archive, workbook, strings, limits), frozenset(workbook.hidden))
    except TooMuch as too_much:
        return too_much.refusal
    except BadArchive as trouble:
        return Unreadable(UnreadableReason.CORRUPT, str(trouble))


def _loader(
    archive: Archive, workbook: Workbook, strings: list[list[str]], limits: Limits
) -> Callable[[int], Sheet | Unreadable]:
    def load(index: int) -> Sheet | Unreadable:
        name, part = workbook.sheets[index]
        try:
            if not strings:
                strings.append(_strings(archive, workbook, limits))
            rows = Rows(name, limits, strings[0], workbook.formats, workbook.date1904)
            parse_xml(archive.chunks(part), rows)
            return rows.sheet()
        except TooMuch as too_much:
            return too_much.refusal
        except BadArchive as trouble:
            return Unreadable(UnreadableReason.CORRUPT, str(trouble))

    return load


def is_workbook(archive: Archive) -> bool:
    """Whether a zip archive holds an Office Open XML workbook."""
    return _main_part(archive) is not None


def _main_part(archive: Archive) -> str | None:
    if archive.find("_rels/.rels") is not None:
        for kind, target in relations(archive, "").values():
            if kind == "officeDocument" and target.lower().endswith(".xml") and archive.find(target):
                return target if "word" not in target and "ppt" not in target else None
    return next((name for name in archive.names() if re.search(r"(^|[/\\])workbook\d*\.xml$", name, re.I)), None)


def _workbook(archive: Archive) -> Workbook:
    main = _main_part(archive)
    if main is None:
        raise BadArchive("no workbook")
    known = relations(archive, main)
    workbook = Workbook()

    def visit(name: str, attributes: dict[str, str]) -> None:
        # Extensions repeat the element without the attribute.
        if name == "workbookPr" and "date1904" in attributes:
            workbook.date1904 = attributes["date1904"].lower() in _TRUE
        elif name == "sheet":
            key = next((value for label, value in attributes.items() if label.endswith(":id")), "")
            kind, target = known.get(key, ("", ""))
            if kind == "worksheet" and len(workbook.sheets) < SHEETS_MAX and archive.find(target):
                if attributes.get("state", "visible") != "visible":
                    workbook.hidden.add(len(workbook.sheets))
                workbook.sheets.append((attributes.get("name", ""), target))

    parse_xml(archive.chunks(main), Elements(visit))
    for kind, target in known.values():
        if kind == "sharedStrings":
            workbook.strings = target
        elif kind == "styles":
            workbook.styles = target
    if not workbook.sheets:
        raise BadArchive("no worksheet")
    workbook.formats = _formats(archive, workbook.styles)
    return workbook


def relations(archive: Archive, part: str) -> dict[str, tuple[str, str]]:
    """Relation id -> (kind, target part) of a part; a missing relations file has none."""
    folder, name = posixpath.split(part)
    found: dict[str, tuple[str, str]] = {}

    def visit(element: str, attributes: dict[str, str]) -> None:
        if element == "Relationship" and attributes.get("TargetMode") != "External":
            target = attributes.get("Target", "").replace("\\", "/")
            resolved = target[1:] if target.startswith("/") else posixpath.normpath(posixpath.join(folder, target))
            found[attributes.get("Id", "")] = (attributes.get("Type", "").rpartition("/")[2], resolved)

    rels = posixpath.join(folder, "_rels", f"{name}.rels")
    if archive.find(rels) is not None:
        parse_xml(archive.chunks(rels), Elements(visit))
    return found


def _formats(archive: Archive, part: str) -> list[str]:
    """The number format of each cell style, in order; damaged styles leave everything General."""
    own: dict[str, str] = {}
    formats: list[str] = []
    inside = False

    def visit(name: str, attributes: dict[str, str]) -> None:
        nonlocal inside
        if name == "numFmt":
            own[attributes.get("numFmtId", "")] = attributes.get("formatCode", "General")
        elif name in ("cellXfs", "cellStyleXfs", "cellStyles", "dxfs"):
            inside = name == "cellXfs"
        elif name == "xf" and inside:
            key = attributes.get("numFmtId", "0")
            formats.append(own.get(key) or BUILTIN.get(int(key) if key.isdigit() else 0, "General"))

    if part and archive.find(part) is not None:
        try:
            parse_xml(archive.chunks(part), Elements(visit))
        except BadArchive as trouble:
            if "entity" in str(trouble):
                raise
    return formats


def _strings(archive: Archive, workbook: Workbook, limits: Limits) -> list[str]:
    part = workbook.strings or "xl/sharedStrings.xml"
    handler = SharedStrings(limits)
    if archive.find(part) is not None:
        parse_xml(archive.chunks(part), handler)
    return handler.strings
