"""What each mode of following puts into a mail: whose pixel and links, which way out, nothing that tells people apart."""

from __future__ import annotations

import re
from email import message_from_bytes
from email.policy import SMTP
from typing import Any

import pytest

from mail.spec import Person, ProblemKind
from mail.tracking import last_open_id
from parsers.fields import CONSENT, lookup
from parsers.modes import Tracked
from parsers.tokens import LENGTH, Purpose, verify

NOW = 1_790_000_000_000
HTML = (
    '<html><body><p>Bonjour</p><a href="https://a.example/x?y=1&amp;z=2">lien</a> <a href=https://a.example/nu>nu</a> '
    '<a href="https://m.example/?n={{Nom}}">perso</a> <a href="{{Lien}}">colonne</a></body></html>'
)
TEXT = "Voir https://t.example/une et https://t.example/?n={{Nom}}"
OURS = re.compile(rf"https://gw\.example/([a-z])/([a-z2-7]{{{LENGTH}}})")


def bodies(raw: bytes) -> str:
    made = message_from_bytes(raw, policy=SMTP)
    return "".join(made.get_body((kind,)).get_content() for kind in ("plain", "html"))


def render(mail: Any, mode: Tracked, number: int = 42, address: str = "zoe@dest.example") -> str:
    values = (address, "Zoé", "", "https://own.example/p")
    return bodies(mail.render(Person(number, address, "", values, mode), NOW))


def kinds(body: str) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for kind, token in OURS.findall(body):
        found.setdefault(kind, []).append(token)
    return found


@pytest.fixture(scope="module")
def mail(workshop: Any) -> Any:
    return workshop.made(TEXT, HTML, account_id=3, unsubscribe=False)


@pytest.fixture(scope="module")
def counting(workshop: Any) -> Any:
    return workshop.made(TEXT, HTML, account_id=3, unsubscribe=False, aggregate_opens=True)


def test_full_has_links_a_pixel_and_a_way_out_of_its_own(workshop: Any, mail: Any) -> None:
    found = kinds(render(mail, Tracked.FULL))
    assert {kind: len(tokens) for kind, tokens in found.items()} == {"c": 6, "t": 2, "o": 1}
    assert verify(workshop.keyring, Purpose.CONSENT, found["t"][0]) == (42, 0)
    assert verify(workshop.keyring, Purpose.OPEN, found["o"][0]) == (42, 0)
    assert {verify(workshop.keyring, Purpose.CLICK, token)[1] for token in found["c"]} == set(range(6))


def test_a_followed_mail_has_one_link_that_nobody_sees(workshop: Any) -> None:
    made = workshop.made(TEXT, HTML, account_id=3, unsubscribe=False, hidden_link=True)
    body = render(made, Tracked.FULL)
    (token,) = re.findall(r'<a href="https://gw\.example/c/([a-z2-7]+)" style="display:none[^>]*></a>', body)
    assert verify(workshop.keyring, Purpose.CLICK, token) == (42, len(made.links))
    plain = workshop.made(TEXT, HTML, account_id=3, unsubscribe=False)
    assert re.sub(r"<a href=[^>]*display:none[^>]*></a>", "", body) == render(plain, Tracked.FULL)
    for mode in (Tracked.NONE, Tracked.ANONYMOUS, Tracked.HYGIENE):
        assert render(made, mode) == render(plain, mode)


def test_anonymous_mails_of_two_people_are_the_same_bytes(workshop: Any, mail: Any) -> None:
    body = render(mail, Tracked.ANONYMOUS)
    assert body == render(mail, Tracked.ANONYMOUS, number=77, address="paul@dest.example")
    found = kinds(body)
    assert {kind: len(tokens) for kind, tokens in found.items()} == {"l": 3}, (
        "no pixel, no way out: nothing is measured"
    )
    assert [verify(workshop.keyring, Purpose.LINK, token) for token in found["l"]] == [(7, 0), (7, 2), (7, 3)]
    for own in ("https://t.example/?n=Zo%C3%A9", "https://m.example/?n=Zo%C3%A9", "https://own.example/p"):
        assert own in body, "a target with a person's values stays as its author wrote it"


