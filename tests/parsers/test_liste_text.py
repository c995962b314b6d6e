"""Text lists: encodings, separators, quotes."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from parsers.liste_text import decode, read, separator_of
from parsers.sheet import Book, Limits, Sheet, Unreadable, UnreadableReason

FRENCH = "Société;Prénom;E-mail\nÉlevage du Chêne;Gaëlle;gaelle@exemple.fr\nL’Été;François;f@exemple.fr\n"


def rows(data: bytes, limits: Limits | None = None) -> list[tuple[int, list[str]]]:
    book = read(data, limits or Limits())
    assert isinstance(book, Book)
    sheet = book.load(0)
    assert isinstance(sheet, Sheet)
    return list(zip(sheet.numbers, map(list, sheet.rows), strict=True))


@pytest.mark.parametrize(
    "encoding",
    ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le", "utf-32-be", "cp1252"],
)
def test_encodings_of_french_lists(encoding: str) -> None:
    assert decode(FRENCH.encode(encoding)).lstrip("\ufeff") == FRENCH


@pytest.mark.parametrize("encoding", ["mac_roman", "cp850", "iso-8859-1"])
def test_older_encodings(encoding: str) -> None:
    text = FRENCH.replace("’", "'") + "Hélène;Crêperie à Nîmes;h@exemple.fr\nÀ la fête foraine;Noël;n@exemple.fr\n" * 3
    assert decode(text.encode(encoding)) == text


@pytest.mark.parametrize("encoding", ["cp1252", "iso-8859-15", "mac_roman", "cp850"])
def test_one_name_tells_the_encoding(encoding: str) -> None:
    for name in ("Hélène", "François", "Noël", "Gaël", "Crédit Général", "Forêt", "JÉRÔME", "Éric", "Besançon", "Zoé"):
        text = f"Nom;Email\n{name};a@b.fr\n"
        assert decode(text.encode(encoding)) == text, name


def test_the_end_mark_of_old_systems_is_no_line() -> None:
    assert rows(b"a@b.fr\r\nc@d.fr\r\n\x1a") == [(1, ["a@b.fr"]), (2, ["c@d.fr"])]


def test_address_cards() -> None:
    cards = "BEGIN:VCARD\r\nVERSION:3.0\r\nN:Petit;Jean;;;\r\nFN:Jean Petit\r\nORG:Firme\\, SA;Achats\r\n"
    cards += "EMAIL;TYPE=INTERNET:jean@\r\n x.fr\r\nitem1.EMAIL:j.petit@y.fr\r\nTEL:0612345678\r\nEND:VCARD\r\n"
    cards += (
        "BEGIN:VCARD\r\nVERSION:2.1\r\nN;CHARSET=UTF-8;ENCODING=QUOTED-PRINTABLE:=C3=89mile;L=C3=A9a\r\nEND:VCARD\r\n"
    )
    assert rows(cards.encode()) == [
        (1, ["Email", "Nom", "Société", "Téléphone"]),
        (6, ["jean@x.fr", "Jean Petit", "Firme, SA, Achats", "0612345678"]),
        (8, ["j.petit@y.fr", "Jean Petit", "Firme, SA, Achats", "0612345678"]),
        (11, ["", "Léa Émile"]),
    ]


def test_one_bad_byte_leaves_the_rest_utf8() -> None:
    data = ("é;a@b.fr\n" * 50).encode() + b"\xe9;c@d.fr\n"
    assert decode(data).count("é") == 50


@pytest.mark.parametrize("separator", [";", ",", "\t", "|"])
def test_separators(separator: str) -> None:
    text = separator.join(("Nom", "Email", "Note")) + "\n" + separator.join(("Dupont", "a@b.fr", "x"))
    assert separator_of(text.split("\n")) == separator
    assert rows(text.encode())[1] == (2, ["Dupont", "a@b.fr", "x"])


def test_decimal_commas_do_not_beat_semicolons() -> None:
    assert separator_of(["Email;Montant", "a@b.fr;12,50", "c@d.fr;8,00"]) == ";"
    assert separator_of(["Nom;Adresse;Email", "D;1, rue X, Lyon;a@b.fr"]) == ";"


def test_one_address_a_line() -> None:
    assert rows(b"a@b.fr\r\n\r\nDupont, Jean <c@d.fr>\r\n") == [(1, ["a@b.fr"]), (3, ["Dupont, Jean <c@d.fr>"])]
    assert rows(b"a@b.fr; c@d.fr; e@f.fr") == [(1, ["a@b.fr; c@d.fr; e@f.fr"])]
    assert rows(b"a@b.fr;\nc@d.fr;\n") in ([(1, ["a@b.fr"]), (2, ["c@d.fr"])], [(1, ["a@b.fr;"]), (2, ["c@d.fr;"])])


def test_quotes_and_new_lines_inside_them_keep_line_numbers() -> None:
    data = b'Email;Adresse\na@b.fr;"1 rue X\r\nLyon"\nc@d.fr;"dit ""le Grand"""\n'
    assert rows(data) == [
        (1, ["Email", "Adresse"]),
        (2, ["a@b.fr", "1 rue X\nLyon"]),
        (4, ["c@d.fr", 'dit "le Grand"']),
    ]


def test_a_stray_quote_costs_one_line_only() -> None:
    lines = ["Nom;Email"] + [f"N{i};n{i}@b.fr" for i in range(200)]
    lines[10] = '"Dupont;dupont@b.fr'
    found = rows("\n".join(lines).encode())
    assert len(found) == 201
    assert found[10] == (11, ["Dupont", "dupont@b.fr"])
    lines[15] = '"Durand;durand@b.fr'
    found = rows("\n".join(lines).encode())
    assert len(found) == 201
    lines[200] = '"Fin;fin@b.fr'
    assert rows("\n".join(lines).encode())[200] == (201, ["Fin", "fin@b.fr"])


def test_excel_habits() -> None:
    assert rows(b'sep=,\nEmail,Tel\na@b.fr,="0612345678"\n') == [(2, ["Email", "Tel"]), (3, ["a@b.fr", "0612345678"])]


def test_leading_zeros_and_blanks_stay() -> None:
    assert rows(b"Email;Tel\na@b.fr;0612345678\n")[1] == (2, ["a@b.fr", "0612345678"])


def test_binary_is_refused_and_limits_hold() -> None:
    assert read(bytes(range(256)) * 20, Limits()) == Unreadable(UnreadableReason.UNKNOWN_KIND, "binary")
    book = read(b"a@b.fr\n" * 12, Limits(lines=10))
    assert isinstance(book, Book)
    assert book.load(0) == Unreadable(UnreadableReason.TOO_MANY_LINES, "10")
    book = read(b"Email;x\na@b.fr;" + b"y" * 50000, Limits())
    assert isinstance(book, Book)
    assert book.load(0) == Unreadable(UnreadableReason.CELL_TOO_LONG, "32768")


@settings(deadline=None)
@given(st.binary(max_size=300))
def test_any_bytes_give_a_value(data: bytes) -> None:
    book = read(data, Limits())
    if isinstance(book, Book):
        assert isinstance(book.load(0), Sheet | Unreadable)


@settings(deadline=None)
@given(st.text(alphabet='";,\n@a.\\ \t|', max_size=200))
def test_any_text_gives_a_value(text: str) -> None:
    numbers = [number for number, _ in rows(text.encode())]
    assert numbers == sorted(set(numbers))
