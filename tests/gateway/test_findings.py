"""Advice as values: a code has its words in both languages and its row in the document; good newsletters get little of it."""

from __future__ import annotations

import importlib.util
import string
from collections import Counter
from email.message import EmailMessage
from email.policy import SMTP
from pathlib import Path
from typing import Any

import pytest

from gateway.findings import letter
from gateway.findings.catalogue import CATALOGUE, GROUPS, Severity
from gateway.findings.finding import Finding, Record, Where, from_json, place, said, sorted_by_weight, to_do
from gateway.findings.listing import Sieve, of_addresses, of_lines, of_use, sieve
from gateway.findings.message import asks_for_address_book, of_message, of_subject
from gateway.findings.page import of_page
from gateway.findings.sender import of_answers
from gateway.i18n import catalogue, spaced
from parsers import mime
from parsers.submission import split

ROOT = Path(__file__).resolve().parents[2]
CASES = ROOT.parent / "shared" / "cases" / "html"


def codes(findings: list[Finding]) -> list[str]:
    return [one.code for one in findings]


@pytest.mark.parametrize("locale", ["fr", "en"])
def test_every_code_has_its_words(locale: str) -> None:
    words = catalogue(locale)
    told = {key.split(".")[1] for key in words if key.startswith("tip.") and key.endswith(".do")}
    assert told == set(CATALOGUE)
    for code in CATALOGUE:
        says = [words[key] for key in words if key.startswith(f"tip.{code}.say")]
        assert says and not any(one.endswith(".") for one in says)
        assert words[f"tip.{code}.do"].endswith(".")
    assert sum(map(len, GROUPS.values())) == len(CATALOGUE)


@pytest.mark.parametrize("code", CATALOGUE)
def test_both_languages_ask_for_the_same_values(code: str) -> None:
    asked = []
    for locale in ("fr", "en"):
        words = catalogue(locale)
        texts = [words[key] for key in words if key.startswith(f"tip.{code}.")]
        asked.append({name for one in texts for _, name, _, _ in string.Formatter().parse(one) if name})
    assert asked[0] == asked[1]


def test_the_document_lists_them_all() -> None:
    spec = importlib.util.spec_from_file_location("advice_table", ROOT / "scripts" / "advice_table.py")
    assert spec is not None and spec.loader is not None
    script: Any = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    text = (ROOT / "docs" / "advice.md").read_text("utf-8")
    assert script.document(text) == text, "python scripts/advice_table.py"
    assert all(f"| `{code}` | {severity.value} |" in text for code, severity in CATALOGUE.items())


def test_json_and_back() -> None:
    record = Record("_dmarc.firm.fr", "TXT", '"v=DMARC1; p=none"')
    finding = Finding("dmarc_missing", Where.SENDER, {"domain": "firm.fr"}, records=(record,))
    told = finding.as_json("fr")
    assert from_json(told) == finding
    assert (told["severity"], told["line"], told["records"][0]["type"]) == ("warning", None, "TXT")
    assert told["text"].startswith("firm.fr ne publie pas de DMARC")
    with pytest.raises(KeyError):
        _ = Finding("nothing_like_it", Where.LIST).severity


def test_words_and_numbers() -> None:
    many = Finding("list_roles", Where.LIST, {"n": 1200})
    assert said("fr", many).startswith("1\u202f200 adresses sont celles")
    assert said("en", Finding("list_roles", Where.LIST, {"n": 1})).startswith("1 address is that")
    assert "2,5 Mo" in said("fr", Finding("weight", Where.FILES, {"size": 2.5}))
    assert "2.5 MB" in said("en", Finding("weight", Where.FILES, {"size": 2.5}))
    at = Finding("html_unclosed", Where.HTML, {"what": "div"}, 12, 5)
    assert (place("fr", at), place("en", at)) == ("ligne 12, colonne 5", "line 12, column 5")
    assert "doubles accolades" in to_do("fr", Finding("unsubscribe_added", Where.MESSAGE))


