"""Which part is what, and what holds a campaign: a list must never reach its own recipients."""

from email.message import EmailMessage
from email.policy import SMTP

import pytest

from parsers.mime import read
from parsers.submission import Held, Notice, Reason, Submission, split

ADDRESSES = "\n".join(f"p{number}@dest.example" for number in range(25)).encode()


def submission(*files: tuple[str, bytes], text: str | None = "Bonjour") -> Submission:
    mail = EmailMessage(policy=SMTP)
    mail["From"], mail["To"] = "jean@client.example", "mail@gw.example"
    if text is not None:
        mail.set_content(text)
    for name, data in files:
        mail.add_attachment(data, "application", "octet-stream", filename=name)
    return split(read(mail.as_bytes()))


def test_the_list_config_and_the_rest() -> None:
    found = submission(("LISTE.XLS", ADDRESSES), ("config.txt", b"x"), ("offre.pdf", b"%PDF"))
    assert found.liste is not None and found.liste.filename == "LISTE.XLS"
    assert found.config is not None and found.config.filename == "config.txt"
    assert [part.filename for part in found.attachments] == ["offre.pdf"]
    assert (found.held, found.notices) == ((), ())


@pytest.mark.parametrize(("names", "count"), [((), 0), (("Liste (1).csv", "LISTE.txt"), 2)])
def test_no_list_or_several(names: tuple[str, ...], count: int) -> None:
    found = submission(*((name, ADDRESSES) for name in names))
    assert (found.liste, len(found.lists)) == (None, count)


def test_two_identical_lists_are_two() -> None:
    assert len(submission(("LISTE.txt", ADDRESSES), ("LISTE.txt", ADDRESSES)).lists) == 2


def test_what_holds() -> None:
    liste = ("LISTE.xls", ADDRESSES)
    assert submission(liste, ("liste clients 2025.xls", b"")).held == (
        Held(Reason.LIST_BY_NAME, "liste clients 2025.xls"),
    )
    assert submission(liste, ("clients.csv", ADDRESSES)).held == (Held(Reason.LIST_BY_CONTENT, "clients.csv"),)
    assert submission(liste, ("notes.txt", ADDRESSES[:200])).held == ()
    assert submission(liste, text=None).held == (Held(Reason.EMPTY),)
    two = submission(liste, ("Config.txt", b""), ("config.csv", b"")).held
    assert two == (Held(Reason.TWO_CONFIGS, "Config.txt"), Held(Reason.TWO_CONFIGS, "config.csv"))


def test_encrypted_is_held_and_signed_is_told() -> None:
    sealed = split(read(b"Content-Type: application/pkcs7-mime; smime-type=enveloped-data\r\n\r\nx"))
    assert Held(Reason.ENCRYPTED) in sealed.held
    signed = split(
        read(b"Content-Type: multipart/signed; boundary=s\r\n\r\n--s\r\n\r\nBonjour\r\n--s\r\n\r\nx\r\n--s--\r\n")
    )
    assert (signed.held, signed.notices) == ((), (Notice.SIGNATURE_DROPPED,))


def test_openpgp_in_the_text_is_encrypted() -> None:
    armour = b"-----BEGIN PGP MESSAGE-----\r\n\r\nhQEM\r\n-----END PGP MESSAGE-----\r\n"
    assert Held(Reason.ENCRYPTED) in split(read(b"From: a@b.example\r\n\r\n" + armour)).held
    assert split(read(b"From: a@b.example\r\n\r\nVoir -----BEGIN PGP MESSAGE----- dans la doc\r\n")).held == ()
