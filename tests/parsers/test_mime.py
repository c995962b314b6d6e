"""Mails of real clients, made by hand: what each client does strangely is read as its user meant it."""

from email.message import EmailMessage
from email.policy import SMTP

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from parsers.mime import read
from parsers.parts import MAX_DEPTH, MAX_PARTS


def mail(*lines: str, charset: str = "utf-8") -> bytes:
    return "\r\n".join(lines).encode(charset)


def alternative(text: str, html: str) -> EmailMessage:
    made = EmailMessage(policy=SMTP)
    made["From"], made["To"], made["Subject"] = "Zoé Haÿ <zoe@client.example>", "mail@gw.example", "Été : offre"
    made.set_content(text)
    made.add_alternative(html, subtype="html")
    return made


def test_an_ordinary_mail() -> None:
    made = alternative("Bonjour été\n", "<p>Bonjour <img src='cid:a@b'></p>")
    made.get_payload()[1].add_related(b"PNG", "image", "png", cid="<a@b>", filename="a.png")
    made.add_attachment(b"%PDF", "application", "pdf", filename="Été.pdf")
    made["Date"], made["Message-ID"], made["Importance"] = (
        "Mon, 21 Sep 2026 16:13:20 +0200",
        "<m@client.example>",
        "High",
    )
    got = read(made.as_bytes())
    assert got.sender is not None
    assert (got.sender.name, got.sender.address) == ("Zoé Haÿ", "zoe@client.example")
    assert (got.subject, got.text, got.date) == ("Été : offre", "Bonjour été\n", 1_790_000_000_000)
    assert (got.importance, got.message_id) == ("high", "<m@client.example>")
    assert [(part.filename, part.content_id) for part in got.related] == [("a.png", "a@b")]
    assert [(part.filename, part.data) for part in got.attachments] == [("Été.pdf", b"%PDF")]
    assert (got.signed, got.encrypted, got.truncated) == (False, False, False)


@pytest.mark.parametrize(
    ("header", "name"),
    [
        ("attachment; filename=LISTE.XLS", "LISTE.XLS"),
        ('attachment; filename="LISTE client.xls"', "LISTE client.xls"),
        ("attachment; filename=LISTE client.xls", "LISTE client.xls"),
        ("attachment; filename*=utf-8''LISTE%20%C3%A9t%C3%A9.xls", "LISTE été.xls"),
        ("attachment; filename*0*=iso-8859-1'fr'LISTE%20%E9; filename*1*=t%E9; filename*2=.xls", "LISTE été.xls"),
        ('attachment; filename="=?utf-8?Q?LISTE_=C3=A9t=C3=A9.xls?="', "LISTE été.xls"),
        ('attachment; filename="=?iso-8859-1?Q?LISTE_=E9t?= =?iso-8859-1?Q?=E9.xls?="', "LISTE été.xls"),
        ('attachment; filename="C:\\Users\\zoe\\LISTE.xls"', "LISTE.xls"),
        ('attachment; filename="../../etc/LISTE.xls"', "LISTE.xls"),
        ('attachment; filename="LISTE été.xls"', "LISTE été.xls"),
        ('attachment; filename="a\\"b.xls"; size=12', 'a"b.xls'),
    ],
)
def test_file_names(header: str, name: str) -> None:
    lines = ["Content-Type: multipart/mixed; boundary=b", "", "--b", "Content-Type: application/vnd.ms-excel"]
    got = read(mail(*lines, f"Content-Disposition: {header}", "", "x", "--b--"))
    assert [part.filename for part in got.attachments] == [name]


def test_a_name_only_in_content_type_and_apple_mails_inline_list() -> None:
    got = read(
        mail(
            "Content-Type: multipart/mixed; boundary=b",
            "",
            "--b",
            "",
            "Bonjour",
            "--b",
            'Content-Type: text/plain; name="LISTE.txt"',
            "Content-Disposition: inline",
            "",
            "a@b.example",
            "--b",
            "Content-Type: text/plain",
            "",
            "Au revoir",
            "--b--",
        )
    )
    assert got.text == "Bonjour\nAu revoir"
    assert [(part.filename, part.data) for part in got.attachments] == [("LISTE.txt", b"a@b.example")]


@pytest.mark.parametrize(
    ("label", "data", "text"),
    [
        ("utf-8", "été €".encode(), "été €"),
        ("iso-8859-1", "été €".encode("cp1252"), "été €"),
        ("iso-8859-1", "été €".encode(), "été €"),
        ("us-ascii", "été €".encode("cp1252"), "été €"),
        ("utf-8", "été €".encode("cp1252"), "été €"),
        ("x-inconnu", "été €".encode("cp1252"), "été €"),
        ("hex", b"abcd", "abcd"),
        ("utf-16", "été".encode("utf-16"), "été"),
        ("unicode_escape", b"\\u0041", "\\u0041"),
    ],
)
def test_charsets_that_lie(label: str, data: bytes, text: str) -> None:
    head = f"Content-Type: text/plain; charset={label}\r\nContent-Transfer-Encoding: 8bit\r\n\r\n".encode()
    assert read(head + data).text == text


