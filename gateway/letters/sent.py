"""The message of a campaign as it goes out, for whoever reads the report: made by the renderer that makes all mails.

In: a campaign, its source, one recipient or nobody in particular, how people are followed. Out: a `Sent`: both bodies, the
pictures inside, the names of the attachments, and which followed link a target is; None for a message that cannot be compiled
(its campaign is held and says why). For nobody in particular, merge tags show the name of their column. Tokens and signature
are throw-away ones, so that nothing shown can be mistaken for, or used as, what a recipient holds. CPU only, some tens of
milliseconds and more for large mails: call it in a thread. Raises nothing; logs nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import quote, unquote

from gateway.intake.alignment import author_of
from gateway.letters.previews import KEYS, signer
from mail.spec import Person, Spec
from mail.template import Compiled, compile_mail
from parsers import mime, submission
from parsers.fields import Field
from parsers.modes import Tracked
from parsers.parts import Part
from parsers.tokens import LENGTH, Purpose, verify
from store.reports import Person as Recipient
from store.values import Campaign

SHOWN = {"image/png", "image/jpeg", "image/gif", "image/webp", "image/bmp"}  # SVG can hold scripts
_NOBODY = 1


@dataclass(frozen=True, slots=True)
class Sent:
    """A message as it arrives; `pictures` are the images of the mail itself, by number."""

    subject: str
    html: str
    text: str
    pictures: tuple[Part, ...]
    attachments: tuple[str, ...]
    prefix: str  # how each followed link begins in it

    @property
    def size(self) -> int:
        """About how many bytes it holds."""
        return len(self.html) + len(self.text) + sum(len(part.data) for part in self.pictures)

    def zone_of(self, target: str) -> int | None:
        """Which followed link a target is."""
        found = None
        for way, purpose in (("c/", Purpose.CLICK), ("l/", Purpose.LINK)):
            if target.startswith(self.prefix + way):
                found = verify(KEYS, purpose, target[len(self.prefix + way) :][:LENGTH])
        return None if found is None else found[1]

    def picture(self, named: str) -> int | None:
        """The number of the picture that HTML calls so (a Content-ID, or a Content-Location)."""
        wanted = unquote(named).strip().lower()
        for at, part in enumerate(self.pictures):
            if wanted and wanted in (part.content_id.lower(), part.location.strip().lower()):
                return at
        return None


def sent(campaign: Campaign, source: bytes, domain: str, url: str, to: Recipient | None, mode: Tracked) -> Sent | None:
    """Render the message; `url` is the public address of the gateway."""
    message = mime.read(source)
    spec = _spec(campaign, domain, url)
    made = compile_mail(
        message,
        submission.whole(message) if spec.literal else submission.split(message),
        spec,
        campaign.columns,
        KEYS,
        signer(),
    )
    if not isinstance(made, Compiled):
        return None
    person = (
        Person(_NOBODY, f"nom@{domain}", "", _names(campaign, made), mode)
        if to is None
        else Person(to.id, to.address, to.name, to.fields, mode)
    )
    mail = mime.read(made.render(person, campaign.send_at))
    pictures = tuple(part for part in (*mail.related, *mail.attachments) if _is_picture(part))
    names = tuple(part.filename or "?" for part in mail.attachments)
    return Sent(mail.subject, mail.html or "", mail.text or "", pictures, names, f"{url.rstrip('/')}/")


def _is_picture(part: Part) -> bool:
    return part.content_type in SHOWN and bool(part.content_id or part.location)


def _names(campaign: Campaign, made: Compiled) -> tuple[str, ...]:
    """What stands in the place of each column's value: its name, or an address where whole targets come from it."""
    leading = {
        one.index for link in made.links if link.column_only for one in link.segments[:1] if isinstance(one, Field)
    }
    return tuple(
        f"https://{quote(name)}.invalid/" if at in leading else f"{{{name}}}"
        for at, name in enumerate(campaign.columns)
    )


def _spec(campaign: Campaign, domain: str, url: str) -> Spec:
    options, author = campaign.options, author_of(campaign, domain)
    return Spec(
        campaign_id=campaign.id,
        gateway_domain=domain,
        public_url=url,
        subject=campaign.subject,
        from_name=author.name,
        from_address=author.address,
        reply_to=author.reply_to,
        unsubscribe=bool(options.get("unsubscribe", True)),
        bulk=bool(options.get("bulk", True)),
        locale=campaign.locale,
        footer_name=str(options.get("footer_name", "")),
        footer_address=str(options.get("footer_address", "")),
        feedback="",
        list_id="",
        documents=options.get("documents"),
        links=options.get("attachments") == "links",
        account_id=campaign.account_id,
        aggregate_opens=bool(options.get("aggregate_opens", False)),
    )
