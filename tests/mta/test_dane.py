"""Certificates against TLSA records, and against authorities."""

from __future__ import annotations

import datetime
from pathlib import Path

import pytest
import trustme
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from hypothesis import given
from hypothesis import strategies as st
from tls_kit import DAY, issue, tlsa

from mail.resolver_dnssec import Tlsa
from mta import dane
from mta.certificates import Authorities, describe
from mta.security import TLSA_MISMATCH, Fault, Flaw
from store.engine import now_ms

Made = tuple[x509.Certificate, ec.EllipticCurvePrivateKey]
ROOT = trustme.CA(organization_name="Racine")
MIDDLE = ROOT.create_child_ca()
GOOD = issue(MIDDLE, "mx.acme.test", root=ROOT)
OLD = issue(MIDDLE, "mx.acme.test", age=30 * DAY, left=-DAY, root=ROOT)
OTHER = issue(trustme.CA(), "mx.acme.test")
NAMES = ("mx.acme.test", "acme.test")
MISMATCH = Flaw(Fault.HANDSHAKE, TLSA_MISMATCH)


@pytest.mark.parametrize("selector", [0, 1])
@pytest.mark.parametrize("matching", [0, 1, 2])
def test_the_servers_own_certificate(selector: int, matching: int) -> None:
    record = tlsa(GOOD.chain[0], 3, selector, matching)
    assert dane.usable([record]) == (record,)
    assert dane.verify([record], GOOD.chain, NAMES, now_ms()) is None
    assert dane.verify([record], OTHER.chain, NAMES, now_ms()) == MISMATCH


def test_dane_ee_asks_for_neither_name_nor_date() -> None:
    record = tlsa(OLD.chain[0])
    assert dane.verify([record], OLD.chain, ("elsewhere.test",), now_ms()) is None


@pytest.mark.parametrize("selector", [0, 1])
@pytest.mark.parametrize("matching", [0, 1, 2])
@pytest.mark.parametrize("at", [1, 2])
def test_an_authority_of_the_chain(selector: int, matching: int, at: int) -> None:
    record = tlsa(GOOD.chain[at], 2, selector, matching)
    assert dane.verify([record], GOOD.chain, NAMES, now_ms()) is None
    assert dane.verify([record], GOOD.chain, ("acme.test",), now_ms()) == Flaw(Fault.WRONG_NAME)
    assert dane.verify([record], OLD.chain, NAMES, now_ms()) == Flaw(Fault.EXPIRED)


def test_an_authority_that_did_not_sign_vouches_for_nothing() -> None:
    record = tlsa(GOOD.chain[1], 2)
    stolen = (OTHER.chain[0], *GOOD.chain[1:])  # a stranger's certificate beside our authority's
    assert dane.verify([record], stolen, NAMES, now_ms()) == Flaw(Fault.UNTRUSTED)
    assert dane.verify([record], OTHER.chain, NAMES, now_ms()) == MISMATCH
    leaf_as_authority = tlsa(GOOD.chain[0], 2)
    assert dane.verify([leaf_as_authority], GOOD.chain, NAMES, now_ms()) == MISMATCH


def test_the_whole_authority_in_the_record_need_not_be_sent() -> None:
    record = tlsa(GOOD.chain[2], 2, 0, 0)
    assert dane.verify([record], GOOD.chain[:2], NAMES, now_ms()) is None


def test_what_cannot_be_used() -> None:
    good = tlsa(GOOD.chain[0])
    for bad in (
        Tlsa(0, 1, 1, good.data), Tlsa(1, 1, 1, good.data), Tlsa(255, 1, 1, good.data), Tlsa(3, 2, 1, good.data),
        Tlsa(3, 1, 3, good.data), Tlsa(3, 1, 1, good.data[:-1]), Tlsa(3, 1, 2, good.data), Tlsa(3, 1, 0, b""),
    ):  # fmt: skip
        assert dane.usable([bad]) == ()
    assert dane.usable([bad, good]) == (good,)


def test_the_strongest_digest_counts() -> None:
    weak, strong = tlsa(GOOD.chain[0]), tlsa(OTHER.chain[0], matching=2)
    assert dane.usable([weak, strong]) == (strong,)
    whole = tlsa(GOOD.chain[0], matching=0)
    assert set(dane.usable([weak, strong, whole])) == {strong, whole}


@given(st.lists(st.binary(max_size=200), max_size=4), st.binary(max_size=80), st.integers(0, 3), st.integers(0, 1))
def test_any_bytes_are_a_flaw(chain: list[bytes], data: bytes, usage: int, selector: int) -> None:
    record = Tlsa(usage, selector, 0, data)
    if data and usage == 3 and selector == 0 and chain and chain[0] == data:
        return  # a record of these very bytes
    assert dane.verify(dane.usable([record]), chain, NAMES, now_ms()) is not None
    describe(chain)


