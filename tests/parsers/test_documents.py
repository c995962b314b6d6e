"""The PJ column: a cell finds its files by their whole names, and never anybody else's."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parsers.documents import shelf

FILES = ("Facture 1001.pdf", "facture1002.PDF", "Relevé.pdf", "a;b, c.docx", "1003.pdf", "1003.xlsx", "plan.pdf.zip")

CELLS = [
    ("Facture 1001.pdf", (0,), ()),
    ("  facture  1001.PDF ", (0,), ()),
    ("Facture 1001", (0,), ()),
    (unicodedata.normalize("NFD", "RELEVÉ.pdf"), (2,), ()),
    ("Releve.pdf", (), ("Releve.pdf",)),
    ("a;b, c.docx", (3,), ()),
    ("Facture 1001.pdf; facture1002.pdf", (0, 1), ()),
    ("facture1002.pdf, Facture 1001.pdf\nRelevé.pdf", (1, 0, 2), ()),
    ("facture1002.pdf;facture1002", (1,), ()),
    ("C:\\Docs\\Relevé.pdf", (2,), ()),
    ("« Relevé.pdf »", (2,), ()),
    ("1003", (), ("1003",)),  # two files of that stem
    ("1003.xlsx", (5,), ()),
    ("plan.pdf", (), ("plan.pdf",)),  # never the file of another ending
    ("Facture 100", (), ("Facture 100",)),
    ("", (), ()),
    ("-", (), ()),
    ("Aucun", (), ()),
    (" ; ; ", (), ()),
    ("Relevé.pdf;absent.pdf", (2,), ("absent.pdf",)),
]


@pytest.mark.parametrize(("cell", "files", "missing"), CELLS)
def test_cells(cell: str, files: tuple[int, ...], missing: tuple[str, ...]) -> None:
    found = shelf(FILES).find(cell)
    assert (found.files, found.missing) == (files, missing)


def test_two_files_of_one_name_name_none() -> None:
    known = shelf(("a.pdf", "A.PDF", "b.pdf", ""))
    assert known.twice == ("A.PDF",)
    assert known.find("a.pdf").missing == ("a.pdf",)
    assert known.find("a").missing == ("a",)
    assert known.find("b").files == (2,)


@given(st.lists(st.text(max_size=30), max_size=8), st.text(max_size=80))
def test_any_names_and_any_cell(names: list[str], cell: str) -> None:
    known = shelf(names)
    found = known.find(cell)
    assert len(set(found.files)) == len(found.files)
    assert all(0 <= at < len(names) for at in found.files)


@given(st.lists(st.from_regex(r"[a-zé0-9 ]{1,12}\.(pdf|docx)", fullmatch=True), min_size=1, max_size=8))
def test_each_file_is_found_by_its_name(names: list[str]) -> None:
    known = shelf(names)
    for at, name in enumerate(names):
        found = known.find(name)
        if sum(known.alike(name, other) for other in names) > 1:
            assert found.files == ()
        elif name.strip():
            assert found.files == (at,)
