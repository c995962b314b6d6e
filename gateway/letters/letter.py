"""The gateway's own mails: written once as blocks, read as text or as HTML.

In: a title and blocks in order. Out: the same words twice: plain text of short lines, and HTML that Outlook's Word engine
shows as meant (tables, inline CSS, no image, no style sheet, no script). Everything is escaped here, so blocks hold plain
text from anybody. Pure; raises nothing.
"""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

_FONT = "font-family:'Segoe UI',Arial,Helvetica,sans-serif"
_INK, _SOFT, _LINE, _BLUE, _PAPER = "#1f2933", "#5b6776", "#dde3ea", "#1d4ed8", "#f3f5f8"
_TONES = {"info": ("#eef4ff", "#1d4ed8"), "warning": ("#fff7e6", "#b45309"), "stop": ("#fdecec", "#b42318")}
_WRAP = 76


@dataclass(frozen=True, slots=True)
class Say:
    """A paragraph."""

    text: str


@dataclass(frozen=True, slots=True)
class Head:
    """A heading above what follows."""

    text: str


@dataclass(frozen=True, slots=True)
class Facts:
    """Names and values, one a line."""

    rows: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Figures:
    """Numbers side by side, each with its word; the last one is the one that counts."""

    cells: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Bars:
    """Rates one below the other: name, value, detail in small letters, and the ratio that its bar shows (0 to 1)."""

    rows: tuple[tuple[str, str, str, float], ...]


@dataclass(frozen=True, slots=True)
class Points:
    """A heading and a list; `tone` colours it (info, warning, stop)."""

    title: str
    items: tuple[str, ...]
    tone: str = "info"


@dataclass(frozen=True, slots=True)
class Records:
    """DNS records to copy: name, type, value; `then` is what to do after."""

    title: str
    rows: tuple[tuple[str, str, str], ...]
    then: str = ""


@dataclass(frozen=True, slots=True)
class Button:
    """A link that must be seen; its address is also written out, for those who do not click."""

    label: str
    url: str
    quiet: bool = False  # it stands beside another that matters more


@dataclass(frozen=True, slots=True)
class Sample:
    """One mail as its recipient will get it: from whom and to whom (a line each), the subject, the first lines."""

    to: str
    subject: str
    lines: str


Block = Say | Head | Facts | Figures | Bars | Points | Records | Button | Sample


def as_text(title: str, blocks: Sequence[Block], foot: str) -> str:
    """The letter as plain text, lines of 76 characters."""
    told = ("\n" + _text(block) for block in blocks)
    parts = [title, "=" * min(len(title), _WRAP), *told, "\n-- ", _text(Say(foot))]
    return "\n".join(parts) + "\n"


def as_html(locale: str, title: str, blocks: Sequence[Block], foot: str, stop: bool = False) -> str:
    """The letter as one HTML page, 600 pixels wide at most; `stop` colours its head red."""
    head = _TONES["stop"][1] if stop else _BLUE
    rows = "".join(f'<tr><td style="padding:0 32px 20px 32px">{_html(block)}</td></tr>\n' for block in blocks)
    return (
        f'<!DOCTYPE html>\n<html lang="{escape(locale)}"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>{escape(title)}</title></head>\n"
        f'<body style="margin:0;padding:0;background:{_PAPER}">'
        f'<table role="presentation" width="100%" cellpadding="0" cellspacing="0" border="0" bgcolor="{_PAPER}" '
        'style="table-layout:fixed">'  # or a phone makes it as wide as its content, and all of it small
        '<tr><td align="center" style="padding:24px 12px">\n'
        '<table role="presentation" width="600" cellpadding="0" cellspacing="0" border="0" bgcolor="#ffffff" '
        f'style="width:600px;max-width:100%;table-layout:fixed;background:#ffffff;border:1px solid {_LINE}">\n'
        f'<tr><td bgcolor="{head}" style="padding:18px 32px;{_FONT};font-size:20px;line-height:26px;'
        f'font-weight:bold;color:#ffffff">{escape(title)}</td></tr>\n'
        f'<tr><td style="font-size:0;line-height:0;height:24px">&nbsp;</td></tr>\n{rows}'
        f'<tr><td style="padding:16px 32px;border-top:1px solid {_LINE};{_FONT};font-size:12px;line-height:18px;'
        f'color:{_SOFT}">{escape(foot)}</td></tr>\n</table>\n</td></tr></table></body></html>\n'
    )


