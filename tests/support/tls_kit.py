"""Certificates of imaginary authorities, as a server sends them."""

from __future__ import annotations

import datetime
import hashlib
import ssl
from dataclasses import dataclass

import trustme
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from mail.resolver_dnssec import Tlsa

DAY = datetime.timedelta(days=1)


@dataclass(frozen=True)
class Server:
    """A certificate with its key and the chain that goes with it."""

    leaf: trustme.LeafCert
    chain: tuple[bytes, ...]

    def context(self) -> ssl.SSLContext:
        """What a server offers with it."""
        made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.leaf.configure_cert(made)
        return made


def issue(authority: trustme.CA, *names: str, age: datetime.timedelta = DAY, left: datetime.timedelta = DAY) -> Server:
    """A server's certificate, issued `age` ago and good for `left` (negative: expired); the authority is in its chain."""
    now = datetime.datetime.now(datetime.UTC)
    leaf = authority.issue_cert(*names, not_before=now - age, not_after=now + left)
    leaf.cert_chain_pems.append(authority.cert_pem)
    return Server(leaf, tuple(ssl.PEM_cert_to_DER_cert(one.bytes().decode()) for one in leaf.cert_chain_pems))


def tlsa(der: bytes, usage: int = 3, selector: int = 1, matching: int = 1) -> Tlsa:
    """The TLSA record of a certificate, made another way than the code under test reads it."""
    content = der
    if selector == 1:
        content = (
            x509.load_der_x509_certificate(der)
            .public_key()
            .public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        )
    digest = {0: content, 1: hashlib.sha256(content).digest(), 2: hashlib.sha512(content).digest()}[matching]
    return Tlsa(usage, selector, matching, digest)
