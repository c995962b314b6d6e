"""The compiled mail: one test a promise of the contract about what each recipient gets."""

import re
from collections.abc import Callable
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import SMTP
from html import escape
from typing import Any

import pytest

from mail.spec import Person, ProblemKind
from parsers.mime import read
from parsers.tokens import Purpose, verify

NOW = 1_790_000_000_000
Someone = Callable[..., Person]
HTML = (
    '<html><body><!--[if mso]><v:rect href="http://vml.example/"></v:rect><![endif]-->\n'
    "<p  class=x>  Bonjour {{Nom}}, <A HREF='https://a.example/p?x=1&copy=2&amp;n={{Nom}}#f' id=1>ici</A>"
    '<a href="mailto:a@b.example?subject={{Nom}}">écrire</a><a href="{{Lien}}">lien</a>\n.</p></body></html>'
)


def token_of(pattern: str, html: str) -> str:
    found = re.search(pattern, html)
    assert found, html
    return found.group(1)


def test_links_and_pixel_of_a_followed_person(workshop: Any, someone: Someone) -> None:
    mail = workshop.made("Bonjour {{Nom}} https://t.example/{{Nom}}, voilà", HTML)
    assert [(link.index, link.part, link.merged) for link in mail.links] == [
        (0, "text", True),
        (1, "html", True),
        (2, "html", True),
    ]
    assert [link.target for link in mail.links] == [
        "https://t.example/{{Nom}}",
        "https://a.example/p?x=1&copy=2&n={{Nom}}#f",
        "{{Lien}}",
    ]
    assert [link.label for link in mail.links] == ["", "ici", "lien"]
    who = someone("L'été & co", "", "https://perso.example/é?a=1")
    made = read(mail.render(who, NOW))
    assert made.html is not None and made.text is not None
    click = token_of(r"HREF='https://gw\.example/c/([a-z2-7]{30})' id=1>", made.html)
    assert verify(workshop.keyring, Purpose.CLICK, click) == (42, 1)
    assert mail.link_target(1, who.values) == "https://a.example/p?x=1&copy=2&n=L%27%C3%A9t%C3%A9%20%26%20co#f"
    assert mail.link_target(2, who.values) == "https://perso.example/%C3%A9?a=1"
    in_text = token_of(r"https://gw\.example/c/([a-z2-7]{30}), voil", made.text)
    assert verify(workshop.keyring, Purpose.CLICK, in_text) == (42, 0)
    pixel = token_of(r'<img src="https://gw\.example/o/([a-z2-7]{30})\.gif"[^>]*></body></html>', made.html)
    assert verify(workshop.keyring, Purpose.OPEN, pixel) == (42, 0)
    assert '<!--[if mso]><v:rect href="http://vml.example/"></v:rect><![endif]-->\n<p  class=x>  Bonjour' in made.html
    assert 'href="mailto:a@b.example?subject=L%27%C3%A9t%C3%A9%20%26%20co"' in made.html


def test_an_unfollowed_person_gets_the_original_targets(workshop: Any, someone: Someone) -> None:
    mail = workshop.made(None, HTML)
    made = read(mail.render(someone("Zoé", "", "https://perso.example/?a=1&b=2", tracked=False), NOW))
    assert made.html is not None
    assert "/c/" not in made.html and "/o/" not in made.html
    assert "HREF='https://a.example/p?x=1&copy=2&amp;n=Zo%C3%A9#f' id=1>" in made.html
    assert '<a href="https://perso.example/?a=1&amp;b=2">lien</a>' in made.html
    before = made.html.index('<div style="margin-top')
    expected = HTML.replace("Bonjour {{Nom}}", "Bonjour Zoé").replace("{{Nom}}", "Zo%C3%A9")
    assert made.html[:before] == expected.replace("{{Lien}}", "https://perso.example/?a=1&amp;b=2")[:before]


