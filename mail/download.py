"""Attachments as links: the block in the mail that names each file with its size and leads to its page.

In: the campaign's Spec and the attachments, or one person's values and tokens. Out: the block as HTML that Outlook's Word
engine shows as meant (tables, inline CSS, no image) and as text; "" without a file. The files of all are constants of the
campaign; where a column names them, each person has their own links. Raises LookupError for a file that is not there:
intake holds such a campaign. Logs nothing.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from html import escape
from zoneinfo import ZoneInfo

from mail.spec import Spec
from parsers.documents import Shelf, shelf
from parsers.parts import Part
from parsers.tokens import Keyring, Purpose, sign, sign_series

_TITLE = {
    "fr": ("Fichier à télécharger", "Fichiers à télécharger"),
    "en": ("File to download", "Files to download"),
}
_GET = {"fr": "Télécharger", "en": "Download"}
_UNTIL = {"fr": "Disponible jusqu'au {}.", "en": "Available until {}."}
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_UNITS = {"fr": ("octets", "ko", "Mo"), "en": ("bytes", "kB", "MB")}
_ENDING = re.compile(r"\.([A-Za-z0-9]{1,4})\Z")
_FONT = "font-family:Arial,Helvetica,sans-serif"
_INK, _SOFT, _LINE, _PAPER = "#1f2933", "#5b6776", "#dde3ea", "#f6f7fa"
# the colours by which people know the kinds of their files
_COLOURS = {
    "pdf": "#c62828", "doc": "#1e56a0", "docx": "#1e56a0", "odt": "#1e56a0", "rtf": "#1e56a0", "xls": "#1b7a43",
    "xlsx": "#1b7a43", "ods": "#1b7a43", "csv": "#1b7a43", "ppt": "#c2501d", "pptx": "#c2501d", "odp": "#c2501d",
    "jpg": "#7b3fa0", "jpeg": "#7b3fa0", "png": "#7b3fa0", "gif": "#7b3fa0", "webp": "#7b3fa0", "zip": "#7a5a12",
}  # fmt: skip
_OTHER = "#4a5568"


@dataclass(frozen=True, slots=True)
class Linked:
    """A file as a mail names it."""

    name: str
    size: int
    url: str


@dataclass(frozen=True, slots=True)
class Downloads:
    """The files of a campaign that sends links; `column` names each person's own, None: all get `shared`."""

    locale: str
    until: str
    base: str
    column: int | None
    shelf: Shelf
    files: tuple[tuple[str, int], ...]
    shared: tuple[Linked, ...]

    def own(self, keyring: Keyring, person_id: int, values: tuple[str, ...]) -> tuple[Linked, ...]:
        """Return one person's files; a token names the person and the place in their cell, never a file as such."""
        if self.column is None:
            return ()
        found = self.shelf.find(values[self.column])
        if found.missing:
            raise LookupError(f"no file {found.missing[0]!r}")
        tokens = sign_series(keyring, Purpose.DOCUMENT, person_id, len(found.files))
        return tuple(
            Linked(*self.files[at], f"{self.base}/f/{token}") for at, token in zip(found.files, tokens, strict=True)
        )

    def html(self, files: Sequence[Linked]) -> str:
        """Return the block for the end of an HTML body."""
        return _html(self.locale, files, self.until) if files else ""

    def text(self, files: Sequence[Linked]) -> str:
        """Return the block for the end of a plain body."""
        return _text(self.locale, files, self.until) if files else ""


def downloads(spec: Spec, attachments: Sequence[Part], keyring: Keyring) -> Downloads | None:
    """Return what a campaign that sends links puts into its mails; None where attachments are attached."""
    if not spec.links or not attachments:
        return None
    base = spec.public_url.rstrip("/")
    files = tuple((title(spec.locale, part.filename, at), len(part.data)) for at, part in enumerate(attachments))
    shared: tuple[Linked, ...] = ()
    if spec.documents is None:
        tokens = [sign(keyring, Purpose.FILE, spec.campaign_id, at) for at in range(len(files))]
        shared = tuple(Linked(*file, f"{base}/f/{token}") for file, token in zip(files, tokens, strict=True))
    known = shelf([part.filename for part in attachments])
    return Downloads(spec.locale, spec.links_until, base, spec.documents, known, files, shared)


def title(locale: str, name: str, at: int) -> str:
    """Return the name by which a file is handed out: its own, else one of ours."""
    return name or f"{'file' if locale == 'en' else 'fichier'}-{at + 1}"


