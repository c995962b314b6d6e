"""winmail.dat: the files and bodies that Outlook packed into TNEF ([MS-OXTNEF], [MS-OXCMSG]).

In: the bytes of an application/ms-tnef part. Out: a Tnef (bodies and files), None when they are no TNEF at all. Every
length is checked against what is there and every count against a limit: the input is a stranger's, and the reader at hand
(tnefparse, which the tests compare with) never ends on a 53-byte file. What is cut short gives what was read before.
Raises nothing; logs nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from struct import error as StructError
from struct import unpack_from

from parsers.charsets import decode
from parsers.rtf import html_of
from parsers.rtf_text import text_of

_SIGNATURE = 0x223E9F78
_MAX_PROPERTIES = 5000
_MAX_FILES = 1000
_ATTACHMENT_LEVEL = 2
# Attributes (the low 16 bits of their tag).
_BODY, _TITLE, _DATA, _MAPI, _RENDER, _FILE_MAPI, _CODEPAGE = 0x800C, 0x8010, 0x800F, 0x9003, 0x9002, 0x9005, 0x9007
# MAPI properties.
_P_BODY, _P_HTML, _P_RTF, _P_CODEPAGE = 0x1000, 0x1013, 0x1009, 0x3FDE
_P_DATA, _P_NAME, _P_LONG_NAME, _P_MIME, _P_CID, _P_DISPLAY = 0x3701, 0x3704, 0x3707, 0x370E, 0x3712, 0x3001
_FIXED = {0x02: 4, 0x03: 4, 0x04: 4, 0x05: 8, 0x06: 8, 0x07: 8, 0x0A: 4, 0x0B: 4, 0x14: 8, 0x40: 8, 0x48: 16}
_VARIABLE = {0x00, 0x0D, 0x1E, 0x1F, 0x102}
_OBJECT = bytes.fromhex("0703020000000000c000000000000046")  # an attached message behind IID_IMessage


@dataclass(frozen=True, slots=True)
class TnefFile:
    """One file; "" where TNEF says nothing."""

    filename: str
    content_type: str
    content_id: str
    data: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Tnef:
    """What a winmail.dat holds."""

    text: str | None
    html: str | None
    files: tuple[TnefFile, ...]


@dataclass(slots=True)
class _Found:
    title: bytes = b""
    data: bytes = b""
    properties: dict[int, bytes | str] = field(default_factory=dict)


def read(data: bytes) -> Tnef | None:
    """Return what a winmail.dat holds; None when the bytes are no TNEF."""
    if len(data) < 6 or unpack_from("<I", data)[0] != _SIGNATURE:
        return None
    message, files, codepage = _Found(), list[_Found](), "cp1252"
    for level, name, content in _attributes(data):
        if level == _ATTACHMENT_LEVEL:
            if name == _RENDER or not files:
                files.append(_Found())
            if len(files) > _MAX_FILES:
                break
            _into(files[-1], name, content, codepage)
        elif name == _CODEPAGE and len(content) >= 4:
            codepage = f"cp{unpack_from('<I', content)[0]}"
        elif name == _BODY:
            message.data = content
        elif name == _MAPI:
            message.properties.update(_properties(content, codepage))
    text, html = _bodies(message, codepage)
    return Tnef(text, html, tuple(_file(found, codepage) for found in files[:_MAX_FILES]))


def _attributes(data: bytes) -> Iterator[tuple[int, int, bytes]]:
    at = 6
    while at + 11 <= len(data):
        level, tag, length = unpack_from("<BII", data, at)
        content = data[at + 9 : at + 9 + length]
        yield level, tag & 0xFFFF, content
        if len(content) < length:
            return
        at += 11 + length  # two bytes of checksum behind the content


def _into(found: _Found, name: int, content: bytes, codepage: str) -> None:
    if name == _TITLE:
        found.title = content
    elif name == _DATA:
        found.data = content
    elif name == _FILE_MAPI:
        found.properties.update(_properties(content, codepage))


def _properties(data: bytes, codepage: str) -> dict[int, bytes | str]:
    """Return the properties that carry text or bytes; those before a cut are kept."""
    found: dict[int, bytes | str] = {}
    try:
        count, at = unpack_from("<I", data)[0], 4
        for _ in range(min(count, _MAX_PROPERTIES)):
            kind, number = unpack_from("<HH", data, at)
            at = _behind_name(data, at + 4, number)
            values, at = _values(data, at, kind)
            if values and kind & 0xFFF in (0x1E, 0x1F):
                charset = "utf-16-le" if kind & 0xFFF == 0x1F else codepage
                found.setdefault(number, decode(values[0], charset).rstrip("\0"))
            elif values:
                found.setdefault(number, values[0])
    except StructError:
        pass
    return found


def _behind_name(data: bytes, at: int, number: int) -> int:
    if number < 0x8000:
        return at
    kind, length = unpack_from("<II", data, at + 16)  # behind the property set's GUID
    return at + 24 if kind == 0 else at + 24 + length + -length % 4


def _values(data: bytes, at: int, kind: int) -> tuple[list[bytes], int]:
    base, many = kind & 0xFFF, bool(kind & 0x1000)
    count = 1
    if many or base in _VARIABLE:
        count, at = unpack_from("<I", data, at)[0], at + 4
    if base in _FIXED:
        size = 2 if many and base in (0x02, 0x0B) else _FIXED[base]
        size *= min(count, len(data))
        return [data[at : at + 4]], at + size + -size % 4
    if base not in _VARIABLE:
        raise StructError("an unknown type has an unknown length")
    values: list[bytes] = []
    for _ in range(min(count, _MAX_PROPERTIES)):
        length = unpack_from("<I", data, at)[0]
        values.append(data[at + 4 : at + 4 + length])
        at += 4 + length + -length % 4
    return values, at


def _bodies(message: _Found, codepage: str) -> tuple[str | None, str | None]:
    stated = message.properties.get(_P_CODEPAGE)
    internet = f"cp{unpack_from('<I', stated)[0]}" if isinstance(stated, bytes) and len(stated) == 4 else codepage
    charset = {"cp65001": "utf-8", "cp28591": "cp1252", "cp20127": "cp1252"}.get(internet, internet)
    html = message.properties.get(_P_HTML)
    text = message.properties.get(_P_BODY, message.data)
    rtf = message.properties.get(_P_RTF)
    page = decode(html, charset).rstrip("\0") if isinstance(html, bytes) else html
    if not page and isinstance(rtf, bytes):
        page = html_of(rtf)
    words = decode(text, codepage).rstrip("\0") if isinstance(text, bytes) else text
    if not page and not words and isinstance(rtf, bytes):
        words = text_of(rtf) or ""
    return _lf(words) or None, _lf(page or "") or None


def _lf(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _file(found: _Found, codepage: str) -> TnefFile:
    stated = found.properties
    name = stated.get(_P_LONG_NAME) or stated.get(_P_NAME) or found.title or stated.get(_P_DISPLAY) or ""
    own = stated.get(_P_DATA)
    attached = isinstance(own, bytes) and own.startswith(_OBJECT)  # then the other data is only its picture
    data = own if attached or not found.data else found.data
    content = data if isinstance(data, bytes) else b""
    return TnefFile(
        filename=(decode(name, codepage) if isinstance(name, bytes) else name).rstrip("\0"),
        content_type=str(stated[_P_MIME]).lower() if isinstance(stated.get(_P_MIME), str) else "",
        content_id=str(stated[_P_CID]).strip("<>") if isinstance(stated.get(_P_CID), str) else "",
        data=content.removeprefix(_OBJECT),
    )
