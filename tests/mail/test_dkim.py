"""DKIM: dkimpy accepts what we sign and refuses what was altered."""

import hashlib

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from hypothesis import given
from hypothesis import strategies as st

from mail import dkim as ours

SIGNER = ours.Signer("gw.example", "m2c1", ours.new_key())
RECORDS = {"m2c1._domainkey.gw.example": ours.dns_value(SIGNER)}
words = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=20)
lines = st.lists(words, max_size=8).map(" ".join)
# Canonical by construction: single blanks inside lines, no blank line at the end.
bodies = st.lists(lines, max_size=12).map(lambda found: "".join(f"{line}\r\n" for line in found) + "end.\r\n")


def signed(subject: str, body: str, names: tuple[str, ...], seconds: int) -> bytes:
    fields = {"From": "A <a@gw.example>", "To": "b@b.example", "Subject": subject}
    canonical = b"".join(ours.relaxed_field(name, value) for name, value in fields.items())
    seal = ours.sealer(SIGNER, names).seal(canonical, hashlib.sha256(body.encode()).digest(), seconds)
    head = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
    return seal + f"{head}\r\n{body}".encode()


@pytest.mark.slow
@given(lines, bodies, st.integers(1, 2**31))
def test_dkimpy_accepts_what_we_sign(subject: str, body: str, seconds: int) -> None:
    raw = signed(subject, body, ("From", "To", "Subject", "From"), min(seconds, 1_700_000_000))
    assert ours.verify_with_dkimpy(raw, RECORDS.get)
    assert max(map(len, raw.split(b"\r\n\r\n")[0].split(b"\r\n"))) <= 998


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"To: b@", b"To: c@"),
        (b"Subject: Hello", b"Subject: Hallo"),
        (b"end.", b"END."),
        (b"From: A", b"From: B <b@b.example>\r\nFrom: A"),
        (b"d=gw.example", b"d=gv.example"),
    ],
)
def test_dkimpy_refuses_what_was_altered(old: bytes, new: bytes) -> None:
    raw = signed("Hello there", "text\r\nend.\r\n", ("From", "To", "Subject", "From"), 1_700_000_000)
    assert ours.verify_with_dkimpy(raw, RECORDS.get)
    assert old in raw
    assert not ours.verify_with_dkimpy(raw.replace(old, new, 1), RECORDS.get)


def test_no_key_another_key_and_rubbish_are_refused() -> None:
    raw = signed("Hello", "end.\r\n", ("From", "To", "Subject"), 1_700_000_000)
    other = ours.dns_value(ours.Signer("x", "y", ours.new_key()))
    for lookup in ({}.get, lambda _name: other, lambda _name: "p=", lambda _name: "rubbish"):
        assert not ours.verify_with_dkimpy(raw, lookup)
    for rubbish in (b"", b"\r\n", b"DKIM-Signature: v=1\r\n\r\n", bytes(range(256))):
        assert not ours.verify_with_dkimpy(rubbish, RECORDS.get)


def test_a_key_goes_through_pem() -> None:
    pem = ours.to_pem(SIGNER.private_key)
    again = ours.Signer("gw.example", "m2c1", ours.from_pem(pem))
    assert ours.dns_record(again) == ours.dns_record(SIGNER)
    assert ours.dns_record(again).startswith('m2c1._domainkey.gw.example TXT "v=DKIM1; k=rsa; p=MII')
    assert "PRIVATE" not in repr(SIGNER)


def test_other_keys_are_a_configuration_bug() -> None:
    pem = ec.generate_private_key(ec.SECP256R1()).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    with pytest.raises(ValueError, match="RSA"):
        ours.from_pem(pem)
    small = rsa.generate_private_key(65537, 1024)
    assert ours.Signer("d", "s", small).private_key is small


def test_a_damaged_key_is_told_from_a_good_one() -> None:
    numbers, other = SIGNER.private_key.private_numbers(), rsa.generate_private_key(65537, 1024).private_numbers()
    halves = rsa.RSAPrivateNumbers(
        numbers.p, numbers.q, other.d, numbers.dmp1, other.dmq1, numbers.iqmp, numbers.public_numbers
    )
    pem = halves.private_key(unsafe_skip_rsa_key_validation=True).private_bytes(
        Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()
    )
    with pytest.raises(ValueError, match="fit together"):
        ours.from_pem(pem)


def test_dkimpy_signs_system_mail() -> None:
    raw = b"From: a@gw.example\r\nTo: b@b.example\r\nSubject: =?utf-8?q?=C3=A9?=\r\n\r\nBonjour  tous \r\n\r\n"
    made = ours.sign_with_dkimpy(raw, SIGNER, ("From", "To", "Subject"))
    assert made.endswith(raw)
    assert ours.verify_with_dkimpy(made, RECORDS.get)
