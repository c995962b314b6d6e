"""What intake decides from the account, the mail's summary and Config: pure rules, no waiting.

In: values. Out: the request for the reading process, the reasons that hold a campaign, and the campaign to create. Pure;
raises nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from gateway.intake import carriage
from gateway.intake.desk import Desk
from parsers.address import a_label
from parsers.typos import KNOWN
from store import lateness
from store.spool import Envelope
from store.values import Account, NewCampaign, Sender

Answer = dict[str, Any]
SUBJECT_KEPT = 998
READERS = 20  # addresses of "Accusé à": letters, not a campaign beside every quota
_DOMAIN_PROOFS = ("dkim", "spf")


def request(desk: Desk, account: Account | None, envelope: Envelope, path: str) -> Answer:
    """What the reading process needs to know to read a mail."""
    settings = desk.settings
    name, address = footer(account)
    return {
        "do": "mail",
        "path": path,
        "domain": desk.domain,
        "own_domains": [label for label in {desk.domain, a_label(desk.domain)} if label],
        "public_url": settings.gateway.url,
        "max_lines": settings.limits.list_lines,
        "specimen": bool(settings.advice.spamd or settings.advice.rspamd),
        "now": envelope.received_at,  # reading a mail again after a crash must give the same campaign
        "zone": account.timezone if account else settings.gateway.timezone,
        "locale": account.locale if account else settings.gateway.locale,
        "footer_name": name,
        "footer_address": address,
        "attachments": carriage.bounds(settings.attachments),
    }


def footer(account: Account | None) -> tuple[str, str]:
    """The legal line of marketing mail: the account's name stands in for a legal name not yet entered (SPEC 5)."""
    return (account.legal_name or account.name, account.address) if account else ("", "")


def tracking(default: str, asked: str) -> str:
    """How a campaign is followed (SPEC 6): auto | full | anonymous | none; a wish of Config goes before the setting."""
    return default if asked == "auto" else asked


def hygiene(account: Account, choices: Mapping[str, Any]) -> bool:
    """Whether the day of the last open is kept (deliberation 2026-042, §1.3: service mail; the narrow reading)."""
    return account.hygiene and choices["type"] == "transactional"


def held(account: Account, choices: Mapping[str, Any]) -> list[Answer]:
    """What in the choices holds a campaign of this account."""
    found: list[Answer] = []
    if choices["tracking"] == "full" and not account.attested:
        found.append({"code": "tracking_unattested"})
    if choices["type"] == "transactional" and not account.transactional_per_hour:
        found.append({"code": "transactional_ungranted"})
    if not choices["unsubscribe"] and choices["type"] == "marketing":
        found.append({"code": "unsubscribe_marketing"})
    return found


def waits(choices: Mapping[str, Any], envelope: Envelope, habit: bool) -> bool:
    """Whether a campaign waits for its author's word (SPEC 1 and 3): DKIM and SPF prove a domain, not a person."""
    asked, port_25 = choices["validation"], envelope.listener == "mx"
    if choices["test"]:
        return False  # only declared senders get it: it is the proof
    usual = habit or envelope.proof in _DOMAIN_PROOFS
    if port_25:
        return usual or asked is True  # there, Config may only raise it
    return usual if asked is None else bool(asked)


def strangers(desk: Desk, choices: Mapping[str, Any], senders: Sequence[Sender]) -> list[Answer]:
    """The addresses of Test and Notify that are not the account's own, as reasons to hold the campaign."""
    addresses = {sender.address.casefold() for sender in senders}
    found = [{"code": "test_undeclared", "text": one} for one in choices["test"] if one.casefold() not in addresses]
    own = readers(desk, choices, senders)
    if len(choices["notify"]) > READERS:
        return [*found, {"code": "notify_many", "count": READERS}]
    return found + [{"code": "notify_foreign", "text": one} for one in choices["notify"] if one not in own]


def readers(desk: Desk, choices: Mapping[str, Any], senders: Sequence[Sender]) -> tuple[str, ...]:
    """The addresses of Notify that may be told: in the domains of the account's senders (a provider's domain, as
    gmail.com, is nobody's own: there, only declared senders), and never ours."""
    addresses = {sender.address.casefold() for sender in senders}
    domains = {address.rpartition("@")[2] for address in addresses} - KNOWN
    return tuple(
        one
        for one in choices["notify"]
        if one.casefold() in addresses
        or (one.casefold().rpartition("@")[2] in domains and one.casefold().rpartition("@")[2] != desk.domain)
    )[:READERS]


def late(choices: Mapping[str, Any], received_at: int, now: int) -> list[Answer]:
    """The reason to hold a campaign whose mail lay here for too long before it was read (SPEC 7)."""
    due = max(received_at, choices["send_at"] or 0)
    return [lateness.reason(now - due)] if now - due > lateness.LATE else []


def campaign(
    desk: Desk, account: Account, sender: Sender, summary: Answer, reasons: Sequence[Answer], now: int
) -> NewCampaign:
    """The campaign that a mail makes."""
    choices = summary["choices"]
    subject = summary["subject"][:SUBJECT_KEPT]
    name, address = footer(account)
    marketing = choices["type"] == "marketing"
    return NewCampaign(
        account_id=account.id,
        sender_id=sender.id,
        subject=subject,
        name=choices["name"] or subject,
        from_name=choices["from_name"] or sender.name,
        from_address=sender.address,
        reply_to=choices["reply_to"],
        message_id=summary["message_id"],
        message_key=summary["message_key"],
        locale=choices["locale"],
        timezone=choices["zone"] or account.timezone,
        columns=tuple(summary["columns"]),
        address_column=summary["address_column"],
        options={
            "unsubscribe": choices["unsubscribe"],
            "bulk": marketing,
            "type": choices["type"],
            "footer_name": name,
            "footer_address": address,
            "feedback": f"{account.id}:{choices['type']}:{desk.domain.replace('.', '-')}",
            "list_id": f"account-{account.id}.{desk.domain}",
            "attachments": "links" if summary.get("carriage", {}).get("links") else "attached",
            "files_days": desk.settings.attachments.keep_days,
            "author": summary["from_address"].casefold(),  # by whom a resend is known, whatever sender Config names
            "aggregate_opens": desk.settings.tracking.aggregate_opens,
            "hidden_link": desk.settings.tracking.hidden_link,
            "tracking": tracking(desk.settings.tracking.default, choices["tracking"]),
            "rate": choices["rate"],
            "test": bool(choices["test"]),
            "documents": summary.get("documents"),
        },
        held=tuple(reasons),
        send_at=choices["send_at"],
        created_at=now,
        links=tuple(summary["links"]),
    )
