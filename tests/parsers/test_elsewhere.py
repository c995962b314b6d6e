"""Where a list is that nobody attached, lists in archives, and files that are none."""

from __future__ import annotations

import io
import zipfile
from email.message import EmailMessage
from email.policy import SMTP

import pytest

from parsers import mime
from parsers.elsewhere import Place, Where, find
from parsers.liste import Liste, Unreadable, UnreadableReason, read

LISTE = b"Email;Nom\r\na@b.test;A\r\n"


def packed(*files: tuple[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files:
            archive.writestr(name, data)
    return out.getvalue()


def mail(html: str = "<p>Bonjour</p>") -> EmailMessage:
    made = EmailMessage(policy=SMTP)
    made["From"], made["To"], made["Subject"] = "anne@firm.example", "mail@gw.example", "Offre"
    made.set_content("Bonjour")
    made.add_alternative(html, subtype="html")
    return made


@pytest.mark.parametrize(
    ("url", "service"),
    [
        ("https://1drv.ms/x/s!AkQx12345", "OneDrive"),
        ("https://firme-my.sharepoint.com/:x:/g/personal/anne/EbX", "OneDrive"),
        ("https://docs.google.com/spreadsheets/d/1AbC/edit", "Google Drive"),
        ("https://www.dropbox.com/scl/fi/abc/LISTE.xlsx", "Dropbox"),
        ("https://firm.example/catalogue", None),
        ("https://www.dropbox.com/", None),
        ("https://dropbox.com.evil.example/scl/fi/abc/LISTE.xlsx", None),
    ],
)
def test_links_to_shared_files(url: str, service: str | None) -> None:
    found = find(mime.read(bytes(mail(f'<p><a href="{url}">LISTE.xlsx</a></p>'))))
    assert found == (Place(Where.LINKED, service) if service else None)


def test_a_list_in_an_archive_and_in_an_attached_mail() -> None:
    made = mail()
    made.add_attachment(packed(("LISTE.csv", LISTE)), "application", "zip", filename="envoi.zip")
    assert find(mime.read(bytes(made))) == Place(Where.PACKED, "envoi.zip")
    inner = mail()
    inner.add_attachment(LISTE, "text", "csv", filename="LISTE.csv")
    made = mail()
    made.add_attachment(inner)
    assert find(mime.read(bytes(made))) == Place(Where.FORWARDED, "Offre")
    again = mail()
    again.add_attachment(made, filename="tout.eml")
    assert find(mime.read(bytes(again))) == Place(Where.FORWARDED, "tout.eml")


@pytest.mark.parametrize(
    "files",
    [
        [("n'importe.csv", LISTE)],
        [("dossier/", b""), ("dossier/LISTE.csv", LISTE), ("__MACOSX/._LISTE.csv", b"x"), (".DS_Store", b"x")],
        [("LISTE.txt", LISTE), ("lisez-moi.txt", b"x")],
    ],
)
def test_the_one_list_of_an_archive_is_read(files: list[tuple[str, bytes]]) -> None:
    found = read(packed(*files))
    assert isinstance(found, Liste)
    assert [line.address for line in found.lines] == ["a@b.test"]


@pytest.mark.parametrize(
    ("data", "reason", "detail"),
    [
        (packed(("a.csv", LISTE), ("b.csv", LISTE)), UnreadableReason.ARCHIVE, "2"),
        (packed(("a.zip", packed(("LISTE.csv", LISTE)))), UnreadableReason.ARCHIVE, ""),
        (
            packed(("word/document.xml", b"<x/>"), ("[Content_Types].xml", b"<x/>")),
            UnreadableReason.UNKNOWN_KIND,
            "word",
        ),
        (packed(("Index/Document.iwa", b"x")), UnreadableReason.UNKNOWN_KIND, "numbers"),
        (b"%PDF-1.7 a@b.test", UnreadableReason.UNKNOWN_KIND, "pdf"),
        (b"\x89PNG\r\n", UnreadableReason.UNKNOWN_KIND, "image"),
        (b"MZ\x90\0", UnreadableReason.UNKNOWN_KIND, "program"),
    ],
)
def test_what_is_no_list_is_named(data: bytes, reason: UnreadableReason, detail: str) -> None:
    assert read(data) == Unreadable(reason, detail)


def test_words_that_begin_like_a_picture_are_text() -> None:
    assert isinstance(read(b"BMail;Email\nx;a@b.test\n"), Liste)


def test_a_page_without_a_table() -> None:
    found = read(b"<html><body><p>a@b.test</p><p>Nom &lt;c@d.test&gt;</p></body></html>")
    assert isinstance(found, Liste)
    assert [line.address for line in found.lines if line.fault is None] == ["a@b.test", "c@d.test"]
    page = b"<html><body><p>Rien</p></body></html>"
    assert read(page) == Unreadable(UnreadableReason.NO_ADDRESS_COLUMN)
    assert isinstance(read(page, strict=False), Liste)
