"""Advice on a message before it goes out: only what can be told from the mail itself.

In: the account, the campaign and the summary of its mail. Out: sentences in the campaign's language. Pure; raises nothing.
"""

from __future__ import annotations

import re
from collections import Counter
from typing import Any

from gateway.desk import Desk
from gateway.i18n import number, plural, text
from mail.dkim import dns_name
from store.values import Account, Campaign, Tracked

_SUBJECT = 70
_HEAVY = 2_000_000
_NOREPLY = re.compile(
    r"^(?:no-?reply|ne-?pas-?repondre|nepasrepondre|donotreply|do-not-reply|noreponse)", re.IGNORECASE
)

Summary = dict[str, Any]


def tips(desk: Desk, account: Account, campaign: Campaign, summary: Summary) -> tuple[str, ...]:
    """What would make this mail better received."""
    locale, found = campaign.locale, []
    if not campaign.subject:
        found.append(text(locale, "advice.subject_empty"))
    elif len(campaign.subject) > _SUBJECT:
        found.append(text(locale, "advice.subject_long", n=number(locale, len(campaign.subject))))
    if summary["has_html"] and not summary["has_text"]:
        found.append(text(locale, "advice.no_text"))
    answers_go = campaign.reply_to or campaign.from_address
    if _NOREPLY.match(answers_go):
        found.append(text(locale, "advice.noreply", address=answers_go))
    if campaign.options.get("bulk") and not (account.legal_name and account.address):
        found.append(text(locale, "advice.legal", name=account.legal_name or account.name))
    if summary["weight"] > _HEAVY:
        size = f"{summary['weight'] / 1e6:.1f}"
        found.append(text(locale, "advice.weight", size=size.replace(".", ",") if locale == "fr" else size))
    return (*found, *_dkim(desk, campaign))


def _dkim(desk: Desk, campaign: Campaign) -> list[str]:
    domain = campaign.from_address.rpartition("@")[2].lower()
    ours = [signer for signer in desk.signers if signer.domain == desk.domain]
    if not ours or any(_aligned(domain, signer.domain) for signer in desk.signers):
        return []
    # an alias of our record: short enough to be copied, and a new key needs no second change at the customer's
    name = dns_name(ours[0])
    record = f"{name.removesuffix(desk.domain)}{domain} CNAME {name}"
    return [text(campaign.locale, "advice.dkim", domain=domain, gateway=desk.domain, record=record)]


def _aligned(domain: str, signing: str) -> bool:
    return domain == signing or domain.endswith(f".{signing}")


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
    if summary.get("without_file"):
        found.append(plural(locale, "note.without_file", summary["without_file"]))
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
