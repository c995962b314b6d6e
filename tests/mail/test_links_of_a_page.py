"""Which addresses of a page are followed, and that nothing else of it changes: one case a way of writing a link."""

from __future__ import annotations

import re
from collections.abc import Callable
from email import message_from_bytes
from email.policy import default
from typing import Any

import pytest

from mail.spec import Person
from parsers.tokens import Purpose, sign

NOW = 1_790_000_000_000
Someone = Callable[..., Person]


def page_of(mail: Any, who: Person, kind: str = "html") -> str:
    part = message_from_bytes(mail.render(who, NOW), policy=default).get_body((kind,))
    assert part is not None
    return str(part.get_content()).replace("\r\n", "\n")


def plainly(workshop: Any, html: str, text: str | None = None) -> Any:
    return workshop.made(text, html, bulk=False, unsubscribe=False)


def inside(page: str) -> str:
    found = re.search(r"<body>\n?(.*?)\n?(?:<div style=\"margin-top|<img src=\"https://gw)", page, re.DOTALL)
    assert found, page
    return found.group(1)


@pytest.mark.parametrize(
    "page",
    [
        '<a href="LINK">a</a>',
        "<A HREF='LINK' >a</A>",
        "<a href=LINK>a</a>",
        "<a href=LINK class=b>a</a>",
        '<a\n\thref = "LINK"\n>a</a>',
        '<a title="a > b" href="LINK" href="https://b.test/">a</a>',
        '<a/href="LINK"/>a',
        '<map name=m><area shape=rect coords="0,0,9,9" href="LINK" alt=a></map>',
        '<![if !mso]><a href="LINK">a</a><![endif]>',
        '<!--[if !mso]><!--><a href="LINK">a</a><!--<![endif]-->',
        '<a onclick="f(\'href=x\')" data-href="https://b.test/" href="LINK">a</a>',
        '<a href="LINK"><table  border=0 ><tr><td>a',
    ],
)
def test_a_link_however_its_element_is_written(workshop: Any, someone: Someone, page: str) -> None:
    compare(workshop, someone, page, "https://a.test/x/", "https://a.test/x/")


@pytest.mark.parametrize(
    ("written", "target"),
    [
        ("HTTPS://a.test/x", "HTTPS://a.test/x"),
        (" https://a.test/x ", "https://a.test/x"),
        ("https://a.test/?x=1&amp;y=2&copy=3#f", "https://a.test/?x=1&y=2&copy=3#f"),
        ("https://a.test/&#x78;&#x2f;", "https://a.test/x/"),
        ("https://a.\n\ttest/x", "https://a.test/x"),
        ("https://a.test/é à?q=ü", "https://a.test/é à?q=ü"),
    ],
)
def test_a_link_however_its_address_is_written(workshop: Any, someone: Someone, written: str, target: str) -> None:
    compare(workshop, someone, '<a href="LINK">a</a>', written, target)


def compare(workshop: Any, someone: Someone, page: str, written: str, target: str) -> None:
    mail = plainly(workshop, f"<html><body>\n{page.replace('LINK', written)}\n</body></html>", "Bonjour")
    link = f"https://gw.example/c/{sign(workshop.keyring, Purpose.CLICK, 42, 0)}"
    assert inside(page_of(mail, someone("Zoé"))) == page.replace("LINK", link)
    assert [one.target for one in mail.links] == [target]


