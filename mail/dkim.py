"""DKIM (RFC 6376, RFC 8463), relaxed/relaxed: signing what is canonical already, and checking by other people's code.

In: headers in canonical form and the SHA-256 of a canonical body (mail/template makes both by construction), or a whole
mail for dkimpy. Out: the DKIM-Signature field to put in front, True or False from the check, the DNS record to publish.
Raises ValueError for a key that is neither Ed25519 nor RSA of 1024 to 4096 bits; a mail that does not verify is False.
"""

from __future__ import annotations

import logging
from base64 import b64encode
from binascii import b2a_base64
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from hashlib import sha256

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

KEY_BITS = 2048
_PADDING = padding.PKCS1v15()
_SHA256 = hashes.SHA256()
_LINE = 72
PrivateKey = rsa.RSAPrivateKey | Ed25519PrivateKey
# dkimpy explains each failure by this logger; the caller decides what to say, so it stays quiet here.
_QUIET = logging.getLogger("mail.dkim.dkimpy")
_QUIET.addHandler(logging.NullHandler())
_QUIET.propagate = False


@dataclass(frozen=True, slots=True)
class Signer:
    """One key of one domain: `SELECTOR._domainkey.DOMAIN`; ValueError when the key is an RSA key of no sane size."""

    domain: str
    selector: str
    private_key: PrivateKey = field(repr=False)

    def __post_init__(self) -> None:
        if isinstance(self.private_key, rsa.RSAPrivateKey) and not 1024 <= self.private_key.key_size <= 4096:
            raise ValueError("an RSA key for DKIM must have 1024 to 4096 bits")

    @property
    def kind(self) -> str:
        """`rsa`, or `ed25519`, which not every receiver can check (RFC 8463): good as a second signature only."""
        return "rsa" if isinstance(self.private_key, rsa.RSAPrivateKey) else "ed25519"


@dataclass(frozen=True, slots=True)
class Sealer:
    """A signer prepared for one list of header fields: the constant halves of the DKIM-Signature field."""

    sign: Callable[[bytes], bytes] = field(repr=False)
    wire: tuple[bytes, bytes]  # around "t=", as sent
    canonical: tuple[bytes, bytes]  # the same, relaxed

    def seal(self, canonical_headers: bytes, body_digest: bytes, seconds: int) -> bytes:
        """Return the folded DKIM-Signature field over canonical fields and a body's SHA-256, dated `seconds`."""
        body_hash = b2a_base64(body_digest, newline=False)
        stamp = b"%d" % seconds
        head = b"%s%s%s%s" % (self.canonical[0], stamp, self.canonical[1], body_hash)
        # RFC 6376 section 3.7: the signature's own field comes last, with an empty b= and without its CRLF.
        signature = self.sign(b"%s%s; b=" % (canonical_headers, head))
        text = b2a_base64(signature, newline=False)
        folded = b"\r\n ".join([text[at : at + _LINE] for at in range(0, len(text), _LINE)])
        return b"%s%s%s%s;\r\n b=%s\r\n" % (self.wire[0], stamp, self.wire[1], body_hash, folded)


def sealer(signer: Signer, names: tuple[str, ...]) -> Sealer:
    """Prepare a signer for fields in this order (a name more often than it occurs is oversigned, section 8.15)."""
    head = f"v=1; a={signer.kind}-sha256; c=relaxed/relaxed; d={signer.domain}; s={signer.selector};"
    listed: list[str] = []
    line = " h="
    for index, name in enumerate(names):
        item = name + (":" if index + 1 < len(names) else ";")
        if len(line) + len(item) > _LINE:
            listed.append(line)
            line = " "
        line += item
    listed.append(line)
    fields = "\r\n".join(listed)
    wire = (f"DKIM-Signature: {head}\r\n t=".encode(), f";\r\n{fields}\r\n bh=".encode())
    # Relaxed, section 3.4.2: lower-case name, no blank around the colon, lines joined (each fold leaves its one blank).
    first = wire[0].replace(b"\r\n", b"").replace(b"DKIM-Signature: ", b"dkim-signature:")
    return Sealer(_signing(signer.private_key), wire, (first, wire[1].replace(b"\r\n", b"")))


