"""Attachments as links in the mail: named with their size, each person's own, nothing attached, signed all the same."""

from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from typing import Any

import pytest

from mail.download import day, kind, size
from parsers.modes import Tracked
from parsers.tokens import Purpose, verify

NOW = 1_790_000_000_000
FILES = {"facture <été> & co.pdf": b"%PDF-1" * 400, "b.txt": b"x" * 12, "sans": b"y" * 2_400_000}


def attach(mail: EmailMessage) -> None:
    for name, data in FILES.items():
        mail.add_attachment(data, "application", "octet-stream", filename=name)


def bodies(raw: bytes) -> tuple[str, str]:
    made = message_from_bytes(raw, policy=default)
    assert made.get_content_type() == "multipart/alternative"  # nothing is attached
    return tuple(made.get_body((kind,)).get_content().replace("\r\n", "\n") for kind in ("plain", "html"))  # type: ignore


def tokens(words: str) -> list[str]:
    return [piece[:30] for piece in words.split("https://gw.example/f/")[1:]]


@pytest.mark.parametrize("tracked", list(Tracked))
def test_all_get_the_same_files(workshop: Any, someone: Any, tracked: Tracked) -> None:
    html = '<p>Bonjour {{Nom}} <a href="{{Lien}}">x</a></p>'
    mail = workshop.made(
        "Bonjour {{Nom}} https://a.example/", html, change=attach, links=True, links_until="27/12/2026"
    )
    raw = mail.render(someone("Zoé", "", "https://l.example/", tracked=tracked), NOW)
    text, page = bodies(raw)
    assert workshop.verified(raw)
    assert max(map(len, raw.split(b"\r\n"))) <= 998
    wanted = [(7, 0), (7, 1), (7, 2)]
    assert [verify(workshop.keyring, Purpose.FILE, one) for one in tokens(text)] == wanted
    assert [verify(workshop.keyring, Purpose.FILE, one) for one in dict.fromkeys(tokens(page))] == wanted
    assert (
        "Fichiers à télécharger" in text and "- facture <été> & co.pdf (2 ko)\n" in text and "- sans (2,4 Mo)" in text
    )
    assert "Disponible jusqu'au 27/12/2026." in text
    assert "facture &lt;été&gt; &amp; co.pdf" in page and "<été>" not in page
    assert page.index("Fichiers à télécharger") < page.index("Se désabonner")
    assert text.index("Fichiers à télécharger") < text.index("SARL Été")
    # the file's page is not a followed link: nobody's click is counted on it
    assert "/f/" in page and page.count("/c/") == (1 if tracked is Tracked.FULL else 0)


@pytest.mark.parametrize("tracked", list(Tracked))
def test_each_person_has_links_of_their_own(workshop: Any, someone: Any, tracked: Tracked) -> None:
    html = '<p>Bonjour {{Nom}} <a href="{{Lien}}">x</a></p>'
    mail = workshop.made("Bonjour {{Nom}}", html, change=attach, links=True, documents=2)
    seen: dict[int, list[str]] = {}
    for number, cell, names in ((42, "b.txt", ["b.txt"]), (43, "sans;b.txt", ["sans", "b.txt"]), (44, "", [])):
        raw = mail.render(someone("Zoé", cell, "https://l.example/", tracked=tracked, number=number), NOW)
        assert workshop.verified(raw)
        text, page = bodies(raw)
        seen[number] = tokens(text)
        assert [verify(workshop.keyring, Purpose.DOCUMENT, one) for one in seen[number]] == [
            (number, at) for at in range(len(names))
        ]
        assert list(dict.fromkeys(tokens(page))) == seen[number]
        assert [line[2:].split(" (")[0] for line in text.splitlines() if line.startswith("- ")] == names
        assert ("télécharger" in page) is bool(names)
        assert "https://gw.example/u/" in text and "Zoé" in page
    assert not set(seen[42]) & set(seen[43])
    assert all(verify(workshop.keyring, Purpose.FILE, one) is None for one in seen[43])


def test_a_file_that_is_not_there_never_leaves_without(workshop: Any, someone: Any) -> None:
    mail = workshop.made("x", None, change=attach, links=True, documents=2)
    with pytest.raises(LookupError):
        mail.render(someone("Zoé", "autre.pdf"), NOW)


def test_inline_images_stay_in_the_mail(workshop: Any, someone: Any) -> None:
    def both(mail: EmailMessage) -> None:
        mail.get_body(("html",)).add_related(b"\x89PNG", "image", "png", cid="<logo@x>")  # type: ignore[union-attr]
        attach(mail)

    raw = workshop.made("x", '<img src="cid:logo@x">', change=both, links=True).render(someone("Zoé"), NOW)
    made = message_from_bytes(raw, policy=default)
    assert made.get_content_type() == "multipart/related"
    assert [part["Content-ID"] for part in made.walk() if part.get_content_maintype() == "image"] == ["<logo@x>"]


def test_sizes_days_and_kinds() -> None:
    sizes = [size("fr", n) for n in (0, 999, 1_000, 12_400, 999_499, 999_500, 2_000_000, 2_350_000)]
    assert sizes == ["0 octets", "999 octets", "1 ko", "12 ko", "999 ko", "1 Mo", "2 Mo", "2,4 Mo"]
    assert size("en", 2_350_000) == "2.4 MB"
    assert day("fr", "Europe/Paris", NOW) == "21/09/2026"
    assert day("en", "no/zone", NOW) == "21 Sep 2026"
    assert [kind(name)[0] for name in ("a.PDF", "a", "a.b c", ".htaccess", "a.toolong")] == ["PDF", "", "", "", ""]
