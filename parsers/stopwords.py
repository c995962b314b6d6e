"""Replies that ask for the end: STOP and its kin, in French and English.

In: the subject and the text of a person's reply. Out: whether it asks not to be written to again. Only what the person wrote
counts: quoted text and signatures are left out, and a long letter that happens to hold the word is no request. Pure; raises
nothing.
"""

from __future__ import annotations

import re
import unicodedata

MAX_WORDS = 25  # of the reply itself; above, a person should read it
_REPLY_PREFIX = re.compile(r"^\s*(?:(?:re|ré|rép|tr|fwd?|aw|sv)\s*(?:\[\d+\])?\s*:\s*)+", re.IGNORECASE)
_QUOTE = re.compile(
    r"^\s*(?:>|-{2,}\s*(?:message d'origine|original message|forwarded)|_{8,}|(?:le|on)\b.{4,120}(?:a écrit|wrote)\s*:"
    r"|de\s*:\s|from\s*:\s|--\s*$|envoyé d(?:e|epuis) mon|sent from my)",
    re.IGNORECASE,
)
# whole requests, on text without accents and punctuation
_WHOLE = re.compile(
    r"(?:merci de |svp |please |veuillez |je (?:souhaite|veux|desire|voudrais) |i (?:want|wish|would like) to )?"
    r"(?:stop(?: (?:mail|mails|email|emails|e mail|e mails|pub|publicite|spam|newsletter|news|all|envoi|envois))?"
    r"|(?:me |m )?desinscri(?:re|ption|vez moi)|desabonne(?:r|ment|z moi)|me desabonner|me retirer|unsubscribe(?: me)?"
    r"|remove(?: me)?|opt ?out|arret(?:ez)?|retirez moi)"
    r"(?: (?:svp|stp|s il vous plait|merci|please|thanks|thank you|de (?:votre|vos|cette|la) .{1,40}"
    r"|from .{1,40}|mon adresse.{0,40}))*"
)
_WITHIN = re.compile(
    r"\b(?:ne (?:plus|pas) (?:recevoir|m (?:envoyer|ecrire|adresser|contacter)|me (?:contacter|solliciter))"
    r"|ne (?:m envoyez|m ecrivez|me contactez|m adressez) plus"
    r"|(?:me|moi) (?:desinscrire|desabonner|retirer|supprimer|enlever|radier)"
    r"|(?:desinscrivez|desabonnez|retirez|supprimez|enlevez|radiez) moi"
    r"|(?:retirer|supprimer|enlever|retirez|supprimez|enlevez) (?:mon (?:adresse|mail|email|e mail)"
    r"|mes (?:coordonnees|donnees))"
    r"|unsubscribe(?: me)?|opt ?(?:me )?out|take me off|remove (?:me|my (?:address|email|e mail|name))"
    r"|(?:stop|don t|do not|no longer) (?:send|sending|mailing|emailing|writing|contact|want to receive)"
    r"|cessez de m|arretez de m|arreter (?:de m|l envoi|les envois|vos envois|vos mails|ces mails))"
)


def asks_to_stop(subject: str, text: str) -> bool:
    """Tell whether a reply asks not to be written to again."""
    own = _plain(own_words(text))
    about = _plain(_REPLY_PREFIX.sub("", subject))
    if _WHOLE.fullmatch(about) and not _REPLY_PREFIX.match(subject):
        return True  # the person wrote this subject: it is the request, whatever else is said
    if own:
        words = own.split()
        first = " ".join(words[:8])
        whole = (
            _WHOLE.fullmatch(own) is not None or re.match(r"(?:stop|desinscription|unsubscribe)\b", first) is not None
        )
        return len(words) <= MAX_WORDS and (whole or _WITHIN.search(own) is not None)
    return _WHOLE.fullmatch(about) is not None


def own_words(text: str) -> str:
    """The lines that the person wrote: everything before the first quote or signature."""
    kept: list[str] = []
    for line in text[:20_000].splitlines():
        if _QUOTE.match(line):
            break
        kept.append(line)
    return "\n".join(kept).strip()


def _plain(text: str) -> str:
    folded = unicodedata.normalize("NFKD", text.casefold())
    bare = "".join(char for char in folded if not unicodedata.combining(char))
    return re.sub(r"[^a-z0-9]+", " ", bare).strip()
