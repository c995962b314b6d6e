"""The whole list: kinds, sheets, faults, duplicates, limits."""

from __future__ import annotations

import datetime
import functools
import io
import zipfile
from collections.abc import Callable

import openpyxl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from parsers.liste import Fault, Limits, Liste, Unreadable, UnreadableReason, read, table


def liste(data: bytes, **options: object) -> Liste:
    found = read(data, **options)  # type: ignore[arg-type]
    assert isinstance(found, Liste), found
    return found


def xlsx(*sheets: tuple[str, list[list[object]]]) -> bytes:
    book = openpyxl.Workbook()
    book.remove(book.active)
    for name, rows in sheets:
        sheet = book.create_sheet(name)
        for row in rows:
            sheet.append(row)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def xls(*sheets: tuple[str, list[list[object]]]) -> bytes:
    xlwt = pytest.importorskip("xlwt", reason="xlwt writes the .xls files of this test")
    book = xlwt.Workbook()
    formats = {str: "General", int: "General", float: "0.00", datetime.date: "yyyy-mm-dd", bool: "General"}
    for name, rows in sheets:
        sheet = book.add_sheet(name)
        for number, row in enumerate(rows):
            for column, value in enumerate(row):
                sheet.write(number, column, value, xlwt.easyxf(num_format_str=formats[type(value)]))
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


FAULTY = """RS;Nom;E-mail
ACME;Dupont;jean@acme.fr
ACME;Durand;

Beta;Martin;martin(at)beta.fr
Beta;Petit;JEAN@ACME.FR
Beta;Grand;x@[10.0.0.1]
Beta;Moi;mail@gateway.test
Beta;Deux;"a@beta.fr, b@beta.fr; jean@acme.fr"
Beta;Typo;c@gmial.com
"""


def test_every_line_is_judged() -> None:
    found = liste(FAULTY.encode("cp1252"), own_domains=frozenset(("gateway.test",)))
    assert found.columns == ("RS", "Nom", "E-mail")
    assert (found.address_column, found.kind) == (2, "text")
    assert [(line.label, line.address, line.fault, line.detail, line.hint) for line in found.lines] == [
        ("2", "jean@acme.fr", None, "", ""),
        ("3", "", Fault.EMPTY, "", ""),
        ("5", "martin(at)beta.fr", Fault.SYNTAX, "", ""),
        ("6", "JEAN@ACME.FR", Fault.DUPLICATE, "2", ""),
        ("7", "x@[10.0.0.1]", Fault.LITERAL, "", ""),
        ("8", "mail@gateway.test", Fault.OWN, "", ""),
        ("9.1", "a@beta.fr", None, "", ""),
        ("9.2", "b@beta.fr", None, "", ""),
        ("9.3", "jean@acme.fr", Fault.DUPLICATE, "2", ""),
        ("10", "c@gmial.com", None, "", "c@gmail.com"),
    ]
    assert next(iter(found.lines)).values == ("ACME", "Dupont", "jean@acme.fr")


def test_short_rows_are_filled_and_long_ones_widen() -> None:
    found = liste(b"Email;Nom\na@b.fr\nc@d.fr;D;plus\n")
    assert found.columns == ("Email", "Nom", "Colonne 3")
    assert [line.values for line in found.lines] == [("a@b.fr", "", ""), ("c@d.fr", "D", "plus")]


@pytest.mark.parametrize("make", [xlsx, xls])
def test_sheets_show_what_they_show(make: Callable[..., bytes]) -> None:
    rows = [["Email", "Tel", "Né", "N", "Prix"], ["a@b.fr", "0612345678", datetime.date(2026, 12, 25), 7, 1.5]]
    found = liste(make(("Feuil1", rows)))
    values = next(iter(found.lines)).values
    assert values[:4] == ("a@b.fr", "0612345678", "25/12/2026", "7")
    assert values[4] in ("1,5", "1,50")
    assert table(make(("Feuil1", rows)))[1] == ["a@b.fr", "0612345678", "2026-12-25", "7", "1.5"]