def test_headers_are_our_own(workshop: Any, someone: Someone) -> None:
    def change(mail: EmailMessage) -> None:
        for name, text in {
            "Importance": "high",
            "Content-Language": "fr-FR",
            "Cc": "other@client.example",
            "X-Mailer": "Outlook",
            "Thread-Topic": "x",
            "Disposition-Notification-To": "jean@client.example",
            "References": "<a@b>",
        }.items():
            mail[name] = text

    mail = workshop.made("Bonjour", None, change=change, cfbl_address="fbl@gw.example")
    raw = mail.render(someone("Zoé"), NOW)
    made = message_from_bytes(raw, policy=SMTP)
    assert set(made.keys()) == {
        "DKIM-Signature", "Message-ID", "Date", "To", "Subject", "List-Unsubscribe", "From", "Reply-To", "MIME-Version",
        "Content-Type", "List-Id", "List-Unsubscribe-Post", "Feedback-ID", "CFBL-Address", "Precedence", "Importance",
        "Content-Language", "CFBL-Feedback-ID",
    }  # fmt: skip
    assert len(made.keys()) == len(set(made.keys()))
    assert verify(workshop.keyring, Purpose.MESSAGE_ID, str(made["CFBL-Feedback-ID"])) == (42, 0)
    seal = str(made["DKIM-Signature"]).replace(" ", "").lower()
    assert (
        ":cfbl-address" in seal and ":cfbl-feedback-id" in seal and workshop.verified(raw)
    )  # RFC 9477: both are signed
    assert str(made["From"]) == "Société Été <jean@client.example>"
    assert (made["Reply-To"], made["Subject"]) == ("jean@client.example", "Bonjour Zoé")
    assert made["To"].addresses[0].display_name == "Zoé Haÿ"
    assert made["Date"].datetime.timestamp() * 1000 == NOW
    assert made["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    found = re.fullmatch(
        r"<https://gw\.example/u/([a-z2-7]{30})>, <mailto:stop\+([a-z2-7]{30})@gw\.example>", made["List-Unsubscribe"]
    )
    assert found
    assert verify(workshop.keyring, Purpose.UNSUBSCRIBE, found.group(1)) == (42, 0)
    assert verify(workshop.keyring, Purpose.STOP, found.group(2)) == (42, 0)
    token = token_of(r"<([a-z2-7]{30})@gw\.example>", made["Message-ID"])
    assert verify(workshop.keyring, Purpose.MESSAGE_ID, token) == (42, 0)
    assert workshop.verified(raw)
    local, _, domain = mail.envelope_sender(42).partition("@")
    assert (verify(workshop.keyring, Purpose.BOUNCE, local.removeprefix("bounce+")), domain) == ((42, 0), "gw.example")


def test_a_retry_has_the_same_message_id_and_another_date(workshop: Any, someone: Someone) -> None:
    mail = workshop.made("Bonjour", None)
    first, second = (read(mail.render(someone("Zoé"), at)) for at in (NOW, NOW + 3_600_000))
    assert first.message_id == second.message_id
    assert first.date is not None and second.date == first.date + 3_600_000


def test_every_signed_field_breaks_the_signature_when_altered(workshop: Any, someone: Someone) -> None:
    raw = workshop.made("Bonjour {{Nom}}", HTML).render(someone("Zoé", "", "https://a.example/"), NOW)
    assert workshop.verified(raw)
    for name in (b"From", b"To", b"Subject", b"Date", b"Message-ID", b"Reply-To", b"List-Unsubscribe", b"List-Id",
                 b"List-Unsubscribe-Post", b"Feedback-ID", b"MIME-Version", b"Content-Type"):  # fmt: skip
        at = raw.index(b"\r\n" + name + b": ") + len(name) + 4
        assert not workshop.verified(raw[:at] + b"x" + raw[at:]), name
    assert not workshop.verified(raw.replace(b"\r\n\r\n--", b"\r\nFrom: evil@x.example\r\n\r\n--", 1))
    assert not workshop.verified(raw.replace(b"Bonjour", b"Bonsoir"))


def test_text_alone_gets_html_and_html_alone_gets_text(workshop: Any, someone: Someone) -> None:
    only_text = read(workshop.made("Bonjour {{Nom}}\nVoir https://a.example/", None).render(someone("<Zoé>"), NOW))
    assert only_text.html is not None and "Bonjour &lt;Zoé&gt;<br>" in only_text.html
    assert re.search(r'<a href="https://gw.example/c/[a-z2-7]{30}">https://a.example/</a>', only_text.html)
    only_html = read(workshop.made(None, HTML).render(someone("<Zoé>"), NOW))
    assert only_html.text is not None and "Bonjour <Zoé>, ici ( https://gw.example/c/" in only_html.text


