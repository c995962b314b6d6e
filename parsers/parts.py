"""The MIME tree of a mail, flattened: body pieces in reading order, and every other part.

In: raw bytes. Out: a Tree. RFC 2046 multiparts, RFC 1847 signed and encrypted ones, RFC 2183 dispositions, transfer
encodings decoded leniently. Raises nothing; logs nothing; at most MAX_DEPTH levels and MAX_PARTS parts are read.
"""

from __future__ import annotations

import re
from base64 import b64decode
from binascii import Error as BinasciiError
from binascii import a2b_qp, a2b_uu
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice

from parsers.cms import signed_content
from parsers.headers import Fields, first, parameters, read_fields, words

MAX_DEPTH = 30
MAX_PARTS = 1000
_CMS = ("application/pkcs7-mime", "application/x-pkcs7-mime")
_RUNS_MAX = 500_000
_NOT_BASE64 = re.compile(rb"[^A-Za-z0-9+/=]")
_PADDED = re.compile(rb"([A-Za-z0-9+/]+)(=*)")
_UU_LINE = re.compile(rb"begin \d{3,4} [^\r\n]*\r?\n")
_LEADING = re.compile(rb"(?:[ \t]*\r?\n)*")
_DELIMITER_END = re.compile(rb"(--)?[ \t]*(?=\r|\n|\Z)")
_CONTROLS = re.compile(r"[\x00-\x1f\x7f]+")


@dataclass(frozen=True, slots=True)
class Part:
    """A part that is no body: decoded bytes with all that its header says ("" where it says nothing)."""

    filename: str
    content_type: str
    content_id: str
    data: bytes = field(repr=False)
    disposition: str = ""
    params: tuple[tuple[str, str], ...] = ()
    location: str = ""
    inline_candidate: bool = False  # it has an identity by which HTML may show it


@dataclass(frozen=True, slots=True)
class Piece:
    """One body piece: decoded bytes of a text part, and how to read them; alternatives of one text share `group`."""

    kind: str  # plain | html
    data: bytes = field(repr=False)
    params: tuple[tuple[str, str], ...] = ()
    group: int = 0


@dataclass(slots=True)
class Tree:
    """What was found, in reading order."""

    bodies: list[Piece] = field(default_factory=list)
    parts: list[Part] = field(default_factory=list)
    signed: bool = False
    encrypted: bool = False
    truncated: bool = False
    seen: int = 0
    groups: int = 0


@dataclass(frozen=True, slots=True)
class _Entity:
    content_type: str
    params: dict[str, str]
    disposition: str
    filename: str
    encoding: str
    content_id: str
    location: str


def read_tree(raw: bytes) -> Tree:
    """Return the flattened tree of a whole mail."""
    tree = Tree()
    _read(tree, raw, start_of(raw), len(raw), depth=0, group=0, default="text/plain", parent="")
    return tree


def start_of(raw: bytes) -> int:
    """Return where the header of a whole mail begins: blank lines before it count for nothing."""
    blank = _LEADING.match(raw)
    return blank.end() if blank else 0


def _read(tree: Tree, raw: bytes, start: int, end: int, depth: int, group: int, default: str, parent: str) -> None:
    tree.seen += 1
    if tree.seen > MAX_PARTS or depth > MAX_DEPTH:
        tree.truncated = True
        return
    fields, at = read_fields(raw, start, end)
    entity = _entity(fields, default)
    if entity.content_type.startswith("multipart/"):
        spans = list(_split(raw, at, end, entity.params.get("boundary", "")))
        if spans:
            _multipart(tree, raw, spans, entity, depth, group)
            return
        entity = _as_text(entity)
    if entity.content_type in _CMS:
        inner = signed_content(transfer_decoded(raw[at:end], entity.encoding))
        if inner is not None:
            tree.signed = True
            _read(tree, inner, start_of(inner), len(inner), depth + 1, group, default, parent)
            return
    _leaf(tree, raw[at:end], entity, group, parent)


def _multipart(tree: Tree, raw: bytes, spans: list[tuple[int, int]], entity: _Entity, depth: int, group: int) -> None:
    kind = entity.content_type.removeprefix("multipart/")
    default = "message/rfc822" if kind == "digest" else "text/plain"
    if kind == "encrypted":
        tree.encrypted = True
    if kind == "signed":
        tree.signed = True
        spans = spans[:1]  # RFC 1847 section 2.1: the second part is the signature
    if kind == "alternative" and not group:
        tree.groups += 1
        group = tree.groups
    for first_byte, last_byte in spans:
        _read(tree, raw, first_byte, last_byte, depth + 1, group, default, kind)


def _entity(fields: Fields, default: str) -> _Entity:
    stated, params = parameters(first(fields, "content-type"))
    disposition, extra = parameters(first(fields, "content-disposition"))
    name = extra.get("filename") or params.get("name") or ""
    kind = stated if "/" in stated else {"text": "text/plain", "html": "text/html"}.get(stated, default)
    return _Entity(
        content_type=kind.split()[0] if kind.split() else default,
        params=params,
        disposition=disposition,
        filename=file_name(name),
        encoding=first(fields, "content-transfer-encoding").split(";")[0].strip().strip("\"'").lower(),
        content_id=words(first(fields, "content-id")).strip().strip("<>").strip()[:998],
        location=first(fields, "content-location").strip().strip("\"'")[:2000],
    )


