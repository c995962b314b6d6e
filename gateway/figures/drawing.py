"""A mail's HTML as a report may show it: inert, and with heat drawn over the links that people click.

In: the HTML of a mail as it was rendered, which zone a link is, where the report keeps the pictures that travel in the mail.
Out: HTML written anew from the tokens, without anything that acts, leads away or loads from elsewhere: scripts, frames,
forms, targets, remote pictures (unless asked for), imports, fonts. That page is served under a policy that forbids the same;
this writing keeps it quiet and its links dead. Zones carry their number, heat and count as data attributes, and the style at
the end draws them. Pure; raises nothing; logs nothing; one pass of a tokenizer.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from html import escape
from pathlib import Path

from turbohtml import Token, TokenType, tokenize

WARMEST = 5
# with what stands in them
_GONE = {
    "script",
    "iframe",
    "noembed",
    "noframes",
    "noscript",
    "object",
    "applet",
    "template",
    "audio",
    "video",
    "title",
}
_BARE = {
    "base",
    "link",
    "meta",
    "embed",
    "frame",
    "frameset",
    "form",
    "xmp",
    "plaintext",
    "source",
    "track",
    "portal",
    "param",
}
_NOT_KEPT = {
    "href", "xlink:href", "action", "formaction", "ping", "target", "srcset", "imagesrcset", "poster", "data", "codebase",
    "autofocus", "contenteditable", "tabindex", "accesskey", "download", "usemap", "ismap", "nonce", "manifest", "srcdoc",
    "longdesc", "cite", "lowsrc", "dynsrc", "src", "background",
}  # fmt: skip
_NAME = re.compile(r"[a-z][a-z0-9:_.-]{0,40}")
_URL = re.compile(r"url\(\s*(['\"]?)([^)]{0,4000}?)\1\s*\)", re.IGNORECASE)
_LOADED = re.compile(r"@import[^;{}]*;?|@font-face\s*\{[^}]*\}", re.IGNORECASE)
_PICTURE = re.compile(r"data:image/(?:png|jpe?g|gif|webp);", re.IGNORECASE)
_REMOTE = re.compile(r"(?:https?:)?//", re.IGNORECASE)
_LEADS = ("http://", "https://", "mailto:", "tel:")

_STYLE = Path(__file__).with_name("heat.css").read_text("utf-8")


@dataclass(frozen=True, slots=True)
class Zone:
    """A link of the message: how warm it is (0 to WARMEST), its count as people read it, where it leads."""

    index: int
    heat: int
    count: str
    target: str


@dataclass(frozen=True, slots=True)
class Drawing:
    """How a message is drawn: `zone_of` reads a target as it stands in the mail, `picture` names where a part is kept (None:
    it is not shown), `remote` says that pictures from elsewhere may load, those under `own` excepted: our pixel."""

    zone_of: Callable[[str], int | None]
    zones: Mapping[int, Zone]
    picture: Callable[[str], str | None]
    remote: bool = False
    own: str = ""


@dataclass(slots=True)
class _Pen:
    drawing: Drawing
    raw: str = ""  # the element whose text is being left out, or "style"
    depth: int = 0
    out: list[str] = field(default_factory=list)


def heat(n: int, most: int) -> int:
    """How warm a zone of `n` clicks is where the warmest has `most`."""
    return 0 if n <= 0 or most <= 0 else max(1, -(-WARMEST * n // most))


def draw(html: str, drawing: Drawing, locale: str, title: str) -> str:
    """Write a message's HTML anew."""
    pen = _Pen(drawing)
    standards = False
    for token in tokenize(html):
        standards = standards or token.type is TokenType.DOCTYPE
        _token(pen, token)
    head = f'<html lang="{escape(locale)}"><head><meta charset="utf-8"><title>{escape(title)}</title></head>'
    body = "".join(pen.out)
    return f"{'<!doctype html>' if standards else ''}{head}{body}<style>{_STYLE}</style></html>"


def draw_text(text: str, drawing: Drawing, prefix: str, locale: str, title: str) -> str:
    """Write a plain body as a page, its followed links as zones; they begin with `prefix` in the mail."""
    lines = "".join(_pieces(text, drawing, prefix))
    return (
        f'<!doctype html><html lang="{escape(locale)}"><head><meta charset="utf-8"><title>{escape(title)}</title></head>'
        f'<body><pre class="plain">{lines}</pre><style>{_STYLE}</style></body></html>'
    )


