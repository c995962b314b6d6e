"""Both bodies of a campaign written into quoted-printable segments, once for each way in which people are followed.

In: the items of the bodies, the campaign's constants, the links. Out: a Variant: segments of the whole MIME body and how each
slot is filled: the unsubscribe token, that of the page of consent, that of the person's pixel, then (followed in full) those
of the links, and of one that only programs find. What is the same in the whole campaign (anonymous links and pixel) is
constant text. Then the fields, the targets that begin with a column, and last the person's own attachments: their
MIME parts, or the two blocks of their links. Raises nothing; logs nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from html import escape

from mail.compose import Frame
from mail.download import Downloads
from mail.footer import STYLE, choice, html_footer, label, measured, text_footer
from mail.heading import PURPOSES
from mail.places import escape_of
from mail.quoted import Encoder, Segments
from mail.spec import Spec
from mail.tracking import Link
from parsers.fields import CONSENT, UNSUBSCRIBE, Field, Place, Segment
from parsers.merge import BodyEnd, Item, Target
from parsers.modes import Tracked
from parsers.tokens import LENGTH, Purpose

UNSUBSCRIBE_SLOT, WAY_OUT_SLOT, PIXEL_SLOT, FIRST_CLICK = range(4)
_LAST = -1_000_000  # while writing: slots behind those of the targets, whose count is not known yet
_PIXEL = '.gif" width="1" height="1" alt="" style="display:block;border:0;width:1px;height:1px">'
_HIDDEN = '" style="display:none;mso-hide:all" tabindex="-1" aria-hidden="true"></a>'


@dataclass(frozen=True, slots=True)
class FieldSlot:
    """How one slot is made from a person's values."""

    escape: Callable[[str], str]
    index: int
    default: str


@dataclass(frozen=True, slots=True)
class Variant:
    """One form of the MIME body, and what its slots hold after the tokens."""

    segments: Segments
    fields: tuple[FieldSlot, ...]
    targets: tuple[Link, ...]
    clicks: int  # how many link tokens stand before the fields
    mode: Tracked
    purposes: tuple[Purpose, ...]  # of the person's tokens: those of the header, then of the way out and of the pixel
    asks: bool = False  # it leads to the page of consent


@dataclass(frozen=True, slots=True)
class Shared:
    """The tokens that are the same in all mails of a campaign: of each link, and of the pixel."""

    links: tuple[str, ...]
    opens: str


