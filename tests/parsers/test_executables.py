"""Files that run when they are opened are told by name, by first bytes and by what an archive holds."""

import io
import zipfile

import pytest

from parsers.executables import named_so, runs


def zipped(*names: str) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name in names:
            archive.writestr(name, b"x")
    return out.getvalue()


@pytest.mark.parametrize(
    "name",
    ["a.exe", "A.EXE", "facture.pdf.scr", "a.exe ", "a.exe. .", "a.j\u200bs", "photo\u202egpj.exe", "a.lnk", "a.iso",
     "a.html", "logo.svg", "a.exe::$DATA", "ａ．ｅｘｅ", "setup.MSI", "a.ps1", "paquet.apk", "a.dmg", "a.sh"],
)  # fmt: skip
def test_names_that_run(name: str) -> None:
    assert named_so(name)


@pytest.mark.parametrize(
    "name",
    ["a.pdf", "exe", "", "a", "Rapport exe.pdf", "a.docx", "a.xlsm", "a.csv", "jeu.zip", "v1.2.txt", "a.exe.pdf", "html",
     "a.pptx", "a.png", "Été 2026.jpg"],
)  # fmt: skip
def test_names_that_do_not(name: str) -> None:
    assert not named_so(name)


@pytest.mark.parametrize(
    ("data", "wanted"),
    [
        (b"MZ\x90\x00\x03\x00", True),
        (b"MZ;Nom;Prenom\r\n", False),
        (b"\x7fELF\x02", True),
        (b"#!/bin/sh\n", True),
        (b"%PDF-1.7", False),
        (zipped("doc/a.pdf", "doc/setup.exe"), True),
        (zipped("doc/a.pdf", "site/index.html", "word/printerSettings1.bin"), False),
        (b"PK\x03\x04 broken", False),
        (b"", False),
    ],
)
def test_contents(data: bytes, wanted: bool) -> None:
    assert runs("a.dat", data) is wanted
