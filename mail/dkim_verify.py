"""Whether a DKIM signature holds (RFC 6376 section 6.1, RFC 8463 for Ed25519), in time that grows with the mail's size only.

In: the bytes of a whole mail with CRLF, a `Signature` and the `Key` published for it. Out: None when it holds, else the
`Weakness`. Mails are a stranger's: nothing here is quadratic (dkimpy's patterns are, on long runs of blanks), and the body
goes by in pieces so that other threads run in between. Raises nothing; logs nothing. Tests hold it against dkimpy.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
from cryptography.hazmat.primitives.serialization import load_der_public_key

from mail.dkim_signature import Key, Signature, Weakness, decoded, tags

_PIECE = 64_000  # bytes; hashing one lets go of the interpreter, so others run some thousand times a second
_SMALLEST, _LARGEST = 1_024, 4_096  # bits of an RSA key (RFC 8301 section 3.2; larger ones cost us, not them)
_FIELD = re.compile(rb"([!-9;-~]+)[ \t]*:")
_BLANKS = re.compile(rb"[ \t]+")
_RawFields = tuple[tuple[bytes, bytes], ...]


def raw_fields(raw: bytes) -> _RawFields | None:
    """The (name, value) pairs of a head exactly as they stand, values with their folds; None when a line is no field."""
    head = raw.partition(b"\r\n\r\n")[0]
    folded: list[list[bytes]] = []
    for line in head.split(b"\r\n"):
        if line[:1] in (b" ", b"\t") and folded:
            folded[-1].append(line)
        else:
            folded.append([line])
    found = []
    for lines in folded:
        named = _FIELD.match(lines[0])
        if named is None:
            return None
        whole = b"\r\n".join(lines)
        found.append((named.group(), whole[named.end() :]))
    return tuple((name[:-1], value) for name, value in found)


def holds(raw: bytes, fields: _RawFields, signature: Signature, key: Key) -> Weakness | None:
    """Check one signature against a mail whose `raw_fields` are `fields`."""
    if key.kind != signature.kind or (key.same_domain and signature.identity != signature.domain):
        return Weakness.KEY
    public = _public(key)
    if isinstance(public, Weakness):
        return public
    said = tags(signature.value.decode("utf-8", "replace")) or {}
    given = decoded(said.get("b", ""))
    digest = _head_hash(fields, signature)
    try:  # the head first: a forged one costs its author's megabytes of body no time of ours
        if not given:
            return Weakness.BROKEN
        if isinstance(public, rsa.RSAPublicKey):
            public.verify(given, digest, padding.PKCS1v15(), Prehashed(hashes.SHA256()))
        else:
            public.verify(given, digest)  # RFC 8463 section 3: the hash is what is signed
    except (InvalidSignature, ValueError):
        return Weakness.BROKEN
    if _body_hash(raw, signature.relaxed_body) != signature.body_hash:
        return Weakness.BROKEN
    return None


def _public(key: Key) -> rsa.RSAPublicKey | ed25519.Ed25519PublicKey | Weakness:
    try:
        if key.kind == "ed25519":
            return ed25519.Ed25519PublicKey.from_public_bytes(key.data)
        public = load_der_public_key(key.data)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        return Weakness.KEY
    if not isinstance(public, rsa.RSAPublicKey):
        return Weakness.KEY
    return public if _SMALLEST <= public.key_size <= _LARGEST else Weakness.KEY_SIZE


def _body_hash(raw: bytes, relaxed: bool) -> bytes:
    """The SHA-256 of the body in canonical form (section 3.4.3 and 3.4.4)."""
    start = raw.find(b"\r\n\r\n")
    made = hashlib.sha256()
    any_line, empty = False, 0  # empty lines are written only when another one follows
    for piece in _pieces(raw, start + 4 if start >= 0 else len(raw)):
        if relaxed:
            piece = _single(piece).replace(b" \r\n", b"\r\n")
        kept = piece.rstrip(b"\r\n")
        if kept:
            leading = b"\r\n" * empty
            made.update(leading + kept + b"\r\n")
            any_line, empty = True, max((len(piece) - len(kept)) // 2 - 1, 0)
        else:
            empty += len(piece) // 2
    if not any_line and not relaxed:
        made.update(b"\r\n")
    return made.digest()


def _single(piece: bytes) -> bytes:
    """Each run of blanks as one space; a pattern would take ten times as long."""
    piece = piece.replace(b"\t", b" ")
    while b"  " in piece:  # halves the longest run: 17 times at most in a line of 100,000
        piece = piece.replace(b"  ", b" ")
    return piece


def _pieces(raw: bytes, start: int) -> Iterator[bytes]:
    """The body in pieces that end with a line."""
    while start < len(raw):
        end = len(raw)
        if end - start > _PIECE:
            cut = raw.find(b"\r\n", start + _PIECE)
            end = cut + 2 if cut >= 0 else end
        yield raw[start:end]
        start = end


def _head_hash(fields: _RawFields, signature: Signature) -> bytes:
    """The SHA-256 of the covered fields, from the last of each name upward, and of the signature without its b=."""
    left: dict[bytes, list[tuple[bytes, bytes]]] = {}
    for name, value in fields:
        left.setdefault(name.strip().lower(), []).append((name, value))
    made = hashlib.sha256()
    for wanted in signature.fields:
        having = left.get(wanted.encode("utf-8", "replace"))
        if having:  # one more than there are is covered as absent (section 5.4.2)
            made.update(_canonical(*having.pop(), signature.relaxed_head) + b"\r\n")
    own = next(name for name, value in fields if value == signature.value)
    made.update(_canonical(own, _unsigned(signature.value), signature.relaxed_head))
    return made.digest()


def _canonical(name: bytes, value: bytes, relaxed: bool) -> bytes:
    if not relaxed:
        return name + b":" + value
    unfolded = _BLANKS.sub(b" ", value.replace(b"\r\n", b""))
    return name.strip().lower() + b":" + unfolded.strip(b" ")


def _unsigned(value: bytes) -> bytes:
    """The signature's own value with an empty b= (section 3.5: blanks around it go too)."""
    parts = value.split(b";")
    for at, part in enumerate(parts):
        name, equals, _ = part.partition(b"=")
        if equals and name.strip() == b"b":
            parts[at] = name + equals
    return b";".join(parts)