@pytest.mark.parametrize(
    ("text", "subject", "kind", "shown"),
    [
        ("Bonjour {{Ville}}", "x", ProblemKind.UNKNOWN_COLUMN, "{{Ville}}"),
        ("Bonjour {{Nom} !", "x", ProblemKind.UNCLOSED_TAG, "{{Nom} !"),
        ("Bonjour", "Offre {{ville}}", ProblemKind.UNKNOWN_COLUMN, "{{ville}}"),
        ("Bonjour", "{{désabonnement}}", ProblemKind.UNSUBSCRIBE_IN_SUBJECT, "{{désabonnement}}"),
        ("Bonjour {{}}", "x", ProblemKind.UNCLOSED_TAG, "{{}} "),
    ],
)
def test_a_tag_that_cannot_be_filled_is_a_problem(
    workshop: Any, text: str, subject: str, kind: ProblemKind, shown: str
) -> None:
    problems = workshop.compile(text, None, subject=subject)
    assert [(problem.kind, problem.text.strip()) for problem in problems] == [(kind, shown.strip())]


def test_the_users_own_unsubscribe_place(workshop: Any, someone: Someone) -> None:
    html = '<p>Bonjour</p><a href="http://%7B%7Bd%C3%A9sabonnement%7D%7D">stop</a> ou {{désabonnement|ici}}'
    made = read(workshop.made("Stop : {{Désabonnement}}", html).render(someone("Zoé"), NOW))
    assert made.html is not None and made.text is not None
    assert len(re.findall(r'<a href="https://gw.example/u/[a-z2-7]{30}">(?:stop|ici)</a>', made.html)) == 2
    assert "Se désabonner" not in made.html and "SARL Été, 1 rue de la Paix" in made.html
    assert re.search(r"Stop : https://gw.example/u/[a-z2-7]{30}\n", made.text)
    assert "Pour ne plus recevoir" not in made.text and "SARL Été" in made.text


def test_footers_by_kind_and_language(workshop: Any, someone: Someone) -> None:
    marketing = read(workshop.made("Hello", None, locale="en").render(someone("Zoé"), NOW))
    assert "To stop receiving our messages: https://gw.example/u/" in (marketing.text or "")
    assert ">Unsubscribe</a></div>" in (marketing.html or "")
    service = workshop.made("Bonjour", None, bulk=False, unsubscribe=False).render(someone("Zoé", tracked=False), NOW)
    assert b"List-Unsubscribe" not in service and b"Precedence" not in service and b"/u/" not in service
    assert b"SARL" not in service and workshop.verified(service)


def test_files_and_inline_images_stay(workshop: Any, someone: Someone) -> None:
    def change(mail: EmailMessage) -> None:
        html = mail.get_payload()[1]
        html.add_related(b"\x89PNG..\x00", "image", "png", cid="<logo@x>", filename="logo.png")
        mail.add_attachment(b"%PDF-1.4" + bytes(300), "application", "pdf", filename="Conditions générales d'été.pdf")
        mail.add_attachment(EmailMessage(), filename="message.eml")
        mail.add_attachment(b"Email\nb@dest.example\n", "text", "plain", filename="LISTE.TXT")

    mail = workshop.made("Bonjour", '<p><img src="cid:logo@x"> {{Nom}}</p>', change=change)
    raw = mail.render(someone("Zoé"), NOW)
    made = message_from_bytes(raw, policy=SMTP)
    assert made.get_content_type() == "multipart/mixed"
    inside = made.get_payload()[0]
    assert inside.get_content_type() == "multipart/related"
    assert [part.get_content_type() for part in inside.walk()][1:4] == [
        "multipart/alternative", "text/plain", "text/html"
    ]  # fmt: skip
    assert inside.get_payload()[1]["Content-ID"] == "<logo@x>"
    names = {part.get_filename(): part.get_content() for part in made.iter_attachments()}
    assert {name for name in names if name} == {"Conditions générales d'été.pdf", "message.eml"}
    assert names["Conditions générales d'été.pdf"] == b"%PDF-1.4" + bytes(300)
    assert workshop.verified(raw)
    again = read(raw)
    assert [part.filename for part in again.related] == ["logo.png"]
    assert b"LISTE" not in raw and b"b@dest" not in raw


