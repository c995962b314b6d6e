"""The recipients that the fields of a delivery status name (RFC 3464 section 2.3, RFC 6533 section 3).

In: the groups of fields of a `Notice`. Out: `Stated` values, one a recipient. Shown is the Final-Recipient: what the last
server called the address; but where that is only its inner spelling of the one we wrote to (another name in the same
domain, a host inside it, X.400, no domain at all), the Original-Recipient. Raises nothing.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from parsers.bounce_notice import Block, Notice
from parsers.bounce_text import ADDRESS

_ESCAPED = re.compile(r"\\x\{([0-9A-Fa-f]{1,6})\}")
_XTEXT = re.compile(r"\+([0-9A-F]{2})")
_STATUS = re.compile(r"(?<![\d.])([245]\.\d{1,3}\.\d{1,3})(?![\d.]*\d)")


@dataclass(frozen=True, slots=True)
class Stated:
    """What the fields say of one recipient; texts are "" where nothing is said."""

    recipient: str
    action: str
    status: str
    comment: str  # what stands behind the status: "5.0.0 (host unknown)"
    diagnostic: str


def stated(notice: Notice) -> tuple[Stated, ...]:
    """Return what the fields of a notice say, one value a recipient."""
    out: dict[str, Stated] = {}
    spoken = [block for block in notice.blocks if _is_spoken(block)]
    originals = [_original(block).casefold() for block in spoken]
    for block in spoken:
        # two failures behind one address of ours (an alias of several) keep their own names
        shared = originals.count(_original(block).casefold()) > 1
        recipient = _recipient(block, shared)
        one = _value(block, recipient)
        known = out.get(recipient.casefold())
        if known is None or (not known.diagnostic and one.diagnostic):
            out[recipient.casefold()] = one
    return tuple(out.values())


def _is_spoken(block: Block) -> bool:
    return bool(_final(block) or _original(block)) and bool(
        block.get("action") or block.get("status") or block.get("diagnostic-code")
    )


def _final(block: Block) -> str:
    return _typed(block.get("final-recipient", "")) or _typed(block.get("x-actual-recipient", ""))


def _original(block: Block) -> str:
    return _typed(block.get("original-recipient", ""))


def _typed(value: str) -> str:
    """The address behind its type (`rfc822;`, `utf-8;`), plain."""
    kind, found, bare = value.partition(";")
    bare = (bare if found else value).strip().strip("<>").strip()
    if kind.strip().lower() in ("utf-8", "rfc822"):
        bare = _ESCAPED.sub(lambda code: _character(code[1]), bare)
    if ("@" not in bare and "+40" in bare) or "+2B" in bare or "+3D" in bare:
        bare = _XTEXT.sub(lambda code: chr(int(code[1], 16)), bare)
    if bare.startswith("@") and ":" in bare:
        bare = bare.partition(":")[2]  # a source route (RFC 5321 appendix C)
    return bare[:320]


def _character(code: str) -> str:
    number = int(code, 16)
    return chr(number) if 31 < number < 0x110000 and not 0xD800 <= number < 0xE000 else ""


def _recipient(block: Block, shared: bool) -> str:
    final, original = _final(block), _original(block)
    if "@" not in final or " " in final:
        inside = ADDRESS.search(final)
        return original if "@" in original else (inside["wide"] or inside["bare"]) if inside else original or final
    if "@" not in original or shared:
        return final
    return original if _inner_spelling(final.casefold(), original.casefold()) else final


def _inner_spelling(final: str, original: str) -> bool:
    inner, outer = final.rpartition("@")[2], original.rpartition("@")[2]
    return (
        "." not in inner
        or inner == outer
        or inner.endswith(("." + outer, ".local", ".lan", ".internal", ".localdomain"))
    )


def _value(block: Block, recipient: str) -> Stated:
    status, diagnostic = block.get("status", ""), block.get("diagnostic-code", "")
    words = diagnostic.partition(";")[2].strip() if ";" in diagnostic[:20] else diagnostic
    found = _STATUS.search(status) or _STATUS.search(words)
    comment = status.partition("(")[2].rstrip(") ")
    action = block.get("action", "").lower().split(" ")[0].split("\t")[0]
    return Stated(recipient, action, found[1] if found else "", comment, words.strip())
