"""A campaign ready to print: its mail compiled once, and proved by rendering one and letting dkimpy check it.

In: the campaign's row, its source (the user's raw mail), the keys. Out: a `Plate` that makes parcels of jobs, or an
`Unusable` with the reason for which the campaign is held. CPU only, some tens of milliseconds: call it in a thread.
Raises nothing that a campaign's content can cause; `house` raises KeysError without a DKIM key.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from config import keys
from config.settings import Settings
from mail import dkim
from mail.dkim import Signer, from_pem
from mail.spec import Person, Spec
from mail.template import Compiled, compile_mail
from mta.values import Parcel
from parsers import mime, submission
from parsers.tokens import Keyring
from store.engine import now_ms
from store.values import Campaign, Job

LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Unusable:
    """Why a campaign cannot be sent: a machine reason and what it is about, as campaigns.held keeps them."""

    code: str
    text: str = ""


@dataclass(frozen=True, slots=True)
class House:
    """What all campaigns of this gateway share."""

    domain: str
    public_url: str
    keyring: Keyring
    signers: Sequence[Signer]

    def signer(self, from_address: str) -> Signer:
        """The key aligned with From where we hold it, else the gateway's (or the first there is)."""
        author = from_address.rpartition("@")[2].lower()
        for wanted in (author, self.domain):
            for signer in self.signers:
                if signer.domain == wanted:
                    return signer
        return self.signers[0]


def house(settings: Settings) -> House:
    """Keys and names that every campaign of this gateway shares."""
    data = settings.gateway.data_dir
    signers = [Signer(domain, selector, from_pem(pem)) for domain, selector, pem in keys.dkim_keys(data)]
    if not signers:
        raise keys.KeysError(f"no DKIM key in {data}: run `mail2campaign init`")
    return House(settings.gateway.domain, settings.gateway.url, Keyring(*keys.load_keyring(data, "tokens")), signers)


@dataclass(frozen=True, slots=True)
class Plate:
    """One compiled campaign."""

    compiled: Compiled
    pool: str = "shared"  # the local addresses of its account
    urgent: bool = False  # transactional mail goes first

    def parcel(self, job: Job, worker: int) -> Parcel:
        """The mail of one recipient; it is rendered when a connection takes it."""
        sender = self.compiled.envelope_sender(job.id)
        canonical = self.compiled.dot_safe and job.address.isascii()
        return Parcel(job, worker, sender, job.address, partial(self.render, job), canonical, self.pool, self.urgent)

    def render(self, job: Job) -> bytes:
        """The bytes of one recipient's mail, dated now (the Message-ID is the recipient's, so a retry keeps it)."""
        return self.compiled.render(person(job), now_ms())


def person(job: Job) -> Person:
    """The recipient as the template knows it."""
    return Person(job.id, job.address, job.name, job.values, job.tracked)


def spec(campaign: Campaign, house: House) -> Spec:
    """What is the same in every mail of a campaign, from its row."""
    options = campaign.options
    return Spec(
        campaign_id=campaign.id,
        gateway_domain=house.domain,
        public_url=house.public_url,
        subject=campaign.subject,
        from_name=campaign.from_name,
        from_address=campaign.from_address,
        reply_to=campaign.reply_to or None,
        unsubscribe=bool(options.get("unsubscribe", True)),
        bulk=bool(options.get("bulk", True)),
        locale=campaign.locale,
        footer_name=str(options.get("footer_name", "")),
        footer_address=str(options.get("footer_address", "")),
        feedback=str(options.get("feedback", "")),
        list_id=str(options.get("list_id", "")),
        documents=options.get("documents"),
        account_id=campaign.account_id,
        aggregate_opens=bool(options.get("aggregate_opens", False)),
    )


def make(campaign: Campaign, source: bytes, first: Job, house: House) -> Plate | Unusable:
    """Compile a campaign and prove its first mail."""
    try:
        return _proved(campaign, source, first, house)
    except Exception:  # a bug of ours must hold one campaign, not stop a sender
        LOG.exception("campaign %d cannot be rendered", campaign.id)
        return Unusable("render")


def _proved(campaign: Campaign, source: bytes, first: Job, house: House) -> Plate | Unusable:
    message = mime.read(source)
    signer = house.signer(campaign.from_address)
    compiled = compile_mail(
        message, submission.split(message), spec(campaign, house), campaign.columns, house.keyring, signer
    )
    if not isinstance(compiled, Compiled):
        found = compiled[0]
        return Unusable(found.kind.value, found.text)
    plate = Plate(compiled, urgent=campaign.options.get("type") == "transactional")
    raw = plate.render(first)
    published = {dkim.dns_name(signer): dkim.dns_value(signer)}
    if not dkim.verify_with_dkimpy(raw, lambda name: published.get(name.rstrip("."))):
        return Unusable("dkim", dkim.dns_name(signer))
    return plate
