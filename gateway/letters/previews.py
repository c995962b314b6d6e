"""The first mails of a campaign as their recipients will read them, made by the renderer that makes them all.

In: the user's mail, its list and choices. Out: the compiled mail or the problems that hold it, and three samples (to whom,
subject, first lines). Tokens and signature are throw-away ones: the reading process has no key of ours. Raises nothing.
"""

from __future__ import annotations

import re
from functools import cache
from typing import Any

from gateway.i18n import text
from gateway.intake.choices import Choices
from mail.dkim import Signer, new_key
from mail.spec import Person, Spec
from mail.template import Compiled, compile_mail
from parsers import mime
from parsers.liste import Liste
from parsers.mime import Message
from parsers.modes import Tracked
from parsers.plain import html_to_text
from parsers.submission import Submission
from parsers.tokens import LENGTH, Keyring

SAMPLES = 3
_LINES, _WIDTH = 16, 160
_BLANK = re.compile(r"\n(?:[^\S\n]*\n)+")
KEYS = Keyring({1: b"preview preview "}, 1)
_TOKEN = re.compile(rf"\S*/[uf]/[a-z2-7]{{{LENGTH}}}")


@cache
def signer() -> Signer:
    """A throw-away key."""
    return Signer("preview.invalid", "preview", new_key())


def warm() -> None:
    """Make the throw-away key before a mail waits for it."""
    signer()


def compiled(
    message: Message,
    submission: Submission,
    liste: Liste,
    choices: Choices,
    request: dict[str, Any],
    links: bool = False,
) -> tuple[Compiled | None, list[dict[str, Any]]]:
    """Compile the mail, or tell what in it holds the campaign."""
    marketing = choices.type == "marketing"
    spec = Spec(
        campaign_id=0,
        gateway_domain=request["domain"],
        public_url=request["public_url"],
        subject=message.subject,
        from_name=choices.from_name,
        from_address=choices.from_address,
        reply_to=choices.reply_to or None,
        unsubscribe=choices.unsubscribe,
        bulk=marketing,
        locale=choices.locale,
        footer_name=request["footer_name"],
        footer_address=request["footer_address"],
        feedback="",
        list_id="",
        documents=liste.pj_column,
        links=links,
    )
    made = compile_mail(message, submission, spec, liste.columns, KEYS, signer())
    if isinstance(made, Compiled):
        return made, []
    return None, [{"code": one.kind.value, "where": one.where, "text": one.text} for one in made]


def samples(made: Compiled | None, liste: Liste) -> list[dict[str, Any]]:
    """The mails of the first three good lines, shortened."""
    if made is None:
        return []
    good = (line for line in liste.lines if line.fault is None)
    return [_sample(made, at, line) for at, line in zip(range(1, SAMPLES + 1), good, strict=False)]


def _sample(made: Compiled, at: int, line: Any) -> dict[str, Any]:
    raw = made.render(Person(at, line.address, line.name, line.values, Tracked.NONE), 0)
    mail = mime.read(raw)
    words = mail.text or html_to_text(mail.html or "")
    shown = (_TOKEN.sub("…", one.strip())[:_WIDTH] for one in words.strip().splitlines())
    told = "\n".join(one for one in shown if one != "…")  # a line that was only an address of ours says nothing
    lines = _BLANK.sub("\n\n", told).splitlines()
    more = ["…"] if len(lines) > _LINES else []
    if names := [part.filename or "?" for part in mail.attachments]:
        more += ["", text(made.spec.locale, "files.attached", names=", ".join(names))]
    return {"to": line.address, "subject": mail.subject, "lines": "\n".join([*lines[:_LINES], *more])}
