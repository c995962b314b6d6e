"""The compiled mail against a naive renderer: the same decoded subject and bodies, and dkimpy accepts each one."""

import importlib.util
from email import message_from_bytes
from email.policy import SMTP
from html import escape
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from mail.spec import Person
from parsers.tokens import Purpose, sign

SAID = "Avec votre accord, nous mesurons l'ouverture de ce message et vos clics."
STYLE = "margin-top:12px;font-family:Arial,Helvetica,sans-serif;font-size:12px;color:#666666"
NOW = 1_790_000_000_000
SUBJECT = "Offre pour {{Nom}} et {{Prénom}}"
TEXT = "Bonjour {{Prénom}} {{Nom}},\n{{Nom}}\n.point\n\nVoir https://t.example/?n={{Nom}} fin\n{{Prénom}}\n"
HTML = (
    "<html><body>\n<p>Bonjour {{Prénom}} <b>{{Nom}}</b>,</p>\n{{Nom}}\n.\n"
    '<a href="https://a.example/?n={{Nom}}" title="{{Prénom}}">lien</a>{{Prénom}}\n</body></html>\n'
)
_PIECES = [*" .=\tabé😀\r\n&<>\"'\\{}|%+,;@", "{{Nom}}", "x" * 90, "é" * 40, ".\r\n.", "=?utf-8?q?x?="]
nasty = st.lists(st.sampled_from(_PIECES), max_size=10)
values = st.one_of(nasty.map("".join), st.text(st.characters(exclude_categories=("Cs",)), max_size=120))


@pytest.fixture(scope="module")
def oracle() -> ModuleType:
    path = Path(__file__).parent.parent / "oracles" / "naive_renderer.py"
    spec = importlib.util.spec_from_file_location("naive_renderer", path)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def mail(workshop: Any) -> Any:
    return workshop.made(TEXT, HTML, subject=SUBJECT, bulk=False, unsubscribe=False)


@pytest.mark.slow
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(values, values, st.booleans(), st.integers(1, 2**40))
@example(".", "\r\n.\r\n", True, 1)
@example("  ", "\x00", False, 2)
def test_the_same_as_the_naive_renderer(
    workshop: Any, oracle: ModuleType, mail: Any, last: str, first: str, tracked: bool, number: int
) -> None:
    raw = mail.render(Person(number, "zoe@dest.example", first, ("", last, first, ""), tracked), NOW)
    said = {"Nom": "" if last.isspace() else last, "Prénom": "" if first.isspace() else first}
    links, pixel, notice = {}, "", ""
    if tracked:
        click = [sign(workshop.keyring, Purpose.CLICK, number, index) for index in range(2)]
        links = {
            "https://t.example/?n={{Nom}}": f"https://gw.example/c/{click[0]}",
            "https://a.example/?n={{Nom}}": f"https://gw.example/c/{click[1]}",
        }
        source = f"https://gw.example/o/{sign(workshop.keyring, Purpose.OPEN, number)}.gif"
        out = f"https://gw.example/t/{sign(workshop.keyring, Purpose.CONSENT, number)}"
        notice = f"\n{SAID}\nNe plus être suivi\xa0: {out}\n"
        pixel = f'<div style="{STYLE}">{escape(SAID)} <a href="{out}">Ne plus être suivi</a></div>\n'
        pixel += f'<img src="{source}" width="1" height="1" alt="" style="display:block;border:0;width:1px;height:1px">'
    # {{Nom}} inside a value is never read as a tag: the oracle replaces one after the other, so it is hidden from it.
    hidden = {name: value.replace("{{", "\ue000") for name, value in said.items()}
    expected = oracle.render(TEXT + notice, HTML, SUBJECT, hidden, links, pixel)
    made = message_from_bytes(raw, policy=SMTP)
    for kind in ("plain", "html"):
        ours = made.get_body((kind,)).get_payload(decode=True).decode().replace("\r\n", "\n")
        theirs = expected.get_body((kind,)).get_payload(decode=True).decode().replace("\r\n", "\n")
        assert ours.rstrip("\n") == theirs.replace("\ue000", "{{").replace("%EE%80%80", "%7B%7B").rstrip("\n")
    assert not any(line.startswith(b".") for line in raw.split(b"\r\n"))
    assert max(map(len, raw.split(b"\r\n"))) <= 998
    assert raw.isascii() and b"\n" not in raw.replace(b"\r\n", b"") and b"\r" not in raw.replace(b"\r\n", b"")
    assert workshop.verified(raw)


@pytest.mark.slow
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(values, min_size=4, max_size=4), values)
def test_headers_of_hostile_values(workshop: Any, mail: Any, row: list[str], name: str) -> None:
    raw = mail.render(Person(3, "zoe@dest.example", name, tuple(row), False), NOW)
    made = message_from_bytes(raw, policy=SMTP)
    assert sorted(made.keys()) == sorted(
        ["DKIM-Signature", "Message-ID", "Date", "To", "Subject", "From", "Reply-To", "MIME-Version", "Content-Type",
         "List-Id", "Feedback-ID"]
    )  # fmt: skip
    assert [one.addr_spec for one in made["To"].addresses] == ["zoe@dest.example"]
