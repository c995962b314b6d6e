"""Certificates of mail servers: who they name, who vouches for them, and what is wrong with them.

In: the chain as the server sent it (DER), the names that are right, the time. Out: None, or the `Flaw` of RFC 8460 section
4.3; and the few words that the history shows. Verified here and not in the handshake, so that a bad certificate can be
shown, and counted where a policy is only being tested; nothing is said to the server before. Any bytes are accepted as a
chain; nothing is raised. Logs once when there are no authorities to trust.
"""

from __future__ import annotations

import logging
import ssl
import warnings
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.utils import CryptographyDeprecationWarning
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from cryptography.x509.verification import (
    Criticality,
    ExtensionPolicy,
    PolicyBuilder,
    Store,
)

from mta.security import Fault, Flaw

LOG = logging.getLogger(__name__)
_MOST = 10  # certificates of a chain that are looked at
_SHOWN = 120  # characters of a name in the history
_SERVERS = {ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE}
_UNREADABLE = Flaw(Fault.UNTRUSTED, "unreadable")


def presented(connection: Any) -> tuple[bytes, ...]:
    """The chain that the other side of an `ssl.SSLObject` sent, its own certificate first."""
    inside = connection if hasattr(connection, "get_unverified_chain") else connection._sslobj
    # public from Python 3.13 on, where it gives bytes
    chain = inside.get_unverified_chain() or ()
    found = [one if isinstance(one, bytes) else ssl.PEM_cert_to_DER_cert(one.public_bytes()) for one in chain[:_MOST]]
    return tuple(found)


def describe(chain: Sequence[bytes]) -> dict[str, str]:
    """Subject, issuer and SHA-256 of a server's certificate, as the history keeps them."""
    subject, issuer, sha256 = _described(chain[0]) if chain else ("", "", "")
    return {"subject": subject, "issuer": issuer, "sha256": sha256}


@lru_cache(maxsize=2_000)
def _described(der: bytes) -> tuple[str, str, str]:
    leaf = _load(der)
    if leaf is None:
        return "", "", ""
    return _subject(leaf), _name(leaf.issuer), leaf.fingerprint(hashes.SHA256()).hex()


class Authorities:
    """Those whom we trust to vouch for names; `ca_file` in PEM, None: the system's."""

    def __init__(self, ca_file: Path | None = None) -> None:
        self._ca_file = ca_file
        self._store: Store | None = None
        self._tried = False

    def flaw(self, chain: Sequence[bytes], names: Sequence[str], now: int) -> Flaw | None:
        """What is wrong with a chain for a server that may have any of `names`; `now` in milliseconds."""
        store = self._loaded()
        if store is None:
            return Flaw(Fault.UNTRUSTED, "no authorities")
        return flaw(chain, names, store, now)

    def _loaded(self) -> Store | None:
        if not self._tried:
            self._tried = True
            context = ssl.create_default_context(cafile=None if self._ca_file is None else str(self._ca_file))
            roots = [one for der in context.get_ca_certs(binary_form=True) if (one := _load(der)) is not None]
            self._store = Store(roots) if roots else None
            if not roots:
                LOG.error("no certificate authorities are installed: no certificate can be verified")
        return self._store


def flaw(chain: Sequence[bytes], names: Sequence[str], store: Store, now: int) -> Flaw | None:
    """What is wrong with a chain under these anchors."""
    certificates = [_load(der) for der in chain[:_MOST]]
    leaf, others = (certificates[0], [one for one in certificates[1:] if one is not None]) if chain else (None, [])
    if leaf is None:
        return _UNREADABLE
    at = datetime.fromtimestamp(now / 1000, UTC)
    for name in names:
        if _verifies(leaf, others, name, store, at):
            return None
    return _why(leaf, names, at)