@given(st.integers(0, 2000), st.integers(1, 255))
def test_a_changed_certificate_is_a_flaw(at: int, change: int) -> None:
    leaf = bytearray(GOOD.chain[0])
    leaf[at % len(leaf)] ^= change
    assert dane.verify([tlsa(GOOD.chain[0], 3, 0)], (bytes(leaf), *GOOD.chain[1:]), NAMES, now_ms()) is not None


@pytest.fixture
def authorities(tmp_path: Path) -> Authorities:
    ROOT.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    return Authorities(tmp_path / "ca.pem")


def test_authorities(authorities: Authorities) -> None:
    now = now_ms()
    assert authorities.flaw(GOOD.chain, ["mx.acme.test"], now) is None
    assert authorities.flaw(GOOD.chain[:2], ["mx.acme.test"], now) is None
    assert authorities.flaw(GOOD.chain, ["mx.evil.test"], now) == Flaw(Fault.WRONG_NAME)
    assert authorities.flaw(GOOD.chain[:1], ["mx.acme.test"], now) == Flaw(Fault.UNTRUSTED)
    assert authorities.flaw(OLD.chain, ["mx.acme.test"], now) == Flaw(Fault.EXPIRED)
    assert authorities.flaw(OTHER.chain, ["mx.acme.test"], now) == Flaw(Fault.UNTRUSTED)
    assert authorities.flaw((), ["mx.acme.test"], now) == Flaw(Fault.UNTRUSTED, "unreadable")
    early = now - int(datetime.timedelta(days=2).total_seconds() * 1000)
    assert authorities.flaw(GOOD.chain, ["mx.acme.test"], early) == Flaw(Fault.EXPIRED, "not yet valid")


def _signed(name: str, by: Made | None, *extensions: x509.ExtensionType) -> Made:
    key = ec.generate_private_key(ec.SECP256R1())
    now = datetime.datetime.now(datetime.UTC)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    builder = x509.CertificateBuilder().subject_name(subject).public_key(key.public_key())
    builder = builder.issuer_name(by[0].subject if by else subject).serial_number(x509.random_serial_number())
    builder = builder.not_valid_before(now - DAY).not_valid_after(now + DAY)
    for one in extensions:
        builder = builder.add_extension(one, critical=True)
    return builder.sign(by[1] if by else key, hashes.SHA256()), key


SAN = x509.SubjectAlternativeName([x509.DNSName("mx.acme.test")])
CA = x509.BasicConstraints(ca=True, path_length=None)
USES = dict.fromkeys(
    ("digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement",
     "key_cert_sign", "crl_sign", "encipher_only", "decipher_only"), False,
)  # fmt: skip
BOTTOM = _signed("root", None, CA)
ELSEWHERE = x509.NameConstraints([x509.DNSName("other.test")], None)


@pytest.mark.parametrize(
    ("middle", "leaf", "good"),
    [
        ((CA,), (SAN,), True),
        ((CA, x509.KeyUsage(**{**USES, "key_cert_sign": True})), (SAN,), True),
        ((CA,), (SAN, x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH])), True),
        ((), (SAN,), False),
        ((x509.BasicConstraints(ca=False, path_length=None),), (SAN,), False),
        ((CA, x509.KeyUsage(**{**USES, "digital_signature": True})), (SAN,), False),
        ((CA,), (SAN, x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH])), False),
        ((CA, ELSEWHERE), (SAN,), False),
        ((CA,), (), False),
    ],
)
def test_the_rules_of_a_chain(
    middle: tuple[x509.ExtensionType, ...], leaf: tuple[x509.ExtensionType, ...], good: bool
) -> None:
    between = _signed("middle", BOTTOM, *middle)
    server = _signed("mx.acme.test", between, *leaf)
    chain = tuple(one[0].public_bytes(Encoding.DER) for one in (server, between, BOTTOM))
    assert (dane.verify([tlsa(chain[2], 2)], chain, NAMES, now_ms()) is None) is good


def test_a_path_may_be_no_longer_than_its_authority_says() -> None:
    short = _signed("short", None, x509.BasicConstraints(ca=True, path_length=0))
    between = _signed("middle", short, CA)
    server = _signed("mx.acme.test", between, SAN)
    chain = tuple(one[0].public_bytes(Encoding.DER) for one in (server, between, short))
    assert dane.verify([tlsa(chain[2], 2)], chain, NAMES, now_ms()) == Flaw(Fault.UNTRUSTED)


def test_wildcards_stand_for_one_label(authorities: Authorities) -> None:
    wild = issue(ROOT, "*.acme.test")
    assert authorities.flaw(wild.chain, ["mx.acme.test"], now_ms()) is None
    for name in ("acme.test", "a.mx.acme.test", "mx.acme.test.evil"):
        assert authorities.flaw(wild.chain, [name], now_ms()) == Flaw(Fault.WRONG_NAME)


def test_the_words_of_the_history() -> None:
    shown = describe(GOOD.chain)
    assert "trustme" in shown["issuer"]
    assert shown["subject"]
    assert len(shown["sha256"]) == 64
    assert describe(()) == {"subject": "", "issuer": "", "sha256": ""}
