"""Certificates of imaginary authorities, as a server sends them."""

from __future__ import annotations

import asyncio
import datetime
import hashlib
import ssl
import tempfile
from dataclasses import dataclass

import trustme
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from mail.resolver_dnssec import Tlsa

DAY = datetime.timedelta(days=1)


@dataclass(frozen=True)
class Server:
    """A certificate with its key and the chain that goes with it."""

    leaf: trustme.LeafCert
    chain: tuple[bytes, ...]

    def context(self) -> ssl.SSLContext:
        """What a server offers with it."""
        made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        pems = [self.leaf.private_key_pem.bytes(), *(ssl.DER_cert_to_PEM_cert(one).encode() for one in self.chain)]
        with tempfile.NamedTemporaryFile() as file:  # the library reads files only
            file.write(b"".join(pems))
            file.flush()
            made.load_cert_chain(file.name)
        return made


def issue(
    authority: trustme.CA,
    *names: str,
    age: datetime.timedelta = DAY,
    left: datetime.timedelta = DAY,
    root: trustme.CA | None = None,
) -> Server:
    """A server's certificate, issued `age` ago and good for `left` (negative: expired); its authority is in its chain, and
    the authority's own."""
    now = datetime.datetime.now(datetime.UTC)
    leaf = authority.issue_cert(*names, not_before=now - age, not_after=now + left)
    pems = [*leaf.cert_chain_pems, authority.cert_pem, *([root.cert_pem] if root else [])]
    ders = [ssl.PEM_cert_to_DER_cert(one.bytes().decode()) for one in pems]
    return Server(leaf, tuple(dict.fromkeys(ders)))


def tlsa(der: bytes, usage: int = 3, selector: int = 1, matching: int = 1) -> Tlsa:
    """The TLSA record of a certificate, made another way than the code under test reads it."""
    content = der
    if selector == 1:
        content = (
            x509.load_der_x509_certificate(der)
            .public_key()
            .public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        )
    digest = {0: content, 1: hashlib.sha256(content).digest(), 2: hashlib.sha512(content).digest()}[matching]
    return Tlsa(usage, selector, matching, digest)


class MailServer:
    """A receiving server of one address: offers STARTTLS when it has a context, and may be told to spoil it."""

    def __init__(self, context: ssl.SSLContext | None, starttls: bytes = b"220 go\r\n", offers: bool = True) -> None:
        self.context, self.starttls, self.offers = context, starttls, offers and context is not None
        self.plain: list[bytes] = []  # what was said in the clear
        self.secret: list[bytes] = []
        self.names: list[str] = []  # of the handshake (SNI)
        self._server: asyncio.Server | None = None
        if context is not None:
            context.sni_callback = lambda _, name, __: self.names.append(name)

    async def start(self, ip: str, port: int = 0) -> int:
        """Listen; returns the port."""
        self._server = await asyncio.start_server(self._serve, ip, port)
        return int(self._server.sockets[0].getsockname()[1])

    def stop(self) -> None:
        if self._server is not None:
            self._server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        said = self.plain
        try:
            writer.write(b"220 mx ESMTP\r\n")
            while line := await reader.readline():
                said.append(line.strip())
                verb = line[:4].upper()
                if verb == b"STAR":
                    writer.write(self.starttls)
                    await writer.drain()
                    if self.starttls[:1] == b"2" and self.context is not None:
                        await writer.start_tls(self.context)
                        said = self.secret
                elif verb == b"EHLO":
                    offer = b"250-STARTTLS\r\n" if self.offers and said is self.plain else b""
                    writer.write(b"250-mx\r\n" + offer + b"250 PIPELINING\r\n")
                elif verb == b"DATA":
                    writer.write(b"354 go\r\n")
                    await reader.readuntil(b"\r\n.\r\n")
                    writer.write(b"250 2.0.0 ok\r\n")
                elif verb == b"QUIT":
                    writer.write(b"221 bye\r\n")
                    break
                else:
                    writer.write(b"250 ok\r\n")
                await writer.drain()
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()