def relaxed_field(name: str, value: str) -> bytes:
    """Return a field in relaxed form (RFC 6376 section 3.4.2) with its CRLF; `value` may be folded."""
    return f"{name.lower()}:{' '.join(value.replace(chr(9), ' ').split())}\r\n".encode()


def _signing(key: PrivateKey) -> Callable[[bytes], bytes]:
    if isinstance(key, rsa.RSAPrivateKey):
        return partial(_rsa, key)
    return lambda data: key.sign(sha256(data).digest())  # RFC 8463 section 3: the hash is what is signed


def _rsa(key: rsa.RSAPrivateKey, data: bytes) -> bytes:
    return key.sign(data, _PADDING, _SHA256)


def new_key() -> rsa.RSAPrivateKey:
    """Make an RSA key of 2048 bits."""
    return rsa.generate_private_key(public_exponent=65537, key_size=KEY_BITS)


def to_pem(key: PrivateKey) -> bytes:
    """Return an unencrypted PKCS#1 PEM, the form that dkimpy and OpenDKIM read too."""
    kind = serialization.PrivateFormat.TraditionalOpenSSL
    return key.private_bytes(serialization.Encoding.PEM, kind, serialization.NoEncryption())


def from_pem(pem: bytes) -> PrivateKey:
    """Read a PEM private key (PKCS#1 or PKCS#8); ValueError when it is no key for DKIM, or its parts do not fit."""
    # OpenSSL proves the primes anew at each load, a quarter of a second; that the key signs what its public half
    # verifies is what we need to know of a key of our own.
    key = serialization.load_pem_private_key(pem, password=None, unsafe_skip_rsa_key_validation=True)
    if isinstance(key, Ed25519PrivateKey):
        return key
    if not isinstance(key, rsa.RSAPrivateKey):
        raise ValueError("a DKIM key must be an RSA or Ed25519 key")
    try:
        key.public_key().verify(key.sign(b"proof", _PADDING, _SHA256), b"proof", _PADDING, _SHA256)
    except InvalidSignature:
        raise ValueError("the parts of a DKIM key do not fit together") from None
    return key


def dns_name(signer: Signer) -> str:
    """Return the name under which the public key is published."""
    return f"{signer.selector}._domainkey.{signer.domain}"


def dns_value(signer: Signer) -> str:
    """Return the TXT value of the public key (some 410 characters: DNS servers cut it into strings of 255)."""
    public = signer.private_key.public_key()
    if signer.kind == "ed25519":  # RFC 8463 section 4.2: the bare 32 octets
        data = public.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
    else:
        data = public.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    return f"v=DKIM1; k={signer.kind}; p={b64encode(data).decode()}"


def dns_record(signer: Signer) -> str:
    """Return the record to publish, as one line: `SELECTOR._domainkey.DOMAIN TXT "…"`."""
    return f'{dns_name(signer)} TXT "{dns_value(signer)}"'


def verify_with_dkimpy(raw: bytes, public_key_lookup: Callable[[str], str | None], index: int = 0) -> bool:
    """Say whether dkimpy accepts signature `index` of a mail; `public_key_lookup` gives the TXT value of a name: no DNS."""

    import dkim  # with its DNS libraries some 60 ms, which reading processes and commands need not pay

    def answer(name: bytes, timeout: int = 0) -> bytes | None:
        value = public_key_lookup(name.decode("ascii", "replace").rstrip("."))
        return None if value is None else value.encode()

    try:
        return bool(dkim.DKIM(raw, logger=_QUIET).verify(index, dnsfunc=answer))
    except Exception:
        # Whatever dkimpy stumbles over (it raises far more than DKIMException), it has not accepted the mail.
        return False


def sign_with_dkimpy(raw: bytes, signer: Signer, names: tuple[str, ...]) -> bytes:
    """Return any mail (CRLF) with dkimpy's relaxed/relaxed signature in front; slow, for single system mails."""
    import dkim

    made = dkim.DKIM(raw, logger=_QUIET).sign(
        signer.selector.encode(),
        signer.domain.encode(),
        to_pem(signer.private_key),
        canonicalize=(b"relaxed", b"relaxed"),
        include_headers=[name.lower().encode() for name in names],
    )
    return bytes(made) + raw