def test_a_target_that_is_only_a_column(workshop: Any, someone: Someone) -> None:
    mail = workshop.made(None, '<a href="{{Lien}}">x</a> <img src="{{Lien}}">')
    faults = {value: mail.line_faults(someone("N", "P", value).values) for value in (
        "https://a.example/", "HTTP://a.example", " mailto:a@b.example", "", "javascript:alert(1)", "a.example", "data:x", "http://",
        "java\nscript:x", "https:\r\n//x"
    )}  # fmt: skip
    assert {value for value, fault in faults.items() if fault is None} == {
        "https://a.example/", "HTTP://a.example", " mailto:a@b.example"
    }  # fmt: skip
    assert set(faults.values()) == {None, "{{Lien}}"}
    bad = read(mail.render(someone("N", "P", "javascript:alert(1)"), NOW)).html or ""
    assert "javascript" not in bad and '<a href="">x</a>' in bad
    direct = read(mail.render(someone("N", "P", "mailto:a@b.example?subject=x&body=y"), NOW)).html or ""
    assert '<a href="mailto:a@b.example?subject=x&amp;body=y">x</a>' in direct
    for index, values in ((5, ()), (-1, ()), (0, ())):
        assert mail.link_target(index, values) is None


def test_a_target_that_is_only_a_column_is_looked_at_when_it_is_left_alone(workshop: Any, someone: Someone) -> None:
    mail = workshop.made("Bonjour", '<a data-notrack href="{{Lien}}">x</a>')
    assert not mail.links
    assert mail.line_faults(someone("N", "P", "javascript:alert(1)").values) == "{{Lien}}"
    assert mail.line_faults(someone("N", "P", "https://a.example/").values) is None


def test_literal_braces_in_a_target_stay_literal(workshop: Any, someone: Someone) -> None:
    mail = workshop.made(None, '<a href="https://a.example/?t=\\{{x}}&n={{Nom}}">x</a>')
    assert mail.links[0].target == "https://a.example/?t=\\{{x}}&n={{Nom}}"
    assert mail.link_target(0, someone("Zoé").values) == "https://a.example/?t={{x}}&n=Zo%C3%A9"


def test_the_same_person_gets_the_same_bytes_from_two_compilations(workshop: Any, someone: Someone) -> None:
    first, second = (workshop.made("Bonjour {{Nom}}", HTML).render(someone("Zoé"), NOW) for _ in range(2))
    assert first == second


def test_blanks_in_reply_to_do_not_break_the_signature(workshop: Any, someone: Someone) -> None:
    raw = workshop.made("Bonjour", None, reply_to=" a@b.example,  c@d.example ").render(someone("Zoé"), NOW)
    assert workshop.verified(raw) and b"\r\nReply-To: a@b.example, c@d.example\r\n" in raw


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_column_behind_a_scheme_is_a_host_or_a_whole_address(workshop: Any, someone: Someone, scheme: str) -> None:
    """Outlook writes "http://" before what it takes for an address; the column may hold either."""
    mail = workshop.made(f"Voir {scheme}://{{{{Lien}}}} !", f'<a href="{scheme}://{{{{Lien}}}}/">x</a>')
    assert [link.target for link in mail.links] == [f"{scheme}://{{{{Lien}}}}"] * 2
    for value, wanted in (
        ("https://a.example/é?x=1&y=2#z", "https://a.example/%C3%A9?x=1&y=2#z"),
        ("www.a.example/b?x=1&copy=2", f"{scheme}://www.a.example/b?x=1&copy=2"),
        (" mailto:a@b.example", "mailto:a@b.example"),
    ):
        who = someone("N", "P", value, tracked=False)
        assert mail.line_faults(who.values) is None
        assert {mail.link_target(at, who.values) for at in (0, 1)} == {wanted}
        made = read(mail.render(who, NOW))
        assert f'<a href="{escape(wanted)}">x</a>' in (made.html or "")
        assert f"Voir {wanted} !" in (made.text or "")
    assert mail.line_faults(someone("N", "P", "").values) == f"{scheme}://{{{{Lien}}}}"
    followed = read(mail.render(someone("N", "P", "www.a.example"), NOW))
    assert re.search(r'<a href="https://gw.example/c/[a-z2-7]{30}">x</a>', followed.html or "")
    assert re.search(r"Voir https://gw.example/c/[a-z2-7]{30} !", followed.text or "")