@pytest.mark.parametrize("make", [xlsx, xls])
def test_the_sheet_named_liste_then_the_first_with_addresses(make: Callable[..., bytes]) -> None:
    cover, first, named = [["Bonjour"]], [["Mail"], ["a@b.fr"]], [["Mail"], ["c@d.fr"]]
    assert next(iter(liste(make(("X", cover), ("Y", first), ("listé ", named))).lines)).address == "c@d.fr"
    found = liste(make(("X", cover), ("Y", first), ("Z", named)))
    assert (next(iter(found.lines)).address, found.sheet) == ("a@b.fr", "Y")
    assert table(make(("X", cover), ("Y", [["rien"]]))) == [["Bonjour"]]


def test_hidden_sheets_come_last() -> None:
    xlwt = pytest.importorskip("xlwt", reason="xlwt writes the .xls files of this test")
    new, old = openpyxl.Workbook(), xlwt.Workbook()
    assert new.active is not None
    new.active["A1"], new.active.sheet_state = "old@b.fr", "veryHidden"
    new.create_sheet("Contacts")["A1"] = "a@b.fr"
    for name, address, state in (("Base", "old@b.fr", 2), ("Contacts", "a@b.fr", 0)):
        sheet = old.add_sheet(name)
        sheet.write(0, 0, address)
        sheet.visibility = state
    old.set_active_sheet(1)
    for book in (new, old):
        out = io.BytesIO()
        book.save(out)
        assert [line.address for line in liste(out.getvalue()).lines] == ["a@b.fr"]


def test_number_formats_hidden_rows_and_gaps_of_xlsx() -> None:
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    sheet["B3"], sheet["C3"], sheet["D3"] = "Email", "Tel", "Actif"
    sheet["B4"], sheet["C4"], sheet["D4"] = "a@b.fr", 612345678, True
    sheet["C4"].number_format = "0000000000"
    sheet["B6"] = "c@d.fr"
    sheet.row_dimensions[6].hidden = True
    out = io.BytesIO()
    book.save(out)
    found = liste(out.getvalue())
    assert [(line.number, line.values) for line in found.lines] == [
        (4, ("", "a@b.fr", "0612345678", "VRAI")),
        (6, ("", "c@d.fr", "", "")),
    ]
    assert found.columns == ("Colonne 1", "Email", "Tel", "Actif")
    assert table(out.getvalue())[3] == ["", "a@b.fr", "612345678", "TRUE"]


def test_markup_named_xls() -> None:
    page = "<html><meta charset=iso-8859-1><table><tr><th>Nom<th>Mail</tr>"
    page += "<tr><td>L&eacute;a &amp; Ga\xebl<td><a href=x>a@b.fr</a></table>"
    found = liste(page.encode("latin-1"))
    assert (found.kind, next(iter(found.lines)).values) == ("html", ("Léa & Gaël", "a@b.fr"))
    book = (
        '<?xml version="1.0"?><?mso-application progid="Excel.Sheet"?>'
        '<Workbook xmlns="urn:schemas-microsoft-com:office:spreadsheet" '
        'xmlns:ss="urn:schemas-microsoft-com:office:spreadsheet"><Styles><Style ss:ID="s1">'
        '<NumberFormat ss:Format="0000000000"/></Style></Styles><Worksheet ss:Name="F"><Table><Row>'
        '<Cell><Data ss:Type="String">Mail</Data></Cell><Cell ss:Index="3"><Data ss:Type="String">Tel</Data></Cell></Row>'
        '<Row ss:Index="4"><Cell><Data ss:Type="String">a@b.fr</Data></Cell><Cell ss:Index="3" ss:StyleID="s1">'
        '<Data ss:Type="Number">612345678</Data></Cell></Row></Table></Worksheet></Workbook>'
    )
    found = liste(book.encode())
    assert (found.kind, next(iter(found.lines)).number) == ("spreadsheetml", 4)
    assert next(iter(found.lines)).values == ("a@b.fr", "", "0612345678")
    rich = '<ss:Data ss:Type="String" xmlns="http://www.w3.org/TR/REC-html40"><B>a@</B><Font>b.fr</Font></ss:Data>'
    found = liste(book.replace('<Data ss:Type="String">a@b.fr</Data>', rich).encode())
    assert next(iter(found.lines)).values[0] == "a@b.fr"
    inner = "<table><tr><td>Mail<tr><td>a@b.fr</table>"
    for start in ("<h1>Export</h1>", "<center>", "<title>x</title>", "\n<form>"):
        assert liste((start + inner).encode()).kind == "html"
    saved = 'MIME-Version: 1.0\r\nContent-Type: multipart/related;\r\n boundary="b"\r\n\r\n--b\r\n'
    saved += f"Content-Type: text/html\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n{inner}\r\n--b--\r\n"
    assert [line.address for line in liste(saved.encode()).lines] == ["a@b.fr"]
    found = liste(b"Nom\tMail\nD\ta@b.fr\n")
    assert (found.kind, next(iter(found.lines)).address) == ("text", "a@b.fr")


