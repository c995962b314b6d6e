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
    "no_text": _I,
    "weight": _W,
}
GROUPS: Mapping[str, Mapping[str, Severity]] = {"message": MESSAGE, "sender": SENDER}
CATALOGUE: Mapping[str, Severity] = {code: grave for group in GROUPS.values() for code, grave in group.items()}
