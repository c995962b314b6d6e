"""Bytes to text whatever their label says: declared charset, then UTF-8, then windows-1252.

In: bytes and the charset that a header or a tag names (may be wrong, unknown or hostile). Out: text, always.
Raises nothing; logs nothing.
"""

from __future__ import annotations

import codecs
import re

# Labels that real clients write for what is windows-1252 (WHATWG Encoding, section 4.2), or that Python lacks.
_ALIASES = {
    "us-ascii": "cp1252",
    "ascii": "cp1252",
    "ansi_x3.4-1968": "cp1252",
    "iso-8859-1": "cp1252",
    "iso8859-1": "cp1252",
    "iso_8859-1": "cp1252",
    "latin1": "cp1252",
    "latin-1": "cp1252",
    "l1": "cp1252",
    "ansi": "cp1252",
    "x-ansi": "cp1252",
    "windows-1252http-equivcontent-type": "cp1252",
    "cp-850": "cp850",
    "x-sjis": "cp932",
    "shift_jis": "cp932",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "x-gbk": "gb18030",
    "ks_c_5601-1987": "cp949",
    "euc-kr": "cp949",
    "iso-8859-9": "cp1254",
    "iso-8859-8-i": "iso-8859-8",
    "iso-8859-8-e": "iso-8859-8",
    "windows-874": "cp874",
    "tis-620": "cp874",
    "x-mac-roman": "mac_roman",
    "macintosh": "mac_roman",
    "x-unknown": "utf-8",
    "unknown-8bit": "utf-8",
    "default": "utf-8",
    "utf8mb4": "utf-8",
    "unicode-1-1-utf-7": "utf-7",
}
# Codecs of Python that are no charset of any mail, or that raise or grow on hostile bytes.
_REFUSED = {"unicode-escape", "raw-unicode-escape", "idna", "punycode", "undefined", "mbcs", "oem"}
_SURROGATES = re.compile("[\ud800-\udfff]")
_META = re.compile(rb"<meta[^>]{0,200}?charset\s*=\s*[\"']?\s*([A-Za-z0-9_.:-]{1,40})", re.IGNORECASE)
_ASCII_LABELS = {"us-ascii", "ascii", "ansi_x3.4-1968", ""}


def decode(data: bytes, charset: str | None) -> str:
    """Return bytes as text by the declared charset, or by the likeliest where that one is missing or does not fit."""
    label = (charset or "").strip().strip("\"'").lower()
    # ASCII, Latin-1 and no label at all are what broken clients write most; bytes above 127 that are valid UTF-8 are no
    # accident (in windows-1252 they would read as "Ã©").
    if label in _ASCII_LABELS or known(label) == "cp1252":
        try:
            return data.decode("utf-8")
        except UnicodeDecodeError:
            return windows_1252(data)
    for codec in (known(label), "utf-8"):
        if codec is not None:
            try:
                # UTF-7 and UTF-32 may spell halves of a pair, which no output could be encoded with.
                return _SURROGATES.sub("\ufffd", data.decode(codec))
            except (UnicodeError, ValueError, LookupError):
                continue
    return windows_1252(data)


def known(label: str) -> str | None:
    """Return Python's name for a charset label, None when it names no charset of text."""
    label = _ALIASES.get(label, label)
    if not label or len(label) > 40 or not label.isascii() or "\0" in label:
        return None
    try:
        found = codecs.lookup(label)
    except (LookupError, ValueError):
        return None
    is_text = getattr(found, "_is_text_encoding", True)
    return found.name if is_text and found.name.replace("_", "-") not in _REFUSED else None


def windows_1252(data: bytes) -> str:
    """Return bytes as windows-1252, its five holes as the C1 controls of the same number (as browsers do)."""
    try:
        return data.decode("cp1252")
    except UnicodeDecodeError:
        return "".join(bytes((byte,)).decode("cp1252", "ignore") or chr(byte) for byte in data)


def html_label(data: bytes) -> str | None:
    """Return the charset that a page's own meta tag names in its first 4 KB, for parts whose header names none."""
    found = _META.search(data[:4096])
    return found.group(1).decode("ascii") if found else None
