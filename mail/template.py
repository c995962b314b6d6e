"""A campaign's mail, compiled once and rendered per recipient: headers, body, signature, ready for SMTP's DATA.

In: the user's Message and its Submission, the campaign's Spec, the list's columns, the token keys, the DKIM signer. Out: a
Compiled, or the problems that hold the campaign; from a Compiled and a Person the bytes of a whole RFC 5322 mail. Those
are ASCII with CRLF (an address that needs SMTPUTF8 excepted), and no line begins with a dot: dot-stuffing is the identity.
Raises nothing for any message or values; logs nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from hashlib import sha256

from mail.compose import Frame, frame
from mail.dkim import Signer
from mail.documents import Documents, documents
from mail.download import Downloads, downloads
from mail.heading import Heading, heading
from mail.places import chosen_value
from mail.quoted import value
from mail.spec import Person, Problem, ProblemKind, Spec
from mail.tracking import (
    Link,
    bounce_address,
    brought_by_columns,
    column_url,
    last_open_token,
    left_alone,
    line_faults,
    link_target,
    links_of,
)
from mail.writer import PIXEL_SLOT, Shared, Variant, write
from parsers.fields import BadTag, Field, Place, Segment, lookup, split
from parsers.html import scan
from parsers.merge import BodyEnd, Item, html_items, text_items
from parsers.mime import Message
from parsers.modes import Tracked
from parsers.plain import html_to_text, text_to_html
from parsers.submission import Submission
from parsers.tokens import Keyring, Purpose, sign, sign_series, sign_set


@dataclass(frozen=True, slots=True)
class Variants:
    """The forms of a campaign's body by mode; each is written when the first mail asks for it, attachments and all."""

    write: Callable[[Tracked], Variant]
    written: dict[Tracked, Variant] = field(default_factory=dict)

    def of(self, mode: Tracked) -> Variant:
        """Return the form of one mode."""
        return self.written.get(mode) or self.written.setdefault(Tracked(mode), self.write(Tracked(mode)))