def size(locale: str, n: int) -> str:
    """Return a size as people read it: `640 octets`, `12 ko`, `2,4 Mo`; thousands as on every disk's box."""
    units = _UNITS.get(locale, _UNITS["fr"])
    if n < 1_000:
        return f"{n} {units[0]}"
    if n < 999_500:
        return f"{(n + 500) // 1_000} {units[1]}"
    figure = f"{n / 1e6:.1f}".removesuffix(".0")
    return f"{figure if locale == 'en' else figure.replace('.', ',')} {units[2]}"


def day(locale: str, zone: str, ms: int) -> str:
    """Return the day of an instant (UTC ms) in a zone: `27/12/2026` or `27 Dec 2026`; UTC where there is no such zone."""
    try:
        place: tzinfo = ZoneInfo(zone)
    except (KeyError, ValueError, OSError):
        place = UTC
    at = datetime.fromtimestamp(ms / 1000, place)
    return f"{at.day} {_MONTHS[at.month - 1]} {at.year}" if locale == "en" else f"{at:%d/%m/%Y}"


def kind(name: str) -> tuple[str, str]:
    """Return the ending of a file's name in capitals (empty without one) and its colour."""
    found = _ENDING.search(name)
    ending = found[1] if found else ""
    return ending.upper(), _COLOURS.get(ending.lower(), _OTHER)


def _heading(locale: str, count: int) -> str:
    return _TITLE.get(locale, _TITLE["fr"])[count > 1]


def _until(locale: str, until: str) -> str:
    return _UNTIL.get(locale, _UNTIL["fr"]).format(until) if until else ""


def _text(locale: str, files: Sequence[Linked], until: str) -> str:
    colon = ":" if locale == "en" else "\u00a0:"
    lines = ["", _heading(locale, len(files)) + colon]
    for file in files:
        lines += [f"- {_plain(file.name)} ({size(locale, file.size)})", f"  {file.url}"]
    return "\n".join([*lines, *([_until(locale, until)] if until else []), ""])


def _plain(name: str) -> str:
    return " ".join(name.split())


def _html(locale: str, files: Sequence[Linked], until: str) -> str:
    rows = "".join(_row(locale, file) for file in files)
    note = _until(locale, until)
    foot = (
        f'<tr><td colspan="3" style="padding:8px 16px 14px;{_words(12, _SOFT)}">{escape(note)}</td></tr>'
        if note
        else ""
    )
    return (
        f'\n<table role="presentation" width="100%" cellpadding="0" cellspacing="0" border="0" bgcolor="{_PAPER}" '
        f'style="margin-top:24px;max-width:560px;background:{_PAPER};border:1px solid {_LINE};border-collapse:separate;'
        'border-radius:8px">\n'
        f'<tr><td colspan="3" style="padding:14px 16px 6px;{_words(14, _INK)};font-weight:bold">'
        f"{escape(_heading(locale, len(files)))}</td></tr>\n{rows}{foot}</table>\n"
    )


def _row(locale: str, file: Linked) -> str:
    ending, colour = kind(file.name)
    badge = (
        '<table role="presentation" width="44" cellpadding="0" cellspacing="0" border="0"><tr>'
        f'<td align="center" width="44" height="44" bgcolor="{colour}" style="width:44px;height:44px;background:{colour};'
        f'border-radius:6px;{_FONT};font-size:11px;line-height:14px;font-weight:bold;color:#ffffff">'
        f"{escape(ending) or '&#8226;'}</td></tr></table>"
    )
    target = escape(file.url)
    return (
        f'<tr><td width="44" valign="middle" style="padding:6px 0 6px 16px">{badge}</td>'
        f'<td valign="middle" style="padding:6px 12px;word-break:break-word;{_words(14, _INK)}">'
        f'<a href="{target}" style="color:{_INK};text-decoration:none;font-weight:bold">{escape(_plain(file.name))}</a><br>'
        f'<span style="color:{_SOFT};font-size:12px">{escape(size(locale, file.size))}</span></td>'
        f'<td valign="middle" align="right" style="padding:6px 16px 6px 0;{_words(14, _INK)};white-space:nowrap">'
        f'<a href="{target}" style="color:#1d4ed8;font-weight:bold">'
        f"{_GET.get(locale, _GET['fr'])}</a></td></tr>\n"
    )


def _words(pixels: int, colour: str) -> str:
    return f"{_FONT};font-size:{pixels}px;line-height:{pixels + 6}px;color:{colour}"
