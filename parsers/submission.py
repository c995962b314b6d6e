"""What a user's mail asks for: which part is the list, which one Config, what stays in the mail, what forbids sending it.

In: a Message. Out: a Submission, whose `held` names every reason that stops a campaign before anything is read further.
A list that would reach its own recipients is the one mistake that can never be taken back, so every file left in the mail
is looked into. Raises nothing; logs nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from parsers.leaks import addresses_in
from parsers.mime import Message
from parsers.names import begins_with_liste_or_config, is_config, is_liste
from parsers.parts import Part

LEAK_ADDRESSES = 20


class Reason(StrEnum):
    """Why a campaign is held for what its mail holds."""

    LIST_BY_NAME = "list_by_name"  # a file left to send is called like a list or a Config
    LIST_BY_CONTENT = "list_by_content"  # a file left to send holds as many addresses as a list
    ENCRYPTED = "encrypted"
    TRUNCATED = "truncated"  # more parts than are read: what was not seen must not be guessed
    EMPTY = "empty"  # neither text nor HTML
    TWO_CONFIGS = "two_configs"


class Notice(StrEnum):
    """What the user must be told, though nothing is held."""

    SIGNATURE_DROPPED = "signature_dropped"


@dataclass(frozen=True, slots=True)
class Held:
    """One reason with the name of the file it is about ("" when it is about the whole mail)."""

    reason: Reason
    filename: str = ""


@dataclass(frozen=True, slots=True)
class Submission:
    """The parts of a mail by what they are for."""

    lists: tuple[Part, ...]  # exactly one for a campaign; none or several are answered
    configs: tuple[Part, ...]
    related: tuple[Part, ...]
    attachments: tuple[Part, ...]
    held: tuple[Held, ...]
    notices: tuple[Notice, ...]

    @property
    def liste(self) -> Part | None:
        """Return the list when there is exactly one."""
        return self.lists[0] if len(self.lists) == 1 else None

    @property
    def config(self) -> Part | None:
        """Return the Config file when there is exactly one."""
        return self.configs[0] if len(self.configs) == 1 else None


def split(message: Message) -> Submission:
    """Return the parts of a mail by what they are for, and what holds it."""
    lists = tuple(part for part in message.attachments if is_liste(part.filename))
    configs = tuple(part for part in message.attachments if is_config(part.filename))
    rest = tuple(part for part in message.attachments if part not in lists and part not in configs)
    held = [*_whole(message, configs), *_leaks((*rest, *message.related))]
    notices = (Notice.SIGNATURE_DROPPED,) if message.signed and not message.encrypted else ()
    return Submission(lists, configs, message.related, rest, tuple(held), notices)


def whole(message: Message) -> Submission:
    """Return a single message, of which no part is for us: whatever its files are called."""
    return Submission((), (), message.related, message.attachments, (), ())


def _whole(message: Message, configs: tuple[Part, ...]) -> list[Held]:
    held: list[Held] = []
    if message.encrypted:
        held.append(Held(Reason.ENCRYPTED))
    elif message.text is None and message.html is None:
        held.append(Held(Reason.EMPTY))
    if message.truncated:
        held.append(Held(Reason.TRUNCATED))
    if len(configs) > 1:
        held.extend(Held(Reason.TWO_CONFIGS, part.filename) for part in configs)
    return held


def _leaks(parts: tuple[Part, ...]) -> list[Held]:
    held: list[Held] = []
    for part in parts:
        if begins_with_liste_or_config(part.filename):
            held.append(Held(Reason.LIST_BY_NAME, part.filename))
        elif addresses_in(part.data, LEAK_ADDRESSES) >= LEAK_ADDRESSES:
            held.append(Held(Reason.LIST_BY_CONTENT, part.filename))
    return held
