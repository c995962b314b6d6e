"""What a reply to one of our letters says; runs in the reading process, for a stranger may have written it.

In: the raw mail, the clock and the campaign's zone. Out: JSON: whether a machine wrote it, its order or the words that were
not understood, and whether it brings a list or a Config. `corrected` puts that list or Config in the place of the held
mail's own; `forwarded` reads a mail to stop@. Raises nothing on any mail that parsers can read.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from parsers import arf, forwards, mime, orders, said
from parsers.autoreply import absence_note, automatic
from parsers.orders import Order
from parsers.schedule import zone_of
from parsers.submission import Reason, Submission, split
from store.spool import mail_in

FORWARDED = 20  # authors of forwarded mails


def facts(raw: bytes, request: dict[str, Any]) -> dict[str, Any]:
    """What the reply says, as JSON."""
    message = mime.read(raw)
    submission = split(message)
    brings = [part.filename for part in (*submission.lists, *submission.configs)]
    own = said.read(message.text, message.html)
    machine = automatic(message.fields, request["mail_from"], by_subject=not brings) is not None
    found = orders.read(own.lines, now=request["now"], zone=zone_of(request["zone"]) or ZoneInfo("UTC"))
    answer: dict[str, Any] = {"kind": "said", "brings": brings, "message_id": message.message_id}
    # "OK, envoyez. Je suis en congés demain" is an order of a person
    noted = not isinstance(found, Order) and absence_note(own.words)
    answer |= {"subject": message.subject, "automatic": machine or noted}
    if isinstance(found, Order):
        return answer | {"act": found.act.value, "at": found.at, "count": found.count}
    return answer | {"act": "", "words": found.words, "doubt": found.doubt.value}


def forwarded(raw: bytes, request: dict[str, Any]) -> dict[str, Any]:
    """Who wrote the mail that is forwarded in this one, and the tokens in it, as JSON."""
    message = mime.read(raw)
    tokens = [token for one in forwards.texts(message) for token in arf.tokens_in(one.encode("utf-8", "replace"))]
    machine = automatic(message.fields, request["mail_from"], by_subject=False) is not None
    return {
        "kind": "forwarded",
        "authors": forwards.authors(message)[:FORWARDED],
        "tokens": list(dict.fromkeys(tokens))[: arf.MAX_TOKENS],
        "automatic": machine,
        "message_id": message.message_id,
        "subject": message.subject,
    }


def corrected(submission: Submission, path: str) -> Submission:
    """A held mail with the list or Config of the reply at `path` in the place of its own."""
    reply = split(mime.read(mail_in(Path(path))))
    held = submission.held
    if reply.configs:
        two = tuple(one for one in reply.held if one.reason is Reason.TWO_CONFIGS)
        held = (*(one for one in held if one.reason is not Reason.TWO_CONFIGS), *two)
    return replace(
        submission,
        lists=reply.lists or submission.lists,
        configs=reply.configs or submission.configs,
        held=held,
    )
