"""What a file that is no list is, by its content: said to people who attached the wrong one.

In: the first bytes of a file, or the names in a zip archive. Out: the name of a kind ("pdf", "word", "msg"…), or "".
Pure; raises nothing, logs nothing.
"""

from __future__ import annotations

from collections.abc import Sequence

# Things that people attach by mistake; saying what it is beats "no addresses found".
_MAGIC = (
    (b"%PDF", "pdf"), (b"\x89PNG", "image"), (b"\xff\xd8\xff", "image"), (b"GIF8", "image"), (b"BM", "image"),
    (b"{\\rtf", "word"), (b"MZ", "program"), (b"\x1f\x8b", "archive"), (b"Rar!", "archive"), (b"7z\xbc\xaf", "archive"),
    (b"SQLite format", "database"), (b"\0\1\0\0Standard", "database"),
)  # fmt: skip
_SHORT = (b"BM", b"MZ")  # two letters also begin words: only with a NUL close behind
# Streams of an OLE2 file ([MS-CFB] 2.6.1), whose names stand in UTF-16 in its directory.
_STREAMS = (("__properties_version1.0", "msg"), ("WordDocument", "word"), ("PowerPoint Document", "slides"))
_PARTS = (("word/document.xml", "word"), ("ppt/presentation.xml", "slides"), ("index/document.iwa", "numbers"))
_MIMETYPES = ((b"opendocument.text", "word"), (b"opendocument.presentation", "slides"))


def of_bytes(data: bytes) -> str:
    """The kind of a file by how it begins; "" where it may be a text."""
    for magic, kind in _MAGIC:
        if data.startswith(magic) and (magic not in _SHORT or b"\0" in data[:64]):
            return kind
    return ""


def of_compound(data: bytes) -> str:
    """The kind of an OLE2 file that is no workbook."""
    return next((kind for stream, kind in _STREAMS if stream.encode("utf-16-le") in data), "ole2")


def of_archive(names: Sequence[str], mimetype: bytes) -> str:
    """The kind of document that a zip archive is; "" where it is only an archive."""
    lower = {name.replace("\\", "/").lower() for name in names}
    found = next((kind for part, kind in _PARTS if part in lower), "")
    return found or next((kind for words, kind in _MIMETYPES if words in mimetype), "")
