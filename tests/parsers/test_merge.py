"""Merge tags and links: found wherever clients hide them, and nothing else is touched."""

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from parsers.fields import UNSUBSCRIBE, BadTag, Field, Place, lookup, split
from parsers.html import decoded, scan
from parsers.merge import BodyEnd, Item, Target, html_items, text_items
from parsers.plain import html_to_text

CASES = Path(__file__).parents[3] / "shared" / "cases"
KNOWN = lookup(("Email", "Nom", "Prénom", "Code postal"))
NOM, PRENOM, CODE = 1, 2, 3


def flat(items: tuple[Item, ...]) -> str:
    """Return items as text: fields as [index|default], links as their bodies, the body's end as nothing."""
    out = ""
    for item in items:
        if isinstance(item, Target):
            out += flat(item.body)
        elif isinstance(item, Field):
            out += f"[{item.index}{'|' + item.default if item.default else ''}]"
        elif not isinstance(item, BodyEnd):
            out += item
    return out


def links(html: str) -> list[str]:
    return [flat(item.target) for item in html_items(html, KNOWN)[0] if isinstance(item, Target)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Bonjour {{Nom}} !", "Bonjour [1] !"),
        ("{{ prenom | cher client }}", "[2|cher client]"),
        ("{{CODE  POSTAL}} {{code_postal}}", "[3] [3]"),
        ("\\{{Nom}} {{Nom}}", "{{Nom}} [1]"),
        ("{{Prénom|cher\nclient}}", "[2|cher client]"),
        ("{{Nom|a|b}}", "[1|a|b]"),
        ("{{Désabonnement}} {{unsubscribe}}", "[-1] [-1]"),
        ("{Nom} }} {", "{Nom} }} {"),
    ],
)
def test_tags_in_text(text: str, expected: str) -> None:
    segments, bad = split(text, KNOWN, Place.TEXT)
    assert (flat(segments), bad) == (expected, ())


@pytest.mark.parametrize(
    ("text", "bad"),
    [
        ("a {{Ville}} b", BadTag("{{Ville}}")),
        ("a {{Nom} b", BadTag("{{Nom} b", closed=False)),
        ("{{{Nom}}}", BadTag("{{{Nom}}}", closed=False)),
        ("{{ }}", BadTag("{{ }}")),
        ("{{|x}}", BadTag("{{|x}}")),
    ],
)
def test_tags_that_cannot_be_filled(text: str, bad: BadTag) -> None:
    assert split(text, KNOWN, Place.TEXT)[1] == (bad,)
    assert html_items(f"<p>{text}</p>", KNOWN)[1] == (bad,)


@pytest.mark.parametrize(
    ("html", "expected"),
    [
        ("<p>{{Nom}}</p>", "<p>[1]</p>"),
        ("{{No<span lang=FR>m</span>}}", "[1]<span lang=FR></span>"),
        ("{<b>{</b>Pr&eacute;nom<o:p></o:p>}<i>}</i>", "[2]<b></b><o:p></o:p><i></i>"),
        ("&#123;&#x7B;Nom&#125;&rbrace;", "[1]"),
        ("{{Code&nbsp;postal}}", "[3]"),
        ("{{Code\u00a0postal|cher&nbsp;client}}", "[3|cher client]"),
        ("{{N\u200bo&shy;m}}", "[1]"),
        ("{{Code\n postal}}", "[3]"),
        ("\\{{Nom}}", "{{Nom}}"),
        ("\\<b>{{</b>x", "<b>{{</b>x"),
        ("<title>{{Nom}}</title>", "<title>[1]</title>"),
        ("<script>{{x}}</script><style>a{{b}}</style>", "<script>{{x}}</script><style>a{{b}}</style>"),
        ("<!-- {{x}} -->", "<!-- {{x}} -->"),
        ("<!--[if mso]><v:r href='http://x/?{{Nom}}'>{{Nom}}</v:r><![endif]-->", "<!--[if mso]><v:r href='http://x/?[1]'>[1]</v:r><![endif]-->"),
        ("<p title='{{Nom}}' alt={{Nom}}>", "<p title='[1]' alt=\"[1]\">"),
        ("<a href=\"http://x/?a=%7B%7BCode%20postal%7D%7D\">", "<a href=\"http://x/?a=[3]\">"),
        ("<a href=\"http://x/?a=%7b%7bPr%C3%A9nom%7d%7d&amp;b\">", "<a href=\"http://x/?a=[2]&amp;b\">"),
        ("&amp;#123;{Nom}}", "&amp;#123;{Nom}}"),
        ("{{<w:proofErr w:type=a/>Nom<w:proofErr w:type=b/>}}", "[1]<w:proofErr w:type=a/><w:proofErr w:type=b/>"),
        ("{{<st1:PersonName w:st='on'>Nom</st1:PersonName>}}", "[1]<st1:PersonName w:st='on'></st1:PersonName>"),
        ("{{<!-- x --><del>No</del>m}}", "[1]<!-- x --><del></del>"),
        ("{{\u00abNom\u00bb}} {{&ldquo;Nom&rdquo;}} {{\u201cNom\u201d}}", "[1] [1] [1]"),
        ("{&#8203;{Nom}&shy;}", "[1]"),
        ("\\{\u200b{Nom}}", "{\u200b{Nom}}"),
        ("<a href='http://{{Nom}}/'>x</a><img src=\"https://{{Nom}}\">", "<a href='[1]'>x</a><img src=\"[1]\">"),
        ("<a href='http://{{Nom}}/x'>x</a>", "<a href='[1]/x'>x</a>"),
    ],
)  # fmt: skip
def test_tags_in_html(html: str, expected: str) -> None:
    items, bad = html_items(html, KNOWN)
    assert (flat(items), bad) == (expected, ())


