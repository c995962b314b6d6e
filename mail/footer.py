"""The legal line and the unsubscribe link of marketing mail, in the campaign's language.

In: the language, the sender's legal name and address, whether the body has its own unsubscribe place. Out: items to put at
the end of a body. Raises nothing; logs nothing.
"""

from __future__ import annotations

from html import escape

from parsers.fields import UNSUBSCRIBE, Field, Place
from parsers.merge import Item

LABELS = {"fr": "Se désabonner", "en": "Unsubscribe"}
_SENT_BY = {"fr": "Ce message vous est envoyé par", "en": "This message is sent to you by"}
_TO_STOP = {"fr": "Pour ne plus recevoir nos messages :", "en": "To stop receiving our messages:"}
_STYLE = "margin-top:24px;font-family:Arial,Helvetica,sans-serif;font-size:12px;color:#666666"


def label(locale: str) -> str:
    """Return the text of an unsubscribe link."""
    return LABELS.get(locale, LABELS["fr"])


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
