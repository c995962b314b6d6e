"""Sound files of every kind that strangers send, small, made here: what the fuzzers damage."""

# ruff: noqa: E501  (mails as they are on the wire)
from __future__ import annotations

import io
import struct
import zipfile
from email.message import EmailMessage
from email.policy import SMTP

import openpyxl
import xlwt

_REL = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
ROWS = (("Email", "Nom", "PJ"), ("a@b.test", "Été", "x.pdf"), ("Nom <c@d.test>; e@f.test", "1,5", ""))


def packed(*files: tuple[str, bytes | str]) -> bytes:
    """A zip archive, stored without compression so that damage reaches what is inside."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as archive:
        for name, data in files:
            archive.writestr(zipfile.ZipInfo(name), data)
    return out.getvalue()


def xlsx() -> bytes:
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    for row in ROWS:
        sheet.append(row)
    sheet["D1"], sheet["D2"] = 45_000, True
    sheet["D1"].number_format = "dd/mm/yyyy"
    out = io.BytesIO()
    book.save(out)
    with zipfile.ZipFile(out) as archive:
        return packed(*((name, archive.read(name)) for name in archive.namelist()))


def xls() -> bytes:
    book = xlwt.Workbook()
    sheet = book.add_sheet("LISTE")
    for number, row in enumerate(ROWS):
        for column, cell in enumerate(row):
            sheet.write(number, column, cell)
    sheet.write(0, 3, 45_000, xlwt.easyxf(num_format_str="dd/mm/yyyy"))
    sheet.write(1, 3, xlwt.Formula("1+1"))
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def ods() -> bytes:
    cells = "".join(
        "<table:table-row>" + "".join(f"<table:table-cell><text:p>{c}</text:p></table:table-cell>" for c in row)
        + "</table:table-row>"
        for row in (("Email", "Nom"), ("a@b.test", "X"))
    )  # fmt: skip
    content = (
        '<office:document-content xmlns:office="o" xmlns:table="t" xmlns:text="x"><office:body><office:spreadsheet>'
        f'<table:table table:name="LISTE">{cells}<table:table-row table:number-rows-repeated="9"><table:table-cell '
        'office:value-type="date" office:date-value="2026-12-25T09:30:00" table:number-columns-repeated="2"/>'
        "</table:table-row></table:table></office:spreadsheet></office:body></office:document-content>"
    )
    return packed(("mimetype", "application/vnd.oasis.opendocument.spreadsheet"), ("content.xml", content))


def record(number: int, body: bytes = b"") -> bytes:
    head = bytes((number,)) if number < 128 else bytes((number & 0x7F | 0x80, number >> 7))
    return head + bytes((len(body),)) + body


def xlsb() -> bytes:
    def wide(text: str) -> bytes:
        return struct.pack("<I", len(text)) + text.encode("utf-16-le")

    def related(kind: str, target: str) -> str:
        return (
            f'<Relationships xmlns="x"><Relationship Id="r0" Type="{_REL}/{kind}" Target="{target}"/></Relationships>'
        )

    cells = record(6, struct.pack("<II", 0, 0) + wide("a@b.test")) + record(5, struct.pack("<IId", 1, 0, 1.5))
    cells += record(2, struct.pack("<III", 2, 0, 6)) + record(62, struct.pack("<II", 3, 0) + b"\0" + wide("x"))
    return packed(
        ("_rels/.rels", related("officeDocument", "xl/workbook.bin")),
        ("xl/_rels/workbook.bin.rels", related("worksheet", "s.bin")),
        ("xl/workbook.bin", record(153, bytes(8)) + record(156, bytes(8) + wide("r0") + wide("LISTE"))),
        ("xl/s.bin", record(0, bytes(16)) + cells),
    )


def spreadsheetml() -> bytes:
    rows = "".join(
        f'<Row ss:Index="{2 * number + 1}">'
        + "".join(f'<Cell ss:MergeAcross="1"><Data ss:Type="String">{cell}</Data></Cell>' for cell in ("a@b.test", "X"))
        + "</Row>"
        for number in range(2)
    )
    name = "urn:schemas-microsoft-com:office:spreadsheet"
    book = f'<Workbook xmlns="{name}" xmlns:ss="{name}"><Worksheet ss:Name="LISTE"><Table>{rows}</Table></Worksheet></Workbook>'
    return f'<?xml version="1.0"?>{book}'.encode()


LISTS = (
    xlsx(),
    xls(),
    ods(),
    xlsb(),
    spreadsheetml(),
    b"<html><table><tr><th>Email<th colspan=2>Nom<tr><td rowspan=2>a@b.test<td>X</table><p>c@d.test",
    'Email;Nom\r\n"a@b.test";"Un;deux"\r\nc@d.test;\u00e9t\u00e9\r\n'.encode("cp1252"),
    "Email\tNom\na@b.test\tX\n".encode("utf-16"),
    b"a@b.test, Nom <c@d.test>; e@f.test\n",
    packed(("LISTE.csv", b"Email\na@b.test\n")),
)
CONFIGS = (
    "Expéditeur : Anne <anne@firm.example>\nDate d'envoi = demain 9h\nFuseau : Europe/Paris\nDébit : 500\nSuivi : non\n".encode(),
    b"From;anne@firm.example\nSend at;25/12/2030 9:30\nTest;a@b.test, c@d.test\nProof;yes\n",
    b"Date: 29/03/2037\nHeure: 2h30\n# rien\nLangue: en\nCampagne: x\n",
    xls(),
)


def attribute(level: int, tag: int, content: bytes) -> bytes:
    return struct.pack("<BII", level, tag, len(content)) + content + struct.pack("<H", sum(content) & 0xFFFF)


def binary(number: int, kind: int, value: bytes) -> bytes:
    return struct.pack("<HHII", kind, number, 1, len(value)) + value + b"\0" * (-len(value) % 4)


_RTF = rb"{\rtf1\ansi\ansicpg1252{\fonttbl{\f0 Arial;}}Bonjour \'e9t\'e9 \u8364?\par{\field{\*\fldinst HYPERLINK x}{\fldrslt y}}}"
_RAW_RTF = struct.pack("<IIII", len(_RTF) + 12, len(_RTF), 0x414C454D, 0) + _RTF
_LZFU = struct.pack("<IIII", 40, 30, 0x75465A4C, 0) + b"\x00abcdefgh\x18ijk\x00\x10\x0c\xf0lmn"
TNEFS = tuple(
    struct.pack("<IH", 0x223E9F78, 1)
    + attribute(1, 0x00069003, struct.pack("<I", 1) + binary(0x1009, 0x102, rtf))
    + attribute(2, 0x00069002, bytes(14))
    + attribute(2, 0x00018010, b"LISTE.TXT\0")
    + attribute(2, 0x0006800F, b"Email\r\na@b.test\r\n")
    + attribute(2, 0x00069005, struct.pack("<I", 1) + binary(0x3707, 0x1F, "Liste.txt\0".encode("utf-16-le")))
    for rtf in (_RAW_RTF, _LZFU)
)
CMS = (
    bytes.fromhex("308006092a864886f70d010702a0803080020101310030800609")
    + bytes.fromhex("2a864886f70d010701a080248004") + b"\x04Text" + bytes(14),
)  # fmt: skip


def campaign() -> bytes:
    made = EmailMessage(policy=SMTP)
    made["From"], made["To"], made["Subject"] = "Anne <anne@firm.example>", "mail@gw.example", "Été {{Nom}}"
    made.set_content("Bonjour {{Nom|vous}}", cte="quoted-printable")
    made.add_alternative('<p>Bonjour {{Nom}} <a href="https://x.test/{{Nom}}">x</a><img src="cid:a@b"></p>', "html")
    made.add_attachment("Email;Nom\na@b.test;A\n", filename="LISTE.csv")
    made.add_attachment("Campagne : x\n", filename="Config.txt")
    made.add_attachment(TNEFS[0], "application", "ms-tnef", filename="winmail.dat")
    return bytes(made)


MAILS = (
    campaign(),
    b"From: a@b.test\nContent-Type: text/plain; format=flowed; delsp=yes;\n name*0*=utf-8''LI; name*1=STE.txt\n\na \nb@c.test\n",
    b"From: MAILER-DAEMON@x.test\r\nSubject: failed\r\nContent-Type: multipart/report; report-type=delivery-status;"
    b" boundary=b\r\n\r\n--b\r\n\r\nsorry\r\n--b\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; x\r\n\r\n"
    b"Final-Recipient: rfc822; who@d.test\r\nAction: failed\r\nStatus: 5.1.1\r\nDiagnostic-Code: smtp; 550 5.1.1 no\r\n\r\n--b--",
    b"From: fbl@x.test\r\nContent-Type: multipart/report; report-type=feedback-report; boundary=b\r\n\r\n--b\r\n\r\nx\r\n--b\r\n"
    b"Content-Type: message/feedback-report\r\n\r\nFeedback-Type: abuse\r\nOriginal-Rcpt-To: a@b.test\r\n\r\n--b--",
    b"From: a@b.test\r\nSubject: Re: x\r\n\r\nOK\r\n\r\nLe 1 mai 2026, x <x@y.test> a \xc3\xa9crit :\r\n> STOP\r\n-- \r\nAnne",
    b"From: a@b.test\r\nContent-Type: application/pkcs7-mime\r\nContent-Transfer-Encoding: binary\r\n\r\n" + CMS[0],
    b"From: a@b.test\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: message/rfc822\r\n\r\n" + campaign(),
)  # fmt: skip