def test_the_shared_pixel_comes_only_where_it_was_asked_for(workshop: Any, counting: Any) -> None:
    body = render(counting, Tracked.ANONYMOUS)
    assert body == render(counting, Tracked.ANONYMOUS, number=78, address="eva@dest.example")
    (token,) = kinds(body)["a"]
    assert verify(workshop.keyring, Purpose.OPENS, token) == (7, 0)
    assert "Une image compte les ouvertures" in body and "/t/" not in body
    assert "/a/" not in render(counting, Tracked.FULL) and "/a/" not in render(counting, Tracked.NONE)


def test_hygiene_names_the_person_and_no_mail(workshop: Any, mail: Any, counting: Any) -> None:
    body = render(mail, Tracked.HYGIENE)
    found = kinds(body)
    assert {kind: len(tokens) for kind, tokens in found.items()} == {"l": 3, "t": 1, "h": 1}
    assert verify(workshop.keyring, Purpose.LAST_OPEN, found["h"][0]) == last_open_id(
        workshop.keyring, 3, "Zoe@DEST.example"
    )
    other = kinds(render(workshop.made("x", HTML, account_id=3, campaign_id=8), Tracked.HYGIENE, number=99))
    assert other["h"] == found["h"], "the same in every mail of the account"
    elsewhere = kinds(render(workshop.made("x", HTML, account_id=4), Tracked.HYGIENE))
    assert elsewhere["h"] != found["h"], "and another one in those of another account"
    assert "Refuser" in body


def test_none_leaves_everything_as_it_was(mail: Any, counting: Any) -> None:
    for one in (mail, counting):
        body = render(one, Tracked.NONE)
        assert kinds(body) == {} and 'href="https://a.example/x?y=1&amp;z=2"' in body


@pytest.mark.parametrize("mode", list(Tracked))
def test_each_mode_is_signed_and_english_where_asked(workshop: Any, mode: Tracked) -> None:
    mail = workshop.made(TEXT, HTML, locale="en", aggregate_opens=True)
    raw = mail.render(Person(1, "zoe@dest.example", "", ("zoe@dest.example", "Z", "", "http://x.example"), mode), NOW)
    assert workshop.verified(raw)
    assert "suivi" not in bodies(raw) and "image compte" not in bodies(raw)


ASKING = (
    '<html><body>{{consentement|Dites-nous}} <a href="http://{{consentement}}">ici</a> <b>{{Nom}}</b></body></html>'
)


@pytest.mark.parametrize("mode", list(Tracked))
def test_the_author_s_own_place_for_the_page_of_consent(workshop: Any, mode: Tracked) -> None:
    mail = workshop.made("Ici : {{Consent}} et {{désabonnement}}", ASKING, unsubscribe=True)
    raw = mail.render(Person(42, "zoe@dest.example", "", ("", "Zoé", "", ""), mode), NOW)
    body = bodies(raw)
    pages = kinds(body)["t"]
    assert {verify(workshop.keyring, Purpose.CONSENT, token) for token in pages} == {(42, 0)}
    assert len(pages) == 3 + (2 if mode is Tracked.FULL else mode is Tracked.HYGIENE)
    assert (
        ">Dites-nous</a>" in body
        and ">Choisir si" not in body
        and f'<a href="https://gw.example/t/{pages[0]}">ici' in body
    )
    assert "<b>Zoé</b>" in body and workshop.verified(raw)
    assert ("/o/" in body, "/h/" in body) == (mode is Tracked.FULL, mode is Tracked.HYGIENE)


def test_a_column_of_that_name_goes_first_and_a_subject_has_no_page(workshop: Any) -> None:
    assert lookup(("Email", "Consentement"))["consentement"] == 1 and lookup(("Email",))["consentement"] == CONSENT
    (problem,) = workshop.compile("x", None, subject="Votre {{consentement}}")
    assert problem.kind is ProblemKind.UNSUBSCRIBE_IN_SUBJECT
