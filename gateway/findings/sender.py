"""Advice on the sender: who signs for the domain of From, what its DNS says, and the exact records to publish.

In: what DNS told of that domain, how the campaign goes out, the gateway's keys. Out: findings with records. What DNS did
not tell gives no finding. Pure; raises nothing.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from gateway.findings.finding import Finding, Record, Where
from gateway.intake.alignment import Author, Way
from mail.dkim import Signer, dns_name, dns_value
from mail.identity import Identity
from mail.suffixes import organisation, same_organisation
from store.values import Account

_NOREPLY = re.compile(
    r"^(?:no-?reply|ne-?pas-?repondre|nepasrepondre|donotreply|do-not-reply|noreponse)", re.IGNORECASE
)


def of_sender(author: Author, way: Way, who: Identity, gateway: str, signers: Sequence[Signer]) -> list[Finding]:
    """What DNS says of the domain of From."""
    ours = [*_alignment(author, way, who, gateway, signers), *_key(author)]
    if author.public or same_organisation(author.domain, gateway):
        return ours  # nobody who reads this can publish anything there
    return [*ours, *_spf(author, gateway), *_dmarc(author)]


def of_answers(address: str) -> list[Finding]:
    """Whether the address that answers go to says that nobody reads them."""
    return [Finding("noreply", Where.SENDER, {"address": address})] if _NOREPLY.match(address) else []


def of_account(account: Account, marketing: bool) -> list[Finding]:
    """Whether the legal line is whole."""
    if not marketing or (account.legal_name and account.address):
        return []
    return [Finding("legal", Where.SENDER, {"name": account.legal_name or account.name})]


def alias(author: Author, gateway: str, signers: Sequence[Signer]) -> Record | None:
    """The record that lets the gateway's own key sign for the domain of From; None where there is no such key."""
    ours = next((one for one in signers if one.domain == gateway and one.kind == "rsa"), None)
    if ours is None:
        return None
    # an alias of our record: short enough to be copied, and a new key needs no second change at the customer's
    return Record(f"{ours.selector}._domainkey.{author.domain}", "CNAME", dns_name(ours))


def _alignment(author: Author, way: Way, who: Identity, gateway: str, signers: Sequence[Signer]) -> list[Finding]:
    if way is Way.OWN:
        return []
    values = {"domain": author.domain, "gateway": gateway}
    if way is Way.VIA:
        values |= {"shown": who.shown, "reply": who.reply_to}
    code = {Way.VIA: "via", Way.HELD: "unaligned", Way.DECLARED: "unsigned"}[way]
    if author.public and way is not Way.HELD:
        return [Finding(f"{code}_public", Where.SENDER, values)]
    record = None if author.public else alias(author, gateway, signers)
    return [Finding(code, Where.SENDER, values, records=() if record is None else (record,))]


def _key(author: Author) -> list[Finding]:
    if author.signer is None or author.key_published is not False:
        return []
    name = dns_name(author.signer)
    record = Record(name, "TXT", f'"{dns_value(author.signer)}"')
    return [Finding("key_unpublished", Where.SENDER, {"domain": author.domain, "name": name}, records=(record,))]


def _spf(author: Author, gateway: str) -> list[Finding]:
    if author.spf is None or len(author.spf) == 1:
        return []
    values = {"domain": author.domain}
    if author.spf:
        return [Finding("spf_several", Where.SENDER, values | {"n": len(author.spf)})]
    record = Record(author.domain, "TXT", f'"v=spf1 mx include:{gateway} ~all"')
    return [Finding("spf_missing", Where.SENDER, values, records=(record,))]


def _dmarc(author: Author) -> list[Finding]:
    if not author.dmarc.known or author.dmarc.at:
        return []
    domain = organisation(author.domain)
    record = Record(f"_dmarc.{domain}", "TXT", '"v=DMARC1; p=none"')
    return [Finding("dmarc_missing", Where.SENDER, {"domain": domain}, records=(record,))]
