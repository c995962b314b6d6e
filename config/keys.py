"""The keys of a gateway: token keys, suppression keys and DKIM keys, all in DATA/keys.

In: the data folder. Out: `{key id: secret}` with the id in force for the two rings (`tokens`, `suppression`), and
`(domain, selector, PEM)` for every DKIM key found as DATA/keys/dkim/DOMAIN/SELECTOR.pem (RSA-2048 or Ed25519, PKCS #8).
Every file is 0600, written whole beside its place and renamed, so that a crash leaves the old one or the new one.
Raises KeysError with one sentence when a file is missing, broken or would be overwritten; keys are never logged.
"""

from __future__ import annotations

import base64
import json
import os
import re
import secrets
import tempfile
from pathlib import Path
from typing import Any, Literal

Ring = Literal["tokens", "suppression"]
RINGS: tuple[Ring, ...] = ("tokens", "suppression")
SELECTOR = "m2c1"
_SECRET_BYTES = 32
_MIN_SECRET_BYTES = 16
_MAX_KEY_ID = 255  # a token has eight bits for it
_LABEL = r"[a-z0-9](?:[a-z0-9_-]{0,61}[a-z0-9])?"
_NAME = re.compile(rf"{_LABEL}(?:\.{_LABEL})*")


class KeysError(Exception):
    """The keys cannot be used; the text says which file and why."""


def create(data_dir: Path, domain: str) -> None:
    """Make both rings and a first DKIM key for `domain`; a file that exists already is kept as it is."""
    for name in RINGS:
        path = _ring_path(data_dir, name)
        if not path.exists():
            secret = base64.b64encode(secrets.token_bytes(_SECRET_BYTES)).decode()
            write_private(path, json.dumps({"current": 1, "keys": {"1": secret}}, indent=2).encode() + b"\n")
    if not any(known == domain for known, _selector, _pem in dkim_keys(data_dir)):
        add_dkim(data_dir, domain, SELECTOR)


def load_keyring(data_dir: Path, name: Ring) -> tuple[dict[int, bytes], int]:
    """Return `({key id: secret}, id in force)` of one ring; KeysError when it is missing or broken."""
    path = _ring_path(data_dir, name)
    try:
        text = path.read_text("ascii")
    except FileNotFoundError as error:
        raise KeysError(f"{path} is missing: without it old links and addresses cannot be read") from error
    except (OSError, ValueError) as error:
        raise KeysError(f"{path} cannot be read: {error}") from error
    try:
        return _ring(json.loads(text))
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise KeysError(f"{path} is broken: {error}") from error


def rotate(data_dir: Path, name: Ring) -> int:
    """Add a new secret to a ring and put it in force; the old ones stay, since what they made is read for ever."""
    kept, _current = load_keyring(data_dir, name)
    new = max(kept) + 1
    if new > _MAX_KEY_ID:
        raise KeysError(f"{_ring_path(data_dir, name)} holds as many keys as a token can name")
    secrets_ = {**kept, new: secrets.token_bytes(_SECRET_BYTES)}
    said = {str(key_id): base64.b64encode(secret).decode() for key_id, secret in secrets_.items()}
    write_private(_ring_path(data_dir, name), json.dumps({"current": new, "keys": said}, indent=2).encode() + b"\n")
    return new


def dkim_keys(data_dir: Path) -> list[tuple[str, str, bytes]]:
    """Return `(domain, selector, PEM)` of every DKIM key, in the order of domain and selector."""
    return [(path.parent.name, path.stem, path.read_bytes()) for path in dkim_files(data_dir)]


def dkim_files(data_dir: Path) -> list[Path]:
    """Return the file of every DKIM key, in the order of domain and selector."""
    files = sorted(_dkim_dir(data_dir).glob("*/*.pem"))
    return [path for path in files if _NAME.fullmatch(path.parent.name) and _NAME.fullmatch(path.stem)]


def add_dkim(data_dir: Path, domain: str, selector: str, kind: Literal["rsa", "ed25519"] = "rsa") -> None:
    """Make a key (RSA-2048, or Ed25519) for `domain` under `selector`; KeysError when it exists or a name is none."""
    write_private(_free(data_dir, domain, selector), _new_rsa() if kind == "rsa" else _new_ed25519())


def alias_dkim(data_dir: Path, domain: str, gateway: str) -> tuple[str, str]:
    """Let the gateway's own key sign for `domain` too; returns the alias and its target, to be published as CNAME."""
    for known, selector, pem in dkim_keys(data_dir):
        if known == gateway and dkim_record(pem).startswith("v=DKIM1; k=rsa;"):
            write_private(_free(data_dir, domain, selector), pem)
            return f"{selector}._domainkey.{domain}", f"{selector}._domainkey.{gateway}"
    raise KeysError(f"no DKIM key of {gateway} in {_dkim_dir(data_dir)}")


def _free(data_dir: Path, domain: str, selector: str) -> Path:
    if not _NAME.fullmatch(domain) or not _NAME.fullmatch(selector):
        raise KeysError(f"{selector}._domainkey.{domain} is no name that DNS could publish")
    path = _dkim_dir(data_dir) / domain / f"{selector}.pem"
    if path.exists():
        raise KeysError(f"{path} exists already")
    return path


def dkim_record(pem: bytes) -> str:
    """Return the TXT value that publishes the public half of a PEM key (RFC 6376 section 3.6.1, RFC 8463 section 4.2)."""
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    public = serialization.load_pem_private_key(pem, None).public_key()
    if isinstance(public, Ed25519PublicKey):
        bare = public.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
        return f"v=DKIM1; k=ed25519; p={base64.b64encode(bare).decode()}"
    der = public.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    return f"v=DKIM1; k=rsa; p={base64.b64encode(der).decode()}"


def write_private(path: Path, data: bytes) -> None:
    """Put `data` at `path` in one step, readable by its owner only; folders are made 0700. OSError passes."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")  # made 0600
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)  # the rename itself must last, too
    finally:
        os.close(folder)


def _ring(value: Any) -> tuple[dict[int, bytes], int]:
    keys = {int(key_id): base64.b64decode(secret, validate=True) for key_id, secret in value["keys"].items()}
    current = value["current"]
    if not isinstance(current, int) or current not in keys:
        raise ValueError("the current key is not among its keys")
    if any(not 0 <= key_id <= _MAX_KEY_ID for key_id in keys):
        raise ValueError("a key id must be 0 to 255")
    if any(len(secret) < _MIN_SECRET_BYTES for secret in keys.values()):
        raise ValueError(f"a key needs at least {_MIN_SECRET_BYTES} bytes")
    return keys, current


def _ring_path(data_dir: Path, name: Ring) -> Path:
    return data_dir / "keys" / f"{name}.json"


def _dkim_dir(data_dir: Path) -> Path:
    return data_dir / "keys" / "dkim"


def _new_rsa() -> bytes:
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import rsa

    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _new_ed25519() -> bytes:
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    return Ed25519PrivateKey.generate().private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
