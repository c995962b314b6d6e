"""Header rows and column names as office sheets have them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parsers.columns import arrange, canonical, unique_names


@pytest.mark.parametrize(
    "name",
    [
        "Email", "E-mail", "e mail", "EMAIL", "Mail", "Mél", "mel", "Courriel", "COURRIEL", "Adresse e-mail",
        "Adresse électronique", "ADRESSE MAIL", "Adresse Mél.", "E-mail professionnel", "Mail 1", "Email pro", "e_mail",
        "Adresse de messagerie", "EmailAddress", "Email Address", "Courrier électronique", "Mail du contact", "Mail*",
        "adresse_mail", "Adresses e-mails", "E‑mail", "e-mails :", "CONTACT_EMAIL", "ContactEmail",
    ],
)  # fmt: skip
def test_header_synonyms(name: str) -> None:
    layout = arrange([["Nom", name, "Ville"], ["Dupont", "", "Lyon"]])
    assert (layout.header, layout.address, layout.certain) == (0, 1, True)


def test_canonical_is_one_key_for_all_spellings() -> None:
    assert canonical("Prénom") == canonical("prenom") == canonical(" PRÉ-NOM ") == canonical("Pre\u0301nom")
    assert canonical("N° client") != canonical("Nom client")
    assert canonical("Cœur") == "coeur"
    assert canonical("E-mail") == canonical("email")


def test_names_are_made_unique() -> None:
    assert unique_names(["Nom", "nom", "", "Nom"], 5) == ("Nom", "nom (2)", "Colonne 3", "Nom (3)", "Colonne 5")
    assert unique_names(["Nom", "Nom (2)", "Nom"], 3) == ("Nom", "Nom (2)", "Nom (3)")


def test_title_and_blank_rows_above_the_header() -> None:
    rows = [["Mails des adhérents 2026"], [], ["Nom", "Mail"], ["Dupont", "a@b.fr"]]
    layout = arrange(rows)
    assert (layout.header, layout.address, layout.columns) == (2, 1, ("Nom", "Mail"))


def test_without_header_the_column_is_found_by_content() -> None:
    layout = arrange([["Dupont", "Lyon", "a@b.fr"], ["Durand", "x@y.fr", "c@d.fr"]])
    assert (layout.header, layout.address, layout.columns) == (None, 2, ("Colonne 1", "Colonne 2", "Colonne 3"))


def test_the_header_column_that_holds_addresses_wins() -> None:
    rows = [["Mail", "Mail 2", "Mail envoyé"], ["", "a@b.fr", "oui"], ["", "c@d.fr", "non"]]
    assert arrange(rows).address == 1
    assert arrange([["Email", "Email pro"], ["a@b.fr", "c@d.fr"]]).address == 0
    assert arrange([["Mail ok", "Coordonnées", "Nom"], ["oui", "a@b.fr", "X"]]).address == 1


def test_a_first_row_with_a_bad_address_is_no_header() -> None:
    layout = arrange([["pas une adresse"], ["a@b.fr"]])
    assert layout.header is None
    layout = arrange([["Martin", "martin(at)b.fr"], ["Dupont", "a@b.fr"]])
    assert layout.header is None


def test_an_unusual_header_is_known_by_its_neighbours() -> None:
    layout = arrange([["RS", "Nom", "Coordonnées"], ["ACME", "Dupont", "a@b.fr"]])
    assert (layout.header, layout.address) == (0, 2)
    assert arrange([["Contact"], ["a@b.fr"]]).header == 0


def test_reserved_columns() -> None:
    layout = arrange([["Email", "pj", "SUIVI", "Nom"], ["a@b.fr", "x.pdf", "oui", "D"]])
    assert (layout.pj, layout.suivi) == (1, 2)
    assert arrange([["Email", "Pièce"], ["a@b.fr", "x"]]).pj is None


def test_nothing_that_speaks_of_addresses() -> None:
    assert not arrange([["a", "b"], ["c", "d"]]).certain
    assert arrange([["a", "b"], ["c", "d"]]).address == 0


@given(st.lists(st.lists(st.text(max_size=12), max_size=5), min_size=1, max_size=8))
def test_any_rows_have_a_layout(rows: list[list[str]]) -> None:
    layout = arrange(rows)
    assert 0 <= layout.address < len(layout.columns)
    assert len({canonical(name) or name for name in layout.columns}) == len(layout.columns)
