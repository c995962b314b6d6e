"""Whether a campaign may go out under the address that its sender declared (SPEC 5).

In: the domain of From, the DKIM keys at hand, what DNS says of the domain, the number of recipients, the account's rules.
Out: a `Way`. A From that we cannot sign for, above 100 recipients or under DMARC quarantine or reject, goes out via the
gateway, or is held; what DNS does not tell counts as p=none. The lookups end within PATIENCE_S. Raises what the database
raises.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from mail.dkim import Signer, dns_name, dns_value
from mail.dmarc import UNKNOWN, Published, Texts, policy_of
from mail.identity import Identity, aligned, domain_of, identity
from mail.resolver import DnsTrouble
from parsers.typos import KNOWN
from store import rulings
from store.values import Campaign

PATIENCE_S = 0.8
LARGE = 100  # recipients up to which a few mails under a name that is not ours harm nobody
_SPF = "v=spf1"


class Way(StrEnum):
    """How the mails of a campaign go out."""

    OWN = "own"  # signed by a key aligned with From
    DECLARED = "declared"  # as declared, signed by the gateway
    VIA = "via"
    HELD = "held"


@dataclass(frozen=True, slots=True)
class Author:
    """What is known of the domain of a From; None where DNS did not tell in time."""

    domain: str
    signer: Signer | None = None  # the key that is aligned with it
    dmarc: Published = UNKNOWN
    spf: tuple[str, ...] | None = None
    key: tuple[str, ...] | None = None  # what is published under the name of `signer`

    @property
    def public(self) -> bool:
        """Whether it is a provider of many people's mailboxes: its users can publish nothing there."""
        return self.domain in KNOWN

    @property
    def key_published(self) -> bool | None:
        """Whether receivers find the key that signs; None when DNS did not tell."""
        if self.signer is None or self.key is None:
            return None
        wanted = _squeezed(dns_value(self.signer).partition("p=")[2])
        return any(_squeezed(one).partition("p=")[2].rstrip(";") == wanted for one in self.key)


def way(author: Author, recipients: int, held: bool) -> Way:
    """Decide; `held`: the account wants to publish its records rather than to be sent via the gateway."""
    if author.signer is not None:
        return Way.OWN
    if recipients <= LARGE and not author.dmarc.enforced:
        return Way.DECLARED
    return Way.HELD if held else Way.VIA


async def settle(conn: AsyncConnection, campaign: Campaign, author: Author) -> Campaign:
    """Write down how a campaign that is not yet revealed goes out."""
    rules = await rulings.rules_of(conn, campaign.account_id)
    match way(author, campaign.recipients, rules.unaligned_held):
        case Way.VIA:
            return await rulings.send_via(conn, campaign)
        case Way.HELD:
            return await rulings.hold(conn, campaign, {"code": "unaligned", "text": author.domain})
        case _:
            return campaign


def author_of(campaign: Campaign, gateway: str) -> Identity:
    """Under which address the mails of a campaign go out, as its recipients see it."""
    via, name = bool(campaign.options.get("via")), str(campaign.options.get("footer_name", ""))
    return identity(campaign.from_name, campaign.from_address, campaign.reply_to, via, gateway, name)


async def look(resolver: Texts, signers: Sequence[Signer], address: str, patience: float = PATIENCE_S) -> Author:
    """Ask DNS about the domain of a From; what it does not tell within `patience` seconds stays unknown."""
    domain = domain_of(address)
    signer = aligned(signers, domain)
    dmarc = asyncio.create_task(policy_of(resolver, domain))
    spf = asyncio.create_task(resolver.texts(domain))
    key = asyncio.create_task(resolver.texts(dns_name(signer) if signer else domain))
    tasks: list[asyncio.Task[Any]] = [dmarc, spf, key]
    _, late = await asyncio.wait(tasks, timeout=patience)
    for task in late:
        task.cancel()
    await asyncio.gather(*late, return_exceptions=True)
    policy = UNKNOWN if dmarc in late else dmarc.result()
    if signer is not None and policy.strict:
        signer = aligned(signers, domain, strict=True)
    records = None if spf in late else _known(spf.result())
    found = None if key in late or signer is None else _known(key.result())
    spf_records = None if records is None else tuple(one for one in records if _is_spf(one))
    return Author(domain, signer, policy, spf_records, found)


def _known(answer: tuple[str, ...] | DnsTrouble) -> tuple[str, ...] | None:
    return None if isinstance(answer, DnsTrouble) else answer


def _is_spf(record: str) -> bool:
    head = record.lower()
    return head == _SPF or head.startswith(f"{_SPF} ")  # RFC 7208 section 4.5


def _squeezed(text: str) -> str:
    return "".join(text.split())