def _text(block: Block) -> str:
    match block:
        case Say(text):
            return _wrapped(text)
        case Head(text):
            return f"{_wrapped(text)}\n{'-' * min(len(text), _WRAP)}"
        case Facts(rows):
            width = max((len(name) for name, _ in rows), default=0)
            return "\n".join(_wrapped(f"{name.ljust(width)} : {value}", " " * (width + 3)) for name, value in rows)
        case Figures(cells):
            return "\n".join(f"{value.rjust(12)}  {name}" for name, value in cells)
        case Bars(rows):
            width = max((len(name) for name, *_ in rows), default=0)
            return "\n".join(f"{value.rjust(8)}  {name.ljust(width)}  {detail}" for name, value, detail, _ in rows)
        case Points(title, items, _):
            return "\n".join([title, *(_wrapped(f"- {item}", "  ") for item in items)])
        case Records(title, rows, then):
            # never wrapped: whoever copies a line must get all of it
            return "\n".join([title, *(f"  {' '.join(row)}" for row in rows), *([_wrapped(then)] if then else [])])
        case Button(label, url, _):
            return f"{label}\n{url}"
        case Sample(to, subject, lines):
            quoted = "\n".join(f"| {line}" for line in lines.splitlines())
            head = "\n".join(f"| {line}" for line in (*to.splitlines(), subject))
            return f"{head}\n|\n{quoted}"


def _wrapped(text: str, indent: str = "") -> str:
    return textwrap.fill(text, _WRAP, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False)


def _html(block: Block) -> str:
    match block:
        case Say(text):
            return f'<div style="{_words()}">{_lines(text)}</div>'
        case Head(text):
            return f'<div style="{_words(16)};font-weight:bold">{_lines(text)}</div>'
        case Facts(rows):
            return _table("".join(_fact(name, value) for name, value in rows))
        case Figures(cells):
            last = len(cells) - 1
            row = "".join(_figure(*cell, at == last, len(cells)) for at, cell in enumerate(cells))
            return _table(f"<tr>{row}</tr>", "auto")  # on a phone each is as wide as its word
        case Bars(rows):
            return _table("".join(_bar(*row) for row in rows))
        case Points(title, items, tone):
            return _points(title, items, *_TONES.get(tone, _TONES["info"]))
        case Records():
            return _records(block)
        case Button(label, url, quiet):
            return _button(label, url, quiet)
        case Sample():
            return _sample(block)


def _words(size: int = 15, colour: str = _INK) -> str:
    return f"{_FONT};font-size:{size}px;line-height:{size + 8}px;color:{colour};overflow-wrap:anywhere;word-break:break-word"


def _lines(text: str) -> str:
    return escape(text).replace("\n", "<br>\n")


def _table(rows: str, layout: str = "fixed") -> str:
    return (
        '<table role="presentation" width="100%" cellpadding="0" cellspacing="0" border="0" '
        f'style="table-layout:{layout}">{rows}</table>'
    )


def _fact(name: str, value: str) -> str:
    return (
        f'<tr><td valign="top" width="140" style="padding:3px 12px 3px 0;{_words(14, _SOFT)}">{escape(name)}</td>'
        f'<td valign="top" style="padding:3px 0;{_words(14)}">{_lines(value)}</td></tr>'
    )


def _figure(name: str, value: str, main: bool, count: int) -> str:
    colour = _BLUE if main else _INK
    return (
        f'<td align="center" valign="top" width="{100 // count}%" bgcolor="{_PAPER}" '
        f'style="padding:12px 2px;border:2px solid #ffffff">'
        f'<div style="{_FONT};font-size:22px;line-height:28px;font-weight:bold;color:{colour}">{escape(value)}</div>'
        f'<div style="{_FONT};font-size:11px;line-height:18px;color:{_SOFT}">{escape(name)}</div></td>'
    )