def _verifies(leaf: x509.Certificate, others: list[x509.Certificate], name: str, store: Store, at: datetime) -> bool:
    builder = PolicyBuilder().store(store).time(at.replace(tzinfo=None))
    builder = builder.extension_policies(ca_policy=_authority(), ee_policy=_server())
    try:
        builder.build_server_verifier(x509.DNSName(name)).verify(leaf, others)
    except Exception:
        # VerificationError as a rule; whatever else a stranger's certificate makes the library raise, it is no yes
        return False
    return True


# RFC 5280, not the profile of the CA/Browser Forum that is the library's default: many organisations' own authorities
# follow none, and TLSA records name just those. Names, dates, signatures, path lengths and name constraints are the
# library's own business, whatever stands here.


@lru_cache(maxsize=1)
def _authority() -> ExtensionPolicy:
    made = ExtensionPolicy.permit_all().require_present(x509.BasicConstraints, Criticality.AGNOSTIC, _may_sign)
    return made.may_be_present(x509.KeyUsage, Criticality.AGNOSTIC, _key_signs)


@lru_cache(maxsize=1)
def _server() -> ExtensionPolicy:
    made = ExtensionPolicy.permit_all().require_present(x509.SubjectAlternativeName, Criticality.AGNOSTIC, None)
    return made.may_be_present(x509.ExtendedKeyUsage, Criticality.AGNOSTIC, _for_servers)


def _may_sign(_policy: object, _certificate: x509.Certificate, found: x509.BasicConstraints) -> None:
    if not found.ca:
        raise ValueError("no authority")  # section 4.2.1.9


def _key_signs(_policy: object, _certificate: x509.Certificate, found: x509.KeyUsage | None) -> None:
    if found is not None and not found.key_cert_sign:
        raise ValueError("a key for other uses")  # section 4.2.1.3


def _for_servers(_policy: object, _certificate: x509.Certificate, found: x509.ExtendedKeyUsage | None) -> None:
    if found is not None and not _SERVERS.intersection(found):
        raise ValueError("a certificate for other uses")  # section 4.2.1.12


def _why(leaf: x509.Certificate, names: Sequence[str], at: datetime) -> Flaw:
    try:
        if at > leaf.not_valid_after_utc:
            return Flaw(Fault.EXPIRED)
        if at < leaf.not_valid_before_utc:
            return Flaw(Fault.EXPIRED, "not yet valid")
        if not any(_bears(pattern, name) for pattern in _alternatives(leaf) for name in names):
            return Flaw(Fault.WRONG_NAME)
    except ValueError:
        return _UNREADABLE
    return Flaw(Fault.UNTRUSTED)


def _alternatives(leaf: x509.Certificate) -> list[str]:
    try:
        found = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    except (x509.ExtensionNotFound, ValueError, x509.DuplicateExtension, x509.UnsupportedGeneralNameType):
        return []
    return found.value.get_values_for_type(x509.DNSName)


def _bears(pattern: str, name: str) -> bool:
    pattern, name = pattern.lower().rstrip("."), name.lower()
    if pattern.startswith("*."):  # RFC 6125 section 6.4.3: the whole left-most label, and one label only
        return name.partition(".")[2] == pattern[2:]
    return pattern == name


def _load(der: bytes) -> x509.Certificate | None:
    try:
        with warnings.catch_warnings():  # certificates break rules of which the library wants to warn their makers
            warnings.simplefilter("ignore", CryptographyDeprecationWarning)
            return x509.load_der_x509_certificate(der)
    except (ValueError, TypeError, x509.InvalidVersion):
        return None


def _subject(leaf: x509.Certificate) -> str:
    names = _alternatives(leaf)
    return _name(leaf.subject) or (names[0][:_SHOWN] if names else "")


def _name(name: x509.Name) -> str:
    parts: list[str] = []
    for kind in (NameOID.COMMON_NAME, NameOID.ORGANIZATION_NAME):
        found = name.get_attributes_for_oid(kind)
        if found and str(found[0].value) not in parts:
            parts.append("".join(char if char.isprintable() else "?" for char in str(found[0].value)))
    return ", ".join(parts)[:_SHOWN]
