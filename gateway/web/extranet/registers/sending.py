"""Expéditeurs: under which addresses an account sends, how each is proved, and what its domain publishes.

In: `GET /x/expediteurs`, `/ID` (one address with its DNS records, looked at live), and the POST of its forms: declare,
ask again, claim the domain, look for its record. Out: a page; after a form a redirect. An address is proved by its
owner's answer to a letter, or by a record in the DNS of its domain, which then is closed to other accounts. Raises what
the gate raises. Logs senders_changed.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from config.logging import log
from gateway.findings import sender as findings
from gateway.findings.finding import Record
from gateway.intake import alignment
from gateway.intake.alignment import Author
from gateway.intake.desk import Desk
from gateway.letters import asking
from gateway.web import context
from gateway.web.extranet import gate, shell
from gateway.web.extranet.account import line, told
from gateway.web.extranet.gate import HOME, Session
from mail.alignment import organisation
from mail.dkim import dns_name, dns_value
from mail.identity import domain_of
from mail.resolver import DnsTrouble
from parsers.address import a_label, parse
from parsers.typos import KNOWN
from store import accounts, declared
from store.accounts import Taken
from store.declared import LINK_MS, Declared, Domain
from store.engine import now_ms

PAGE = f"{HOME}/expediteurs"
DONE = ("declared", "proved", "asked", "claimed", "owned")
DOUBTS = ("soon", "not_there", "dns")
PATIENCE_S = 3.0  # for DNS, while somebody looks
MOST = 500  # addresses of an account
_FORM = "senders"
_RECORD = "_mail2campaign"


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that a domain publishes: `state` good, bad, unknown or needless; the record to publish, if any."""

    key: str
    state: str
    record: Record | None = None
    found: str = ""


def state(sender: Declared) -> str:
    """Where an address stands, in a word of the catalogue."""
    if sender.verified:
        return "proved"
    if sender.refused_at is not None:
        return "refused"
    if sender.asked_at is None:
        return "unasked"
    return "old" if sender.asked_at <= now_ms() - LINK_MS else "waiting"


def desk(request: Request) -> Desk:
    """What letters and DNS need; the web process has it."""
    found = context.of(request).desk
    if found is None:
        raise HTTPException(503)
    return found


async def show(request: Request) -> Response:
    """The list."""
    return await _page(request, await gate.signed_in(request))


async def _page(request: Request, session: Session, doubt: str = "", **typed: str) -> Response:
    account = session.user.account_id
    async with context.of(request).db.read() as conn:
        names = {one.id: one.name for one in await accounts.list_senders(conn, account)}
        senders = await declared.all_of(conn, account)
        domains = await declared.domains_of(conn, account)
    values: dict[str, Any] = {
        "senders": [(one, names.get(one.id, ""), state(one)) for one in senders], "domains": domains, "typed": typed,
        "may": session.user.may("admin"), "proof": gate.proof(session, _FORM), "done": told(request, DONE), "doubt": doubt,
    }  # fmt: skip
    return shell.page(request, session, "x/senders.html", "senders", **values)


async def declare(request: Request) -> Response:
    """Declare an address; its owner is asked by mail."""
    ctx, session = context.of(request), await gate.signed_in(request, "admin")
    sent = await gate.form(request, session, _FORM)
    typed, name = line(sent.get("address"))[:400], line(sent.get("name"))[:200]
    found = parse(typed)
    if len(found) != 1 or found[0].fault is not None or a_label(domain_of(found[0].address)) == ctx.domain:
        return await _page(request, session, "address", address=typed, name=name)
    account, address = session.user.account_id, found[0].address
    try:
        async with ctx.db.write() as conn:
            if len(await declared.all_of(conn, account)) >= MOST:
                raise HTTPException(403)
            number = await accounts.declare_sender(conn, account, address, name or found[0].name, None, now_ms())
            sender = await declared.get(conn, number)
    except Taken:
        return await _page(request, session, "taken", address=typed, name=name)
    assert sender is not None  # just declared
    _noted(session, "declared", sender)
    if sender.verified:
        return RedirectResponse(f"{PAGE}/{number}?done=proved", 303)
    await asking.ask(desk(request), sender)
    return RedirectResponse(f"{PAGE}/{number}?done=declared", 303)


async def one(request: Request) -> Response:
    """One address: how it is proved, and what its domain publishes right now."""
    session = await gate.signed_in(request)
    sender = await _mine(request, session)
    domain, house = a_label(domain_of(sender.address)), desk(request)
    async with context.of(request).db.read() as conn:
        claimed = next((d for d in await declared.domains_of(conn, sender.account_id) if d.domain == domain), None)
    author = await alignment.look(house.resolver, house.signers, sender.address, PATIENCE_S)
    doubt = request.query_params.get("doubt", "")
    values: dict[str, Any] = {
        "sender": sender, "state": state(sender), "domain": domain, "claimed": claimed, "public": domain in KNOWN,
        "record": _proof(claimed) if claimed is not None else None, "checks": checks(author, house),
        "may": session.user.may("admin"), "proof": gate.proof(session, _FORM), "done": told(request, DONE),
        "doubt": doubt if doubt in DOUBTS else "", "again": declared.may_ask(sender, now_ms()),
    }  # fmt: skip
    return shell.page(request, session, "x/sender_one.html", "senders", **values)


