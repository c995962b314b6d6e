"""Text from HTML and back: what people read stays, and hostile input costs no more than its length."""

from time import process_time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from parsers.bodies import unflow
from parsers.fields import lookup
from parsers.headers import parameters, words
from parsers.mailboxes import mailboxes
from parsers.merge import html_items, text_items
from parsers.mime import read
from parsers.plain import html_to_text, text_to_html, trimmed


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("<p>Bonjour,</p><p>Voici <b>l'offre</b>.</p>", "Bonjour,\n\nVoici l'offre.\n"),
        ("a<br>b<br><br>c", "a\nb\n\nc\n"),
        ("<ul><li>un</li><li>deux</li></ul>", "- un\n- deux\n"),
        ('<a href="https://a.example/?x=1&amp;y">ici</a>!', "ici ( https://a.example/?x=1&y )!\n"),
        ('<a href="https://a.example/">https://a.example/</a>', "https://a.example/\n"),
        ('<a href="mailto:a@b.example">a@b.example</a> <a href="#x">haut</a>', "a@b.example haut\n"),
        ('<a href="http://x/?n=%7B%7BNom%7D%7D">ici</a>', "ici ( http://x/?n={{Nom}} )\n"),
        ("<style>x{}</style><script>y</script><title>t</title>z", "z\n"),
        ("<table><tr><td>a</td><td>b</td></tr><tr><td>c</td></tr></table>", "a b\nc\n"),
        ("<pre>a\n  b</pre>", "a\n  b\n"),
        ("{{No<span>m</span>}} &eacute;&nbsp;!", "{{Nom}} é !\n"),
        ('<img src="x" alt="Logo"> \n\n  suite', "Logo suite\n"),
        ("<!--[if mso]>caché<![endif]-->vu", "vu\n"),
        ("", "\n"),
    ],
)
def test_html_as_text(html: str, text: str) -> None:
    assert html_to_text(html) == text


def test_text_as_html() -> None:
    html = text_to_html("Bonjour {{Prénom|l'ami}} <&>\n\n  Voir https://a.example/?a=1&b=2.\n")
    assert "Bonjour {{Prénom|l'ami}} &lt;&amp;&gt;<br>\n<br>\n&nbsp; Voir " in html
    assert '<a href="https://a.example/?a=1&amp;b=2">https://a.example/?a=1&amp;b=2</a>.\n</body>' in html


def test_addresses_end_before_the_sentences_marks() -> None:
    for url, wanted in (
        ("http://a/).", "http://a/"),
        ("http://a/(b)", "http://a/(b)"),
        ("http://a/b))", "http://a/b"),
        ("...", ""),
    ):
        assert trimmed(url) == wanted


@settings(max_examples=100, deadline=None)
@given(st.text(max_size=100))
def test_text_survives_the_way_through_html(text: str) -> None:
    shown = html_to_text(text_to_html(text.replace("\r", "").replace("\0", "")))
    assert shown.endswith("\n")
    visible = [char for char in text if char.isalnum()]
    assert [char for char in shown if char.isalnum()][: len(visible)] == visible or "http" in text.lower()


@pytest.mark.slow
def test_hostile_input_costs_no_more_than_its_length() -> None:
    """Each of these took minutes with a careless pattern or a string grown piece by piece."""
    size = 20_000
    known = lookup(("Nom",))
    started = process_time()
    words("=?a?q?" * size)
    mailboxes("a" * size)
    mailboxes('"' * size + "<" * size + "(" * size)
    parameters(";" * size + "a=" + '"' * size)
    unflow("mot \n" * size * 4, delsp=False)
    trimmed("http://a/" + ")" * size * 4)
    html_to_text("<b>mot </b>" * size * 2)
    html_items("<a href='" * size + "{{" * size, known)
    html_items("<span>{{</span>" * (size // 10), known)
    html_items("{{Nom}}<i></i>" * (size // 10), known)
    text_items("http://a/{{Nom}} " * (size // 10), known)
    read(b"Content-Type: multipart/mixed; boundary=b\n\n" + b"--b\n" * size)
    read(b"Content-Type: text/html\n\n" + b"<body" * size * 4)
    assert process_time() - started < 8
