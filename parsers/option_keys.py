"""The keys of Config in French and English, and what each accepts, in both languages.

In: a key as written, or a `Key` and a locale; out: the `Key`, or the text of what it accepts.
Pure; raises nothing, logs nothing.
"""

from __future__ import annotations

from enum import StrEnum

from parsers.columns import canonical


class Key(StrEnum):
    """The options that Config can set."""

    SENDER = "sender"
    SENDER_NAME = "sender_name"
    SENDER_ADDRESS = "sender_address"
    REPLY_TO = "reply_to"
    SEND_AT = "send_at"
    DATE = "date"
    TIME = "time"
    ZONE = "zone"
    CAMPAIGN = "campaign"
    TYPE = "type"
    LANGUAGE = "language"
    TRACKING = "tracking"
    UNSUBSCRIBE = "unsubscribe"
    ATTACHMENTS = "attachments"
    VALIDATION = "validation"
    TEST = "test"
    RATE = "rate"
    NOTIFY = "notify"


# The first French and the first English spelling are the ones people are shown.
_SPELLINGS: dict[Key, tuple[tuple[str, ...], tuple[str, ...]]] = {
    Key.SENDER: (("Expéditeur", "De", "Émetteur"), ("From", "Sender")),
    Key.SENDER_NAME: (
        ("Nom expéditeur", "Nom de l'expéditeur", "Nom d'expéditeur", "Expéditeur nom"),
        ("From name", "Sender name"),
    ),
    Key.SENDER_ADDRESS: (
        ("Email expéditeur", "Email de l'expéditeur", "Adresse expéditeur", "Adresse de l'expéditeur", "Mail expéditeur",
         "Adresse d'expéditeur", "Email d'expéditeur", "Expéditeur email"),
        ("From email", "From address", "Sender email", "Sender address"),
    ),
    Key.REPLY_TO: (("Répondre à", "Réponse à", "Adresse de réponse"), ("Reply-To", "Reply to address")),
    Key.SEND_AT: (("Date d'envoi", "Date envoi", "Envoi", "Envoyer le", "Date et heure", "Date d'envoi et heure"),
                  ("Send at", "Send date", "Send on")),
    Key.DATE: (("Date",), ("Day",)),
    Key.TIME: (("Heure", "Heure d'envoi", "Heure envoi"), ("Time", "Send time", "Hour")),
    Key.ZONE: (("Fuseau", "Fuseau horaire"), ("Timezone", "Time zone", "TZ")),
    Key.CAMPAIGN: (("Campagne", "Nom de la campagne", "Nom de campagne", "Nom campagne"), ("Campaign", "Campaign name")),
    Key.TYPE: (("Type", "Type de campagne", "Type d'envoi"), ("Type", "Campaign type")),
    Key.LANGUAGE: (("Langue",), ("Language", "Lang", "Locale")),
    Key.TRACKING: (("Suivi",), ("Tracking",)),
    Key.UNSUBSCRIBE: (("Désabonnement", "Désinscription", "Lien de désabonnement"), ("Unsubscribe",)),
    Key.ATTACHMENTS: (("Pièces jointes", "Pièce jointe", "PJ"), ("Attachments", "Attachment")),
    Key.VALIDATION: (("Validation", "BAT", "Bon à tirer"), ("Proof", "Approval")),
    Key.TEST: (("Test", "Tests"), ("Test", "Test address", "Test addresses")),
    Key.RATE: (
        ("Débit", "Débit maximum", "Débit max", "Débit par heure", "Débit horaire"),
        ("Rate", "Max rate", "Rate limit", "Messages per hour"),
    ),
    Key.NOTIFY: (("Accusé à", "Accusé", "Accusés à", "Accusé de réception à", "Notifier"), ("Notify", "Notify to")),
}  # fmt: skip
_KEYS = {canonical(name): key for key, both in _SPELLINGS.items() for names in both for name in names}

_DATES = "25/12/2026 09:30 · 25/12/2026 9h30 · 2026-12-25T09:30 · "
_ACCEPTED: dict[Key | None, tuple[str, str]] = {
    None: (
        "des lignes « clé : valeur » en texte, ou un tableau de deux colonnes",
        "lines “key: value” as text, or a two-column sheet",
    ),
    Key.SENDER: (
        "Nom <adresse@domaine.fr> · Nom · adresse@domaine.fr",
        "Name <address@domain.com> · Name · address@domain.com",
    ),
    Key.SENDER_NAME: ("un nom, 100 caractères au plus", "a name, at most 100 characters"),
    Key.SENDER_ADDRESS: ("une adresse : adresse@domaine.fr", "one address: address@domain.com"),
    Key.REPLY_TO: ("une adresse : adresse@domaine.fr", "one address: address@domain.com"),
    Key.SEND_AT: (_DATES + "demain 9h (date à venir)", _DATES + "tomorrow 9:00 (in the future)"),
    Key.DATE: (
        _DATES + "demain 9h, ou une date et une ligne « Heure »",
        _DATES + "tomorrow 9:00, or a date and a line “Time”",
    ),
    Key.TIME: ("09:30 · 9h30, avec une ligne « Date »", "09:30 · 9:30 am, with a line “Date”"),
    Key.ZONE: ("Europe/Paris · UTC · America/Montreal …", "Europe/Paris · UTC · America/New_York …"),
    Key.CAMPAIGN: ("un nom, 200 caractères au plus", "a name, at most 200 characters"),
    Key.TYPE: ("marketing · transactionnel", "marketing · transactional"),
    Key.LANGUAGE: ("fr · en", "fr · en"),
    Key.TRACKING: ("auto · anonyme · non · complet", "auto · anonymous · none · full"),
    Key.UNSUBSCRIBE: ("oui · non", "yes · no"),
    Key.ATTACHMENTS: ("auto · jointes · liens", "auto · attached · links"),
    Key.VALIDATION: ("oui · non", "yes · no"),
    Key.TEST: (
        "une ou plusieurs adresses : a@domaine.fr, b@domaine.fr",
        "one or more addresses: a@domain.com, b@domain.com",
    ),
    Key.RATE: ("un nombre de messages par heure : 500", "a number of messages an hour: 500"),
    Key.NOTIFY: (
        "une ou plusieurs adresses : a@domaine.fr, b@domaine.fr",
        "one or more addresses: a@domain.com, b@domain.com",
    ),
}  # fmt: skip


def key_of(name: str) -> Key | None:
    """The option a key names, whatever its accents, case and punctuation, or None."""
    return _KEYS.get(canonical(name))


def key_names(locale: str) -> str:
    """All keys as people are shown them, in one line."""
    column = 1 if locale == "en" else 0
    return " · ".join(both[column][0] for both in _SPELLINGS.values())


def accepted(key: Key | None, locale: str) -> str:
    """What a key accepts, in the words of a locale (fr or en); None is the file as a whole."""
    return _ACCEPTED[key][1 if locale == "en" else 0]
