"""Opaque S/MIME signatures of another implementation, in both forms of their lengths; encrypted ones stay closed."""

from __future__ import annotations

import datetime
from email.message import EmailMessage
from email.policy import SMTP
from functools import cache

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import pkcs7
from hypothesis import given
from hypothesis import strategies as st

from parsers.cms import signed_content
from parsers.mime import read
from parsers.submission import Notice, Reason, split


@pytest.fixture(scope="module")
def identity() -> tuple[x509.Certificate, rsa.RSAPrivateKey]:
    key = rsa.generate_private_key(65537, 2048)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "Anne")])
    day = datetime.datetime(2026, 1, 1)
    made = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    made = made.serial_number(1).not_valid_before(day).not_valid_after(day + datetime.timedelta(days=3650))
    return made.sign(key, hashes.SHA256()), key


@cache
def inner() -> bytes:
    made = EmailMessage(policy=SMTP)
    made.set_content("Bonjour {{Nom}}")
    made.add_attachment(b"Email;Nom\r\na@b.test;A\r\n", "text", "csv", filename="LISTE.csv")
    return bytes(made)


def mail(body: bytes, kind: str) -> bytes:
    head = EmailMessage(policy=SMTP)
    head["From"], head["To"], head["Subject"] = "anne@firm.example", "mail@gw.example", "Offre"
    head.add_attachment(body, "application", "pkcs7-mime", filename="smime.p7m", params={"smime-type": kind})
    outer = bytes(head)
    # the part itself is the mail, as clients send it
    fields, _, rest = outer.partition(b"Content-Type: multipart/mixed")
    boundary = rest.split(b'boundary="')[1].split(b'"')[0]
    return fields + rest.split(b"--" + boundary)[1].lstrip(b"\r\n")


def test_an_opaque_signed_campaign(identity: tuple[x509.Certificate, rsa.RSAPrivateKey]) -> None:
    certificate, key = identity
    builder = pkcs7.PKCS7SignatureBuilder().set_data(inner()).add_signer(certificate, key, hashes.SHA256())
    signed = builder.sign(serialization.Encoding.DER, [pkcs7.PKCS7Options.Binary])
    assert signed_content(signed) == inner()
    message = read(mail(signed, "signed-data"))
    assert (message.subject, message.text, message.signed, message.encrypted) == (
        "Offre",
        "Bonjour {{Nom}}\n",
        True,
        False,
    )
    found = split(message)
    assert found.liste is not None
    assert (found.held, found.notices) == ((), (Notice.SIGNATURE_DROPPED,))


def test_an_encrypted_mail_is_held(identity: tuple[x509.Certificate, rsa.RSAPrivateKey]) -> None:
    builder = pkcs7.PKCS7EnvelopeBuilder().set_data(inner()).add_recipient(identity[0])
    closed = builder.encrypt(serialization.Encoding.DER, [pkcs7.PKCS7Options.Binary])
    assert signed_content(closed) is None
    assert [held.reason for held in split(read(mail(closed, "enveloped-data"))).held] == [Reason.ENCRYPTED]


def test_lengths_left_open() -> None:
    octets = b"\x24\x80" + b"\x04\x03Con" + b"\x04\x04tent" + b"\0\0"
    content = b"\x30\x80" + b"\x06\x09" + bytes.fromhex("2a864886f70d010701") + b"\xa0\x80" + octets + b"\0\0\0\0"
    algorithms = b"\x31\x80\x30\x80\x06\x01\x2a\0\0\0\0"
    signed = b"\x30\x80\x02\x01\x01" + algorithms + content
    whole = b"\x30\x80\x06\x09" + bytes.fromhex("2a864886f70d010702") + b"\xa0\x80" + signed + bytes(6)
    assert signed_content(whole) == b"Content"


@given(st.binary(max_size=200))
def test_any_bytes(data: bytes) -> None:
    oid = b"\x30\x80\x06\x09" + bytes.fromhex("2a864886f70d010702") + b"\xa0\x80"
    assert signed_content(data) is None or data
    found = signed_content(oid + data)
    assert found is None or isinstance(found, bytes)