@dataclass(frozen=True, slots=True)
class Compiled:
    """One campaign's mail; `links` are numbered as click tokens name them (their `extra`)."""

    spec: Spec
    keyring: Keyring
    links: tuple[Link, ...]
    from_columns: Mapping[str, tuple[Segment, ...]]  # targets that each line must bring, by their template text
    heading: Heading
    variants: Variants
    documents: Documents | None = None  # each person's own attachments
    files: Downloads | None = None  # attachments as links
    dot_safe: bool = True  # no rendered line begins with a dot, by construction

    def render(self, person: Person, now: int) -> bytes:
        """Return one person's whole mail, signed; `now` (ms) dates it. CPU only: the RSA half releases the GIL."""
        return b"".join(self.pieces(person, now))

    def pieces(self, person: Person, now: int) -> tuple[bytes, bytes]:
        """Return header and body of the same, which a socket takes as they are: joined, a large body is copied once more."""
        variant = self.variants.of(person.tracked)
        tokens = sign_set(self.keyring, variant.purposes, person.id)
        slots = _slots(self, variant, person, tokens)
        segments = variant.segments
        pieces = [b""] * (2 * len(segments.slots) + 1)
        pieces[::2] = segments.constants
        pieces[1::2] = [slots[number] for number in segments.slots]
        body = b"".join(pieces)
        if segments.is_canonical:
            digest = sha256(body).digest()
        else:
            pieces[::2] = segments.canonical
            digest = sha256(b"".join(pieces)).digest()
        return self.heading.write(person, tokens, digest, now // 1000), body

    def link_target(self, index: int, values: tuple[str, ...]) -> str | None:
        """Return where a click on link `index` leads for one person's values (http, https or mailto), else None."""
        return link_target(self.links, index, values)

    def line_faults(self, values: tuple[str, ...]) -> str | None:
        """Return the first target whose column gives no http(s) or mailto address in this line, None when all do."""
        return line_faults(self.from_columns, values)

    def envelope_sender(self, person_id: int) -> str:
        """Return the return path of one person's mail (VERP)."""
        return bounce_address(self.keyring, person_id, self.spec.bounce_domain or self.spec.gateway_domain)


def _slots(mail: Compiled, variant: Variant, person: Person, tokens: list[str]) -> list[bytes]:
    """Return what each slot of a variant holds, in the order that mail.writer numbers them."""
    values = person.values
    clicks = sign_series(mail.keyring, Purpose.CLICK, person.id, variant.clicks) if variant.clicks else []
    # as mail.writer numbers them: the way out of the mails, that of being followed, the pixel; "-" where there is none
    own = [tokens[0], tokens[3] if variant.asks else "-", "-", *clicks]
    if variant.mode is Tracked.FULL:
        own[PIXEL_SLOT] = tokens[-1]
    elif variant.mode is Tracked.HYGIENE:
        own[PIXEL_SLOT] = last_open_token(mail.keyring, mail.spec.account_id, person.address)
    slots = " ".join(own).encode().split()
    slots += [value(one.escape(chosen_value(values, one.index, one.default))) for one in variant.fields]
    for link in variant.targets:
        slots.append(value(column_url(link, values, mail.spec.public_url, clicks[link.index])))
    if mail.documents is not None:
        slots.append(mail.documents.of(values))
    if mail.files is not None and mail.files.column is not None:
        linked = mail.files.own(mail.keyring, person.id, values)
        slots += [value(mail.files.text(linked)), value(mail.files.html(linked))]
    return slots


def compile_mail(
    message: Message,
    submission: Submission,
    spec: Spec,
    columns: tuple[str, ...],
    keyring: Keyring,
    *signers: Signer,
) -> Compiled | tuple[Problem, ...]:
    """Compile a campaign's mail, or return every problem that holds it; the first signer's signature stands on top."""
    page = message.html if message.html is not None else text_to_html(message.text or "")
    words = message.text if message.text is not None else html_to_text(page)
    read = _literal(spec, page, words) if spec.literal else _read(spec, page, words, columns)
    if not isinstance(read, _Items):
        return read
    html, text, subject = read.html, read.text, read.subject
    links = links_of(text, "text", 0, columns)
    links += links_of(html, "html", len(links), columns)
    files = downloads(spec, submission.attachments, keyring)
    own = spec.documents is not None and not spec.links
    shared = () if own or spec.links else submission.attachments
    tree = frame(f"{spec.campaign_id}|{words}|{page}", submission.related, shared, personal=own)
    return Compiled(
        spec=spec,
        keyring=keyring,
        links=tuple(links),
        from_columns=brought_by_columns((*text, *html), columns),
        heading=heading(spec, subject, tree.content_type, message.importance, message.content_language, signers),
        variants=Variants(partial(_variant, spec, tree, html, text, tuple(links), keyring, files)),
        documents=None
        if spec.documents is None or spec.links
        else documents(spec.documents, submission.attachments, tree),
        files=files,
    )


@dataclass(frozen=True, slots=True)
class _Items:
    """The two bodies and the subject, cut up."""

    html: tuple[Item, ...]
    text: tuple[Item, ...]
    subject: tuple[Segment, ...]


def _literal(spec: Spec, page: str, words: str) -> _Items:
    """A single message as its author wrote it: braces are braces, links lead where they lead."""
    end = scan(page).body_end
    return _Items((page[:end], BodyEnd(), page[end:]), (words,), (spec.subject,))


def _read(spec: Spec, page: str, words: str, columns: tuple[str, ...]) -> _Items | tuple[Problem, ...]:
    known = lookup(columns)
    html, bad_html = html_items(page, known)
    text, bad_text = text_items(words, known)
    subject, bad_subject = split(spec.subject, known, Place.HEADER)
    problems = _problems({"subject": bad_subject, "html": bad_html, "text": bad_text})
    if any(isinstance(one, Field) and one.index < 0 for one in subject):
        problems += (Problem(ProblemKind.UNSUBSCRIBE_IN_SUBJECT, "subject", spec.subject),)
    return problems or _Items(html, left_alone(text, html), subject)


def _variant(
    spec: Spec,
    tree: Frame,
    html: tuple[Item, ...],
    text: tuple[Item, ...],
    links: tuple[Link, ...],
    keyring: Keyring,
    files: Downloads | None,
    mode: Tracked,
) -> Variant:
    series = sign_series(keyring, Purpose.LINK, spec.campaign_id, len(links))
    shared = Shared(tuple(series), sign(keyring, Purpose.OPENS, spec.campaign_id))
    return write(spec, tree, html, text, links, mode, shared, files)


def _problems(found: dict[str, tuple[BadTag, ...]]) -> tuple[Problem, ...]:
    """Return each bad tag once, where it stands first: a derived body only repeats those of the other."""
    seen: dict[str, Problem] = {}
    for where, tags in found.items():
        for tag in tags:
            kind = ProblemKind.UNKNOWN_COLUMN if tag.closed else ProblemKind.UNCLOSED_TAG
            seen.setdefault(tag.text, Problem(kind, where, tag.text))
    return tuple(seen.values())
