"""What mail programs and browsers of the imaginary people fetch.

In: an http URL, a User-Agent, a method. Out: the status code and the Location of the answer. One request a connection,
redirects are not followed (their targets are imaginary). Raises OSError, TimeoutError or ValueError when there is no
answer that can be read.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from html.parser import HTMLParser
from urllib.parse import urlsplit

_PATIENCE = 10.0  # seconds
_HEAD = 64_000  # bytes of an answer's head
AGENTS = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:140.0) Gecko/20100101 Thunderbird/140.3.0",
    "Mozilla/4.0 (compatible; MSIE 7.0; Windows NT 10.0; WOW64; Trident/7.0; Microsoft Outlook 16.0.17328; ms-office)",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36",
    "Mozilla/5.0 (Linux; Android 15; SM-A556B) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Mobile"
    " Safari/537.36",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.6"
    " Safari/605.1.15",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0"
    " Safari/537.36 Edg/141.0.0.0",
    "Mozilla/5.0 (X11; Linux x86_64; rv:143.0) Gecko/20100101 Firefox/143.0",
    "Mozilla/5.0 (iPad; CPU OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.6"
    " Mobile/15E148 Safari/604.1",
)
IMAGE_PROXY = "Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko Firefox/11.0 (via ggpht.com GoogleImageProxy)"
FILTER = "Mozilla/5.0 (compatible; BarracudaCentral/1.0; Barracuda Sentinel)"


@dataclass(frozen=True, slots=True)
class Answer:
    """What a web server said."""

    status: int
    location: str = ""


async def fetch(url: str, agent: str, method: str = "GET", form: str = "") -> Answer:
    """Do one request, the form as its body when there is one."""
    parts = urlsplit(url)
    if parts.scheme != "http" or not parts.hostname:
        raise ValueError("only http can be fetched here")
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    head = [f"{method} {target} HTTP/1.1", f"Host: {parts.netloc}", f"User-Agent: {agent}", "Connection: close"]
    if form:
        head += ["Content-Type: application/x-www-form-urlencoded", f"Content-Length: {len(form)}"]
    async with asyncio.timeout(_PATIENCE):
        reader, writer = await asyncio.open_connection(parts.hostname, parts.port or 80, limit=_HEAD)
        try:
            writer.write(("\r\n".join(head) + "\r\n\r\n" + form).encode())
            await writer.drain()
            return _answer((await reader.readuntil(b"\r\n\r\n")).decode("latin-1"))
        except (asyncio.IncompleteReadError, asyncio.LimitOverrunError) as error:
            raise ValueError("the answer has no head") from error
        finally:
            writer.close()


def _answer(head: str) -> Answer:
    first, *fields = head.split("\r\n")
    location = next((field[9:].strip() for field in fields if field[:9].lower() == "location:"), "")
    return Answer(int(first.split(" ")[1]), location)


@dataclass(frozen=True, slots=True)
class Page:
    """The remote images and the links of an HTML mail, in their order; `hidden` are the links that no person sees."""

    images: tuple[str, ...]
    links: tuple[str, ...]
    hidden: tuple[str, ...] = ()


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.images: list[str] = []
        self.links: list[str] = []
        self.hidden: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        if tag == "img" and (source := found.get("src")) and source.startswith("http"):
            self.images.append(source)
        if tag == "a" and (target := found.get("href")) and target.startswith("http"):
            (self.hidden if "display:none" in (found.get("style") or "") else self.links).append(target)


def read_html(html: str) -> Page:
    """Return what a mail program would load and offer to click."""
    reader = _Reader()
    reader.feed(html)
    reader.close()
    return Page(tuple(reader.images), tuple(reader.links), tuple(reader.hidden))
