"""Text from HTML and HTML from text, for mails that bring only one of them.

In: a body as text with LF line ends; merge tags pass through whole. Out: the other body. Raises nothing; logs nothing;
time grows with the length only (one pass of a tokenizer, no tree).
"""

from __future__ import annotations

import re
from html import escape
from urllib.parse import unquote

from turbohtml import Token, TokenType, tokenize

# A web address in running text: a merge tag may stand in it; a closing mark or bracket at its end is not part of it.
URL = re.compile(r"https?://(?:\{\{[^{}\n]{1,300}\}\}|[^\s<>\"{}\uE000-\uE001])+", re.IGNORECASE)
_TRAILING = ".,;:!?'\u2019\u00bb*_"
_SKIPPED = {"head", "style", "script", "title", "template", "noscript", "svg", "math", "select", "textarea"}
_BLOCKS = {
    "address", "article", "aside", "blockquote", "body", "center", "dd", "div", "dl", "dt", "fieldset", "figure", "footer",
    "form", "header", "html", "li", "main", "nav", "ol", "section", "table", "tbody", "tfoot", "thead", "tr", "ul",
}  # fmt: skip
_SPACED = {"p", "h1", "h2", "h3", "h4", "h5", "h6", "pre"}
_BLANKS = re.compile(r"[ \t\n\r\f\u00a0]+")
_MAX_LINE = 20_000  # a page without any block would make one endless line
_PREHEADER = re.compile(r"[\u034f\u200b-\u200f\u2060\ufeff\u00ad]+")
_ENCODED_TAG = re.compile(r"%7B%7B.{1,300}?%7D%7D", re.IGNORECASE)


def trimmed(url: str) -> str:
    """Return a matched URL without the sentence's own marks at its end."""
    surplus = {closing: url.count(closing) - url.count(opening) for opening, closing in ("()", "[]", "{}")}
    end = len(url)
    while end:
        mark = url[end - 1]
        if surplus.get(mark, 0) > 0:
            surplus[mark] -= 1
        elif mark not in _TRAILING:
            break
        end -= 1
    return url[:end]


def text_to_html(text: str) -> str:
    """Return a plain text as a small HTML page: lines kept, addresses made links, merge tags left whole."""
    lines = [_line_to_html(line) for line in text.rstrip("\n").split("\n")]
    return (
        '<!DOCTYPE html>\n<html><head><meta charset="utf-8"></head>\n'
        '<body style="font-family:Arial,Helvetica,sans-serif;font-size:14px">\n'
        + "<br>\n".join(lines)
        + "\n</body></html>\n"
    )


def _line_to_html(line: str) -> str:
    out: list[str] = []
    at = 0
    for found in URL.finditer(line):
        url = trimmed(found.group())
        out.append(_blanks(escape(line[at : found.start()], quote=False)))
        out.append(f'<a href="{escape(url)}">{escape(url, quote=False)}</a>')
        at = found.start() + len(url)
    out.append(_blanks(escape(line[at:], quote=False)))
    return "".join(out)


def _blanks(text: str) -> str:
    text = text.replace("\t", "    ").replace("  ", "&nbsp; ")
    return "&nbsp;" + text[1:] if text.startswith(" ") else text


def html_to_text(html: str) -> str:
    """Return what an HTML body says as plain text: blocks on lines of their own, link targets behind their labels."""
    writer = _Writer()
    for token in tokenize(html):
        writer.take(token)
    return writer.finish()


class _Writer:
    """Collects lines; blanks between words are joined, as a browser does."""

    __slots__ = ("anchor", "depth", "href", "line", "lines", "pre", "skipped")

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.line = ""
        self.href = ""
        self.anchor = 0  # where the label began
        self.skipped = ""
        self.depth = 0
        self.pre = 0

    def take(self, token: Token) -> None:
        if token.type is TokenType.TEXT and not self.skipped:
            self._text(token.data or "")
        elif token.type is TokenType.START_TAG:
            self._open(token.tag or "", dict(token.attrs or ()))
        elif token.type is TokenType.END_TAG:
            self._close(token.tag or "")

    def _text(self, data: str) -> None:
        data = _PREHEADER.sub("", data)
        if self.pre:
            first, *more = data.split("\n")
            self.line += first
            for line in more:
                self._break()
                self.line = line
            return
        if len(self.line) > _MAX_LINE:
            self._break()
        data = _BLANKS.sub(" ", data)
        self.line += data.lstrip() if not self.line or self.line.endswith(" ") else data

    def _open(self, tag: str, attrs: dict[str, str | None]) -> None:
        if self.skipped:
            self.depth += tag == self.skipped
        elif tag in _SKIPPED:
            self.skipped, self.depth = tag, 1
        elif tag == "br":
            self._break(always=True)
        elif tag == "hr":
            self._block()
            self.lines.append("-" * 40)
        elif tag == "img":
            self._text(attrs.get("alt") or "")
        elif tag == "a":
            self._end_link()
            self.href, self.anchor = (attrs.get("href") or "").strip(), len(self.line)
        elif tag in ("td", "th"):
            self.line += " " if self.line and not self.line.endswith(" ") else ""
        elif tag in _BLOCKS or tag in _SPACED:
            self._block(spaced=tag in _SPACED)
            self.pre += tag == "pre"
            self.line = "- " if tag == "li" else self.line

    def _close(self, tag: str) -> None:
        if self.skipped:
            self.depth -= tag == self.skipped
            self.skipped = self.skipped if self.depth > 0 else ""
        elif tag == "a":
            self._end_link()
        elif tag in _BLOCKS or tag in _SPACED:
            self._block(spaced=tag in _SPACED)
            self.pre = max(0, self.pre - (tag == "pre"))

    def _end_link(self) -> None:
        href, self.href = self.href, ""
        if not href or href.startswith("#") or href.lower().startswith("javascript:"):
            return
        href = _ENCODED_TAG.sub(lambda found: unquote(found.group()), href)
        href = href[7:] if href.lower().startswith("mailto:") else href
        label = self.line[self.anchor :].strip()
        if label == href or not label:
            self.line = self.line[: self.anchor] + href
        elif href != label:
            self.line = f"{self.line.rstrip()} ( {href} )"

    def _break(self, always: bool = False) -> None:
        line = self.line.rstrip()
        if line or always:
            self.lines.append(line)
        self.line = ""
        self.anchor = 0

    def _block(self, spaced: bool = False) -> None:
        if self.line.strip() not in ("", "-"):
            self._break()
        if spaced and self.lines and self.lines[-1]:
            self.lines.append("")

    def finish(self) -> str:
        self._end_link()
        self._break()
        text = re.sub(r"\n{3,}", "\n\n", "\n".join(self.lines))
        return text.strip("\n") + "\n"
