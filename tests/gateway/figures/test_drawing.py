"""A message as a report draws it: dead, quiet, and with its zones."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from turbohtml import TokenType, tokenize

from gateway.figures.drawing import Drawing, Zone, draw, draw_text, heat

ZONES = {0: Zone(0, 5, "1 200", "https://shop.test/?a=1&b=2"), 1: Zone(1, 0, "0", "{{Lien}}")}
PLAN = Drawing({"http://gw/c/a": 0, "http://gw/c/b": 1}.get, ZONES, {"logo": "/r/x/picture/0"}.get)


def drawn(html: str, plan: Drawing = PLAN) -> str:
    whole = draw(html, plan, "fr", "Sujet <1>")
    return whole[whole.index("</head>") + 7 : whole.rindex("<style>")]


def test_links_become_zones_that_lead_nowhere() -> None:
    found = drawn(
        '<p><a href="http://gw/c/a" ping=x><b>Oui</b></a> <A HREF=http://gw/c/a>bis</A> <a href=mailto:a@b>@</a>'
    )
    assert found.count('data-zone="0" data-heat="5" data-count="1 200"') == 2, "the same address twice is two places"
    assert "https://shop.test/?a=1&amp;b=2" in found and "href" not in found and "ping" not in found
    assert '<a title="mailto:a@b">@</a>' in found and "<b>Oui</b>" in found


@pytest.mark.parametrize(
    "html",
    [
        "<script>alert(1)</script>", "<img onerror=alert(1)>", "<iframe src=//e.test></iframe>", "<base href=//e.test>",
        '<form action="https://e.test"><input formaction=//e.test type=submit></form>', "<meta http-equiv=refresh content=0>",
        '<link rel=dns-prefetch href="//e.test">', '<svg><a xlink:href="https://e.test">x</a><script>1</script></svg>',
        "<video poster=//e.test></video>", "<object data=//e.test>x</object>", "<a href=javascript:alert(1)>x</a>",
        '<p style="background:url(//e.test/a.png)">', "<style>@import '//e.test/a.css'; @font-face{a:url(//e.test)}</style>",
        "<table background='https://e.test/b.png'>", "<noscript><img src=//e.test></noscript>", "<img srcset='//e.test 2x'>",
        "<!--[if mso]><v:fill src='//e.test'/><![endif]-->", "<p data-zone=0 data-count=9>x</p>", "<plaintext><script>",
    ],
)  # fmt: skip
def test_nothing_acts_and_nothing_is_fetched(html: str) -> None:
    found = drawn(html)
    assert not re.search(r"e\.test|alert|<script|<iframe|<form|<base|<meta|<link|onerror|data-zone", found)


def test_pictures_come_from_the_mail_or_not_at_all() -> None:
    page = '<img src="cid:logo"><img src=https://e.test/a.png alt=A width=9><p style="background:url(cid:logo) top">'
    assert drawn(page) == (
        '<img src="/r/x/picture/0" alt=""><img width="9" alt="A"><p style="background:url(&quot;/r/x/picture/0&quot;) top">'
    )
    remote = Drawing(PLAN.zone_of, ZONES, PLAN.picture, True, "http://gw/")
    assert 'src="https://e.test/a.png"' in drawn(page, remote)
    assert "src" not in drawn("<img src=http://gw/o/token.gif>", remote), "our own pixel is not asked for"


def test_styles_stay_and_text_is_written_as_it_was() -> None:
    page = (
        "<!DOCTYPE html><html><head><style>p > b { color: red }</style></head><body class=x>1 &lt; 2&nbsp;3<br/></body>"
    )
    assert drawn(page) == '<style>p > b { color: red }</style><body class="x">1 &lt; 2\xa03<br></body>'
    assert draw(page, PLAN, "fr", "Sujet <1>").startswith("<!doctype html>") and "Sujet &lt;1&gt;" in draw(
        page, PLAN, "fr", "Sujet <1>"
    )
    assert not draw("<p>x", PLAN, "fr", "").startswith("<!doctype"), "an old page keeps the looks of old pages"


def test_the_plain_body_has_its_zones_too() -> None:
    zones = Drawing({"http://gw/c/a": 0}.get, ZONES, PLAN.picture)
    found = draw_text("Voyez <ici> : http://gw/c/a !\nhttp://gw/c/zzz", zones, "http://gw/", "fr", "S")
    assert 'Voyez &lt;ici&gt; : <span data-zone="0" data-heat="5"' in found
    assert ">https://shop.test/?a=1&amp;b=2</span> !\nhttp://gw/c/zzz" in found


def test_heat_is_relative_to_the_warmest() -> None:
    assert [heat(n, 100) for n in (0, 1, 20, 21, 99, 100)] == [0, 1, 1, 2, 5, 5] and heat(0, 0) == 0


@settings(max_examples=150)
@given(st.text(alphabet=st.sampled_from("<>/ab\"'= &;!-scriptonhrefstyleurl(:).\n"), max_size=120))
def test_whatever_comes_nothing_that_acts_comes_out(html: str) -> None:
    for token in tokenize(draw(html, PLAN, "fr", "t")):
        if token.type is TokenType.START_TAG:
            assert token.tag not in ("script", "iframe", "form", "base", "object", "embed", "link")
            names = {name for name, _ in token.attrs or ()}
            assert not any(name.startswith("on") or name in ("href", "action", "srcset") for name in names)
