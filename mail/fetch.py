"""The one client for HTTP: careful, because strangers say where it goes and what comes back.

In: a host and path, or an https URL; the resolver, whose fence takes out every address that is not public. Out: `Fetched`, or
`Unfetched` with the reason. The address is resolved once and dialled as it is; certificate and name are verified by the
system's authorities or `ca_file`; there are no redirects, cookies, proxies or kept connections; time and size are bounded
in all. A peer that the operator named in the settings (rspamd) is asked where it is, in the clear. Raises nothing but
CancelledError.
"""

from __future__ import annotations

import asyncio
import re
import ssl
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httptools

from mail.resolver import Addresses, NoDomain, Resolver

_HEAD = 32_768  # bytes of status line and header
_ADDRESSES = 3  # tried one after the other
_CHUNK = 16_384
_HOST = re.compile(r"[a-z0-9](?:[a-z0-9_.-]{0,251}[a-z0-9])?", re.ASCII).fullmatch
_TARGET = re.compile(r"/[!-~]{0,2000}", re.ASCII).fullmatch


class Trouble(StrEnum):
    """Why nothing was fetched."""

    URL = "url"
    DNS = "dns"
    NO_HOST = "no such host"
    FORBIDDEN = "address not allowed"
    CONNECT = "no connection"
    CERTIFICATE = "certificate"
    TLS = "tls"
    TIMEOUT = "timeout"
    SIZE = "too large"
    PROTOCOL = "no HTTP"


@dataclass(frozen=True, slots=True)
class Fetched:
    """An answer, whatever its status; `content_type` in lower case without parameters, `headers` by lower-case name."""

    status: int
    content_type: str
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict, compare=False)


@dataclass(frozen=True, slots=True)
class Unfetched:
    """No answer that could be read whole."""

    why: Trouble
    detail: str = ""


@dataclass(frozen=True, slots=True)
class _Request:
    """One question; the answer's body is bounded by whoever asks."""

    method: str
    host: str
    port: int
    target: str
    body: bytes = b""
    content_type: str = ""
    secure: bool = True
    headers: tuple[tuple[str, str], ...] = ()

    def wire(self, agent: str) -> bytes:
        """The bytes to send."""
        named = self.host if self.port == (443 if self.secure else 80) else f"{self.host}:{self.port}"
        lines = [f"{self.method} {self.target} HTTP/1.1", f"Host: {named}", f"User-Agent: {agent}", "Connection: close"]
        lines += ["Accept: */*", "Accept-Encoding: identity"]
        if self.method == "POST":
            lines += [f"Content-Type: {self.content_type}", f"Content-Length: {len(self.body)}"]
        lines += [f"{name}: {value}" for name, value in self.headers]
        return "\r\n".join([*lines, "", ""]).encode("ascii") + self.body