def test_the_letter_is_short_and_begins_with_the_gravest() -> None:
    tags = [Finding("html_unclosed", Where.HTML, {"what": "td"}, line, 3) for line in range(1, 21)]
    found = [
        Finding("no_text", Where.TEXT),
        *tags,
        Finding("subject_empty", Where.SUBJECT),
        Finding("list_typos", Where.LIST, {"n": 3}),
    ]
    assert sorted_by_weight(found)[0].severity is Severity.SERIOUS
    blocks: Any = letter.blocks("fr", found)
    assert [block.tone for block in blocks] == ["stop", "warning", "info"]
    (item,) = blocks[1].items
    assert item.startswith("Une balise <td> est ouverte et n'est pas refermée (ligne 1, colonne 3).")
    told = "De même : ligne 2, colonne 3 (<td>) ; ligne 3, colonne 3 (<td>) ; ligne 4, colonne 3 (<td>) (+ 16)."
    assert spaced("fr", told) in item
    assert letter.blocks("fr", []) == [] == letter.records("fr", found)
    every: Any = letter.blocks("en", [Finding(code, Where.LIST, _values(code)) for code in CATALOGUE])
    assert [len(block.items) for block in every] == [8, 7, 5]
    assert every[1].items[-1].startswith("and ")


def _values(code: str) -> dict[str, Any]:
    texts = [text for key, text in catalogue("en").items() if key.startswith(f"tip.{code}.")]
    names = {name for text in texts for _, name, _, _ in string.Formatter().parse(text) if name}
    return {name: 2 if name in ("n", "percent") else "x" for name in names}


@pytest.mark.parametrize(
    ("subject", "expected"),
    [
        ("Invitation à la journée portes ouvertes du 12 juin", []),
        ("CCAS : réunion du CA", []),
        ("  ", ["subject_empty"]),
        ("x" * 71, ["subject_long"]),
        ("OFFRE EXCEPTIONNELLE CE WEEK-END", ["subject_capitals"]),
        ("{{NOM}}, votre facture", []),
        ("Gagnez !!", ["subject_marks"]),
        ("Des prix en €€€", ["subject_marks"]),
        ("Re: notre rendez-vous", ["subject_reply"]),
        ("TR : compte rendu", ["subject_reply"]),
        ("Retour de la fête", []),
    ],
)
def test_subjects(subject: str, expected: list[str]) -> None:
    assert codes(of_subject(subject)) == expected


def message(html: str | None = None, text: str | None = "Bonjour", subject: str = "Bonjour", **files: bytes) -> Any:
    mail = EmailMessage(policy=SMTP)
    mail["From"], mail["To"], mail["Subject"] = "n@firm.test", "mail@gw.test", subject
    if text is not None:
        mail.set_content(text)
    if html is not None and text is None:
        mail.set_content(html, subtype="html")
    elif html is not None:
        mail.add_alternative(html, subtype="html")
    for name, data in files.items():
        mail.add_attachment(data, "application", "octet-stream", filename=name.replace("__", "."))
    read = mime.read(mail.as_bytes())
    return read, split(read)


def of(*made: Any, marketing: bool = True, unsubscribe: bool = True) -> list[str]:
    return codes(of_message(*made, marketing, unsubscribe))


def test_bodies_and_unsubscribing() -> None:
    assert of(*message()) == ["unsubscribe_added"]
    assert of(*message(), marketing=False) == []
    assert of(*message(text="Pour partir : {{Désabonnement}}")) == []
    assert of(*message(text="Pour partir : {{ unsubscribe }}")) == []
    assert of(*message(text="Se désabonner : http://firm.test/x")) == ["unsubscribe_foreign"]
    assert of(*message("<p>x</p>", None)) == ["no_text", "unsubscribe_added"]
    assert asks_for_address_book(message(text="Ajoutez-nous à votre carnet d’adresses.")[0])
    assert not asks_for_address_book(message()[0])


def test_files() -> None:
    assert of(*message(plan__pdf=b"x"), marketing=False) == ["files_attached"]
    assert of(*message(plan__exe=b"x", x__docm=b"x"), marketing=False) == ["files_refused"]
    assert of(*message(plan__pdf=b"x" * 2_100_000), marketing=False) == ["weight"]
    read, parts = message(plan__pdf=b"x" * 2_100_000)
    assert codes(of_message(read, parts, False, True, heaviest=1000)) == []  # one file a person
    assert codes(of_message(read, parts, False, True, heaviest=3_000_000)) == ["weight"]


