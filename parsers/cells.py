"""Numbers and dates of sheets as text: as the sheet shows them, and raw.

In: a number and its number format; out: the shown text (`shown`, French signs) or the plain one (`raw`: full
precision without `.0`, ISO dates). Raises nothing: what no rule covers is shown as a general number.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from functools import lru_cache

from parsers.dates import date_text

# ECMA-376 part 1, 18.8.30: formats that files name by number only (dates in their French order).
BUILTIN = {
    0: "General", 1: "0", 2: "0.00", 3: "#,##0", 4: "#,##0.00", 9: "0%", 10: "0.00%", 11: "0.00E+00", 12: "# ?/?",
    13: "# ??/??", 14: "dd/mm/yyyy", 15: "dd/mm/yyyy", 16: "d-mmm", 17: "mmm-yy", 18: "h:mm AM/PM", 19: "h:mm:ss AM/PM",
    20: "h:mm", 21: "h:mm:ss", 22: "dd/mm/yyyy h:mm", 37: "#,##0;-#,##0", 38: "#,##0;-#,##0", 39: "#,##0.00;-#,##0.00",
    40: "#,##0.00;-#,##0.00", 41: "#,##0", 42: "#,##0 €", 43: "#,##0.00", 44: "#,##0.00 €", 45: "mm:ss", 46: "[h]:mm:ss",
    47: "mm:ss.0", 48: "##0.0E+0", 49: "@",
} | dict.fromkeys([*range(27, 32), 36, *range(50, 55), 57, 58], "dd/mm/yyyy")  # fmt: skip

_TOKEN = re.compile(
    r'"(?P<quoted>[^"]*)"?|\\(?P<escaped>.)|_(?P<pad>.)|\*.|\[(?P<bracket>[^\]]*)\]'
    r"|(?P<ampm>AM/PM|A/P)|(?P<general>General|Standard|Estándar)|(?P<exp>E[+-])"
    r"|(?P<date>y+|m+|d+|h+|s+(?:\.0+)?|e+|b+(?![a-z]))|(?P<digit>[0#?])|(?P<sign>[.,%@/])|(?P<other>.)",
    re.IGNORECASE | re.DOTALL,
)
_CONDITION = re.compile(r"(<=|>=|<>|<|>|=)\s*(-?[0-9.]+)")
_ELAPSED = re.compile(r"h+|m+|s+", re.IGNORECASE)
_FORMAT_MAX = 512
_EPOCH_1900, _EPOCH_1904 = datetime(1899, 12, 30), datetime(1904, 1, 1)
_SERIAL_MAX = 2_958_466


@dataclass(frozen=True, slots=True)
class Section:
    """One of the up to four parts of a number format: its tokens as (kind, text), and a condition."""

    tokens: tuple[tuple[str, str], ...]
    condition: tuple[str, float] | None
    is_date: bool
    elapsed: bool


@lru_cache(maxsize=2048)
def sections(code: str) -> tuple[Section, ...]:
    """The parts of a number format; an oversized or empty one is General."""
    parts: list[list[tuple[str, str]]] = [[]]
    for match in _TOKEN.finditer(code[:_FORMAT_MAX] or "General"):
        kind, text = match.lastgroup or "skip", match[0]
        if kind == "other" and text == ";":
            parts.append([])
        else:
            parts[-1].append((kind, match[kind] if kind in ("quoted", "escaped", "bracket") else text))
    return tuple(_section(part) for part in parts[:4])


def _section(part: list[tuple[str, str]]) -> Section:
    tokens: list[tuple[str, str]] = []
    condition = None
    for kind, text in part:
        if kind in ("quoted", "escaped"):
            tokens.append(("literal", text))
        elif kind == "pad":
            tokens.append(("literal", " "))
        elif kind != "bracket":
            tokens.append(("literal" if kind == "other" else kind, text))
        elif _ELAPSED.fullmatch(text):
            tokens.append(("elapsed", text.lower()))
        elif (found := _CONDITION.fullmatch(text)) is not None and found[2].count(".") <= 1 and found[2] not in ".-.":
            condition = (found[1], float(found[2]))
        elif text.startswith("$") and (sign := text[1:].partition("-")[0]):
            tokens.append(("literal", sign))
    elapsed = any(kind == "elapsed" for kind, _ in tokens)
    is_general = any(kind == "general" for kind, _ in tokens)
    is_date = not is_general and (elapsed or any(kind == "date" for kind, _ in tokens))
    # "0 de" or "# h": letters next to digit places are words, unless they are seconds' fractions.
    if (
        is_date
        and any(kind == "digit" for kind, _ in tokens)
        and not any(text.startswith(("y", "h", "s", "Y", "H", "S")) for _, text in tokens)
    ):
        is_date = False
    return Section(tuple(tokens), condition, is_date, elapsed)


@lru_cache(maxsize=2048)
def is_date(code: str) -> bool:
    """Whether a number format shows dates, times or durations."""
    return sections(code)[0].is_date


def moment(serial: float, date1904: bool) -> datetime | None:
    """The date of a serial number rounded to the second, or None out of range (negative, after 9999)."""
    if not math.isfinite(serial) or serial < 0 or serial >= _SERIAL_MAX:
        return None
    # The 1900 system counts a 29 February 1900 that never was.
    days = serial if date1904 or serial >= 60 else serial + 1
    try:
        exact = (_EPOCH_1904 if date1904 else _EPOCH_1900) + timedelta(days=days)
        rounded = exact + timedelta(microseconds=500_000)
    except OverflowError:
        return None
    return rounded.replace(microsecond=0)


def raw(value: float, code: str = "General", date1904: bool = False) -> str:
    """A number unformatted in full precision without `.0`; a date or time in ISO form."""
    if is_date(code) and (when := moment(value, date1904)) is not None:
        if sections(code)[0].elapsed:
            return _clock(round(value * 86400))
        if value < 1:
            return _clock(round(value * 86400)).rjust(8, "0")
        return str(when.date()) if not (when.hour or when.minute or when.second) else str(when)
    return plain(value)


def plain(value: float) -> str:
    """A number in full precision: integers without `.0`, exponents only where the digits would be noise."""
    if value == int(value) if math.isfinite(value) else False:
        return str(int(value)) if abs(value) < 1e17 else repr(value)
    return "NaN" if math.isnan(value) else repr(value)


def _clock(seconds: int) -> str:
    return f"{seconds // 3600}:{seconds // 60 % 60:02}:{seconds % 60:02}" if seconds >= 36000 else (
        f"0{seconds // 3600}:{seconds // 60 % 60:02}:{seconds % 60:02}"
    )  # fmt: skip


def shown(value: float, code: str = "General", date1904: bool = False) -> str:
    """A number as the sheet shows it in French: `0612345678`, `1 234,50 €`, `25/12/2026`, `12 %`."""
    if code == "General" or not math.isfinite(value):
        return general(value)
    section, value = _chosen(sections(code), value)
    if section.is_date:
        when = moment(value, date1904)
        return general(value) if when is None else date_text(section.tokens, when, round(value * 86400))
    kinds = {kind for kind, _ in section.tokens}
    signs = {text for kind, text in section.tokens if kind == "sign"}
    if "general" in kinds or "/" in signs or ("digit" not in kinds and "@" in signs):
        return general(value)
    try:
        return _number(section.tokens, value).strip()
    except (InvalidOperation, ValueError, OverflowError):
        return general(value)


def general(value: float) -> str:
    """A number in the General format: up to 11 digits after rounding, comma as decimal sign."""
    if not math.isfinite(value):
        return "#NUM!"
    if value == int(value) and abs(value) < 1e17:
        return str(int(value))
    text = f"{value:.11g}"
    if "e" in text:
        mantissa, _, exponent = text.partition("e")
        text = f"{float(mantissa):.6g}E{int(exponent):+03}"
    return text.replace(".", ",")


def _chosen(parts: tuple[Section, ...], value: float) -> tuple[Section, float]:
    """The section for a value, and the value to show in it (negative ones lose their sign in their own section)."""
    conditional = any(part.condition for part in parts)
    if conditional:
        for part in parts:
            if part.condition is None or _holds(part.condition, value):
                return part, value
        return parts[-1], value
    if value < 0 and len(parts) > 1:
        return parts[1], -value
    if value == 0 and len(parts) > 2:
        return parts[2], value
    return parts[0], value


def _holds(condition: tuple[str, float], value: float) -> bool:
    sign, bound = condition
    return {
        "<": value < bound, ">": value > bound, "<=": value <= bound, ">=": value >= bound, "=": value == bound,
        "<>": value != bound,
    }[sign]  # fmt: skip


def _number(tokens: tuple[tuple[str, str], ...], value: float) -> str:
    if not any(kind == "digit" for kind, _ in tokens):
        return "".join("%" if text == "%" else text if kind == "literal" else "" for kind, text in tokens)
    if any(kind == "exp" for kind, _ in tokens):
        after = "".join(text for kind, text in tokens if kind in ("digit", "exp") or text == ".").partition(".")[2]
        return f"{value:.{len(after.upper().partition('E')[0])}E}".replace(".", ",")
    flat = list(tokens)
    places = [index for index, (kind, _) in enumerate(flat) if kind == "digit"]
    dot = next((index for index, token in enumerate(flat) if token == ("sign", ".")), len(flat))
    commas = [index for index, token in enumerate(flat) if token == ("sign", ",")]
    grouping = any(places[0] < index < max(p for p in places) and index < dot for index in commas)
    whole_end = max((p for p in places if p < dot), default=-1)
    scale = sum(1 for index in commas if whole_end < index < dot or index > max(places))
    percent = sum(1 for token in flat if token == ("sign", "%"))
    decimals = sum(1 for index in places if index > dot)
    amount = Decimal(repr(abs(value))).scaleb(2 * percent - 3 * scale)
    amount = amount.quantize(Decimal(1).scaleb(-decimals), ROUND_HALF_UP)
    digits, _, fraction = f"{amount:f}".partition(".")
    minus = "-" if value < 0 and amount else ""
    return minus + _whole(flat[:dot], "" if digits == "0" else digits, grouping) + _fraction(flat[dot:], fraction)


def _whole(tokens: list[tuple[str, str]], digits: str, grouping: bool) -> str:
    """Digits put into the places from the right; what is left goes before the first place."""
    out: list[str] = []
    left, count = list(digits), 0
    remaining = sum(1 for kind, _ in tokens if kind == "digit")

    def put(char: str) -> None:
        nonlocal count
        if grouping and count and count % 3 == 0:
            out.append("\u00a0")
        out.append(char)
        count += 1

    for kind, text in reversed(tokens):
        if kind == "digit":
            remaining -= 1
            if left:
                put(left.pop())
            elif text == "0":
                put("0")
            while remaining == 0 and left:
                put(left.pop())
        elif kind == "literal" or text == "%":
            out.append(text[::-1])
    return "".join(out)[::-1]


def _fraction(tokens: list[tuple[str, str]], digits: str) -> str:
    places = [text for kind, text in tokens if kind == "digit"]
    keep = len(digits)
    while keep and digits[keep - 1] == "0" and places[keep - 1] != "0":
        keep -= 1
    chars = iter(digits[:keep])
    out: list[str] = []
    for kind, text in tokens:
        if kind == "digit":
            out.append(next(chars, ""))
        elif text == "." and kind == "sign":
            out.append("," if keep else "")
        elif kind == "literal" or text == "%":
            out.append(text)
    return "".join(out)