def test_subjects() -> None:
    for value, subject in {
        "=?utf-8?B?w6k=?= =?utf-8?B?w6k=?=": "éé",
        "=?utf-8?Q?=C3?=\r\n =?utf-8?Q?=A9?= fin": "é fin",
        "=?utf-8?Q?d=27=C3=A9t=C3=A9_=3F?= et =?iso-8859-1?b?6Q?=": "d'été ? et é",
        "Bonjour été": "Bonjour été",
        "=?utf-8?X?abc?=": "=?utf-8?X?abc?=",
        "long\r\n  replié\r\n\tencore": "long replié encore",
    }.items():
        assert read(mail(f"Subject: {value}", "", "x")).subject == subject
    assert read(b"Subject: \xe9t\xe9\r\n\r\nx").subject == "été"


def test_format_flowed() -> None:
    head = ("Content-Type: text/plain; charset=utf-8; format=flowed", "")
    got = read(
        mail(*head, "Bonjour ", "{{Prénom|cher ", "client}}, ", "voici.", "> cité ", "> suite", " espace", "-- ", "Zoé")
    )
    assert got.text == "Bonjour {{Prénom|cher client}}, voici.\n> cité suite\nespace\n-- \nZoé"
    joined = mail("Content-Type: text/plain; format=flowed; delsp=yes", "", "abc ", "def")
    assert read(joined).text == "abcdef"


def test_signed_and_encrypted() -> None:
    signed = mail(
        'Content-Type: multipart/signed; protocol="application/pkcs7-signature"; micalg=sha-256; boundary=s', "", "--s",
        "Content-Type: text/plain", "", "Bonjour", "--s", 'Content-Type: application/pkcs7-signature; name="smime.p7s"',
        "Content-Transfer-Encoding: base64", "", "AAAA", "--s--",
    )  # fmt: skip
    got = read(signed)
    assert (got.text, got.attachments, got.signed, got.encrypted) == ("Bonjour", (), True, False)
    enveloped = read(mail("Content-Type: application/pkcs7-mime; smime-type=enveloped-data; name=smime.p7m", "", "x"))
    assert enveloped.encrypted
    pgp = mail(
        'Content-Type: multipart/encrypted; protocol="application/pgp-encrypted"; boundary=e',
        "",
        "--e",
        "",
        "x",
        "--e--",
    )
    assert read(pgp).encrypted


def test_attached_mails_stay_whole() -> None:
    made = alternative("Bonjour", "<p>Bonjour</p>")
    made.add_attachment(alternative("Dedans", "<p>Dedans</p>"), filename="dedans.eml")
    got = read(made.as_bytes())
    assert (got.text or "").strip() == "Bonjour"
    assert [part.filename for part in got.attachments] == ["dedans.eml"]
    assert b"Dedans" in got.attachments[0].data


def test_inline_images_by_reference_only() -> None:
    made = alternative("x", '<img src="cid:used%40x">')
    for cid in ("<used@x>", "<unused@x>"):
        made.get_payload()[1].add_related(b"PNG", "image", "png", cid=cid, filename=f"{cid[1:-3]}.png")
    got = read(made.as_bytes())
    assert [part.filename for part in got.related] == ["used.png"]
    assert [part.filename for part in got.attachments] == ["unused.png"]


def test_limits() -> None:
    many = mail(
        "Content-Type: multipart/mixed; boundary=b",
        "",
        *["--b\r\nContent-Type: image/png\r\n\r\nx"] * (MAX_PARTS + 5),
        "--b--",
    )
    got = read(many)
    assert got.truncated and len(got.attachments) <= MAX_PARTS
    deep = b""
    for level in range(MAX_DEPTH + 5):
        deep += b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n" % (level, level)
    assert read(deep + b"\r\ntext").truncated
    assert len(read(b"X: y\r\n" * 5000 + b"\r\nz").fields) == 1000


_SNIPPETS = [
    b"Content-Type: multipart/mixed; boundary=b\r\n",
    b'Content-Type: multipart/alternative; boundary="c"\r\n',
    b"Content-Type: application/ms-tnef\r\n",
    b"Content-Type: message/rfc822\r\n",
    b"Content-Type: text/plain; format=flowed\r\n",
    b"Content-Type: text/html; charset=utf-7\r\n",
    b"Content-Disposition: attachment; filename*0*=x'y'%C3; filename*9=z\r\n",
    b"Content-Transfer-Encoding: base64\r\n",
    b"Content-Transfer-Encoding: quoted-printable\r\n",
    b"Content-Transfer-Encoding: x-uuencode\r\n",
    b"Subject: =?utf-8?B?w6k?=\r\n",
    b'From: "a <b@c',
    b"Date: Mon, 99 Foo 9999 99:99:99 +9999\r\n",
    b"begin 644 x\n#AAAA\nend\n",
    *(
        b"--b\r\n",
        b"--b--\r\n",
        b"--c\r\n",
        b"--c--\r\n",
        b"\r\n",
        b"\n",
        b"\r",
        b"\0",
        b"AAA=",
        b"=C3=A",
        b"<a href='",
    ),
    *(b"\x78\x9f\x3e\x22\x01\x00", b" folded\r\n", b"\xff\xfe", b"+2AA-"),
]
mixtures = st.lists(st.one_of(st.sampled_from(_SNIPPETS), st.binary(max_size=20)), max_size=40).map(b"".join)


@settings(max_examples=120, deadline=None)
@given(st.one_of(st.binary(max_size=400), mixtures))
def test_any_bytes_give_a_message(raw: bytes) -> None:
    got = read(raw)
    assert "\r" not in (got.text or "") + (got.html or "")
    for shown in (got.text or "", got.html or "", got.subject, *(part.filename for part in got.attachments)):
        shown.encode("utf-8")
