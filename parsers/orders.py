"""What a reply to an acknowledgement orders: send, send later, send to a few, or give up.

In: the words of a reply (parsers.said) and the clock. Out: an `Order`, or the `Unclear` first words with the reason why
they order nothing. Only the first line speaks, after a greeting: "OK", "envoyer", "annuler", "demain 9h", "seulement 50",
in French and English, politely or not. A line must be an order whole: "OK mais …", "pas ok" and questions send nothing.
Pure; raises nothing.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from enum import StrEnum
from zoneinfo import ZoneInfo

from parsers import schedule
from parsers.schedule import Trouble

MOST = 1_000_000
_SHOWN = 200


class Act(StrEnum):
    """What is to be done with a campaign."""

    SEND = "send"
    LATER = "later"
    FIRST = "first"  # to the first few; the rest goes on waiting
    CANCEL = "cancel"


class Doubt(StrEnum):
    """Why words order nothing."""

    EMPTY = "empty"
    UNKNOWN = "unknown"
    NUMBER = "number"  # "seulement" without a number from 1
    UNREADABLE = "unreadable"  # the date, as below
    NO_TIME = "no_time"
    AMBIGUOUS = "ambiguous"
    PAST = "past"
    GAP = "gap"


@dataclass(frozen=True, slots=True)
class Order:
    """An order: `at` in ms since the epoch for LATER, `count` of recipients for FIRST."""

    act: Act
    at: int | None = None
    count: int | None = None


@dataclass(frozen=True, slots=True)
class Unclear:
    """Words that order nothing: the line that was read, and why."""

    words: str
    doubt: Doubt


_POLITE = (
    r"(?:s'il (?:vous|te) plait|svp|stp|please|pls|merci(?: d'avance| beaucoup| bien)?"
    r"|thanks?(?: you)?(?: a lot)?|thx"
    r"|bonne journee|cordialement|bien a vous|best regards|regards)"
)
_GREETING = re.compile(
    r"^(?:bonjour|bonsoir|salut|hello|hi|dear|cher|chere|madame|monsieur|coucou|good (?:morning"
    r"|afternoon))\b[^,!.:;]{0,40}(?:[,!.:;]+|$)\s*"
)
_ENDS = re.compile(rf"(?:[\s,.;!:)-]+{_POLITE})+[\s.!]*$|[\s.!;,:)]+$")
_YES = (
    r"(?:(?:oui|yes|yep)[ ,.!:-]+)?(?:(?:c'est|it's|tout est|all)\s)?"
    r"(?:ok(?:ay)?|d'accord|oui|yes|bon pour (?:accord|envoi|diffusion)|bat ok|valide[rz]?|je valide"
    r"|validation|approuve|approved?"
    r"|i approve|bon|good|parfait|perfect|go(?: ahead)?|envoye[rz]|envoie|envoi|envoi ok|(?:vous pouvez "
    r"|tu peux |you (?:can|may) )"
    r"(?:envoyer|y aller|lancer|send)|lance[rz]?|allez-y|vas-y|send|send it|ship it|feu vert|c'est parti"
    r"|confirme[rz]?"
    r"|je confirme|confirm(?:ed)?|looks good|lgtm)"
)
_WHAT = (  # a few times: "tout de suite" reads two ways, which must not multiply
    r"(?:(?:\s|,\s?)(?:pour (?:moi|nous|l'envoi|envoi)|for (?:me|us)|to go|a partir|la campagne"
    r"|the campaign|le (?:mail|message)"
    r"|les mails|it|le tout|tout|all|now|maintenant|de suite|tout de suite|immediatement|right away"
    r"|a tous|to all|to everyone"
    r"|a tout le monde|ok|envoye[rz]|envoie|send|go|vous pouvez envoyer|tu peux envoyer|you can send)){0,5}"
)
_SEND = re.compile(rf"{_YES}{_WHAT}")
_CANCEL = re.compile(
    r"(?:d'|de )?(?:annule[rz]?|annulation|annule|cancel|stop|stopper|stoppez|arrete[rz]?|abandonne[rz]?|abandon"
    r"|supprime[rz]?|do not send"
    r"|don't send|ne pas envoyer|n'envoyez (?:pas|rien|plus)|n'envoie (?:pas|rien|plus)"
    r"|ne (?:rien )?l?'?envoye[rz] pas)"
    r"(?:[\s,]+(?:la campagne|l'envoi|the campaign|tout|it|all|envoi|ca|cela|this|that|n'envoyez (?:pas"
    r"|rien)|ne pas envoyer"
    r"|annule[rz]?|merci d'annuler|do not send|don't send|stop|cancel)){0,5}|merci d'annuler|veuillez annuler"
    r"|please cancel(?: it)?"
)
_FIRST = re.compile(
    r"(?:ok[ ,:]+)?(?:envoye[rz]?\s|envoie\s|send\s(?:it\s)?)?(?:seulement|uniquement|juste|only|just|que)\b"
    r"(?:\s(?:a|aux|to|pour|les|the|for|envoyer|send|first|premiers?|au))*\s*(?P<n>[\d\s]*)"
    r"(?:premiers?|premieres?|first|destinataires?|recipients?|personnes?|people|mails?|adresses?"
    r"|addresses|envois?|messages?|\s)*"
    r"|(?:envoye[rz]?|envoie|send)(?: it)? (?:aux|to the|to)\s(?P<m>\d[\d\s]*)\s?(?:premiers?|first"
    r"|destinataires|recipients|people)?"
    r"(?:\s(?:destinataires|recipients|people|personnes))?"
)
_LATER = re.compile(
    r"^(?:ok[ ,:]+(?:pour\s|for\s)?)?(?:(?:a\s)?envoye[rz]?(?:-le|-la)?|envoie|envoi|send(?: it)?"
    r"|programme[rz]?|planifie[rz]?"
    r"|reporte[rz]?|schedule(?: it)?|postpone(?: it)?|plutot|rather)(?:\s(?:a|au|for|to|until|on"
    r"|la campagne|the campaign|plutot))*\s+"
    r"|^ok[ ,:]+(?:pour\s|for\s|mais\s|but\s)*"
)


def read(lines: tuple[str, ...], *, now: int, zone: ZoneInfo) -> Order | Unclear:
    """Return what the first line orders that is more than a greeting; dates lie after now (ms) and are in `zone`."""
    for line in lines[:5]:
        plain = _bare(line)
        if not plain:
            continue
        found = _order(plain, now, zone)
        return Unclear(line[:_SHOWN], found) if isinstance(found, Doubt) else found
    return Unclear(lines[0][:_SHOWN] if lines else "", Doubt.EMPTY)


def _bare(line: str) -> str:
    """A line in small letters without accents, greeting and thanks."""
    text = (
        unicodedata.normalize("NFKD", line[:300])
        .casefold()
        .replace("’", "'")
        .replace("\u00ab", "")
        .replace("\u00bb", "")
    )
    text = "".join(char for char in text if not unicodedata.combining(char))
    text = " ".join(text.strip(" \t\"'“”*_.").split())
    text = _GREETING.sub("", text)
    while (shorter := _ENDS.sub("", text)) != text:
        text = shorter
    return "" if re.fullmatch(_POLITE, text) else re.sub(rf"^{_POLITE}[\s,]+", "", text)


def _order(plain: str, now: int, zone: ZoneInfo) -> Order | Doubt:
    if "?" in plain:
        return Doubt.UNKNOWN  # a question is no order
    if _CANCEL.fullmatch(plain):
        return Order(Act.CANCEL)
    if _SEND.fullmatch(plain):
        return Order(Act.SEND)
    if (few := _FIRST.fullmatch(plain)) is not None:
        count = re.sub(r"\s", "", few["n"] or few["m"] or "")
        return Order(Act.FIRST, count=int(count)) if 0 < len(count) < 8 and 0 < int(count) <= MOST else Doubt.NUMBER
    return _date(plain, now, zone)


def _date(plain: str, now: int, zone: ZoneInfo) -> Order | Doubt:
    doubt = Doubt.UNKNOWN
    for text in dict.fromkeys((plain, _LATER.sub("", plain, count=1))):
        found = schedule.read(text, now=now, zone=zone)
        if not isinstance(found, Trouble):
            return Order(Act.LATER, at=found.at)
        if found is not Trouble.UNREADABLE:
            doubt = Doubt(found.value)
    return doubt