class Client:
    """Asks; `port` is that of URLs which name none, `timeout` in seconds for all of one request."""

    def __init__(
        self, resolver: Resolver, ca_file: Path | None = None, port: int = 443, timeout: float = 10.0, agent: str = ""
    ) -> None:
        self._resolver, self._ca_file, self._port, self._timeout = resolver, ca_file, port, timeout
        self._agent = agent or "mail2campaign"
        self._context: ssl.SSLContext | None = None

    async def get(self, host: str, path: str, limit: int) -> Fetched | Unfetched:
        """Fetch `https://host/path`, a body of `limit` bytes at most."""
        return await self._ask(_Request("GET", host, self._port, path), limit)

    async def post(
        self,
        url: str,
        body: bytes,
        content_type: str,
        limit: int = 16_384,
        headers: Sequence[tuple[str, str]] = (),
        plain: bool = False,
    ) -> Fetched | Unfetched:
        """Post a body to an https URL, or where `plain` to an http one, too; `headers` are ours and ASCII."""
        request = self._request("POST", url, plain, body, content_type, tuple(headers))
        return Unfetched(Trouble.URL) if request is None else await self._ask(request, limit)

    async def read(self, url: str, limit: int, plain: bool = False) -> Fetched | Unfetched:
        """Fetch an https URL, or where `plain` an http one, too; a body of `limit` bytes at most."""
        request = self._request("GET", url, plain)
        return Unfetched(Trouble.URL) if request is None else await self._ask(request, limit)

    async def head(self, url: str) -> Fetched | Unfetched:
        """Ask an http or https URL whether it is there; no body comes back."""
        request = self._request("HEAD", url, True)
        return Unfetched(Trouble.URL) if request is None else await self._ask(request, 0)

    def _request(
        self,
        method: str,
        url: str,
        plain: bool,
        body: bytes = b"",
        content_type: str = "",
        headers: tuple[tuple[str, str], ...] = (),
    ) -> _Request | None:
        """A request for a URL; None for one that cannot be asked."""
        try:
            parts = urlsplit(url)
            secure = parts.scheme == "https"
            host, port = (parts.hostname or "").rstrip("."), parts.port or (self._port if secure else 80)
        except ValueError:
            return None
        if not (secure or (plain and parts.scheme == "http")) or "@" in parts.netloc:
            return None
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        return _Request(method, host, port, target, body, content_type, secure, headers)

    async def ask_peer(self, host: str, port: int, path: str, body: bytes, limit: int) -> Fetched | Unfetched:
        """Post to a server that the settings name: over plain HTTP, wherever it is."""
        request = _Request("POST", host, port, path, body, "application/octet-stream", secure=False)
        try:
            async with asyncio.timeout(self._timeout):
                opened = await asyncio.open_connection(host, port)
                return await _exchange(*opened, request, request.wire(self._agent), limit)
        except TimeoutError:
            return Unfetched(Trouble.TIMEOUT)
        except OSError:
            return Unfetched(Trouble.CONNECT)

    async def _ask(self, request: _Request, limit: int) -> Fetched | Unfetched:
        if not _HOST(request.host) or not _TARGET(request.target):
            return Unfetched(Trouble.URL)
        try:
            async with asyncio.timeout(self._timeout):
                return await self._try_addresses(request, limit)
        except TimeoutError:
            return Unfetched(Trouble.TIMEOUT)

    async def _try_addresses(self, request: _Request, limit: int) -> Fetched | Unfetched:
        host, port = request.host, request.port
        found = await self._resolver.addresses(host)
        if not isinstance(found, Addresses):
            surely = isinstance(found, NoDomain) and not found.exists
            return Unfetched(Trouble.NO_HOST if surely else Trouble.DNS)
        if not found.allowed:
            return Unfetched(Trouble.FORBIDDEN)
        if request.secure and self._context is None:
            self._context = await asyncio.to_thread(_context, self._ca_file)  # reads 200 KB of authorities
        result: Fetched | Unfetched = Unfetched(Trouble.CONNECT)
        addresses = found.allowed[:_ADDRESSES]
        for address in addresses:
            try:
                async with asyncio.timeout(self._timeout / len(addresses)):
                    opened = await asyncio.open_connection(address, port, **self._tls(request))
            except ssl.SSLCertVerificationError as error:
                return Unfetched(Trouble.CERTIFICATE, error.verify_message)
            except ssl.SSLError as error:
                result = Unfetched(Trouble.TLS, error.reason or "")
                continue
            except OSError:
                continue
            return await _exchange(*opened, request, request.wire(self._agent), limit)
        return result

    def _tls(self, request: _Request) -> dict[str, Any]:
        return {"ssl": self._context, "server_hostname": request.host} if request.secure else {}


async def _exchange(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: _Request, wire: bytes, limit: int
) -> Fetched | Unfetched:
    answer = _Answer(request.method == "HEAD")
    try:
        writer.write(wire)
        await writer.drain()
        answer.parser = parser = httptools.HttpResponseParser(answer)
        taken = 0
        while not answer.whole and (chunk := await reader.read(_CHUNK)):
            taken += len(chunk)
            parser.feed_data(chunk)
            if len(answer.body) > limit or taken > limit + _HEAD:
                return Unfetched(Trouble.SIZE)
        # an answer that ends with the connection may have been cut short by somebody on the way
        return answer.fetched() if answer.whole else Unfetched(Trouble.PROTOCOL)
    except (OSError, httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
        return Unfetched(Trouble.PROTOCOL, type(error).__name__)
    finally:
        writer.transport.abort()


class _Answer:
    """What httptools reports of one answer; informational ones (1xx) pass by."""

    def __init__(self, head: bool = False) -> None:
        self.head = head  # its answer has no body, whatever its length says (RFC 9110 section 9.3.2)
        self.parser: httptools.HttpResponseParser | None = None
        self.whole = False
        self.status = 0
        self.headers: dict[str, str] = {}
        self.body = bytearray()

    def on_message_begin(self) -> None:
        if not self.whole:
            self.headers, self.body = {}, bytearray()

    def on_header(self, name: bytes, value: bytes) -> None:
        if not self.whole:
            self.headers[name.decode("latin-1").lower()] = value.decode("latin-1")

    def on_body(self, body: bytes) -> None:
        if not self.whole:
            self.body += body

    def on_headers_complete(self) -> None:
        if self.head:
            self.on_message_complete()

    def on_message_complete(self) -> None:
        if not self.whole and self.parser is not None:
            self.status = self.parser.get_status_code()
            self.whole = self.status >= 200

    def fetched(self) -> Fetched:
        kind = self.headers.get("content-type", "").split(";")[0].strip().lower()
        return Fetched(self.status, kind, bytes(self.body), self.headers)


def _context(ca_file: Path | None) -> ssl.SSLContext:
    made = ssl.create_default_context(cafile=None if ca_file is None else str(ca_file))
    made.minimum_version = ssl.TLSVersion.TLSv1_2
    made.set_alpn_protocols(["http/1.1"])
    return made
