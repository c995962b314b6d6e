"""What the acknowledgement says beside the advice: mistyped addresses, what was done with the mail, how people are followed.

In: the account, the campaign and the summary of its mail. Out: sentences in the campaign's language. Pure; raises nothing.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

from gateway.i18n import plural, text
from gateway.letters import attachments
from store.values import Account, Campaign, Tracked

Summary = dict[str, Any]


def typos(locale: str, summary: Summary) -> tuple[str, ...]:
    """Addresses that look mistyped, with what may have been meant."""
    hints = summary.get("hints", [])
    found = [text(locale, "ack.typo", line=line, address=address, hint=hint) for line, address, hint in hints]
    more = summary.get("hint_count", 0) - len(hints)
    return (*found, *([plural(locale, "ack.typos_more", more)] if more > 0 else []))


def notes(account: Account, campaign: Campaign, summary: Summary) -> tuple[str, ...]:
    """What was done with the mail that its sender may not expect."""
    locale = campaign.locale
    found = [text(locale, f"note.{one}") for one in summary["notices"]]
    if summary["others"]:
        found.append(text(locale, "note.others", addresses=", ".join(summary["others"])))
    found += attachments.notes(campaign, summary)
    if summary["choices"]["tracking"] == "auto" and not account.attested:
        found.append(text(locale, "note.no_consent"))
    return (*found, *summary["choices"]["notes"])


def tracking_words(campaign: Campaign, summary: Summary, attested: bool) -> str:
    """How the people of a campaign are followed, in words; `modes` of the summary counts them, where they are known."""
    locale, modes = campaign.locale, Counter({Tracked[name]: n for name, n in summary.get("modes", {}).items()})
    if modes[Tracked.FULL] and len(+modes) > 1:
        return plural(locale, "ack.tracking_mixed", modes[Tracked.FULL])
    if modes:
        return text(locale, f"ack.tracking_{modes.most_common(1)[0][0].name.lower()}")
    asked = campaign.options.get("tracking", "none")
    if asked in ("none", "anonymous"):
        return text(locale, f"ack.tracking_{asked}")
    return text(locale, "ack.tracking_consenting" if attested or summary.get("has_suivi") else "ack.tracking_anonymous")
