"""Letters: the same words as text and as HTML, and nothing of a stranger's alive in either."""

from html.parser import HTMLParser

from hypothesis import given
from hypothesis import strategies as st

from gateway.letters.letter import Block, Button, Facts, Figures, Points, Sample, Say, as_html, as_text


class Tags(HTMLParser):
    """What a browser would find: the elements and the words."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.names: set[str] = set()
        self.words = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names.add(tag)

    def handle_data(self, data: str) -> None:
        self.words += data


def blocks(evil: str) -> list[Block]:
    return [
        Say(evil),
        Facts((("Objet", evil),)),
        Figures((("lignes", "1"), ("destinataires", evil))),
        Points(evil, (evil, "x"), "stop"),
        Button("Suivre", "https://gw.example/r/x?a=1&b=2"),
        Sample(evil, evil, evil),
    ]


def test_every_word_stands_in_both() -> None:
    said = blocks("Bonjour à tous")
    page, plain = Tags(as_html("en", "Titre", said, "Pied")), as_text("Titre", said, "Pied")
    for word in (
        "Titre",
        "Bonjour à tous",
        "Objet",
        "destinataires",
        "Suivre",
        "https://gw.example/r/x?a=1&b=2",
        "Pied",
    ):
        assert word in page.words, word
        assert word in plain, word
    assert max(map(len, plain.splitlines())) <= 80


@given(st.text(max_size=60))
def test_a_stranger_writes_words_only(junk: str) -> None:
    evil = f"<script>alert(1)</script><img src=x>{junk}\"'><a href=javascript:x>"
    names = Tags(as_html("fr", evil, blocks(evil), evil, stop=True)).names
    assert names <= {"html", "head", "meta", "title", "body", "table", "tr", "td", "div", "a", "br"}
    as_text(evil, blocks(evil), evil)
