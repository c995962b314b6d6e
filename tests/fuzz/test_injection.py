"""Nothing that a stranger writes into a list, a file's name, a subject or Config adds a header, a part or a recipient.

Every value below goes the whole way: the user's mail is read, its list and Config too, the campaign is compiled, each mail
rendered; what comes out has the very headers and parts of a harmless campaign.
"""

from __future__ import annotations

import email
from base64 import b64encode
from email.message import Message
from email.utils import getaddresses
from urllib.parse import quote

from hypothesis import example, given
from hypothesis import strategies as st

from gateway.intake.choices import read_config
from gateway.letters import previews
from mail.spec import Person
from parsers import liste as lists
from parsers import mime
from parsers.liste import Liste
from parsers.modes import Tracked
from parsers.submission import split
from tests.fuzz.targets import NOW, REQUEST

_PIECES = [
    "\r\n", "\n", "\r", "\r\n\r\n", "\0", "\x0b", "\x1b", "\u2028", "\u0085", "Bcc: x@evil.test", "\r\nBcc: x@evil.test\r\n",
    "%0d%0aBcc:x@evil.test", "=?utf-8?q?=0d=0aBcc:_x@evil.test?=", "\r\n.\r\nMAIL FROM:<x@evil.test>\r\n", "--=_", '"', "\\",
    "<", ">", ",", ";", "@", "é", "😀", "{{", "}}", "{{Nom}}", "a", " ", "\t", "javascript:", "</a><script>", "x" * 1000,
]  # fmt: skip
nasty = st.lists(st.sampled_from(_PIECES), max_size=6).map("".join)


def word(value: str) -> str:
    """A header's encoded word, in which a sender can hide any character (RFC 2047)."""
    return f"=?utf-8?b?{b64encode(value.encode()).decode()}?="


def cell(value: str) -> str:
    return '"' + value.replace('"', '""').replace("\0", "") + '"'


def submission(subject: str, name: str, filename: str, config: str, values: list[str]) -> bytes:
    rows = "".join(f"{cell(name)};{cell(value)};{cell(value)};p{n}@d.test\r\n" for n, value in enumerate(values))
    head = (
        f"From: {word(name)} <anne@firm.example>\r\nTo: mail@gw.example\r\nSubject: {word(subject)}\r\n"
        f"Reply-To: {word(name)} <re@firm.example>\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n"
    )
    parts = [
        "Content-Type: text/html\r\n\r\n<p>Bonjour {{Nom}} <a href='https://x.test/?v={{Prenom}}'>{{Prenom}}</a></p>",
        f"Content-Type: application/pdf\r\nContent-Disposition: attachment; filename*=utf-8''{quote(filename)}x\r\n\r\n%PDF",
        f"Content-Disposition: attachment; filename=LISTE.csv\r\n\r\nPrenom;Nom;Lien;Email\r\n{rows}",
        f"Content-Disposition: attachment; filename=Config.txt\r\n\r\n{config}",
    ]
    return (head + "".join(f"--b\r\n{part}\r\n" for part in parts) + "--b--\r\n").encode()


def rendered(raw: bytes) -> list[bytes]:
    message = mime.read(raw)
    found = split(message)
    liste = lists.read(found.lists[0].data) if found.lists else None
    if not isinstance(liste, Liste):
        return []
    choices = read_config(found, message, REQUEST)
    compiled, _ = previews.compiled(message, found, liste, choices, REQUEST)
    if compiled is None:
        return []  # an unclosed tag holds the campaign
    good = [line for line in liste.lines if line.fault is None]
    people = (Person(n, one.address, one.name, one.values, Tracked.FULL) for n, one in enumerate(good, 1))
    return [compiled.render(person, NOW) for person in people]


def shape(made: Message) -> tuple[tuple[str, ...], tuple[tuple[str, ...], ...]]:
    """The names of all headers, those of each part in turn."""
    parts = tuple(tuple(sorted(part.keys())) for part in made.walk())
    return tuple(sorted(made.keys())), parts[1:]


PLAIN = rendered(submission("Offre {{Nom}}", "Anne", "a.pdf", "Campagne : x\n", ["Durand"]))
SHAPE = shape(email.message_from_bytes(PLAIN[0]))


@given(nasty, nasty, nasty, st.lists(nasty, min_size=1, max_size=3), nasty)
@example("x\r\nBcc: x@evil.test", "y\r\n\r\nz", "f\r\nX-A: b", ["\r\nBcc: x@evil.test"], "\r\nBcc: x")
def test_no_value_adds_a_header_or_a_part(
    subject: str, name: str, filename: str, values: list[str], option: str
) -> None:
    config = f"Nom expéditeur : {option}\nCampagne : {option}\nRépondre à : re@firm.example\n"
    for raw in rendered(submission(subject, name, filename, config, values)):
        made = email.message_from_bytes(raw)
        assert shape(made) == SHAPE
        assert [address for _, address in getaddresses(made.get_all("To", []))] in (
            [f"p{n}@d.test"] for n in range(len(values))
        )
        assert b"\r" not in raw.replace(b"\r\n", b"") and b"\n" not in raw.replace(b"\r\n", b"")
        page = next(part for part in made.walk() if part.get_content_type() == "text/html").get_payload(decode=True)
        assert isinstance(page, bytes) and b"<script" not in page and b'href="javascript' not in page
        assert raw.isascii() and b"\0" not in raw
        assert all(len(line) <= 998 and not line.startswith(b".") for line in raw.split(b"\r\n"))