def _pieces(text: str, drawing: Drawing, prefix: str) -> Iterator[str]:
    at = 0
    for found in re.finditer(re.escape(prefix) + r"[A-Za-z0-9/_-]+", text):
        zone = drawing.zones.get(-1 if (index := drawing.zone_of(found.group())) is None else index)
        if zone is not None:
            yield escape(text[at : found.start()], quote=False)
            yield f"<span{_marks(zone)}>{escape(zone.target, quote=False)}</span>"
            at = found.end()
    yield escape(text[at:], quote=False)


def _token(pen: _Pen, token: Token) -> None:
    tag = token.tag or ""
    if pen.raw and pen.raw != "style":
        if tag == pen.raw and token.type is TokenType.START_TAG:
            pen.depth += 1
        elif tag == pen.raw and token.type is TokenType.END_TAG:
            pen.depth -= 1
            pen.raw = pen.raw if pen.depth else ""
        return
    match token.type:
        case TokenType.TEXT:
            pen.out.append(_css(token.data or "", pen.drawing) if pen.raw else escape(token.data or "", quote=False))
        case TokenType.START_TAG:
            _start(pen, token, tag)
        case TokenType.END_TAG:
            pen.raw = ""
            if tag not in _GONE and tag not in _BARE and tag not in ("html", "head") and _NAME.fullmatch(tag):
                pen.out.append(f"</{tag}>")
        case _:
            pass  # comments (Outlook's own among them) and the doctype


def _start(pen: _Pen, token: Token, tag: str) -> None:
    if tag in _GONE:
        pen.raw, pen.depth = (tag, 1) if not token.self_closing else ("", 0)
        return
    if tag in _BARE or tag in ("html", "head") or not _NAME.fullmatch(tag):
        return
    given = {name: value or "" for name, value in reversed(token.attrs or ())}
    words = [f' {name}="{escape(value)}"' for name, value in _attributes(tag, given, pen.drawing)]
    if tag in ("a", "area") and (href := given.get("href", "").strip()):
        words.append(_link(href, pen.drawing))
    pen.raw = "style" if tag == "style" else ""
    pen.out.append(f"<{tag}{''.join(words)}>")


def _attributes(tag: str, given: Mapping[str, str], drawing: Drawing) -> Iterator[tuple[str, str]]:
    """The attributes that stay, and pictures where they may be shown."""
    for name, value in given.items():
        if name in _NOT_KEPT or name.startswith(("on", "data-", "aria-")) or not _NAME.fullmatch(name):
            continue
        yield name, _css(value, drawing) if name == "style" else value
    if tag in ("img", "input") and (shown := _shown(given.get("src", ""), drawing)):
        yield "src", shown
    if shown := _shown(given.get("background", ""), drawing):
        yield "background", shown
    if tag == "img" and "alt" not in given:
        yield "alt", ""


def _shown(url: str, drawing: Drawing) -> str | None:
    """Where a picture is loaded from; None where it is not."""
    url = url.strip()
    if url[:4].lower() == "cid:":
        return drawing.picture(url[4:])
    if _PICTURE.match(url):
        return url
    if drawing.remote and _REMOTE.match(url) and not (drawing.own and url.startswith(drawing.own)):
        return url
    return drawing.picture(url) if url else None


def _css(text: str, drawing: Drawing) -> str:
    def one(found: re.Match[str]) -> str:
        shown = _shown(found.group(2), drawing)
        return f'url("{shown.replace(chr(34), "%22")}")' if shown else "none"

    return _URL.sub(one, _LOADED.sub("", text)).replace("</", "<\\/")


def _link(href: str, drawing: Drawing) -> str:
    index = drawing.zone_of(href)
    zone = None if index is None else drawing.zones.get(index)
    if zone is not None:
        return _marks(zone)
    return f' title="{escape(href)}"' if href.lower().startswith(_LEADS) else ""


def _marks(zone: Zone) -> str:
    said = f' data-zone="{zone.index}" data-heat="{zone.heat}" data-count="{escape(zone.count)}"'
    return f'{said} title="{escape(zone.target)}"'
