"""Under which address mails go out, and who signs them."""

from __future__ import annotations

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from mail.dkim import Signer, new_key, to_pem
from mail.identity import Second, aligned, identity, signers_of, signing

KEY = new_key()
GATEWAY = Signer("gw.fr", "m2c1", KEY)
FIRM = Signer("firm.fr", "m2c1", KEY)
MODERN = Signer("firm.fr", "a", Ed25519PrivateKey.generate())
OURS = Signer("gw.fr", "a", Ed25519PrivateKey.generate())
ALL = (GATEWAY, FIRM, MODERN, OURS)
NONE, SECOND, ED = Second.NONE, Second.GATEWAY, Second.ED25519


def test_as_declared() -> None:
    found = identity("Anne", "anne@gmail.com", "", False, "gw.fr")
    assert (found.name, found.address, found.reply_to) == ("Anne", "anne@gmail.com", "anne@gmail.com")
    assert identity("Anne", "a@b.fr", "c@d.fr", False, "gw.fr").reply_to == "c@d.fr"
    assert found.shown == "Anne <anne@gmail.com>"


@pytest.mark.parametrize(
    ("name", "house", "expected"),
    [
        ("Anne", "Firme", "Anne via gw.fr"),
        ("", "Firme", "Firme via gw.fr"),
        ("anne@gmail.com", "Firme", "Firme via gw.fr"),  # an address as name above another is what impostors do
        (" ", "", "anne via gw.fr"),
        ("a@b.fr", "a@b.fr", "anne via gw.fr"),
    ],
)
def test_via_the_gateway(name: str, house: str, expected: str) -> None:
    found = identity(name, "anne@gmail.com", "", True, "gw.fr", house)
    assert found.shown == f"{expected} <mail@gw.fr>"
    assert found.reply_to == "anne@gmail.com"
    assert identity(name, "anne@gmail.com", "desk@firm.fr", True, "gw.fr", house).reply_to == "desk@firm.fr"


@pytest.mark.parametrize(
    ("domain", "strict", "expected"),
    [
        ("firm.fr", False, FIRM),
        ("firm.fr", True, FIRM),
        ("news.firm.fr", False, FIRM),
        ("a.b.firm.fr", False, FIRM),
        ("news.firm.fr", True, None),
        ("other.fr", False, None),
        ("fr", False, None),
        ("xfirm.fr", False, None),
    ],
)
def test_alignment(domain: str, strict: bool, expected: Signer | None) -> None:
    assert aligned(ALL, domain, strict) == expected


def test_a_key_of_a_public_suffix_signs_for_nobody_below() -> None:
    assert aligned((Signer("co.uk", "s", KEY),), "firm.co.uk") is None


def test_the_own_key_comes_before_one_above() -> None:
    own = Signer("news.firm.fr", "s", KEY)
    assert aligned((FIRM, own), "news.firm.fr") is own


@pytest.mark.parametrize(
    ("author", "second", "expected"),
    [
        ("firm.fr", NONE, (FIRM,)),
        ("firm.fr", SECOND, (FIRM, GATEWAY)),
        ("firm.fr", ED, (FIRM, MODERN)),
        ("gw.fr", SECOND, (GATEWAY,)),
        ("gw.fr", ED, (GATEWAY, OURS)),
        ("gmail.com", NONE, (GATEWAY,)),
        ("gmail.com", SECOND, (GATEWAY,)),
        ("gmail.com", ED, (GATEWAY, OURS)),
    ],
)
def test_who_signs(author: str, second: Second, expected: tuple[Signer, ...]) -> None:
    assert signing(ALL, author, "gw.fr", second) == expected


def test_a_second_signature_needs_its_key() -> None:
    assert signing((GATEWAY, FIRM), "firm.fr", "gw.fr", ED) == (FIRM,)
    assert signing((FIRM,), "gmail.com", "gw.fr", SECOND) == (FIRM,)


def test_the_keys_of_the_folder_rsa_first() -> None:
    keys = [(one.domain, one.selector, to_pem(one.private_key)) for one in (FIRM,)]
    from cryptography.hazmat.primitives import serialization as s

    modern = MODERN.private_key.private_bytes(s.Encoding.PEM, s.PrivateFormat.PKCS8, s.NoEncryption())
    found = signers_of([("firm.fr", "a", modern), *keys])
    assert [one.kind for one in found] == ["rsa", "ed25519"]
