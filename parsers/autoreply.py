"""Mails that no person wrote: absence notes, receipts, reports, list mail (RFC 3834).

In: the header fields of a mail and its return path. Out: the `Automatic` reason, or None for a mail of a person or
program that wants an answer. Pure; raises nothing.
"""

from __future__ import annotations

import re
from enum import StrEnum

from parsers.headers import Fields, first, text

_BULK = {"bulk", "list", "junk", "auto_reply"}
_ABSENT = re.compile(
    r"^\s*(?:(?:re|rep|tr|fwd?)\s*:\s*)*(?:r[ée]ponse automatique|message d'absence|absen(?:ce|t)\b|automatic reply"
    r"|auto(?:matic|mated)?[ -]?(?:reply|response)|out of (?:the )?office|autoreply|abwesenheit|automatische antwort"
    r"|\[?auto(?:matic(?:ally)?)?[- ]?generated|cong[ée]s?\b|i am (?:out|away)|on (?:vacation|holiday|leave)\b|vacation\b"
    r"|(?:i have|i've|we have) moved|(?:my )?new e-?mail address|(?:ma )?nouvelle adresse|changement d['’]adresse"
    r"|respuesta autom|risposta automatica|resposta autom|automatisch antwoord|afwezig|assenza|ausencia|自動返信|自动回复"
    r"|accus[ée] de (?:lecture|r[ée]ception)|read(?: receipt)?:|lu\s*:)",
    re.IGNORECASE,
)
# how the notes themselves begin, for programs that mark them in no way
_NOTE = re.compile(
    r"^(?:(?:bonjour|hello|hi|dear|cher|chère|madame|monsieur)\b[^\n]{0,60}[\n,.!]+\s*)?(?:[^\n]{0,80}\b)?"
    r"(?:je (?:suis|serai)(?: actuellement)? (?:absente?|en (?:congés?|vacances|déplacement|arrêt))"
    r"|i (?:am|will be)(?: currently)? (?:out of (?:the )?office|away (?:from|until|on)"
    r"|on (?:vacation|holiday|annual leave|leave))"
    r"|(?:j'ai|j’ai) changé d['’]adresse|(?:ma|notre) nouvelle adresse (?:e-?mail |mail |électronique )?est"
    r"|(?:i have|i've) (?:moved|changed (?:my )?(?:e-?mail )?address)|my new (?:e-?mail )?address is"
    r"|(?:ne travaille plus|no longer works?|has left the company|a quitté (?:la société|l['’]entreprise)))",
    re.IGNORECASE,
)


class Automatic(StrEnum):
    """What shows that a machine sent a mail by itself."""

    NULL_SENDER = "null_sender"
    AUTO_SUBMITTED = "auto_submitted"
    LIST = "list"
    ABSENCE = "absence"
    REPORT = "report"


def automatic(fields: Fields, mail_from: str, by_subject: bool = True) -> Automatic | None:
    """Tell why a mail is automatic, from its header fields and the address of MAIL FROM ("" for the null sender).

    The subject alone counts where `by_subject`: "Absence de collecte lundi" may well be what a campaign is about.
    """
    if mail_from in ("", "<>") or _local(mail_from) in ("mailer-daemon", "postmaster"):
        return Automatic.NULL_SENDER
    submitted = _word(fields, "auto-submitted")
    if submitted and submitted != "no":
        return Automatic.AUTO_SUBMITTED
    if _word(fields, "content-type") == "multipart/report":
        return Automatic.REPORT
    # Exchange writes X-Auto-Response-Suppress on mails of people too: it speaks of answers to the mail, not of the mail
    if first(fields, "x-autoreply") or first(fields, "x-autorespond") or _word(fields, "x-precedence") in _BULK:
        return Automatic.ABSENCE
    if first(fields, "list-id") or first(fields, "list-post") or _word(fields, "precedence") in _BULK:
        return Automatic.LIST
    return Automatic.ABSENCE if by_subject and absent(text(first(fields, "subject"))) else None


def absent(subject: str) -> bool:
    """True when a subject is that of an absence note or a receipt, in French, English or German."""
    return _ABSENT.match(subject[:500]) is not None


def absence_note(body: str) -> bool:
    """True when the words of a mail begin as an absence note or a change of address does."""
    return _NOTE.search(body[:600]) is not None


def _word(fields: Fields, name: str) -> str:
    return re.split(r"[;\s(]", first(fields, name).strip(), maxsplit=1)[0].lower()


def _local(address: str) -> str:
    return address.strip("<>").rpartition("@")[0].lower()
