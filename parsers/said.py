"""What a person wrote in a reply: the quoted mail, its heading and the signature taken away.

In: the text of a reply (LF line ends), or its HTML where it has no text. Out: `Said`: the person's own words, and the
signature that stood under them. Words between quoted lines and below them count, as long as no heading of a whole quoted
mail ("-----Message d'origine-----", "De : … Envoyé : …") came first. Pure; raises nothing; bounded in lines and length,
and time grows with the length only.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from parsers.plain import html_to_text

LENGTH = 200_000  # characters that are looked at
LINES = 5_000
_SIGNED_LINES = 12  # lines of a signature that is marked by nothing but "Envoyé de mon iPhone"
_HEADING_LINES = 4  # of "On … wrote:", which clients fold

_BEGINS = r"(?:on|le|am|il|el|em|op|den|dnia|w dniu|at|pada|tor|fre|lør|søn|man|tir)\b"
_VERBS = (
    r"(?:wrote|writes|a écrit|ecrit|écrivait|schrieb|schreef|skrev|scrisse|ha scritto|escribió|escreveu"
    r"|napisał|napisala"
    r"|kirjoitti|написала?|пишет|пише)"
)
_ADDRESS = r"<\s{0,2}[^<>\s]+@[^<>\s]+>"
_WROTE = re.compile(
    rf"^\W{{0,8}}(?:{_BEGINS}.{{3,400}}?|.{{0,200}}?\d{{1,4}}.{{0,250}}?|[^\n]{{2,120}}{_ADDRESS}\s{{0,3}}"
    rf"|[^\n]{{1,80}})"
    rf"\b{_VERBS}\b.{{0,120}}?\s{{0,3}}[:\u2236]\s{{0,3}}-{{0,8}}$",
    re.IGNORECASE,
)
_STAMPED = re.compile(  # "2017-02-05 13:29 GMT+02:00 Name <a@b>:", "26.06.2014, 14:41, "Name" <a@b>:"
    r"^\W{0,3}(?:\w{2,9},? )?(?:\d{1,4}[-./]\d{1,2}[-./]\d{1,4}|\d{1,2} \w{3,10} \d{4})\b.{0,200}"
    rf"{_ADDRESS}\s{{0,3}}:$|^(?:le|on|am|пн|вт|ср|чт|пт|сб|вс)\b.{{6,200}}{_ADDRESS}.{{0,40}}:$",
    re.IGNORECASE,
)
_BARE = re.compile(  # no colon: "On … <a@b> wrote", "2013/7/20 Name <a@b>"
    rf"^(?:on|le) .{{0,100}}\d.{{0,200}}{_ADDRESS} (?:wrote|a écrit)$"
    rf"|^\d{{4}}[-/]\d{{1,2}}[-/]\d{{1,2}} [^<>]{{1,120}}{_ADDRESS}$",
    re.IGNORECASE,
)
_FRESH = re.compile(rf"^\W{{0,3}}{_BEGINS}.*\d", re.IGNORECASE)
_RULE = re.compile(
    r"^\W{0,3}[-_=*]{2,}\s{0,3}(?:original message|message d['’ ]origine|message original"
    r"|message transféré|forwarded message"
    r"|reply message|message transf.r.|reply above this line|urspr.ngliche (?:nachricht|mail)|original(?:nachricht)?"
    r"|mensaje original|messaggio originale|répondre au-dessus de cette ligne|исходное сообщение"
    r"|пересылаемое сообщение"
    r"|oprindelig meddelelse)\b.{0,60}$|^begin forwarded message\s{0,3}:$|^début du message (?:réexpédié"
    r"|transféré)\s{0,3}:$"
    r"|^-{3,}\s{0,3}(?:on|le) .{5,200}\s(?:wrote|a écrit)\s{0,3}-{3,}$|^_{20,}$",
    re.IGNORECASE,
)
_FIELD = re.compile(
    r"^[\s>*_]{0,6}(from|de|von|van|da|от|fra|expéditeur|sent|envoyé|envoyé le|date|gesendet|verzonden"
    r"|inviato|enviado|to|à|an"
    r"|aan|pour|destinataire|subject|objet|betreff|onderwerp|oggetto|asunto|тема|cc|reply-to|répondre à|importance)"
    r"[\s*_\u00a0\u202f]{0,4}:",
    re.IGNORECASE,
)
_FIRST_FIELDS = frozenset(("from", "de", "von", "van", "da", "от", "fra", "expéditeur", "date", "sent", "envoyé"))
_DEVICE = re.compile(
    r"^\W{0,3}(?:sen[dt]t? (?:from|via|with|using|fra|från) |diese nachricht wurde von |mailbox for |from my \w+"
    r"|envoy[ée]e? (?:depuis |de (?:mon|ma|l') ?|à partir de |avec |via )|get outlook for |obtenir outlook "
    r"|télécharge[rz] outlook |provenance : courrier|von meine?[mr]? |gesendet (?:von|mit)|enviado desde|inviato da"
    r"|отправлено с|(?:\[.{0,20}\])?sent by )",
    re.IGNORECASE,
)
_DASHES = re.compile(r"^(?:--|—|–|__|- -) ?$|^--\s?\u00a0?$")
_CLOSED = re.compile(r"<(/?)blockquote\b[^>]{0,2000}>", re.IGNORECASE)
_QUOTED_HTML = re.compile(  # inside a tag: what clients put around, or above, the mail that they quote
    r"\bgmail_quote\b|id=[\"']?(?:divRplyFwdMsg|appendonsend|zwchr|mail-editor-reference-message-container)"
    r"|moz-cite-prefix|yahoo_quoted|protonmail_quote|tutanota_quote|zmail_extra|hmquote|OutlookMessageHeader"
    r"|border-top:\s?solid #(?:B5C4DF|E1E1E1)",
    re.IGNORECASE,
)
_TAG = 320  # characters of a tag before such a mark


@dataclass(frozen=True, slots=True)
class Said:
    """The words that the author of a reply wrote, and the signature under them ("" when none was found)."""

    words: str
    signature: str = ""

    @property
    def lines(self) -> tuple[str, ...]:
        """The words by line, blank ones left out."""
        return tuple(line.strip() for line in self.words.split("\n") if line.strip())


def read(text: str | None, html: str | None = None) -> Said:
    """Return what the author wrote; `html` counts only where there is no text, or an empty one."""
    if text is None or not text.strip():
        text = html_to_text(_own_html(html[: 4 * LENGTH])) if html else ""
    lines = text[:LENGTH].replace("\u200b", "").split("\n")[:LINES]
    own = _unquoted(lines)
    cut = _signature(own)
    return Said(_joined(own[:cut]), _joined(own[cut:]))


def _joined(lines: list[str]) -> str:
    rows = [line.rstrip() for line in lines]
    while rows and not rows[-1].strip(" -_=*"):
        rows.pop()  # a blank line, or the rule above what was taken away
    return "\n".join(rows).strip("\n")


def _own_html(html: str) -> str:
    """The page without its quotations: all that stands in <blockquote>, and all behind a client's heading of a reply."""
    out: list[str] = []
    at = depth = 0
    for mark in _CLOSED.finditer(html):
        if not depth:
            out.append(html[at : mark.start()])
        depth = max(0, depth - 1) if mark[1] else depth + 1
        at = mark.end()
    if not depth:
        out.append(html[at:])
    rest = "\n".join(out)
    for mark in _QUOTED_HTML.finditer(rest):
        start = rest.rfind("<", max(0, mark.start() - _TAG), mark.start())
        if start >= 0 and ">" not in rest[start : mark.start()]:
            return rest[:start]
    return rest


