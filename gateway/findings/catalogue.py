"""Every piece of advice that there is, and how grave it is. docs/advice.md lists them; a test holds both together.

In and out: constants. Raises nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum


class Severity(StrEnum):
    """How grave a finding is, the gravest first; only an account's own rule lets a serious one hold a campaign."""

    SERIOUS = "serious"  # many people will not get or not read the mail as meant
    WARNING = "warning"  # costs readers
    INFO = "info"  # good to know


_S, _W, _I = Severity.SERIOUS, Severity.WARNING, Severity.INFO

SENDER: Mapping[str, Severity] = {
    "via": _W,
    "via_public": _W,
    "unaligned": _W,
    "unsigned": _I,
    "unsigned_public": _I,
    "key_unpublished": _S,
    "spf_missing": _I,
    "spf_several": _W,
    "dmarc_missing": _W,
    "noreply": _W,
    "legal": _W,
}
MESSAGE: Mapping[str, Severity] = {
    "subject_empty": _S,
    "subject_long": _I,
    "subject_capitals": _W,
    "subject_marks": _W,
    "subject_reply": _W,
    "no_text": _I,
    "unsubscribe_added": _I,
    "unsubscribe_foreign": _W,
    "files_refused": _S,
    "files_attached": _I,
    "weight": _W,
    "address_book": _I,
}
PAGE: Mapping[str, Severity] = {
    "html_unclosed": _W,
    "html_stray": _I,
    "html_quote": _S,
    "html_comment": _S,
    "html_css": _W,
    "html_active": _W,
    "html_heavy": _W,
    "images_only": _W,
    "images_alt": _I,
    "link_literal": _W,
    "link_short": _W,
    "link_other": _W,
    "link_dead": _W,
    "link_certificate": _W,
}
LIST: Mapping[str, Severity] = {
    "list_bought": _S,
    "list_old": _S,
    "list_roles": _I,
    "list_technical": _W,
    "list_throwaway": _W,
    "list_typos": _W,
    "first_campaign": _I,
    "first_list": _I,
}
SCORE: Mapping[str, Severity] = {"spam_high": _S, "spam_near": _W, "spam_low": _I}
GROUPS: Mapping[str, Mapping[str, Severity]] = {
    "message": MESSAGE,
    "page": PAGE,
    "sender": SENDER,
    "list": LIST,
    "score": SCORE,
}
CATALOGUE: Mapping[str, Severity] = {code: grave for group in GROUPS.values() for code, grave in group.items()}
# told before others that are as grave
FIRST = frozenset(("via", "via_public", "unaligned", "unsigned", "first_campaign", "first_list", "address_book"))
