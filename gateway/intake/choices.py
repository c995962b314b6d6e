"""What the user chose for a campaign: Config's answers over the mail's own headers and the account's habits.

In: the user's mail, its Config attachment, the request for reading it. Out: `Choices`, every field filled, and the reasons
that hold the campaign. Pure; raises nothing.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from gateway.i18n import text
from parsers import options as config
from parsers.mime import Message
from parsers.options import Attachments, CampaignType, Config, Options, Problem
from parsers.submission import Submission


@dataclass(frozen=True, slots=True)
class Choices:
    """The options of one campaign."""

    from_name: str
    from_address: str
    reply_to: str
    name: str
    locale: str
    zone: str
    type: str = "marketing"
    tracking: str = "auto"
    unsubscribe: bool = True
    attachments: str = "auto"
    send_at: int | None = None
    rate: int | None = None
    validation: bool | None = None
    test: tuple[str, ...] = ()
    notify: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    held: tuple[dict[str, Any], ...] = ()

    def as_json(self) -> dict[str, Any]:
        """The choices without the reasons, for the summary."""
        fields = asdict(self)
        del fields["held"]
        return fields


def read_config(submission: Submission, message: Message, request: dict[str, Any]) -> Choices:
    """The choices of a mail: what its Config says, else its own headers."""
    found = Config(Options())
    if submission.config is not None:
        found = config.read(submission.config.data, now=request["now"], zone=request["zone"], locale=request["locale"])
    options, sender = found.options, message.sender
    address = sender.address if sender else ""
    locale = options.locale or request["locale"]
    return Choices(
        # a name written for one address is not put before another
        from_name=options.sender_name or (sender.name if sender and not options.sender_address else ""),
        from_address=options.sender_address or address,
        reply_to=options.reply_to or (message.reply_to[0].address if message.reply_to else ""),
        name=options.campaign or "",
        locale=locale,
        zone=options.zone or "",
        type=(options.type or CampaignType.MARKETING).value,
        tracking=options.tracking.value if options.tracking else "auto",
        unsubscribe=options.unsubscribe is not False,
        attachments=(options.attachments or Attachments.AUTO).value,
        send_at=options.send_at,
        rate=options.rate,
        validation=options.validation,
        test=options.test,
        notify=options.notify,
        notes=tuple(_sentence(locale, note) for note in found.notes),
        held=tuple({"code": "config", "line": one.line, "text": _sentence(locale, one)} for one in found.problems),
    )


def _sentence(locale: str, problem: Problem) -> str:
    values = {"option": problem.key, "value": problem.value, "accepted": problem.accepted}
    return text(locale, f"config.{problem.kind.value}", **values)
