"""What a request to an ACME authority is signed with, and what is asked to be certified.

In: DATA/keys/acme.pem (made when missing, ECDSA P-256, 0600), names, values. Out: signed requests (RFC 7515 with ES256),
the proof for a question (RFC 8555 section 8.1), a new key with its request for a certificate (RFC 2986). Raises KeysError
where the key's file is broken.
"""

from __future__ import annotations

import base64
import hashlib
import json
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, utils

from config.keys import KeysError, write_private

_BYTES = 32  # of each half of a signature, and of a coordinate (RFC 7518 sections 3.4 and 6.2.1)


class AccountKey:
    """The key by which an authority knows this gateway."""

    def __init__(self, path: Path) -> None:
        if not path.exists():
            write_private(path, _pem(ec.generate_private_key(ec.SECP256R1())))
        try:
            key = serialization.load_pem_private_key(path.read_bytes(), None)
        except (ValueError, TypeError) as error:
            raise KeysError(f"{path} is broken: {error}") from error
        if not isinstance(key, ec.EllipticCurvePrivateKey) or key.key_size != 8 * _BYTES:
            raise KeysError(f"{path} is no P-256 key")
        self._key = key
        point = key.public_key().public_numbers()
        # the members in the order that RFC 7638 section 3 hashes them in
        self.jwk = {"crv": "P-256", "kty": "EC", "x": _number(point.x), "y": _number(point.y)}

    def signed(self, url: str, nonce: str, payload: dict[str, Any] | None, kid: str = "") -> bytes:
        """A request (RFC 8555 section 6.2); None asks for what stands at the URL, without a kid the key says who we are."""
        who: dict[str, Any] = {"kid": kid} if kid else {"jwk": self.jwk}
        head = _text(json.dumps({"alg": "ES256", "nonce": nonce, "url": url, **who}).encode())
        body = "" if payload is None else _text(json.dumps(payload).encode())
        r, s = utils.decode_dss_signature(self._key.sign(f"{head}.{body}".encode(), ec.ECDSA(hashes.SHA256())))
        signature = _text(r.to_bytes(_BYTES) + s.to_bytes(_BYTES))
        return json.dumps({"protected": head, "payload": body, "signature": signature}).encode()

    def proof(self, token: str) -> str:
        """What answers the question `token`: it and the thumbprint of our key."""
        said = json.dumps(self.jwk, separators=(",", ":"))
        return f"{token}.{_text(hashlib.sha256(said.encode()).digest())}"


def request(name: str) -> tuple[bytes, str]:
    """A new key (PEM), and the request to certify it for a name (DER, as ACME writes it)."""
    key = ec.generate_private_key(ec.SECP256R1())
    asked = (
        x509.CertificateSigningRequestBuilder()
        .subject_name(x509.Name([]))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=True)
        .sign(key, hashes.SHA256())
    )
    return _pem(key), _text(asked.public_bytes(serialization.Encoding.DER))


def _pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _number(value: int) -> str:
    return _text(value.to_bytes(_BYTES))


def _text(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