@dataclass(slots=True)
class _Writer:
    spec: Spec
    links: tuple[Link, ...]
    mode: Tracked
    shared: Shared
    files: Downloads | None = None
    encoder: Encoder = field(default_factory=Encoder)
    field_slots: dict[tuple[Field, bool], int] = field(default_factory=dict)
    targets: list[Link] = field(default_factory=list)
    target_slots: list[int] = field(default_factory=list)
    next_link: int = 0
    asks: bool = False

    @property
    def first_field(self) -> int:
        return FIRST_CLICK + (len(self.links) + self.spec.hidden_link if self.mode is Tracked.FULL else 0)

    def items(self, items: tuple[Item, ...], html: bool) -> None:
        for item in items:
            if isinstance(item, str):
                self.encoder.text(item)
            elif isinstance(item, Field):
                self.field(item, html)
            elif isinstance(item, Target):
                self.target(item, html)
            elif isinstance(item, BodyEnd):
                self.body_end(items)

    def field(self, item: Field, html: bool) -> None:
        if item.index not in (UNSUBSCRIBE, CONSENT):
            self.value(item, html)
            return
        leave = item.index == UNSUBSCRIBE
        words = escape(item.default or (label if leave else choice)(self.spec.locale))
        if item.place is Place.LABEL:
            self.encoder.text(words)
            return
        anchor = html and item.place is Place.HTML
        self.encoder.text('<a href="' if anchor else "")
        self.asks |= not leave
        self.url(*(("u", UNSUBSCRIBE_SLOT) if leave else ("t", WAY_OUT_SLOT)), html)
        self.encoder.text(f'">{words}</a>' if anchor else "")

    def value(self, item: Field, html: bool) -> None:
        number = self.field_slots.setdefault((item, html), len(self.field_slots))
        self.encoder.slot(self.first_field + number)

    def url(self, kind: str, slot: int | str, html: bool) -> None:
        """Write an address of ours whose token is a slot, or the same in the whole campaign."""
        prefix = f"{self.spec.public_url.rstrip('/')}/{kind}/"
        self.encoder.text(escape(prefix) if html else prefix)
        if isinstance(slot, str):
            self.encoder.text(slot)
        else:
            self.encoder.slot(slot, LENGTH)

    def target(self, item: Target, html: bool) -> None:
        if not item.followed:
            self.segments(item.body, html)
            return
        link = self.links[self.next_link] if self.next_link < len(self.links) else None
        self.next_link += 1
        if link is None or self.mode is Tracked.NONE:
            self.segments(item.body, html)
        elif self.mode is not Tracked.FULL:
            # a target with a person's own values would tell who asks for it: it stays as the author wrote it
            if link.merged:
                self.segments(item.body, html)
            else:
                self.url("l", self.shared.links[link.index], html)
        elif link.column_only:
            # Numbered behind all fields, whose count is not known yet: negative until `finish`.
            self.targets.append(link)
            self.encoder.text('"' if item.bare else "")
            self.encoder.slot(-len(self.targets))
            self.encoder.text('"' if item.bare else "")
        else:
            self.url("c", FIRST_CLICK + link.index, html)

    def segments(self, segments: tuple[Segment, ...], html: bool) -> None:
        for segment in segments:
            if isinstance(segment, str):
                self.encoder.text(segment)
            else:
                self.value(segment, html)

    def downloads(self, html: bool) -> None:
        if self.files is None:
            return
        if self.files.column is not None:
            self.encoder.slot(_LAST - html)
        else:
            made = self.files.html if html else self.files.text
            self.encoder.text(made(self.files.shared))

    def body_end(self, items: tuple[Item, ...]) -> None:
        self.downloads(html=True)
        footer = html_footer(*legal(self.spec), link=self.spec.unsubscribe and not has_unsubscribe(items))
        self.items(footer, html=True)
        self.measured(html=True)
        if (pixel := self.pixel()) is not None:
            self.encoder.text('<img src="')
            self.url(*pixel, html=True)
            self.encoder.text(_PIXEL)
        if self.mode is Tracked.FULL and self.spec.hidden_link:
            self.encoder.text('<a href="')
            self.url("c", FIRST_CLICK + len(self.links), html=True)  # numbered behind the last link that people see
            self.encoder.text(_HIDDEN)

    def pixel(self) -> tuple[str, int | str] | None:
        """Where the pixel leads and its token; never two of them in one mail (deliberation 2026-042, §1.3)."""
        match self.mode:
            case Tracked.FULL:
                return "o", PIXEL_SLOT
            case Tracked.HYGIENE:
                return "h", PIXEL_SLOT
            case Tracked.ANONYMOUS if self.spec.aggregate_opens:
                return "a", self.shared.opens
        return None

    def measured(self, html: bool) -> None:
        """Say what is measured, with the way out (deliberation 2026-042, §1.5 and §1.6)."""
        said = measured(self.mode, self.spec.locale, self.pixel() is not None)
        if said is None or (not html and self.mode is not Tracked.FULL):
            return  # a plain body has no pixel
        words, way_out = said
        self.encoder.text(f'<div style="{STYLE}">{escape(words)}' if html else f"\n{words}")
        if way_out:
            self.encoder.text(' <a href="' if html else f"\n{way_out}\xa0: ")
            self.asks = True
            self.url("t", WAY_OUT_SLOT, html)
            self.encoder.text(f'">{escape(way_out)}</a>' if html else "\n")
        self.encoder.text("</div>\n" if html else "")

    def finish(self) -> Variant:
        found = self.encoder.finish()
        behind = self.first_field + len(self.field_slots) - 1
        last = behind + len(self.targets) + 1
        slots = tuple(
            number if number >= 0 else last + _LAST - number if number <= _LAST else behind - number
            for number in found.slots
        )
        fields = tuple(FieldSlot(escape_of(one.place, html), one.index, one.default) for one, html in self.field_slots)
        clicks = self.first_field - FIRST_CLICK
        segments = Segments(found.constants, found.canonical, slots)
        asked = (Purpose.CONSENT,) if self.asks else ()
        purposes = (*PURPOSES, *asked, *((Purpose.OPEN,) if self.mode is Tracked.FULL else ()))
        return Variant(segments, fields, tuple(self.targets), clicks, self.mode, purposes, self.asks)


def write(
    spec: Spec,
    frame: Frame,
    html: tuple[Item, ...],
    text: tuple[Item, ...],
    links: tuple[Link, ...],
    mode: Tracked,
    shared: Shared,
    files: Downloads | None = None,
) -> Variant:
    """Return one variant of the MIME body; `links` are numbered over the text's items first, then the HTML's."""
    writer = _Writer(spec, links, mode, shared, files)
    writer.encoder.raw(frame.opening)
    writer.items(text, html=False)
    writer.downloads(html=False)
    footer = text_footer(*legal(spec), link=spec.unsubscribe and not has_unsubscribe(text))
    writer.items(footer, html=False)
    writer.measured(html=False)
    writer.encoder.raw(frame.middle)
    writer.items(html, html=True)
    writer.encoder.raw(frame.closing)
    if frame.ending:
        writer.encoder.slot(_LAST)
        writer.encoder.raw(frame.ending)
    return writer.finish()


def legal(spec: Spec) -> tuple[str, str, str]:
    """Return language, legal name and address for a footer; names only where the mail is marketing."""
    return (spec.locale, spec.footer_name, spec.footer_address) if spec.bulk else (spec.locale, "", "")


def has_unsubscribe(items: tuple[Item, ...]) -> bool:
    """Say whether the user gave the unsubscribe link a place that leads somewhere."""
    return any(isinstance(one, Field) and one.index == UNSUBSCRIBE and one.place is not Place.LABEL for one in items)
