"""DANE for SMTP (RFC 7672): what TLSA records ask for, and whether a certificate is what they name.

In: records that DNSSEC has proven, the chain of a server (DER), names, the time. Out: which records can be used, and None or
the `Flaw` of a chain. DANE-EE(3) takes the server's own certificate as it is, whatever its names and dates (section
3.1.1); DANE-TA(2) wants a chain to the authority that the record names and the right name on it (section 3.1.2).
PKIX-TA(0) and PKIX-EE(1) cannot be used with SMTP (section 3.1.3). Pure; any bytes are accepted; nothing is raised.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from cryptography import x509
from cryptography.x509.verification import Store

from mail.resolver_dnssec import Tlsa
from mta.certificates import flaw
from mta.security import TLSA_MISMATCH, Fault, Flaw

_TA, _EE = 2, 3
_DIGESTS = {1: (hashlib.sha256, 32), 2: (hashlib.sha512, 64)}
_ANY, _MOST = 0, 10
_VERSION = b"\xa0"
_NO_MATCH = Flaw(Fault.HANDSHAKE, TLSA_MISMATCH)


def usable(records: Sequence[Tlsa]) -> tuple[Tlsa, ...]:
    """The records that can be acted on; of several digests of one kind only the strongest (RFC 7671 section 9)."""
    sound = [one for one in records if _sound(one)]
    strongest: dict[tuple[int, int], int] = {}
    for one in sound:
        kind = (one.usage, one.selector)
        strongest[kind] = max(strongest.get(kind, 0), one.matching)
    return tuple(one for one in sound if one.matching in (_ANY, strongest[one.usage, one.selector]))


def _sound(record: Tlsa) -> bool:
    if record.usage not in (_TA, _EE) or record.selector not in (0, 1):
        return False
    if record.matching == _ANY:
        return bool(record.data)
    known = _DIGESTS.get(record.matching)
    return known is not None and len(record.data) == known[1]


def verify(records: Sequence[Tlsa], chain: Sequence[bytes], names: Sequence[str], now: int) -> Flaw | None:
    """What is wrong with a chain under usable records; `now` in milliseconds."""
    if not chain:
        return _NO_MATCH
    if any(one.usage == _EE and _matches(one, chain[0]) for one in records):
        return None
    anchors = _anchors([one for one in records if one.usage == _TA], chain)
    if not anchors:
        return _NO_MATCH
    return flaw(chain, names, Store(anchors), now)


def _anchors(records: Sequence[Tlsa], chain: Sequence[bytes]) -> list[x509.Certificate]:
    # section 3.1.2 wants the authority in the chain; a record that holds the whole certificate brings it itself
    found = [der for der in chain[1:_MOST] if any(_matches(one, der) for one in records)]
    found += [one.data for one in records if one.selector == 0 and one.matching == _ANY]
    loaded = []
    for der in found:
        try:
            loaded.append(x509.load_der_x509_certificate(der))
        except (ValueError, TypeError, x509.InvalidVersion):
            continue
    return loaded


def _matches(record: Tlsa, der: bytes) -> bool:
    content = der if record.selector == 0 else _public_key(der)
    if content is None:
        return False
    known = _DIGESTS.get(record.matching)
    return record.data == (content if known is None else known[0](content).digest())


def _public_key(der: bytes) -> bytes | None:
    """The subjectPublicKeyInfo as it stands in the certificate: written anew by a library it may differ."""
    try:
        inside = x509.load_der_x509_certificate(der).tbs_certificate_bytes
    except (ValueError, TypeError, x509.InvalidVersion):
        return None
    # RFC 5280 section 4.1: [0] version, serial number, signature, issuer, validity, subject, subjectPublicKeyInfo
    at, _ = _content(inside, 0)
    for _ in range(6 if inside[at : at + 1] == _VERSION else 5):
        at = _content(inside, at)[1]
    return inside[at : _content(inside, at)[1]]


def _content(der: bytes, at: int) -> tuple[int, int]:
    """Where the content of the element at `at` begins and ends; the bytes are known to be sound DER."""
    length, start = der[at + 1], at + 2
    if length & 0x80:
        size = length & 0x7F
        length, start = int.from_bytes(der[start : start + size], "big"), start + size
    return start, start + length
