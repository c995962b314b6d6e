"""Setting up one connection: TCP, banner, EHLO, STARTTLS, AUTH, and QUIT at the end; aiosmtplib carries it.

In: a target (name, address, port, what it must prove) and how to dial. Out: an `Opened` connection whose transport the hot
dialogue takes over, or a `Failed` that tells the stage and the server's reply. Where nothing else is asked, TLS is
opportunistic (RFC 3207, RFC 7435): a connection on which it cannot be negotiated is made again without. Where a policy
asks for more, there is no way around it: the certificate is looked at before a word is said over it, and a server that
cannot prove what it must gets no mail. Nothing is raised but CancelledError.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import cast

import aiosmtplib

from mta.certificates import describe, presented
from mta.security import Fault, Flaw, Need, Proof, Security, Seen
from mta.values import Answered, Contact, Insecure, Unanswered
from parsers.replies import Stage, make

_TLS_WAIT = 30.0  # seconds for the handshake; then plain text is tried
_QUIT_WAIT = 2.0  # seconds; we are done, the server need not be
OPPORTUNISTIC = Security()


@dataclass(frozen=True, slots=True)
class Target:
    """One address of one server: `host` is its name in MX or route, `ip` what is dialled."""

    host: str
    ip: str
    port: int
    security: Security = OPPORTUNISTIC


@dataclass(frozen=True, slots=True)
class Dialling:
    """How connections are made; waits in seconds, `login` for a smarthost only."""

    helo: str
    source: str = ""
    connect_timeout: float = 30.0
    reply_timeout: float = 300.0
    login: tuple[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Opened:
    """A connection ready for mail; `offers` are the EHLO keywords in lower case with their parameters."""

    client: aiosmtplib.SMTP
    transport: asyncio.Transport
    contact: Contact
    offers: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Failed:
    """No connection; `outcome` is the reply or the silence that ended the attempt."""

    outcome: Answered | Unanswered | Insecure
    contact: Contact


class _NoTls(Exception):
    """TLS could not be had: dial again without it, unless it must be."""

    def __init__(self, flaw: Flaw, contact: Contact) -> None:
        self.flaw, self.contact = flaw, contact


class _Withheld(Exception):
    """The server is not who it must be."""

    def __init__(self, flaw: Flaw, contact: Contact) -> None:
        self.flaw, self.contact = flaw, contact


def tls_context() -> ssl.SSLContext:
    """A client context that accepts every certificate: encryption against listeners, no proof of the server."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


_TLS = tls_context()


async def open_session(target: Target, dialling: Dialling) -> Opened | Failed:
    """Make one connection ready for mail."""
    security = target.security
    try:
        return await _open(target, dialling, tls=True)
    except _NoTls as error:
        _tell(target, error.contact, error.flaw)
        if security.need is not Need.MAY:
            return Failed(Insecure(security.by, error.flaw), error.contact)
    except _Withheld as error:
        return Failed(Insecure(security.by, error.flaw), error.contact)
    return await _open(target, dialling, tls=False)


async def close_session(opened: Opened) -> None:
    """Say QUIT and let go; waits two seconds at most."""
    protocol = opened.client.protocol
    if protocol is not None and not opened.transport.is_closing():
        opened.transport.set_protocol(cast(asyncio.Protocol, protocol))
        with contextlib.suppress(aiosmtplib.SMTPException, OSError, TimeoutError):
            await opened.client.quit(timeout=_QUIT_WAIT)
    opened.transport.abort()
    opened.client.close()


async def _open(target: Target, dialling: Dialling, *, tls: bool) -> Opened | Failed:
    contact = Contact(target.host, target.ip)
    try:
        sock = await _connect(target, dialling)
    except TimeoutError:
        return Failed(Unanswered(Stage.CONNECT, "timeout"), contact)
    except OSError as error:
        return Failed(Unanswered(Stage.CONNECT, _reason(error)), contact)
    contact = Contact(target.host, target.ip, str(sock.getsockname()[0]))
    client = aiosmtplib.SMTP(
        sock=sock, local_hostname=dialling.helo, timeout=dialling.reply_timeout, start_tls=False, use_tls=False
    )
    stage = [Stage.BANNER]
    try:
        return await _talk(client, target, dialling, contact, stage, tls=tls)
    except aiosmtplib.SMTPResponseException as error:
        outcome = Answered(make(error.code, error.message), stage[0]) if error.code >= 400 else None
        failed: Failed = Failed(outcome or Unanswered(stage[0], "garbled"), contact)
    except (aiosmtplib.SMTPTimeoutError, TimeoutError):
        failed = Failed(Unanswered(stage[0], "timeout"), contact)
    except (aiosmtplib.SMTPException, OSError, ValueError):
        failed = Failed(Unanswered(stage[0], "lost"), contact)
    except BaseException:  # cancelled, or not secure enough
        client.close()
        raise
    client.close()
    if stage[0] is Stage.STARTTLS:
        answered = isinstance(failed.outcome, Answered)  # it does not want to, or it cannot
        raise _NoTls(Flaw(Fault.NO_STARTTLS if answered else Fault.HANDSHAKE), contact)
    return failed


