"""What the law wants said at the end of a mail: who sends it, how to leave, what is measured and how to refuse that.

In: the campaign's language, the sender's legal name and address, whether the body has its own unsubscribe place, how the
person is followed. Out: items or words to put at the end of a body. Raises nothing; logs nothing.
"""

from __future__ import annotations

from html import escape

from parsers.fields import UNSUBSCRIBE, Field, Place
from parsers.merge import Item
from parsers.modes import Tracked

LABELS = {"fr": "Se désabonner", "en": "Unsubscribe"}
_CHOICE = {
    "fr": "Choisir si vos ouvertures et vos clics sont mesurés",
    "en": "Choose whether your opens and clicks are measured",
}
_SENT_BY = {"fr": "Ce message vous est envoyé par", "en": "This message is sent to you by"}
_TO_STOP = {"fr": "Pour ne plus recevoir nos messages :", "en": "To stop receiving our messages:"}
# deliberation 2026-042: what is read and why is said in the mail (§1.6), with the way out in every mail with a pixel (§1.5)
_MEASURED = {
    (Tracked.FULL, "fr"): (
        "Avec votre accord, nous mesurons l'ouverture de ce message et vos clics.",
        "Ne plus être suivi",
    ),
    (Tracked.FULL, "en"): ("With your consent, we measure the opening of this message and your clicks.", "Stop this"),
    (Tracked.HYGIENE, "fr"): (
        "Une image nous indique le jour de votre dernière lecture, pour cesser d'écrire aux adresses inactives.",
        "Refuser",
    ),
    (Tracked.HYGIENE, "en"): (
        "An image tells us the day you last read us, so that we stop writing to inactive addresses.",
        "Refuse",
    ),
    (Tracked.ANONYMOUS, "fr"): ("Une image compte les ouvertures de ce message, sans identifier personne.", ""),
    (Tracked.ANONYMOUS, "en"): ("An image counts how often this message is opened, identifying nobody.", ""),
}
STYLE = "margin-top:12px;font-family:Arial,Helvetica,sans-serif;font-size:12px;color:#666666"
_STYLE = "margin-top:24px;font-family:Arial,Helvetica,sans-serif;font-size:12px;color:#666666"


def label(locale: str) -> str:
    """Return the text of an unsubscribe link."""
    return LABELS.get(locale, LABELS["fr"])


def choice(locale: str) -> str:
    """Return the text of a link to the page of consent."""
    return _CHOICE.get(locale, _CHOICE["fr"])


def html_footer(locale: str, name: str, address: str, link: bool) -> tuple[Item, ...]:
    """Return the footer of an HTML body; "" when there is nothing to say."""
    who = _who(locale, name, address)
    if not who and not link:
        return ()
    items: list[Item] = [f'<div style="{_STYLE}">' + escape(who)]
    if link:
        items += ["<br>\n" if who else "", Field(UNSUBSCRIBE, "", Place.HTML)]
    return (*items, "</div>\n")


def text_footer(locale: str, name: str, address: str, link: bool) -> tuple[Item, ...]:
    """Return the footer of a plain body."""
    who = _who(locale, name, address)
    if not who and not link:
        return ()
    items: list[Item] = ["\n-- \n" + (f"{who}\n" if who else "")]
    if link:
        items += [_TO_STOP.get(locale, _TO_STOP["fr"]) + " ", Field(UNSUBSCRIBE, "", Place.TEXT), "\n"]
    return tuple(items)


def _who(locale: str, name: str, address: str) -> str:
    whole = ", ".join(" ".join(part.split()) for part in (name, address) if part.strip())
    return f"{_SENT_BY.get(locale, _SENT_BY['fr'])} {whole}." if whole else ""


def measured(mode: Tracked, locale: str, pixel: bool) -> tuple[str, str] | None:
    """Return what is measured in a mail and the words of the way out ("" without one); None when nothing is."""
    if mode is Tracked.NONE or (mode is Tracked.ANONYMOUS and not pixel):
        return None
    return _MEASURED[mode, locale if locale in _SENT_BY else "fr"]
