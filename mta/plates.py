"""A campaign ready to print: its mail compiled once, and proved by rendering one and letting dkimpy check it.

In: the campaign's row, its source (the user's raw mail), the keys. Out: a `Plate` that makes parcels of jobs, or an
`Unusable` with the reason for which the campaign is held. CPU only, some tens of milliseconds: call it in a thread.
Raises nothing that a campaign's content can cause; `house` raises KeysError without a DKIM key.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial

from config import keys
from config.settings import Settings
from mail import dkim
from mail.dkim import Signer
from mail.dkim_signature import Weakness, read_key, read_signature
from mail.dkim_verify import holds, raw_fields
from mail.download import day
from mail.identity import Identity, Second, aligned, domain_of, identity, signing
from mail.keychain import Keychain
from mail.spec import Person, Spec
from mail.template import Compiled, compile_mail
from mta.values import Parcel
from parsers import mime, submission
from parsers.tokens import Keyring
from store.engine import now_ms
from store.values import Campaign, Job

_DAY = 86_400_000
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
    second: Second = Second.NONE
    bounces: str = ""  # the domain to which bounces and STOP mails go; empty: the gateway's

    def signing(self, address: str) -> tuple[Signer, ...]:
        """Who signs mails whose From is `address`: one signer, or two."""
        return signing(self.signers, domain_of(address), self.domain, self.second)


def house(settings: Settings) -> House:
    """Keys and names that every campaign of this gateway shares."""
    data = settings.gateway.data_dir
    signers = Keychain(data)
    if not any(signer.kind == "rsa" for signer in signers):
        raise keys.KeysError(f"no DKIM key in {data}: run `mail2campaign init`")
    ring, second = Keyring(*keys.load_keyring(data, "tokens")), Second(settings.dkim.second)
    return House(settings.gateway.domain, settings.gateway.url, ring, signers, second)


@dataclass(frozen=True, slots=True)
class Plate:
    """One compiled campaign."""

    compiled: Compiled
    pool: str = "shared"  # the local addresses of its account
    urgent: bool = False  # transactional mail goes first
    weight: int = 0  # bytes of its first mail

    def parcel(self, job: Job, worker: int) -> Parcel:
        """The mail of one recipient; it is rendered when a connection takes it."""
        sender = self.compiled.envelope_sender(job.id)
        canonical = self.compiled.dot_safe and job.address.isascii()
        return Parcel(job, worker, sender, job.address, partial(self.pieces, job), canonical, self.pool, self.urgent)

    def pieces(self, job: Job) -> tuple[bytes, bytes]:
        """Header and body of one recipient's mail, dated now (the Message-ID is the recipient's, so a retry keeps it)."""
        return self.compiled.pieces(person(job), now_ms())

    def render(self, job: Job) -> bytes:
        """The same, whole."""
        return b"".join(self.pieces(job))


def person(job: Job) -> Person:
    """The recipient as the template knows it."""
    return Person(job.id, job.address, job.name, job.values, job.tracked)


def author(campaign: Campaign, house: House) -> Identity:
    """Under which address the mails of a campaign go out."""
    via, name = bool(campaign.options.get("via")), str(campaign.options.get("footer_name", ""))
    return identity(campaign.from_name, campaign.from_address, campaign.reply_to, via, house.domain, name)


def spec(campaign: Campaign, house: House) -> Spec:
    """What is the same in every mail of a campaign, from its row."""
    options, who = campaign.options, author(campaign, house)
    return Spec(
        campaign_id=campaign.id,
        gateway_domain=house.domain,
        public_url=house.public_url,
        bounce_domain=house.bounces,
        subject=campaign.subject,
        from_name=who.name,
        from_address=who.address,
        reply_to=who.reply_to,
        unsubscribe=bool(options.get("unsubscribe", True)),
        bulk=bool(options.get("bulk", True)),
        locale=campaign.locale,
        footer_name=str(options.get("footer_name", "")),
        footer_address=str(options.get("footer_address", "")),
        feedback=str(options.get("feedback", "")),
        list_id=str(options.get("list_id", "")),
        cfbl_address=_complaints(who.address, house),
        documents=options.get("documents"),
        links=options.get("attachments") == "links",
        links_until=_until(campaign),
        account_id=campaign.account_id,
        aggregate_opens=bool(options.get("aggregate_opens", False)),
        hidden_link=bool(options.get("hidden_link", False)),
        literal=bool(options.get("single", False)),
    )


def _complaints(address: str, house: House) -> str | None:
    """Where complaints go (RFC 9477): From must be signed for, and so must the domain of the complaints' address."""
    domain = domain_of(address)
    signed = {signer.domain for signer in house.signing(address)}
    return f"fbl@{house.domain}" if aligned(house.signers, domain) and house.domain in signed else None


def _until(campaign: Campaign) -> str:
    """The day until which files stay on line for sure: they go some days after the end, and this is not the end yet."""
    if campaign.options.get("attachments") != "links":
        return ""
    return day(campaign.locale, campaign.timezone, now_ms() + int(campaign.options["files_days"]) * _DAY)


def make(campaign: Campaign, source: bytes, first: Job, house: House) -> Plate | Unusable:
    """Compile a campaign and prove its first mail."""
    try:
        return _proved(campaign, source, first, house)
    except Exception:  # a bug of ours must hold one campaign, not stop a sender
        LOG.exception("campaign %d cannot be rendered", campaign.id)
        return Unusable("render")


def _proved(campaign: Campaign, source: bytes, first: Job, house: House) -> Plate | Unusable:
    message = mime.read(source)
    made = spec(campaign, house)
    signers = house.signing(made.from_address)
    parts = submission.whole(message) if made.literal else submission.split(message)
    compiled = compile_mail(message, parts, made, campaign.columns, house.keyring, *signers)
    if not isinstance(compiled, Compiled):
        found = compiled[0]
        return Unusable(found.kind.value, found.text)
    plate = Plate(compiled, urgent=campaign.options.get("type") == "transactional")
    raw = plate.render(first)
    plate = replace(plate, weight=len(raw))
    bad = next((signer for at, signer in enumerate(signers) if not _verified(raw, signer, at)), None)
    return plate if bad is None else Unusable("dkim", dkim.dns_name(bad))


def _verified(raw: bytes, signer: Signer, at: int) -> bool:
    """Whether signature `at` of a mail holds, by other people's code where it knows the algorithm."""
    if signer.kind == "rsa":
        published = {dkim.dns_name(signer): dkim.dns_value(signer)}
        return dkim.verify_with_dkimpy(raw, lambda name: published.get(name.rstrip(".")), at)
    fields = raw_fields(raw) or ()
    value = [value for name, value in fields if name.lower() == b"dkim-signature"][at]
    read, key = read_signature(value, now_ms() // 1000), read_key(dkim.dns_value(signer))
    if isinstance(read, Weakness) or isinstance(key, Weakness):
        return False
    return holds(raw, fields, read, key) is None
