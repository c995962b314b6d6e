"""A mail that may be a bounce, cut into what its judges read: the report's own words, its fields, and the returned mail.

In: the raw bytes of any mail. Out: a `Notice`: the header, the text that a person would read before the returned mail, the
groups of delivery-status fields wherever they stand (RFC 3464 section 2.1: their part, or a text of a server that wrote no
parts), and the header of the returned mail. Raises nothing, whatever the bytes; at most 2 MB are read and 100 KB of text
kept.
"""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from importlib import resources

from parsers.charsets import decode
from parsers.headers import Fields, read_fields
from parsers.parts import Part, Piece, read_tree, start_of
from parsers.plain import html_to_text

MAX_BYTES = 2_000_000
MAX_TEXT = 100_000
MAX_LINE = 2_000
MAX_BLOCKS = 200
_RETURNED = frozenset({"message/rfc822", "text/rfc822-headers", "message/rfc822-headers"})
_RETURNED |= {"message/global", "message/global-headers", "message/partial"}
_STATUS = frozenset({"message/delivery-status", "message/global-delivery-status"})
_NAME = re.compile(r"([A-Za-z][A-Za-z0-9-]{1,40})[ \t]*:[ \t]*(.*)")
_HEADER = re.compile(
    r"(?:received|return-path|message-id|mime-version|content-type|date|from|to|subject|x-[a-z0-9-]{1,40}|dkim-signature"
    r"|delivered-to|reply-to|cc|arc-[a-z-]{1,30})[ \t]*:",
    re.IGNORECASE,
)
_OPENING = re.compile(r"(?:received|return-path|x-[a-z0-9-]{1,40}|message-id|dkim-signature)[ \t]*:", re.IGNORECASE)
_QUOTED = re.compile(r"^(?:>|\|) ?", re.MULTILINE)

Block = dict[str, str]  # lower-case names


@dataclass(frozen=True, slots=True)
class Notice:
    """What a mail says of itself, of others, and of the mail that it brings back."""

    fields: Fields
    text: str
    blocks: tuple[Block, ...]
    returned: Fields
    inner: bytes  # the returned mail, as far as it is there
    kind: str  # Content-Type
    stated: bool  # the fields of `blocks` stood in a part of their own


def _cuts() -> re.Pattern[str]:
    table = tomllib.loads(resources.files("parsers").joinpath("bounce_texts.toml").read_text(encoding="utf-8"))
    return re.compile("|".join(f"(?:{cut})" for cut in table["returned"]), re.IGNORECASE | re.MULTILINE)


_CUTS = _cuts()


def read(raw: bytes) -> Notice:
    """Return any bytes as a Notice."""
    raw = raw[:MAX_BYTES].lstrip(b"\r\n")
    if b"\n" not in raw and b"\r" in raw:
        raw = raw.replace(b"\r", b"\n")
    fields, _ = read_fields(raw, start_of(raw))
    tree = read_tree(raw)
    text = _lines(_words(tree.bodies))
    at = _end_of_words(text)
    inner = next((part.data for part in tree.parts if part.content_type in _RETURNED), b"")
    blocks = [block for part in tree.parts if part.content_type in _STATUS for block in _blocks(_decoded(part))]
    stated = bool(blocks)
    if not any("final-recipient" in block or "original-recipient" in block for block in blocks):
        blocks += [block for block in _blocks(text[:at]) if "final-recipient" in block or "original-recipient" in block]
    inner = inner or _QUOTED.sub("", text[at:]).encode("utf-8", "replace")
    kind = next((value for name, value in fields if name == "content-type"), "")
    return Notice(fields, text[:at], tuple(blocks[:MAX_BLOCKS]), _head(inner), inner, kind.lower()[:500], stated)


def _words(pieces: list[Piece]) -> str:
    """The text pieces in order; of alternatives the plain one, unless it says next to nothing."""
    plain: dict[int, str] = {}
    html: dict[int, str] = {}
    order: list[int] = []
    for piece in pieces[:50]:
        text = _text(piece.data[: 4 * MAX_TEXT], dict(piece.params).get("charset"))
        known = plain if piece.kind == "plain" else html
        known[piece.group] = (known.get(piece.group, "") + "\n" + text).strip("\n")
        if piece.group not in order:
            order.append(piece.group)
    out = []
    for group in order:
        said = plain.get(group, "")
        out.append(said if len(said.strip()) > 20 or group not in html else html_to_text(html[group]))
    return "\n\n".join(out)[: 2 * MAX_TEXT]


def _text(data: bytes, charset: str | None) -> str:
    if b"\x1b$" in data and "2022" not in (charset or ""):
        charset = "iso-2022-jp"
    return decode(data, charset)


def _lines(text: str) -> str:
    """LF line ends, no line without end, no more than is read."""
    text = text.replace("\r\n", "\n").replace("\r", "\n").replace("\u00a0", " ")[:MAX_TEXT]
    return "\n".join(line[:MAX_LINE].rstrip() for line in text.split("\n"))


def _decoded(part: Part) -> str:
    return _lines(decode(part.data[:MAX_TEXT], "utf-8"))


def _end_of_words(text: str) -> int:
    """Where the returned mail begins in a text that holds it too: a line that says so, or a block of header fields."""
    found = _CUTS.search(text)
    end = found.start() if found else len(text)
    at, run, start, opening = 0, 0, 0, False
    for line in text[:end].split("\n"):
        bare = line[1:].lstrip() if line.startswith((">", "|")) else line
        if run and line[:1] in (" ", "\t"):
            pass  # a folded line
        elif _HEADER.match(bare):
            start, run = (at, 1) if not run else (start, run + 1)
            opening = opening or bool(_OPENING.match(bare))
            if run >= 3 and opening:
                return start
        else:
            run, opening = 0, False
        at += len(line) + 1
    return end


def _blocks(text: str) -> list[Block]:
    """Groups of fields, parted by blank lines or by a second recipient."""
    out: list[Block] = [{}]
    last = ""
    for line in text.split("\n"):
        if not line.strip():
            if out[-1]:
                out.append({})
            last = ""
            continue
        found = _NAME.match(line)
        if line[:1] in " \t" and last:
            out[-1][last] = f"{out[-1][last]} {line.strip()}"[:MAX_LINE]
        elif found:
            last = found[1].lower()
            if last in ("final-recipient", "original-recipient") and last in out[-1] and len(out) < MAX_BLOCKS:
                out.append({})
            out[-1].setdefault(last, found[2].strip()[:MAX_LINE])
        elif last == "diagnostic-code":
            # Symantec's and Microsoft's servers begin the next line of a reply at the margin
            out[-1][last] = f"{out[-1][last]} {line.strip()}"[:MAX_LINE]
        if len(out) >= MAX_BLOCKS:
            break
    return _rejoined([block for block in out if block])


def _rejoined(blocks: list[Block]) -> list[Block]:
    """Blocks, where a blank line that has no place there parted a recipient from what is said of it, in one."""
    out: list[Block] = []
    for block in blocks:
        torn = out and "final-recipient" in out[-1] and "action" not in out[-1] and "status" not in out[-1]
        if torn and "final-recipient" not in block and ("action" in block or "status" in block):
            out[-1] = block | out[-1]
        else:
            out.append(block)
    return out


def _head(inner: bytes) -> Fields:
    """The header of the returned mail, which may have lines of other kinds before it."""
    found = re.search(
        rb"(?mi)^(?:received|return-path|message-id|from|to|date|subject|x-[a-z-]{1,40})[ \t]*:", inner[:65_536]
    )
    return read_fields(inner, found.start() if found else 0)[0] if found else ()