@pytest.mark.parametrize(
    "written",
    [
        '<a href="mailto:a@b.test?subject=https://a.test/">a</a>',
        '<a href="tel:+33102030405">a</a> <a href="sms:+33102030405">b</a>',
        '<a href="#haut">a</a> <a name="haut">b</a> <a>c</a> <a href>d</a> <a href="">e</a>',
        '<a href="page.html">a</a> <a href="/x">b</a> <a href="//a.test/x">c</a>',
        '<a href="ftp://a.test/">a</a> <a href="javascript:void(0)">b</a> <a href="cid:x@y">c</a> <a href="https:">d</a>',
        '<img src="https://a.test/x.png"> <table background="https://a.test/b.png"></table>',
        '<link href="https://a.test/a.css" rel=stylesheet><form action="https://a.test/f"></form>',
        '<!--[if mso]><v:roundrect href="https://a.test/x" arcsize="8%"><w:anchorlock/></v:roundrect><![endif]-->',
        '<!--[if gte mso 9]><a href="https://a.test/x">a</a><![endif]--><!-- <a href="https://a.test/">a</a> -->',
        '<v:rect href="https://a.test/x" style="behavior:url(#default#VML)"></v:rect>',
        '<style>a[href="https://a.test/"] {color:red}</style><script>var a = \'<a href="https://a.test/">\';</script>',
        '<blockquote cite="https://a.test/x">https://a.test/y</blockquote>',
        '<p style="background:url(https://a.test/x)"  >a</p >',
        '<textarea><a href="https://a.test/x">a</a></textarea>',
    ],
)
def test_all_else_is_left_alone(workshop: Any, someone: Someone, written: str) -> None:
    mail = plainly(workshop, f"<html><body>\n{written}\n</body></html>", "Bonjour")
    assert inside(page_of(mail, someone("Zoé"))) == written
    assert not mail.links


@pytest.mark.parametrize("word", ["data-notrack", 'data-notrack="1"', "DATA-NOTRACK=''"])
@pytest.mark.parametrize("before", [True, False])
def test_data_notrack_leaves_one_link_as_it_is_in_both_bodies(
    workshop: Any, someone: Someone, word: str, before: bool
) -> None:
    href = 'href="https://pay.test/?n={{Nom}}"'
    off = f"<a {word} {href}>a</a>" if before else f"<a {href} {word}>a</a>"
    text = "Payer : https://pay.test/?n={{Nom}} et lire : https://a.test/x"
    mail = plainly(workshop, f'<html><body>\n{off} <a href="https://a.test/x">b</a>\n</body></html>', text)
    assert [(one.index, one.part, one.target) for one in mail.links] == [
        (0, "text", "https://a.test/x"), (1, "html", "https://a.test/x"),
    ]  # fmt: skip
    clicks = [f"https://gw.example/c/{sign(workshop.keyring, Purpose.CLICK, 42, at)}" for at in range(2)]
    page = inside(page_of(mail, someone("Zoé")))
    assert page == f'{off} <a href="{clicks[1]}">b</a>'.replace("{{Nom}}", "Zo%C3%A9")
    words = page_of(mail, someone("Zoé"), "plain")
    assert words.startswith(f"Payer : https://pay.test/?n=Zo%C3%A9 et lire : {clicks[0]}")


@pytest.mark.parametrize(
    ("href", "target"),
    [
        ("page.html", "https://a.test/d/page.html"),
        ("../x?y=1#z", "https://a.test/x?y=1#z"),
        ("/x?n={{Nom}}", "https://a.test/x?n={{Nom}}"),
        ("?", "https://a.test/d/?"),
        ("?n={{Nom}}", "https://a.test/d/?n={{Nom}}"),
        ("//b.test/x", "https://b.test/x"),
        ("https://b.test/x", "https://b.test/x"),
    ],
)
def test_a_relative_link_under_a_base_leads_where_the_base_says(workshop: Any, href: str, target: str) -> None:
    head = '<html><head><base href="https://a.test/d/?q"><base href="https://no.test/"></head>'
    mail = plainly(workshop, f'{head}<body><a href="{href}">a</a></body></html>', "Bonjour")
    assert [one.target for one in mail.links] == [target]


@pytest.mark.parametrize("href", ["#haut", "mailto:a@b.test", "tel:1", "javascript:x()", ""])
@pytest.mark.parametrize("base", ["https://a.test/", "https://[a/", "ftp://a.test/", "//a.test/"])
def test_what_is_no_page_stays_as_it_is_under_a_base_too(workshop: Any, someone: Someone, href: str, base: str) -> None:
    written = f'<a href="{href}">a</a>'
    mail = plainly(workshop, f'<html><head><base href="{base}"></head><body>\n{written}\n</body></html>', "Bonjour")
    assert inside(page_of(mail, someone("Zoé"))) == written and not mail.links
