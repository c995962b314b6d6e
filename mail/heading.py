"""The header of each recipient's mail: constant fields made once, the person's own spliced in, DKIM in front.

In: the campaign's Spec and subject, the body's Content-Type, what is kept of the original; then person, tokens, digest,
seconds. Out: header bytes up to and with the blank line. Of the original only Importance and Content-Language pass.
Raises nothing; logs nothing.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from mail.dkim import Sealer, Signer, sealer
from mail.fieldlines import clean, date, mailbox, unstructured
from mail.places import chosen
from mail.spec import Person, Spec
from parsers.fields import Segment
from parsers.tokens import Purpose

_LANGUAGE = re.compile(
    r"[A-Za-z]{1,8}(?:-[A-Za-z0-9]{1,8}){0,4}(?:, ?[A-Za-z]{1,8}(?:-[A-Za-z0-9]{1,8}){0,4}){0,4}"
).fullmatch
# The tokens of one person's header, in the order in which they are handed over; those of the body come behind.
PURPOSES = (Purpose.UNSUBSCRIBE, Purpose.STOP, Purpose.MESSAGE_ID)
_UNSIGNED = ("Precedence", "Importance", "Content-Language")


@dataclass(frozen=True, slots=True)
class Heading:
    """The header's constants; `subject` is None when it is among them."""

    wire: bytes
    canonical: bytes
    sealers: tuple[Sealer, ...]
    subject: tuple[Segment, ...] | None
    public_url: str
    domain: str
    stops_at: str  # the domain of the address that takes STOP mails
    unsubscribe: bool
    feedback_id: bool

    def write(self, person: Person, tokens: list[str], digest: bytes, seconds: int) -> bytes:
        """Return one person's header; `tokens` begin as PURPOSES, `digest` is the SHA-256 of the canonical body."""
        unsubscribe, stop, message_id = tokens[:3]
        to, at = mailbox(person.name, person.address), date(seconds)
        subject = stops = flat_subject = flat_stops = ""
        if self.subject is not None:
            words = [one if isinstance(one, str) else chosen(one, person.values) for one in self.subject]
            subject = unstructured("".join(words))
            flat_subject = f"subject:{subject}\r\n".replace("\r\n ", " ")
            subject = f"Subject: {subject}\r\n"
        if self.unsubscribe:
            web, mail = f"<{self.public_url}/u/{unsubscribe}>,", f"<mailto:stop+{stop}@{self.stops_at}>"
            stops = f"List-Unsubscribe: {web}\r\n {mail}\r\n"
            flat_stops = f"list-unsubscribe:{web} {mail}\r\n"
        if (
            self.feedback_id
        ):  # RFC 9477: what a report must give back whatever it leaves out; a token, so that it is ours
            stops += f"CFBL-Feedback-ID: {message_id}\r\n"
            flat_stops += f"cfbl-feedback-id:{message_id}\r\n"
        wire = f"Message-ID: <{message_id}@{self.domain}>\r\nDate: {at}\r\nTo: {to}\r\n{subject}{stops}"
        # The relaxed form (RFC 6376 section 3.4.2) of the same: fieldlines folds at single blanks and nowhere else.
        flat_to = to.replace("\r\n", "")
        flat = f"message-id:<{message_id}@{self.domain}>\r\ndate:{at}\r\nto:{flat_to}\r\n{flat_subject}{flat_stops}"
        canonical = self.canonical + flat.encode("utf-8", "replace")
        seals = b"".join([one.seal(canonical, digest, seconds) for one in self.sealers])
        return b"%s%s%s\r\n" % (seals, wire.encode("utf-8", "replace"), self.wire)


def relaxed(fields: bytes) -> bytes:
    """Return fields in relaxed form (RFC 6376 section 3.4.2): made by fieldlines, only folds and names differ."""
    out = []
    for line in fields.replace(b"\r\n ", b" ").split(b"\r\n"):
        name, _, rest = line.partition(b": ")
        out.append(b"%s:%s" % (name.lower(), rest) if name else b"")
    return b"\r\n".join(out)


def heading(
    spec: Spec,
    subject: tuple[Segment, ...],
    content_type: str,
    importance: str,
    language: str,
    signers: tuple[Signer, ...],
) -> Heading:
    """Return the header of a campaign; each signer puts a signature of its own over the same fields."""
    constant = all(isinstance(one, str) for one in subject)
    fields = [("From", mailbox(spec.from_name, spec.from_address))]
    fields.append(("Reply-To", " ".join(clean(spec.reply_to or spec.from_address).split())))
    if constant:
        fields.append(("Subject", unstructured("".join(str(one) for one in subject))))
    fields += [("MIME-Version", "1.0"), ("Content-Type", content_type)]
    fields += _optional(spec, importance, language)
    signed = [(name, text) for name, text in fields if name not in _UNSIGNED]
    own = [
        "Message-ID",
        "Date",
        "To",
        *([] if constant else ["Subject"]),
        *(["List-Unsubscribe"] if spec.unsubscribe else []),
        *(["CFBL-Feedback-ID"] if spec.cfbl_address else []),
    ]
    # From once more than it occurs: a second one, added later, breaks the signature (RFC 6376 section 8.15).
    names = (*(name for name, _ in signed), *own, "From")
    wire = _lines(fields)
    return Heading(
        wire=wire,
        canonical=relaxed(_lines(signed)),
        sealers=tuple(sealer(signer, names) for signer in signers),
        subject=None if constant else subject,
        public_url=spec.public_url.rstrip("/"),
        domain=spec.gateway_domain,
        stops_at=spec.bounce_domain or spec.gateway_domain,
        unsubscribe=spec.unsubscribe,
        feedback_id=bool(spec.cfbl_address),
    )


def _optional(spec: Spec, importance: str, language: str) -> list[tuple[str, str]]:
    fields: list[tuple[str, str]] = []
    if spec.list_id:
        identity = " ".join(clean(spec.list_id).split())
        fields.append(("List-Id", identity if "<" in identity else f"<{identity}>"))
    if spec.unsubscribe:
        fields.append(("List-Unsubscribe-Post", "List-Unsubscribe=One-Click"))  # RFC 8058 section 3.1
    if spec.feedback:
        fields.append(("Feedback-ID", " ".join(clean(spec.feedback).split())))
    if spec.cfbl_address:
        fields.append(("CFBL-Address", f"{clean(spec.cfbl_address).strip()}; report=arf"))  # RFC 9477 section 3.1
    if spec.bulk:
        fields.append(("Precedence", "bulk"))
    if importance in ("high", "low"):
        fields.append(("Importance", importance))
    if _LANGUAGE(language):
        fields.append(("Content-Language", language))
    return fields


def _lines(fields: list[tuple[str, str]]) -> bytes:
    return "".join(f"{name}: {text}\r\n" for name, text in fields).encode("utf-8", "replace")