def checks(author: Author, house: Desk) -> list[Check]:
    """DKIM, SPF and DMARC of a domain, each with what to publish where something is missing. Pure."""
    if author.public:
        return []
    return [_dkim(author, house), _spf(author, house.domain), _dmarc(author)]


def _dkim(author: Author, house: Desk) -> Check:
    if author.signer is None:
        record = findings.alias(author, house.domain, house.signers)
        return Check("dkim", "bad", record)
    published = author.key_published
    if published is None:
        return Check("dkim", "unknown")
    if published:
        return Check("dkim", "good", found=dns_name(author.signer))
    return Check("dkim", "bad", Record(dns_name(author.signer), "TXT", f'"{dns_value(author.signer)}"'))


def _spf(author: Author, gateway: str) -> Check:
    if author.spf is None:
        return Check("spf", "unknown")
    if len(author.spf) > 1:
        return Check("spf", "several", found=" · ".join(author.spf))
    if not author.spf:
        return Check("spf", "bad", Record(author.domain, "TXT", f'"v=spf1 mx include:{gateway} ~all"'))
    return Check("spf", "good", found=author.spf[0])


def _dmarc(author: Author) -> Check:
    if not author.dmarc.known:
        return Check("dmarc", "unknown")
    if author.dmarc.at:
        return Check("dmarc", "good", found=author.dmarc.at)
    return Check("dmarc", "bad", Record(f"_dmarc.{organisation(author.domain)}", "TXT", '"v=DMARC1; p=none"'))


def _proof(claimed: Domain) -> Record:
    return Record(f"{_RECORD}.{claimed.domain}", "TXT", f"mail2campaign={claimed.word}")


async def again(request: Request) -> Response:
    """Ask the owner once more."""
    session = await gate.signed_in(request, "admin")
    await gate.form(request, session, _FORM)
    sender = await _mine(request, session)
    sent = await asking.ask(desk(request), sender)
    return _back(sender, "done=asked" if sent is not None else "doubt=soon")


async def claim(request: Request) -> Response:
    """Claim the domain of an address: a record in its DNS will prove it."""
    ctx, session = context.of(request), await gate.signed_in(request, "admin")
    await gate.form(request, session, _FORM)
    sender = await _mine(request, session)
    domain = a_label(domain_of(sender.address))
    if domain in KNOWN or domain == ctx.domain or not organisation(domain):
        raise HTTPException(403)  # nobody's own
    try:
        async with ctx.db.write() as conn:
            await declared.claim(conn, sender.account_id, domain, secrets.token_hex(16), now_ms())
    except Taken:
        return await _page(request, session, "taken")
    _noted(session, "claimed", sender)
    return _back(sender, "done=claimed")


async def look(request: Request) -> Response:
    """Look for the record of a claimed domain; when it is there, the domain is the account's alone."""
    ctx, session = context.of(request), await gate.signed_in(request, "admin")
    await gate.form(request, session, _FORM)
    sender = await _mine(request, session)
    domain = a_label(domain_of(sender.address))
    async with ctx.db.read() as conn:
        claimed = next((d for d in await declared.domains_of(conn, sender.account_id) if d.domain == domain), None)
    if claimed is None:
        raise HTTPException(404)
    texts = await desk(request).resolver.texts(_proof(claimed).name)
    if isinstance(texts, DnsTrouble):
        return _back(sender, "doubt=dns")
    if _proof(claimed).value not in (text.strip() for text in texts):
        return _back(sender, "doubt=not_there")
    try:
        async with ctx.db.write() as conn:
            await declared.prove(conn, sender.account_id, domain, now_ms())
    except Taken:
        return await _page(request, session, "taken")
    _noted(session, "proved by DNS", sender)
    return _back(sender, "done=owned")


def _back(sender: Declared, said: str) -> Response:
    return RedirectResponse(f"{PAGE}/{sender.id}?{said}", 303)


async def _mine(request: Request, session: Session) -> Declared:
    number = request.path_params["id"]
    async with context.of(request).db.read() as conn:
        known = await declared.get(conn, number) if number < 1 << 62 else None
    if known is None or known.account_id != session.user.account_id:
        raise HTTPException(404)
    return known


def _noted(session: Session, what: str, sender: Declared) -> None:
    log("senders_changed", account=session.user.account_id, sender=sender.id, what=what, by=session.user.login)
