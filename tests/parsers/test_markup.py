"""Tags left open are told with line and column, as mail clients read a page; what HTML allows is no flaw."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parsers.markup import MOST, Kind, check


def told(html: str) -> list[tuple[str, str, int, int]]:
    return [(one.kind.value, one.what, one.line, one.column) for one in check(html)]


@pytest.mark.parametrize(
    "html",
    [
        "",
        "<",
        "a < b",
        "<p>un<p>deux",
        "<div><p>a</div>",
        "<ul><li>a<li>b<ul><li>c</ul></ul>",
        "<dl><dt>a<dd>b</dl>",
        "<table><tr><td>a<td>b<tr><td>c</table>",
        "<table><thead><tr><th>a<tbody><tr><td>b</table>",
        "<table><tr><td><table><tr><td>x</table></table>",
        "<p><table><tr><td>a</table></p>",
        "<p><div>x</p></div>",
        "<b><i>croisés</b></i>",
        "<b><div>x</b></div>",
        "<a href=x><table><tr><td>x</td></tr></table></a>",
        "<br></br><img><hr></p>",
        "<o:p></o:p><v:rect><p>x</p></v:rect>",
        "<svg><path/><circle r='1'/></svg>",
        "<!--[if mso]><table><tr><td><![endif]-->x<!--[if mso]></td></tr></table><![endif]-->",
        "<!--[if !mso]><!--><div>x</div><!--<![endif]--><![if !mso]><b>x</b><![endif]>",
        "<html><head><title>x</title><style>p{}</style></head><body><p>x</body></html>",
        '<link href="https://fonts.googleapis.com/css?family=Lato" rel=stylesheet>',
        "<style>@import url('https://fonts.googleapis.com/css?family=Lato');</style>",
        '<script type="application/ld+json">{}</script>',
        "<select><option>a<option>b</select>",
        "<textarea><b></textarea>",
        "<p title='a > b'>x</p>",
        "<center><font color=red><b>x</b></font></center>",
    ],
)
def test_what_html_allows(html: str) -> None:
    assert told(html) == []


@pytest.mark.parametrize(
    ("html", "expected"),
    [
        ("<div>\n  <span>x</div>", [("unclosed", "span", 2, 3)]),
        ("<p>Bonjour <b>monde</p>", [("unclosed", "b", 1, 12)]),
        ("<table><tr><td><b>x</td></tr></table>", [("unclosed", "b", 1, 16)]),
        ("<table><tr><td>x</td>\n<tr><td>y", [("unclosed", "table", 1, 1)]),
        ("<table><tr><td><div>x</table>", [("unclosed", "div", 1, 16)]),
        ("<center>x", [("unclosed", "center", 1, 1)]),
        ("<div><table><tr><td></div></td></tr></table></div>", [("stray", "div", 1, 21)]),
        ("x\n\n </div>", [("stray", "div", 3, 2)]),
        ("<h1>x</h2>", [("unclosed", "h1", 1, 1), ("stray", "h2", 1, 6)]),
        ("<a href=x>a<a href=y>b</a>", [("unclosed", "a", 1, 1)]),
        ("<style>p{}", [("unclosed", "style", 1, 1)]),
        ("<title>x", [("unclosed", "title", 1, 1)]),
        ('<p>a</p>\n<a href="x>b</a>\n<b>c</b>', [("quote", "a", 2, 1)]),
        ('<a href="x>b</a> <a href="y">c</a>', [("quote", "a", 1, 1)]),
        ("<p>a <b", [("quote", "b", 1, 6)]),
        ("<div", [("quote", "div", 1, 1)]),
        ("é\n<!-- oublié <p>x</p>", [("comment", "<!--", 2, 1)]),
        ("<link rel=StyleSheet href=a.css>", [("css", "a.css", 1, 1)]),
        ("<style>\n@import 'b.css';</style>", [("css", "b.css", 1, 8)]),
        ("<form action=x><input></form>", [("active", "form", 1, 1)]),
        ("<script>x</script>", [("active", "script", 1, 1)]),
    ],
)
def test_flaws(html: str, expected: list[tuple[str, str, int, int]]) -> None:
    assert told(html) == expected


def test_not_more_than_anybody_reads() -> None:
    assert len(check("<div>" * 1000)) == MOST
    assert len(check("</div>" * 1000)) == MOST


@pytest.mark.slow
@pytest.mark.parametrize(
    "html",
    [
        "<b>" * 300_000,
        "<div>" * 300_000,
        "<p><b>" * 200_000,
        "<svg>" + "<path/>" * 200_000,
        '<a href="' * 200_000,
        "<!--" * 200_000,
        "<p>" + "<b>" * 3_000 + "<span>" * 300 + "<li>" * 50_000,
    ],
)
def test_hostile_pages_take_a_bounded_time(html: str) -> None:
    begun = time.process_time()
    check(html)
    assert time.process_time() - begun < 10


pieces = st.sampled_from(
    [
        "<p>",
        "</p>",
        "<b>",
        "</b>",
        "<a href='x'>",
        "</a>",
        "<td>",
        "</td>",
        "<table>",
        "</table>",
        "<!--",
        "-->",
        '"',
        "é\n",
        "<",
    ]
)


@given(st.lists(pieces, max_size=60).map("".join))
def test_any_page_is_told_in_order_and_inside(html: str) -> None:
    flaws = check(html)
    lines = html.split("\n")
    assert list(flaws) == sorted(flaws, key=lambda one: (one.line, one.column))
    for one in flaws:
        assert html.split("\n")[one.line - 1][one.column - 1] == "<"
        assert 1 <= one.column <= len(lines[one.line - 1])
        assert one.kind is not Kind.CSS