def test_opendocument() -> None:
    content = (
        '<?xml version="1.0"?><d:document-content xmlns:d="urn:oasis:names:tc:opendocument:xmlns:office:1.0" '
        'xmlns:table="urn:oasis:names:tc:opendocument:xmlns:table:1.0" '
        'xmlns:text="urn:oasis:names:tc:opendocument:xmlns:text:1.0" '
        'xmlns:office="urn:oasis:names:tc:opendocument:xmlns:office:1.0"><table:table table:name="F">'
        "<table:table-row><table:table-cell><text:p>Mail</text:p></table:table-cell>"
        '<table:table-cell table:number-columns-repeated="2"><text:p>N</text:p></table:table-cell></table:table-row>'
        '<table:table-row table:number-rows-repeated="2"><table:table-cell/></table:table-row>'
        '<table:table-row><table:table-cell office:value-type="string"><text:p>a@b.fr</text:p></table:table-cell>'
        '<table:table-cell office:value-type="date" office:date-value="2026-12-25"><text:p>25/12/2026</text:p>'
        '</table:table-cell></table:table-row><table:table-row table:number-rows-repeated="1048000">'
        '<table:table-cell table:number-columns-repeated="16384"/></table:table-row></table:table></d:document-content>'
    )
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet")
        archive.writestr("content.xml", content)
    found = liste(out.getvalue())
    assert (found.kind, found.columns) == ("ods", ("Mail", "N", "N (2)"))
    assert [(line.number, line.values) for line in found.lines] == [(4, ("a@b.fr", "25/12/2026", ""))]
    assert table(out.getvalue()) == [["Mail", "N", "N"], [], [], ["a@b.fr", "2026-12-25"]]


def test_hidden_tables_of_opendocument_come_last() -> None:
    def shown(name: str, style: str, address: str) -> str:
        cell = f"<table:table-cell><text:p>{address}</text:p></table:table-cell>"
        row = f"<table:table-row>{cell}</table:table-row>"
        return f'<table:table table:name="{name}" table:style-name="{style}">{row}</table:table>'

    styles = '<s:style s:name="ta2"><s:table-properties table:display="false"/></s:style><s:style s:name="ta1"/>'
    content = f'<d:document-content xmlns:d="d" xmlns:s="s" xmlns:table="table" xmlns:text="text">{styles}'
    content += shown("Base", "ta2", "old@b.fr") + shown("Contacts", "ta1", "a@b.fr") + "</d:document-content>"
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet")
        archive.writestr("content.xml", content)
    assert [line.address for line in liste(out.getvalue()).lines] == ["a@b.fr"]


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", UnreadableReason.EMPTY),
        (b"\r\n \r\n", UnreadableReason.EMPTY),
        (b"Email;Nom\n", UnreadableReason.EMPTY),
        (b"a;b\nc;d\n", UnreadableReason.NO_ADDRESS_COLUMN),
        (b"%PDF-1.7 ...", UnreadableReason.UNKNOWN_KIND),
        (b"PK\x03\x04 cut off", UnreadableReason.CORRUPT),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 2000, UnreadableReason.CORRUPT),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + "EncryptedPackage".encode("utf-16-le"), UnreadableReason.ENCRYPTED),
    ],
)
def test_refusals(data: bytes, reason: UnreadableReason) -> None:
    found = read(data)
    assert isinstance(found, Unreadable)
    assert found.reason is reason