def _as_text(entity: _Entity) -> _Entity:
    """Treat a multipart without any of its boundaries as the text it is (a broken client's mail stays readable)."""
    return _Entity("text/plain", entity.params, entity.disposition, entity.filename, entity.encoding, "", "")


def file_name(name: str) -> str:
    """Return the last step of a path, no control characters: names of files never lead anywhere."""
    return _CONTROLS.sub(" ", name.replace("\\", "/").rsplit("/", 1)[-1]).strip()[:255]


def _split(raw: bytes, start: int, end: int, boundary: str) -> Iterator[tuple[int, int]]:
    """Yield the spans between the delimiter lines of a multipart; an unclosed last part counts (RFC 2046, 5.1.1)."""
    mark = b"--" + boundary.encode("utf-8", "replace").rstrip()
    opened, yielded, at = -1, 0, start
    while mark != b"--" and yielded <= MAX_PARTS:
        found = raw.find(mark, at, end)
        if found < 0:
            break
        at = found + len(mark)
        rest = _DELIMITER_END.match(raw, at, end)
        if rest is None or (found > start and raw[found - 1] != 10):
            continue
        if opened >= 0:
            yielded += 1
            # The line end before a delimiter belongs to it (RFC 2046 section 5.1.1).
            stop = found - (2 if raw[found - 2 : found] == b"\r\n" else 1)
            yield opened, max(stop, opened)
        opened = -1 if rest.group(1) else _after_line(raw, rest.end(), end)
        if opened < 0:
            return
        at = max(opened - 1, rest.end())
    if 0 <= opened <= end:
        yield opened, end


def _after_line(raw: bytes, at: int, end: int) -> int:
    newline = raw.find(b"\n", at, end)
    return newline + 1 if newline >= 0 else end


def _leaf(tree: Tree, body: bytes, entity: _Entity, group: int, parent: str) -> None:
    if _is_encrypted(entity):
        tree.encrypted = True
    if entity.content_type in ("application/pkcs7-signature", "application/x-pkcs7-signature"):
        tree.signed = True
        return
    data = transfer_decoded(body, entity.encoding)
    kind = {"text/plain": "plain", "text/html": "html"}.get(entity.content_type)
    is_body = entity.disposition != "attachment" and not entity.filename
    # The root of a multipart/related is the page itself, whatever name its client gave it.
    is_body |= parent == "alternative" and entity.disposition != "attachment"
    is_body |= parent == "related" and kind == "html" and entity.disposition != "attachment" and not tree.bodies
    if kind and is_body:
        if not group:
            tree.groups += 1
        tree.bodies.append(Piece(kind, data, tuple(entity.params.items()), group or tree.groups))
    elif entity.content_type != "text/x-amp-html":  # a second, active body that no tracking could follow
        tree.parts.append(_part(entity, data, parent))


def _part(entity: _Entity, data: bytes, parent: str) -> Part:
    named = bool(entity.content_id or entity.location)
    return Part(
        filename=entity.filename,
        content_type=entity.content_type,
        content_id=entity.content_id,
        data=data,
        disposition=entity.disposition,
        params=tuple(entity.params.items()),
        location=entity.location,
        inline_candidate=named and (entity.disposition != "attachment" or parent == "related"),
    )


def _is_encrypted(entity: _Entity) -> bool:
    if entity.content_type not in _CMS:
        return False
    # RFC 8551 section 3.2.2; opaque-signed ones were opened before
    return entity.params.get("smime-type", "").lower() != "certs-only"


def transfer_decoded(body: bytes, encoding: str) -> bytes:
    """Return a part's bytes without their transfer encoding; an unknown one counts as none."""
    if encoding in ("base64", "b"):
        return _base64(body)
    if encoding in ("quoted-printable", "q"):
        return a2b_qp(body)
    if encoding in ("x-uuencode", "uuencode", "x-uue", "uue"):
        return _uuencoded(body)
    return body


def _base64(body: bytes) -> bytes:
    clean = body.translate(None, b"\r\n\t ")
    try:
        return b64decode(clean, validate=True)  # what every sound client sends; the rest is for broken ones
    except BinasciiError:
        clean = _NOT_BASE64.sub(b"", clean)
    out: list[bytes] = []
    # several padded runs one after another are still one file
    for run in islice(_PADDED.finditer(clean), _RUNS_MAX):
        digits = run.group(1)
        digits = digits[: len(digits) - (len(digits) % 4 == 1)]
        try:
            out.append(b64decode(digits + b"=" * (-len(digits) % 4)))
        except BinasciiError:
            continue
    return b"".join(out)


def _uuencoded(body: bytes) -> bytes:
    begin = _UU_LINE.search(body)
    if not begin:
        return body
    out: list[bytes] = []
    for line in body[begin.end() :].splitlines():
        if line.strip() in (b"end", b"`", b""):
            break
        try:
            out.append(a2b_uu(line))
        except BinasciiError:
            count = ((line[0] - 32) & 63) * 4 // 3 + 1  # some encoders add a checksum character
            try:
                out.append(a2b_uu(line[: count + 2]))
            except BinasciiError:
                continue
    return b"".join(out)