@pytest.mark.parametrize(
    ("html", "expected"),
    [
        ("<p>Bonjour</p>", []),
        ("<div>\n <b>x</div>", [("html_unclosed", 2, 2)]),
        ('<link rel="stylesheet" href="x.css"><p>a</p>', [("html_css", 1, 1)]),
        ("<script>x()</script>", [("html_active", 1, 1)]),
        ('<p>a</p><img src="a.png" alt="La mairie">', [("images_only", 0, 0)]),
        ("<p>" + "mot " * 40 + '</p><img src="a.png">', [("images_alt", 0, 0)]),
        ('<img src="p.gif" width="1" height="1">', []),
        ('<a href="http://192.0.2.1/x">ici</a>', [("link_literal", 1, 10)]),
        ('<p>\n<a href="https://bit.ly/abc">ici</a>', [("link_short", 2, 10)]),
        ('<a href="https://evil.example/">www.mairie.fr</a>', [("link_other", 1, 10)]),
        ('<a href="https://www.mairie.fr/x?a=1&amp;b=2">mairie.fr/x</a>', []),
        ('<a href="https://clic.mairie.fr/">www.mairie.fr</a>', []),
        ('<a href="https://{{Site}}/">mairie.fr</a>', []),
        ('<a href="mailto:a@b.fr">a@b.fr</a><a href="https://b.fr/">a@c.fr</a>', []),
        ("<p>" + "a" * 110_000 + "</p>", [("html_heavy", 0, 0)]),
    ],
)
def test_pages(html: str, expected: list[tuple[str, int, int]]) -> None:
    assert [(one.code, one.line, one.column) for one in of_page(html)] == expected


def test_ordinary_newsletters_get_little_advice() -> None:
    if not CASES.is_dir():
        pytest.skip("no cases here")
    told: Counter[str] = Counter()
    pages = sorted(file for file in CASES.glob("*/*.html") if "mimekit" not in file.parts)
    for file in pages:
        found = {one.code for one in of_page(file.read_text("utf-8"))}
        assert len(found) <= 1, (file.name, found)
        told.update(found)
    assert len(pages) >= 40
    # sources before their styles were put in, and a label that shows another address than its link's
    assert set(told) <= {"html_css", "images_alt", "link_other"}
    assert sum(told.values()) <= len(pages) // 5


def test_lists() -> None:
    usual = sieve([f"p{n}@firm{n % 7}.fr" for n in range(100)])
    assert of_addresses(usual, {}, 0) == []
    bought = sieve([f"contact@firm{n}.fr" for n in range(60)])
    assert codes(of_addresses(bought, {}, 0)) == ["list_bought"]
    town = sieve([f"{role}@mairie.fr" for role in ("contact", "info", "accueil") for _ in range(10)])
    assert codes(of_addresses(town, {}, 0)) == ["list_roles"]
    assert codes(of_addresses(sieve(["contact@a.fr", "info@b.fr"]), {}, 0)) == []
    traps = of_addresses(sieve(["Abuse@a.fr", "x@b.fr"]), {"yopmail.com": 2, "free.fr": 9, "gmial.com": 1}, 3)
    assert codes(traps) == ["list_technical", "list_throwaway", "list_typos"]
    assert [one.values["n"] for one in traps] == [1, 2, 3]
    assert codes(of_lines(100, {"syntax": 6, "no_mail": 5, "duplicate": 50})) == ["list_old"]
    assert of_lines(100, {"syntax": 4, "no_mail": 5}) == []
    assert of_lines(10, {"syntax": 4}) == []  # a few typing mistakes in a small list


def test_a_list_is_known_again() -> None:
    def sampled(addresses: list[str]) -> set[str]:
        found = sieve(addresses).addresses()
        assert len(found) == len(set(found)) <= 1032
        return set(found)

    people = [f"p{n}@firm.fr" for n in range(20_000)]
    known = sampled(people)
    for part in (people, people[::-1], [one.upper() for one in people], people[:1000], people[5000:7000]):
        sample = sampled(part)
        assert 5 * len(sample & known) >= len(sample) > 0
    assert not sampled([f"q{n}@other.fr" for n in range(20_000)]) & known
    assert len(sampled(["a@b.fr", "c@d.fr"])) == 2
    assert Sieve().addresses() == []


def test_first_uses() -> None:
    assert codes(of_use(50, 0, False, False)) == ["first_campaign", "address_book"]
    assert codes(of_use(50, 9, True, True)) == ["first_list"]
    assert of_use(50, 10, True, False) == []
    assert of_use(0, 0, False, False) == []


def test_addresses_that_nobody_reads() -> None:
    assert codes(of_answers("no-reply@firm.fr")) == ["noreply"]
    assert codes(of_answers("nepasrepondre@firm.fr")) == ["noreply"]
    assert of_answers("norbert@firm.fr") == []