def _unquoted(lines: list[str]) -> list[str]:
    """The lines that are no quotation, up to the heading of a whole quoted mail."""
    own: list[str] = []
    at = 0
    while at < len(lines):
        line = lines[at]
        if line.lstrip().startswith(">"):
            at += 1
            continue
        if length := _wrote(lines, at):
            at += length
            if not _quotes_follow(lines, at):
                break  # the rest is the quoted mail without any mark
            continue
        if _rule(lines, at) or _heads(lines, at):
            break
        own.append(line)
        at += 1
    return own


def _wrote(lines: list[str], at: int) -> int:
    """How many lines from here are the heading of a quotation ("Le … a écrit :"), 0 for none."""
    joined = ""
    for count in range(1, _HEADING_LINES + 1):
        if at + count > len(lines) or not lines[at + count - 1].strip():
            return 0
        joined = f"{joined} {lines[at + count - 1].strip()}".strip()
        if len(joined) > 600:
            return 0
        # "…, so I wrote this:" is a sentence: it names neither day nor address
        if _heading(joined) and (re.search(r"[\d@]", joined) or (count == 1 and _quotes_follow(lines, at + 1))):
            # the sentence above "On … wrote:" is not a part of it
            later = (" ".join(line.strip() for line in lines[at + k : at + count]) for k in range(1, count))
            return 0 if any(_FRESH.match(one) and _heading(one) for one in later) else count
    return 0


def _heading(joined: str) -> bool:
    if joined.endswith((":", "\u2236", "-")):
        return _WROTE.match(joined) is not None or _STAMPED.match(joined) is not None
    return _BARE.match(joined) is not None


def _quotes_follow(lines: list[str], at: int) -> bool:
    return next((line for line in lines[at:] if line.strip()), ">").lstrip().startswith(">")


def _rule(lines: list[str], at: int) -> bool:
    """Whether a line is a client's rule above the quoted mail; a bare line of dashes needs a heading below it."""
    line = lines[at].strip()
    if not _RULE.match(line):
        return False
    return line.strip("_") != "" or _heads(lines, _next(lines, at + 1)) or at > 0


def _next(lines: list[str], at: int) -> int:
    while at < len(lines) and not lines[at].strip():
        at += 1
    return at


def _heads(lines: list[str], at: int) -> bool:
    """Whether here begins the head of a quoted mail: "De :" and at least two more fields close below it."""
    first = _FIELD.match(lines[at]) if at < len(lines) else None
    if first is None or first[1].lower() not in _FIRST_FIELDS:
        return False
    names = {found[1].lower() for line in lines[at : at + 8] if (found := _FIELD.match(line))}
    return len(names) >= 3


def _signature(lines: list[str]) -> int:
    """The index at which the signature begins."""
    found, below, devices = len(lines), 0, True
    for at in range(len(lines) - 1, -1, -1):  # from the end, so that each line is looked at once
        line = lines[at].strip()
        below += bool(line)
        device = len(line) < 120 and _DEVICE.match(line) is not None
        devices = devices and (device or not line)
        if (
            _DASHES.match(line)
            or _DASHES.match(lines[at].strip("\r"))
            or (device and (below <= _SIGNED_LINES or devices))
        ):
            found = at
    return found