HOSTILE = "{{Email}}\r\nBcc: evil@x.example\r\n\r\n<script>alert('1')</script>\" \u2028&\x00{{Nom}}"


@pytest.mark.parametrize("tracked", [True, False])
def test_a_value_is_only_ever_text(workshop: Any, someone: Someone, tracked: bool) -> None:
    """Never merged twice, never a header, escaped for where it lands."""
    html = (
        '<p title="{{Nom}}">{{Nom}}</p><img alt={{Nom}} src="https://i.example/{{Nom}}.png">'
        '<a href="https://a.example/{{Nom}}?q={{Nom}}#{{Nom}}">{{Nom}}</a><a href="mailto:a@b.example?subject={{Nom}}">m</a>'
    )
    mail = workshop.made("Bonjour {{Nom}}", html, subject="Pour {{Nom}}")
    raw = mail.render(someone(HOSTILE, HOSTILE, HOSTILE, tracked=tracked, name=HOSTILE), NOW)
    plain = mail.render(someone("x", "x", "x", tracked=tracked, name="x"), NOW)
    made, usual = (message_from_bytes(one, policy=SMTP) for one in (raw, plain))
    assert made.keys() == usual.keys() and made["Bcc"] is None
    assert workshop.verified(raw)
    subject = str(made["Subject"])
    assert subject.startswith("Pour {{Email}} Bcc: evil@x.example <script>") and "{{Nom}}" in subject
    assert [box.addr_spec for box in made["To"].addresses] == ["zoe@dest.example"]
    both = read(raw)
    assert both.text is not None and "Bonjour {{Email}}\nBcc: evil@x.example\n\n<script>" in both.text
    assert both.html is not None and "<script" not in both.html and "zoe@dest.example" not in both.html
    assert both.html.count("{{Email}}") == 4
    encoded = "%7B%7BEmail%7D%7D%20Bcc%3A%20evil%40x.example"
    assert (mail.link_target(0, someone(HOSTILE).values) or "").count(encoded) == 3
    assert f"https://i.example/{encoded}" in both.html and f"mailto:a@b.example?subject={encoded}" in both.html


def test_nothing_of_the_original_header_passes(workshop: Any, someone: Someone) -> None:
    kept = {"Importance": "low", "Content-Language": "en-GB"}
    dropped = [
        "Cc", "Bcc", "Received", "Sender", "References", "In-Reply-To", "Thread-Index", "Thread-Topic", "X-Mailer",
        "X-Priority", "X-Originating-IP", "X-MS-Exchange-Organization-AuthAs", "Return-Receipt-To",
        "Disposition-Notification-To",
        "ARC-Seal", "ARC-Message-Signature", "ARC-Authentication-Results", "Authentication-Results", "Received-SPF",
        "Resent-From", "Resent-To", "Return-Path", "Delivered-To", "List-Id", "List-Post", "List-Unsubscribe", "Precedence",
        "Auto-Submitted", "Organization", "Comments", "Keywords", "Sensitivity", "User-Agent", "DKIM-Signature", "Autocrypt",
        "Feedback-ID", "Errors-To", "Priority", "Reply-By", "Expires",
    ]  # fmt: skip

    def change(mail: EmailMessage) -> None:
        for name, text in {**kept, **dict.fromkeys(dropped, "secret@inside.example")}.items():
            mail[name] = text

    raw = workshop.made("Bonjour", None, change=change).render(someone("Zoé"), NOW)
    assert b"inside.example" not in raw
    made = message_from_bytes(raw, policy=SMTP)
    assert {name: made[name] for name in kept} == kept
    assert len(made.get_all("DKIM-Signature")) == 1


def test_the_address_for_complaints_is_signed(workshop: Any, someone: Someone) -> None:
    mail = workshop.made("Bonjour", None, from_address="lettre@gw.example", cfbl_address="fbl@gw.example")
    raw = mail.render(someone("Zoé"), NOW)
    assert b"\r\nCFBL-Address: fbl@gw.example; report=arf\r\n" in raw and workshop.verified(raw)
    assert not workshop.verified(raw.replace(b"CFBL-Address: fbl@", b"CFBL-Address: xfbl@"))