async def _connect(target: Target, dialling: Dialling) -> socket.socket:
    family = socket.AF_INET6 if ":" in target.ip else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        sock.setblocking(False)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if dialling.source and (":" in dialling.source) == (":" in target.ip):
            sock.bind((dialling.source, 0))
        async with asyncio.timeout(dialling.connect_timeout):
            await asyncio.get_running_loop().sock_connect(sock, (target.ip, target.port))
    except BaseException:
        sock.close()
        raise
    return sock


async def _talk(
    client: aiosmtplib.SMTP, target: Target, dialling: Dialling, contact: Contact, stage: list[Stage], *, tls: bool
) -> Opened:
    await client.connect()
    stage[0] = Stage.EHLO
    await _greet(client)
    if tls and client.supports_extension("starttls"):
        stage[0] = Stage.STARTTLS
        await client.starttls(
            server_hostname=target.security.server_name or target.host,
            tls_context=_TLS,
            timeout=min(_TLS_WAIT, dialling.reply_timeout),
        )
        stage[0] = Stage.EHLO
        contact = await _proven(client, target, contact)
        await _greet(client)
    elif tls:
        flaw = Flaw(Fault.NO_STARTTLS)
        _tell(target, contact, flaw)
        if target.security.need is not Need.MAY:
            raise _Withheld(flaw, contact)
    if dialling.login is not None:
        stage[0] = Stage.AUTH
        await client.login(*dialling.login)
    protocol = client.protocol
    if protocol is None or protocol.transport is None:
        raise aiosmtplib.SMTPServerDisconnected("gone")
    transport = cast(asyncio.Transport, protocol.transport)
    offers = {name.lower(): value for name, value in client.esmtp_extensions.items()}
    return Opened(client, transport, contact, offers)


async def _proven(client: aiosmtplib.SMTP, target: Target, contact: Contact) -> Contact:
    """The contact with its encryption; _Withheld when the server does not prove what it must."""
    security = target.security
    chain = presented(client.get_transport_info("ssl_object"))
    proof, flaw = (Proof.NONE, None) if security.prove is None else await security.prove(chain)
    certificate = {**describe(chain), "proof": proof.value}
    contact = Contact(contact.host, contact.ip, contact.local, _tls_name(client), certificate)
    _tell(target, contact, flaw)
    if flaw is not None and security.need >= Need.VERIFY:
        raise _Withheld(flaw, contact)
    return contact


def _tell(target: Target, contact: Contact, flaw: Flaw | None) -> None:
    security = target.security
    if security.told is not None:
        security.told(Seen(security.policy, target.host, target.ip, contact.local, flaw))


async def _greet(client: aiosmtplib.SMTP) -> None:
    try:
        await client.ehlo()
    except aiosmtplib.SMTPHeloError as error:
        if error.code < 500 or not client.is_connected:
            raise
        try:
            await client.helo()  # RFC 5321 3.2: a server of before 1995
        except aiosmtplib.SMTPServerDisconnected:
            raise error from None  # it meant its no


def _tls_name(client: aiosmtplib.SMTP) -> str:
    version = client.get_transport_info("ssl_object")
    cipher = client.get_transport_info("cipher")
    name = version.version() if version is not None else "TLS"
    return f"{name} {cipher[0]}" if cipher else str(name)


def _reason(error: OSError) -> str:
    if isinstance(error, ConnectionRefusedError):
        return "refused"
    return "lost" if isinstance(error, ConnectionError) else "unreachable"


def weigh(failures: Sequence[Failed]) -> Failed:
    """The failure that speaks for all hosts of a site: temporary wins over final, a reply over silence."""
    replies = [f for f in failures if isinstance(f.outcome, Answered)]
    temporary = [f for f in replies if isinstance(f.outcome, Answered) and f.outcome.reply.code < 500]
    withheld = [f for f in failures if isinstance(f.outcome, Insecure)]
    if temporary or withheld:
        return (temporary or withheld)[0]
    silent = [f for f in failures if isinstance(f.outcome, Unanswered)]
    return (silent or replies)[0]