def test_a_tag_is_not_put_together_over_a_paragraph() -> None:
    items, bad = html_items("<p>{{No</p><p>m}}</p>", KNOWN)
    assert flat(items) == "<p>{{No</p><p>m}}</p>" and [tag.closed for tag in bad] == [False]


def test_which_links_are_links() -> None:
    html = (
        "<a href=http://a.example/1>x</a><A HREF = ' https://b.example/?a=1&copy=2&amp;b=3&eacute;#f '>y</A><area href='HTTP://c.example'>"
        "<a href='#top'>t</a><a href='mailto:a@b.example'>m</a><a href='tel:1'>t</a><a name=x>n</a><a href='ftp://x'>f</a>"
        "<!--[if mso]><a href='http://mso.example/'>o</a><![endif]--><![if !mso]><a href='http://d.example/'>d</a><![endif]>"
        "<script>'<a href=\"http://s.example\">'</script><base href='http://base.example/'><link href='http://l.example/'>"
        "<a href='http://e.example/\n%20x' href='http://second.example'>e</a><a title='>' href='{{Nom}}'>n</a>"
    )
    assert links(html) == [
        "http://a.example/1", "https://b.example/?a=1&copy=2&b=3é#f", "HTTP://c.example", "http://d.example/",
        "http://e.example/%20x", "[1]",
    ]  # fmt: skip


def test_labels_and_places() -> None:
    html = '<a href="http://a.example/?n={{Nom}}"> Voir <b>l\'offre</b> <img alt="ici"></a><p>{{désabonnement}}</p>'
    html += '<a href="x">{{désabonnement}}</a>'
    items, _ = html_items(html, KNOWN)
    (target,) = [item for item in items if isinstance(item, Target)]
    assert target.label == "Voir l'offre ici"
    assert [one.place for one in target.target if isinstance(one, Field)] == [Place.URL]
    assert [one.place for one in items if isinstance(one, Field)] == [Place.HTML, Place.LABEL]


@pytest.mark.parametrize(
    "href", ["{{désabonnement}}", "http://{{désabonnement}}", "http://%7B%7Bd%C3%A9sabonnement%7D%7D/"]
)
def test_the_unsubscribe_place_replaces_the_whole_target(href: str) -> None:
    items, bad = html_items(f"<a href='{href}'>stop</a>", KNOWN)
    assert (flat(items), bad) == (f"<a href='[{UNSUBSCRIBE}]'>stop</a>", ())


def test_addresses_in_text() -> None:
    text = "Voir https://a.example/x?n={{Nom de}}. (http://b.example/(1)) http://{{désabonnement}} \uf0b7 "
    text += "https://c.example/{{Code postal}}/é,"
    items, bad = text_items(text.replace("{{Nom de}}", "{{Nom}}"), KNOWN)
    assert bad == ()
    found = [flat(item.target) for item in items if isinstance(item, Target)]
    assert found == ["https://a.example/x?n=[1]", "http://b.example/(1)", "https://c.example/[3]/é"]
    assert flat(items) == "Voir https://a.example/x?n=[1]. (http://b.example/(1)) [-1] \uf0b7 https://c.example/[3]/é,"


def test_tags_in_addresses_that_a_client_encoded() -> None:
    text = "a https://a.example/?n=%7B%7BCode%20postal%7D%7D&x=1. b <http://%7b%7bNom%7d%7d/> c %7B%7BNom%7D%7D"
    items, bad = text_items(text, KNOWN)
    assert (flat(items), bad) == ("a https://a.example/?n=[3]&x=1. b <[1]> c %7B%7BNom%7D%7D", ())
    fields = [one for item in items if isinstance(item, Target) for one in item.target if isinstance(one, Field)]
    assert [(one.index, one.place) for one in fields] == [(CODE, Place.URL), (NOM, Place.HTTP)]
    assert text_items("https://a.example/?n=%7B%7BVille%7D%7D", KNOWN)[1] == (BadTag("{{Ville}}"),)


