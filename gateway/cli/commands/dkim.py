"""`dkim`: the keys that sign campaigns, the records to publish, and whether DNS has them.

In: the parsed command line. Out: lines for people and scripts. Raises KeysError or Failure with one sentence; `check` fails
when a record that we sign by is missing.
"""

from __future__ import annotations

import argparse
import asyncio

from config import keys
from config.durations import milliseconds
from config.settings import Settings
from gateway.cli.commands.database import settings_of
from gateway.cli.commands.setup import a_label
from gateway.cli.failure import Failure
from gateway.findings.finding import Finding, said
from gateway.findings.sender import of_sender
from gateway.intake.alignment import Author, Way, look
from mail.dkim import Signer, dns_name
from mail.identity import identity, signers_of
from mail.resolver import Resolver

_PATIENCE = 3  # questions that one domain needs one after the other, at most


def list_all(found: argparse.Namespace) -> None:
    """Print the record to publish for every DKIM key, one a line."""
    for domain, selector, pem in keys.dkim_keys(settings_of(found).gateway.data_dir):
        print(_line(domain, selector, pem))


def add(found: argparse.Namespace) -> None:
    """Make a DKIM key for a domain (or let the gateway's sign for it) and print the record to publish."""
    gateway = settings_of(found).gateway
    data, domain = gateway.data_dir, a_label(found.domain)
    if found.alias:
        name, target = keys.alias_dkim(data, domain, gateway.domain)
        print(f"{name} CNAME {target}")
        return
    kind, selector = ("ed25519", "m2ce1") if found.ed25519 else ("rsa", keys.SELECTOR)
    selector = (found.selector or selector).lower()
    keys.add_dkim(data, domain, selector, "ed25519" if kind == "ed25519" else "rsa")
    print(*(_line(*key) for key in keys.dkim_keys(data) if key[:2] == (domain, selector)), sep="\n")


def check(found: argparse.Namespace) -> None:
    """Ask DNS whether the records of a domain (or of every domain with a key) are published, and print what is missing."""
    settings = settings_of(found)
    signers = signers_of(keys.dkim_keys(settings.gateway.data_dir))
    domains = [a_label(found.domain)] if found.domain else sorted({one.domain for one in signers})
    authors = asyncio.run(_ask(settings, signers, domains))
    bad = False
    for author in authors:
        bad |= _tell(author, settings.gateway.domain, signers)
    if bad:
        raise Failure("some records are missing: publish the lines above")


async def _ask(settings: Settings, signers: tuple[Signer, ...], domains: list[str]) -> list[Author]:
    seconds = milliseconds(settings.dns.timeout) / 1000
    resolver = Resolver(settings.dns.nameservers, seconds)
    try:
        return [await look(resolver, signers, f"x@{domain}", _PATIENCE * seconds) for domain in domains]
    finally:
        await resolver.close()


def _tell(author: Author, gateway: str, signers: tuple[Signer, ...]) -> bool:
    """Print the state of one domain; returns whether mails in its name cannot be signed for."""
    declared = identity("", f"x@{author.domain}", "", via=False, gateway=gateway)
    way = Way.OWN if author.signer is not None else Way.DECLARED
    findings = of_sender(author, way, declared, gateway, signers)
    policy = author.dmarc.policy.value if author.dmarc.known and author.dmarc.at else "no record"
    state = {True: "published", False: "not published", None: "not known: DNS did not answer"}[author.key_published]
    named = dns_name(author.signer) if author.signer else "no key"
    print(f"{author.domain}: {named}, {state if author.signer else 'add one'}; DMARC {policy}")
    for finding in findings:
        print(f"  {said('en', finding)}")
        for record in finding.records:
            print(f"    {record.name} {record.type} {record.value}")
    return _grave(findings)


def _grave(findings: list[Finding]) -> bool:
    return any(one.code in ("key_unpublished", "unsigned", "unsigned_public") for one in findings)


def _line(domain: str, selector: str, pem: bytes) -> str:
    return f'{selector}._domainkey.{domain} TXT "{keys.dkim_record(pem)}"'