def test_bombs_are_refused_by_the_directory() -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/workbook.xml", b" " * 30_000_000)
    found = read(out.getvalue())
    assert isinstance(found, Unreadable)
    assert found.reason is UnreadableReason.TOO_BIG


def test_entities_are_refused() -> None:
    source = xlsx(("F", [["Mail"], ["a@b.fr"]]))
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(source)) as before, zipfile.ZipFile(out, "w") as after:
        for name in before.namelist():
            body = before.read(name)
            if name == "xl/worksheets/sheet1.xml":
                body = b'<!DOCTYPE x [<!ENTITY a "aaaa">]>' + body
            after.writestr(name, body)
    found = read(out.getvalue())
    assert found == Unreadable(UnreadableReason.CORRUPT, "entity")


def test_limits_are_said() -> None:
    assert read(b"a@b.fr\n" * 20, limits=Limits(lines=10)) == Unreadable(UnreadableReason.TOO_MANY_LINES, "10")
    wide = xlsx(("F", [["Mail"] + ["x"] * 600, ["a@b.fr"]]))
    assert read(wide) == Unreadable(UnreadableReason.TOO_MANY_COLUMNS, "500")
    far = openpyxl.Workbook()
    assert far.active is not None
    far.active["XFD1048576"] = "x"
    out = io.BytesIO()
    far.save(out)
    assert read(out.getvalue()) == Unreadable(UnreadableReason.TOO_MANY_COLUMNS, "500")


@settings(deadline=None)
@given(
    st.binary(max_size=400),
    st.sampled_from([b"", b"PK\x03\x04", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", b"<table>", b"\x09\x08"]),
)
def test_any_bytes_give_a_value(data: bytes, magic: bytes) -> None:
    assert isinstance(read(magic + data), Liste | Unreadable)
    assert isinstance(table(magic + data), list)


@functools.cache
def sound(make: Callable[..., bytes]) -> bytes:
    return make(("F", [["Mail", "Nom"], ["a@b.fr", "é"]]))


@pytest.mark.parametrize("make", [xlsx, xls])
@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_damaged_sheets_give_a_value(make: Callable[..., bytes], data: st.DataObject) -> None:
    source = bytearray(sound(make))
    for _ in range(data.draw(st.integers(1, 8))):
        source[data.draw(st.integers(0, len(source) - 1))] = data.draw(st.integers(0, 255))
    assert isinstance(read(bytes(source)), Liste | Unreadable)


def test_not_strict_reads_whatever_can_be_read() -> None:
    found = liste(b"a;b\nc;d\n", strict=False)
    assert [(line.label, line.fault) for line in found.lines] == [("1", Fault.SYNTAX), ("2", Fault.SYNTAX)]
    nothing = liste(b"", strict=False).lines
    assert (list(nothing), len(nothing), nothing.good) == ([], 0, 0)
    assert liste(xlsx(("F", [])), strict=False).columns == ()


def test_lines_are_the_same_however_often_they_are_looked_at() -> None:
    lines = liste(FAULTY.encode("cp1252"), own_domains=frozenset(("gateway.test",))).lines
    assert list(lines) == list(lines) and len(lines) == len(list(lines))
    assert lines.good == sum(line.fault is None for line in lines) == 4
    assert lines.hinted() == [line for line in lines if line.hint]
    assert all(line in lines for line in lines) and "x" not in lines


def test_a_duplicate_names_the_first_of_all() -> None:
    text = "Email\nu@a.fr\nx@a.fr / U@A.FR\nNom <u@a.fr>\nv@a.fr\nX@a.fr\nv@a.fr\nv@a.fr\n"
    assert [(line.label, line.detail) for line in liste(text.encode()).lines if line.fault is Fault.DUPLICATE] == [
        ("3.2", "2"), ("4", "2"), ("6", "3.1"), ("7", "5"), ("8", "5"),
    ]  # fmt: skip