def test_a_page_with_encoded_tags_gives_a_text_with_tags() -> None:
    page = "<a href='https://a.example/?c=%7B%7BCode%20postal%7D%7D'>x</a> <a href='%7B%7BPr%C3%A9nom%7D%7D'>y</a>"
    items, bad = text_items(html_to_text(page), KNOWN)
    assert (flat(items), bad) == ("x ( https://a.example/?c=[3] ) y ( [2] )\n", ())


def test_the_bodys_end() -> None:
    for html, before in (
        ("<body>x</body></html>", "<body>x"),
        ("<html>x</html>\n", "<html>x"),
        ("x", "x"),
        ("<body><!-- </body> -->x</BODY >\n", "<body><!-- </body> -->x"),
        ("<body><script>'</body>'</script>x", "<body><script>'</body>'</script>x"),
        # what is never closed would hide the footer and its way out
        ("<p>x</p><!-- y </body></html>", "<p>x</p>"),
        ("<p>x</p><!-- y --> \n", "<p>x</p><!-- y --> \n"),
        ("<p>x<style>a{} </body>", "<p>x"),
        ("<p>x<style>a{}</style>", "<p>x<style>a{}</style>"),
        ("<p>x <a href='http://a.example/", "<p>x "),
        ("<p>x</p><div class='y", "<p>x</p>"),
        ("<p>x < y <", "<p>x < y <"),
        ("<p title='<b'>", "<p title='<b'>"),
        ("<p title='>'><b", "<p title='>'>"),
        ("<p>x<textarea>y</body>", "<p>x"),
        ("<body>x</body><!-- y", "<body>x"),
    ):
        assert html[: scan(html).body_end] == before


@pytest.mark.skipif(not CASES.exists(), reason="the folder of other people's mails is not beside this checkout")
def test_links_of_other_peoples_newsletters() -> None:
    """Every http link that the standard parser sees, in order; and putting the items back gives the very same page."""
    rows = [json.loads(line) for line in (CASES / "html/links.jsonl").read_text("utf-8").splitlines()]
    seen = 0
    for row in rows:
        raw = (CASES / row["file"]).read_bytes()
        page = raw.decode("utf-16" if raw[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8", "replace")
        html = page.replace("\r\n", "\n").replace("\r", "\n")
        items, bad = html_items(html, KNOWN)
        if not bad:
            assert flat(items) == html, row["file"]
            wanted = [href.strip() for href in row["href"] if href.strip().lower().startswith(("http://", "https://"))]
            assert [flat(item.target) for item in items if isinstance(item, Target)] == wanted, row["file"]
            seen += len(wanted)
    assert seen > 100


_PIECES = [
    *("<p>", "</p>", "<a href='http://a.example/?x=", "'>", "</a>", "{{", "}}", "Nom", "&#123;", "&lbrace;", "%7B%7B"),
    *(
        "%7D%7D",
        "<span>",
        "</span>",
        "<!--[if mso]>",
        "<![endif]-->",
        "<!--",
        "-->",
        "<script>",
        "</script>",
        "\n",
        "é",
    ),
    *("😀", '"', "'", "=", "\\", "&", "&amp", "&copy=", "</body>", "<a href=", " ", "<", ">", "/", "\x0c", "<![CDATA["),
    *("]]>", "<title>", "<textarea>"),
]


@settings(max_examples=120, deadline=None)
@given(st.one_of(st.lists(st.sampled_from(_PIECES), max_size=40).map("".join), st.text(max_size=80)))
def test_any_page_without_tags_stays_as_it_is(html: str) -> None:
    html = html.replace("\r", "\n").replace("\0", "")
    items, _ = html_items(html, KNOWN)
    assert sum(isinstance(item, BodyEnd) for item in items) == 1
    if not any(
        isinstance(one, Field) for item in items for one in (item.target if isinstance(item, Target) else (item,))
    ):
        assert flat(items).replace("\\", "") == html.replace("\\", "")


@settings(deadline=None)
@given(st.text(max_size=60), st.booleans())
def test_decoding_keeps_places(raw: str, in_attribute: bool) -> None:
    text, places = decoded(raw, in_attribute)
    assert len(places) == len(text) + 1 and places == sorted(places) and places[-1] == len(raw)


def test_references_in_attributes() -> None:
    for raw, inside, outside in (
        ("?a=1&copy=2", "?a=1&copy=2", "?a=1©=2"),
        ("&amp;&AMP&#38;&#x26;", "&&&&", "&&&&"),
        ("&notit;", "&notit;", "¬it;"),
        ("&euro;&#128;&#0;&#xD800;", "€€\ufffd\ufffd", "€€\ufffd\ufffd"),
        ("&nosuch;&", "&nosuch;&", "&nosuch;&"),
    ):
        assert (decoded(raw, in_attribute=True)[0], decoded(raw, in_attribute=False)[0]) == (inside, outside)
