"""Addresses of a cell as people paste them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parsers.address import Fault, key, parse
from parsers.typos import typo_hint


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        ("a@b.fr", [("a@b.fr", "")]),
        ("Jean.O'Neil+x@Exemple.FR", [("Jean.O'Neil+x@Exemple.FR", "")]),
        ("  a@b.fr ; ", [("a@b.fr", "")]),
        ("\u00a0a@b.fr\u200b", [("a@b.fr", "")]),
        ("\ufeffa@b.fr", [("a@b.fr", "")]),
        ("Jean Dupont <a@b.fr>", [("a@b.fr", "Jean Dupont")]),
        ('"Dupont, Jean" <a@b.fr>', [("a@b.fr", "Dupont, Jean")]),
        ("Dupont, Jean <a@b.fr>;", [("a@b.fr", "Dupont, Jean")]),
        ("'a@b.fr'", [("a@b.fr", "")]),
        ("<a@b.fr>", [("a@b.fr", "")]),
        ("a@b.fr <a@b.fr>", [("a@b.fr", "")]),
        ("mailto:a@b.fr?subject=x", [("a@b.fr", "")]),
        ("Jean <mailto:a@b.fr>", [("a@b.fr", "Jean")]),
        ("a@b.fr (Jean)", [("a@b.fr", "Jean")]),
        ("a@b.test", [("a@b.test", "")]),
        ("a@société.fr", [("a@xn--socit-esab.fr", "")]),
        ("josé@exemple.fr", [("josé@exemple.fr", "")]),
        ("a@b.fr;c@d.fr", [("a@b.fr", ""), ("c@d.fr", "")]),
        ("a@b.fr, c@d.fr", [("a@b.fr", ""), ("c@d.fr", "")]),
        ("a@b.fr c@d.fr", [("a@b.fr", ""), ("c@d.fr", "")]),
        ("a@b.fr / c@d.fr", [("a@b.fr", ""), ("c@d.fr", "")]),
        ("a@b.fr/c@d.fr", [("a@b.fr", ""), ("c@d.fr", "")]),
        ("a@b.fr ou c@d.fr", [("a@b.fr", ""), ("c@d.fr", "")]),
        ("a@b.fr\nc@d.fr\n", [("a@b.fr", ""), ("c@d.fr", "")]),
        ("Jean <a@b.fr>, Léa <c@d.fr>", [("a@b.fr", "Jean"), ("c@d.fr", "Léa")]),
        ("Jean <a@b.fr> Léa <c@d.fr>", [("a@b.fr", "Jean"), ("c@d.fr", "Léa")]),
        ("ａ＠ｂ．ｆｒ", [("a@b.fr", "")]),
        ("a﹫b.fr", [("a@b.fr", "")]),
        ("Jean Petit (a@b.fr)", [("a@b.fr", "Jean Petit")]),
        ("Jean Petit [mailto:a@b.fr]", [("a@b.fr", "Jean Petit")]),
        ("Jean Petit : a@b.fr", [("a@b.fr", "Jean Petit")]),
        ("Jean Petit - a@b.fr", [("a@b.fr", "Jean Petit")]),
        ("Jean Petit j.petit@b.fr", [("j.petit@b.fr", "Jean Petit")]),
        ("[a@b.fr]", [("a@b.fr", "")]),
        ("E-mail : a@b.fr", [("a@b.fr", "")]),
        ("SMTP:a@b.fr", [("a@b.fr", "")]),
        ("• a@b.fr", [("a@b.fr", "")]),
        ("12. a@b.fr", [("a@b.fr", "")]),
        ("a@b.fr>", [("a@b.fr", "")]),
        ("Jean <a@b.fr", [("a@b.fr", "Jean")]),
        ("Jean <<a@b.fr>>", [("a@b.fr", "Jean")]),
        ("a@b.fr#mailto:a@b.fr#", [("a@b.fr", "")]),
    ],
)
def test_good_addresses(cell: str, expected: list[tuple[str, str]]) -> None:
    found = parse(cell)
    assert [(one.address, one.name) for one in found] == expected
    assert all(one.fault is None for one in found)


@pytest.mark.parametrize(
    "cell",
    [
        "a@b", "a.b.fr", "@b.fr", "a@", "a@@b.fr", "a..b@c.fr", ".a@c.fr", "a.@c.fr", "a@-b.fr", "a@b-.fr", "a@b..fr",
        "jean dupont@b.fr", "a@b .fr", "a@b.fr.", "a@1.2.3.4", "a@b_c.fr", "x" * 65 + "@b.fr", "a@" + "b" * 64 + ".fr",
        "a\x00@b.fr", "Nom <>", "a(at)b.fr", "a@b.f", "a@" + "b." * 126 + "fr", "néant",
        "jean - petit@b.fr", "Marie jean.petit@b.fr",
    ],
)  # fmt: skip
def test_bad_syntax(cell: str) -> None:
    assert [one.fault for one in parse(cell)] == [Fault.SYNTAX]


def test_the_other_faults() -> None:
    own = frozenset(("gateway.test",))
    assert [one.fault for one in parse(" \u00a0;")] == [Fault.EMPTY]
    assert [one.fault for one in parse("a@[1.2.3.4]")] == [Fault.LITERAL]
    assert [one.fault for one in parse("X <a@[IPv6:::1]>")] == [Fault.LITERAL]
    assert [one.fault for one in parse("mail@GATEWAY.test", own)] == [Fault.OWN]
    assert [one.fault for one in parse("mail@sub.gateway.test", own)] == [None]
    assert [one.fault for one in parse("a@b.fr; pas une adresse", own)] == [None, Fault.SYNTAX]


def test_one_key_for_all_spellings_of_a_mailbox() -> None:
    assert key("A.B@Exemple.FR") == key("a.b@exemple.fr")
    assert key("a@Société.fr") == key("a@xn--socit-esab.fr") == key("A@XN--SOCIT-ESAB.FR")
    assert key("JOSÉ@b.fr") == key("jose\u0301@b.fr")
    assert key("a@b.fr") != key("a@c.fr")


@given(st.text(max_size=80))
def test_any_text_gives_at_least_one_answer(text: str) -> None:
    found = parse(text)
    assert found
    for one in found:
        if one.fault is None:
            assert parse(one.address)[0].address == one.address
            assert "\n" not in one.address and " " not in one.address and one.address.count("@") == 1


@pytest.mark.parametrize(
    ("domain", "meant"),
    [
        ("gmial.com", "gmail.com"), ("gamil.com", "gmail.com"), ("gmaill.com", "gmail.com"), ("gmail.con", "gmail.com"),
        ("gmail.co", "gmail.com"), ("gmail.cm", "gmail.com"), ("gmail.c", "gmail.com"), ("gmailcom", "gmail.com"),
        ("orange.f", "orange.fr"), ("ornage.fr", "orange.fr"), ("orange.ft", "orange.fr"), ("orangefr", "orange.fr"),
        ("wanado.fr", "wanadoo.fr"), ("wanadoo.f", "wanadoo.fr"), ("hotmial.fr", "hotmail.fr"), ("hotmal.com", "hotmail.com"),
        ("laposte.ent", "laposte.net"), ("yahou.fr", "yahoo.fr"), ("outlok.com", "outlook.com"), ("sfr.f", "sfr.fr"),
        ("gmail.com.com", "gmail.com"), ("free.fe", "free.fr"), ("hotmail.fr", ""), ("gmail.com", ""), ("yahoo.it", ""),
        ("email.com", ""), ("exemple.fr", ""), ("mairie-lyon.fr", ""), ("hotmail.es", ""), ("live.nl", ""), ("gmx.at", ""),
        ("free.com", ""), ("orange.be", ""), ("a.test", ""), ("sfr.net", ""), ("me.fr", ""), ("icloud.com", ""),
    ],
)  # fmt: skip
def test_typo_hints(domain: str, meant: str) -> None:
    assert typo_hint(domain) == meant
