"""The self-signed certificate with which a new gateway can start at once.

In: the data folder and the gateway's domain. Out: DATA/tls/cert.pem and DATA/tls/key.pem (ECDSA P-256, ten years),
kept as they are when they exist. An operator puts a real one in their place or names it in [smtp]; `got` is where those stand
that the gateway gets by itself. `look` tells what is in one. OSError passes.
"""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from pathlib import Path

from config.keys import write_private

_YEARS = datetime.timedelta(days=3650)


def paths(data_dir: Path) -> tuple[Path, Path]:
    """Return where the certificate and its key stand in a data folder."""
    return data_dir / "tls" / "cert.pem", data_dir / "tls" / "key.pem"


def got(data_dir: Path, name: str) -> Path:
    """Return where the certificate stands that an authority gave for a name: key and chain in one file."""
    return data_dir / "tls" / "acme" / f"{name}.pem"


def create(data_dir: Path, domain: str) -> None:
    """Make certificate and key for `domain` unless both are there."""
    certificate, key = paths(data_dir)
    if certificate.exists() and key.exists():
        return
    chain, private = _self_signed(domain)
    write_private(key, private)
    write_private(certificate, chain)


@dataclass(frozen=True, slots=True)
class Seen:
    """What a certificate says: its beginning and end, whether nobody but itself vouches for it, the names it bears."""

    begins: datetime.datetime
    ends: datetime.datetime
    own: bool
    names: tuple[str, ...]

    def spent(self, now: datetime.datetime) -> float:
        """How much of its life is over: 0 new, 1 at its end."""
        return (now - self.begins) / (self.ends - self.begins)

    def bears(self, domain: str) -> bool:
        """Whether it is one for that name."""
        return domain in self.names or f"*.{domain.partition('.')[2]}" in self.names


def look(chain: Path) -> Seen:
    """Read the first certificate of a PEM file; ValueError or OSError when there is none."""
    from cryptography import x509

    found = x509.load_pem_x509_certificates(chain.read_bytes())[0]
    try:
        names = found.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        said = tuple(name.lower() for name in names.get_values_for_type(x509.DNSName))
    except x509.ExtensionNotFound:
        said = ()
    return Seen(found.not_valid_before_utc, found.not_valid_after_utc, found.issuer == found.subject, said)


def _self_signed(domain: str) -> tuple[bytes, bytes]:
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import NameOID

    private = ec.generate_private_key(ec.SECP256R1())
    now = datetime.datetime.now(datetime.UTC)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, domain[:64])])  # RFC 5280 ub-common-name
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(private.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + _YEARS)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(domain)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(private, hashes.SHA256())
    )
    encoded = private.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return certificate.public_bytes(serialization.Encoding.PEM), encoded