def _bar(name: str, value: str, detail: str, ratio: float) -> str:
    """Two rows, so that they fit a phone; the bar is made of two cells: Outlook draws neither shares nor positions."""
    full = max(1, min(100, round(ratio * 100))) if ratio > 0 else 0
    cells = "".join(
        f'<td width="{part}%" height="8" bgcolor="{colour}" style="font-size:0;line-height:8px">&nbsp;</td>'
        for part, colour in ((full, _BLUE), (100 - full, _LINE))
        if part
    )
    return (
        f'<tr><td valign="bottom" style="padding:0 12px 4px 0;{_words(14)}">{escape(name)}</td>'
        f'<td valign="bottom" align="right" width="80" style="padding:0 0 4px 0;{_words(15)};font-weight:bold">'
        f"{escape(value)}</td></tr>"
        f'<tr><td colspan="2" style="padding:0 0 12px 0">{_table(f"<tr>{cells}</tr>")}'
        f'<div style="{_words(12, _SOFT)};padding-top:4px">{escape(detail)}</div></td></tr>'
    )


def _points(title: str, items: Sequence[str], ground: str, ink: str) -> str:
    # cells, not a list: Outlook puts the bullets of <ul> wherever it likes
    body = _table(
        "".join(
            f'<tr><td width="14" valign="top" style="{_words(14)};padding:2px 0">•</td>'
            f'<td valign="top" style="{_words(14)};padding:2px 0">{_lines(item)}</td></tr>'
            for item in items
        )
    )
    return _table(
        f'<tr><td bgcolor="{ground}" style="padding:12px 16px;border-left:4px solid {ink}">'
        f'<div style="{_FONT};font-size:14px;line-height:22px;font-weight:bold;color:{ink}">{escape(title)}</div>'
        f"{body}</td></tr>"
    )


def _records(records: Records) -> str:
    cell = f"font-family:Consolas,'Courier New',monospace;font-size:12px;line-height:18px;color:{_INK}"
    rows = "".join(
        f'<tr><td style="padding:6px 12px;border-top:1px solid {_LINE};{cell};word-break:break-all">'
        f"{escape(name)}<br>\n<b>{escape(kind)}</b> {escape(value)}</td></tr>"
        for name, kind, value in records.rows
    )
    then = f'<div style="{_words(13, _SOFT)};padding-top:8px">{_lines(records.then)}</div>' if records.then else ""
    title = f'<div style="{_words(14)};font-weight:bold;padding-bottom:8px">{escape(records.title)}</div>'
    return f'{title}<div style="border:1px solid {_LINE};border-top:0;background:{_PAPER}">{_table(rows)}</div>{then}'


def _button(label: str, url: str, quiet: bool) -> str:
    target, ground, ink = escape(url, quote=True), *(("#ffffff", _BLUE) if quiet else (_BLUE, "#ffffff"))
    return (
        f'<table role="presentation" cellpadding="0" cellspacing="0" border="0"><tr><td bgcolor="{ground}" '
        f'style="padding:{"9px 18px" if quiet else "12px 24px"};border:1px solid {_BLUE}">'
        f'<a href="{target}" style="{_FONT};font-size:{14 if quiet else 16}px;line-height:20px;'
        f'font-weight:bold;color:{ink};text-decoration:none">{escape(label)}</a></td></tr></table>'
        f'<div style="{_words(12, _SOFT)};padding-top:8px;word-break:break-all">{escape(url)}</div>'
    )


def _sample(sample: Sample) -> str:
    return _table(
        f'<tr><td style="border:1px solid {_LINE};padding:12px 16px">'
        f'<div style="{_words(12, _SOFT)}">{_lines(sample.to)}</div>'
        f'<div style="{_FONT};font-size:15px;line-height:22px;font-weight:bold;color:{_INK}">{escape(sample.subject)}</div>'
        f'<div style="{_words(14, _SOFT)};padding-top:6px">{_lines(sample.lines)}</div></td></tr>'
    )
