"""The short way for what is asked for most: the pixel and the links of mails that are followed in full.

In: connections of the web server. Out: for `/o/TOKEN.gif`, and for `/c/TOKEN` whose target has no merged values, exactly what
gateway.web.track answers by way of the application, byte for byte; everything else, and every request that is not the plain
one of a mail program or a browser, goes on to uvicorn as it came. Why it is our own: a task, a dozen messages and a few
dictionaries a request cost uvicorn and Starlette three times what the hit itself costs.
Raises nothing of its own; logs nothing.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from gateway.web import track
from gateway.web.context import Context
from gateway.web.guard import HEADERS
from gateway.web.lookup import Lookup
from mail.places import resolved
from parsers.bursts import PIXEL
from parsers.hits import PURPOSES, Asked, judge
from parsers.tokens import LENGTH, Purpose, verify
from parsers.useragent import LIMIT
from store.addressees import Addressee
from store.engine import now_ms
from store.hits import Hit
from store.values import Tracked

LONGEST = 8_192  # bytes of a request that may take the short way
HELD = 65_536  # bytes that a client may send ahead of its answer
_PLAIN = re.compile(
    rb"(GET|HEAD) /(?:o/([a-z2-7]{%d})\.gif|c/([a-z2-7]{%d})) HTTP/1\.1\r\n"
    rb"((?:[!#$%%&'*+.^_`|~0-9A-Za-z-]+:[^\r\n\0]*\r\n){1,60})\r\n" % (LENGTH, LENGTH)
)  # RFC 9112 2.1 and 5: one request with nothing odd about it, and nothing behind it
_OTHER = frozenset(  # whoever says one of these has more in mind
    (b"content-length", b"transfer-encoding", b"expect", b"upgrade", b"te", b"trailer")
)
_PURPOSES = tuple(name.encode() for name in PURPOSES)
_COMMON = "".join(f"{name.lower()}: {value}\r\n" for name, value in HEADERS.items()) + "cache-control: no-store\r\n\r\n"
_GIF = f"content-length: {len(track.GIF)}\r\ncontent-type: image/gif\r\n{_COMMON}".encode()
_FOUND = b"content-length: 0\r\nlocation: %s\r\n" + _COMMON.encode()


class Desk:
    """What the short way knows; one a process."""

    def __init__(self, ctx: Context, links: track.Links) -> None:
        self.ctx, self._links, self.lookup = ctx, links, Lookup(ctx.db)
        judge(
            Asked("GET", "Mozilla/5.0"), ctx.machines()
        )  # reads its rules now: the first reader must not wait for them

    def hit(self, method: bytes, said: Mapping[bytes, bytes], recipient_id: int, link: int) -> Hit:
        """The hit that a request is, judged by itself."""
        agent = said.get(b"user-agent", b"").decode("latin-1").strip()[:LIMIT]
        purpose = next((said[name] for name in _PURPOSES if name in said), b"").decode("latin-1")[:100]
        asked = Asked(method.decode(), agent, purpose, said.get(b"range", b"").decode("latin-1")[:100])
        verdict = judge(asked, self.ctx.machines())
        return Hit(recipient_id, now_ms(), link, agent, verdict.reason, verdict.sure)

    def target(self, person: Addressee | None, index: int) -> bytes | None:
        """Where a click leads; None for the long way, which also makes a campaign known."""
        campaign = None if person is None else self._links.known(person.campaign_id)
        link = track.link_of(campaign, index)
        return None if link is None or link.get("merged") else _location(str(link["target"]))


class Express(HttpToolsProtocol):
    """One connection; `desk` is given by `protocol`."""

    desk: Desk

    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        self._busy = False  # a request on the short way waits for its answer
        self._midway = False  # uvicorn's parser has seen a part of a request
        self._ending = False  # the server is about to end
        self._held = b""  # what came ahead of the answer

    def on_message_begin(self) -> None:
        self._midway = True
        super().on_message_begin()

    def on_message_complete(self) -> None:
        self._midway = False
        super().on_message_complete()

    def data_received(self, data: bytes) -> None:
        if self._busy:
            self._held += data
            if len(self._held) > HELD:
                self.transport.pause_reading()
        else:
            self._read(data)

    def _read(self, data: bytes) -> None:
        """Take the first of the requests that have come, or give all to uvicorn."""
        end = data.find(b"\r\n\r\n")
        first = data if end < 0 else data[: end + 4]
        self._held = data[len(first) :]
        if not (self._free() and self._short(first)):
            self._held = b""
            super().data_received(data)

    def shutdown(self) -> None:
        self._ending = self._busy
        if not self._busy:
            super().shutdown()

    def _free(self) -> bool:
        done = self.cycle is None or self.cycle.response_complete
        return (
            done and not self._midway and len(self.connections) < (self.limit_concurrency or len(self.connections) + 1)
        )

    def _short(self, data: bytes) -> bool:
        """Take a request, if it is one for us."""
        found = _PLAIN.fullmatch(data) if len(data) <= LONGEST else None
        said = None if found is None else _headers(found[4])
        if found is None or said is None:
            return False
        method, pixel, click = found[1], found[2], found[3]
        token = (pixel or click).decode()
        whose = verify(self.desk.ctx.keyring, Purpose.OPEN if pixel else Purpose.CLICK, token)
        if whose is None:
            return False
        self._busy = True
        self._unset_keepalive_if_required()
        if pixel:
            body = b"" if method == b"HEAD" else track.GIF
            hit = self.desk.hit(method, said, whose[0], PIXEL)
            self.desk.ctx.recorder.submit(hit, lambda _: self._answer(b"HTTP/1.1 200 OK\r\n", _GIF, body))
        else:
            hit = self.desk.hit(method, said, *whose)
            self.desk.lookup.ask(whose[0], lambda person: self._click(data, hit, person))
        return True

    def _click(self, data: bytes, hit: Hit, person: Addressee | None) -> None:
        """Whose click it is has been looked up."""
        target = self.desk.target(person, hit.link)
        if target is None or person is None:
            self._go_on(data)
        elif person.tracked == Tracked.FULL:
            self.desk.ctx.recorder.submit(hit, lambda _: self._redirect(target))
        else:
            self._redirect(target)

    def _redirect(self, target: bytes) -> None:
        self._answer(b"HTTP/1.1 302 Found\r\n", _FOUND % target, b"")

    def _answer(self, status: bytes, head: bytes, body: bytes) -> None:
        self._busy = bool(self._held) and not self._ending
        self.server_state.total_requests += 1
        if self.transport.is_closing():
            return
        self.transport.write(status + _default(self.server_state.default_headers) + head + body)
        if self._ending:
            self.transport.close()
        elif self._held:
            self.loop.call_soon(self._go_on)
        else:
            self.timeout_keep_alive_task = self.loop.call_later(
                self.timeout_keep_alive, self.timeout_keep_alive_handler
            )

    def _go_on(self, back: bytes = b"") -> None:
        """Read what came meanwhile; `back` is a request that was taken and is not for us after all."""
        data, self._held, self._busy = self._held, b"", False
        if self.transport.is_closing():
            return
        self.transport.resume_reading()
        if back:
            super().data_received(back + data)
        else:
            self._read(data)
        if self._ending and not self._busy:  # what is left is uvicorn's to end
            super().shutdown()


def protocol(ctx: Context, links: track.Links) -> type[HttpToolsProtocol]:
    """The protocol that uvicorn is to speak."""
    return type("Protocol", (Express,), {"desk": Desk(ctx, links)})


def _headers(block: bytes) -> dict[bytes, bytes] | None:
    """The headers by name; None where they ask for what the short way has not."""
    said = {}
    for line in block[:-2].split(b"\r\n"):
        name, _, value = line.partition(b":")
        said[name.lower()] = value.strip(b" \t")
    if b"host" not in said or not _OTHER.isdisjoint(said):
        return None
    if said.get(b"connection", b"keep-alive").lower() != b"keep-alive":
        return None
    return said


def _default(headers: list[tuple[bytes, bytes]]) -> bytes:
    return b"".join(b"%s: %s\r\n" % header for header in headers)


@lru_cache(maxsize=4_096)
def _location(target: str) -> bytes | None:
    url = resolved((target,), ())
    return None if url is None or not url.lower().startswith(("http://", "https://")) else track.location(url)
