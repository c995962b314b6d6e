"""The people of the imaginary world, and the servers that think better of a mail after all.

In: each mail that arrived. Out: what its reader does a little later, as `world.habit` says: pixels and links fetched
with the agents of real programs, a one-click unsubscribe, a STOP mail, a complaint; or a bounce from the server. They
reach the gateway by HTTP and SMTP only, and find its mail server by asking the DNS. Everything is counted and told in
`feed`; what the gateway answers wrongly is counted as `surprises`.
"""

from __future__ import annotations

import asyncio
import re
import zlib
from collections import Counter, deque
from collections.abc import Awaitable, Callable
from urllib.parse import parse_qs, unquote, urlsplit

import aiosmtplib

from gateway.rehearsal import letters
from gateway.rehearsal.mailroom import Arrival
from gateway.rehearsal.web import AGENTS, FILTER, IMAGE_PROXY, Page, fetch, read_html
from gateway.rehearsal.world import Behaviour, Habit, habit

_AT_ONCE = 16  # people who are online at the same time
_FEED = 20_000
_EARLIEST, _SPREAD = 0.8, 3.2  # seconds after its arrival in which a mail is read
_WAYS_OUT = ("/u/", "/t/")  # of the mail, and of being followed: a page, no target
_BRACKETS = re.compile(r"<([^<>]+)>")

Send = Callable[[str, str, bytes], Awaitable[None]]


class People:
    """Everybody who gets mail; `send(sender, recipient, raw)` brings a mail to the server of its domain."""

    def __init__(self, gateway: str, send: Send, pace: float = 1.0) -> None:
        self._gateway, self._send, self._pace = gateway, send, pace
        self._online = asyncio.Semaphore(_AT_ONCE)
        self._busy: set[asyncio.Task[None]] = set()
        self.counts: Counter[str] = Counter()
        self.feed: deque[dict[str, str]] = deque(maxlen=_FEED)

    def receive(self, arrival: Arrival) -> None:
        """Let a person find a mail; what they do with it happens later."""
        task = asyncio.get_running_loop().create_task(self._live(arrival))
        self._busy.add(task)
        task.add_done_callback(self._busy.discard)

    @property
    def idle(self) -> bool:
        """True when nobody has anything left to do."""
        return not self._busy

    async def _live(self, arrival: Arrival) -> None:
        draw = zlib.crc32(arrival.recipient.lower().encode()) >> 8
        await asyncio.sleep(self._pace * (_EARLIEST + _SPREAD * (draw % 1000) / 1000))
        async with self._online:
            try:
                await self._act(arrival, AGENTS[draw % len(AGENTS)], draw)
            except (OSError, TimeoutError, ValueError, LookupError, aiosmtplib.SMTPException) as error:
                self._tell("surprises", arrival, f"{type(error).__name__}: {error}")

    async def _act(self, arrival: Arrival, agent: str, draw: int) -> None:
        house = arrival.house
        if house.behaviour is Behaviour.BOUNCE:
            gone = f"550 5.1.1 <{arrival.recipient}> user unknown"
            await self._bounce(arrival, "5.1.1", gone)
            return
        if house.behaviour is Behaviour.BOUNCE_FULL:
            await self._bounce(arrival, "5.2.2", f"552 5.2.2 <{arrival.recipient}> mailbox full, quota exceeded")
            return
        does = habit(arrival.recipient)
        if does is Habit.IGNORE:
            return
        page = _page(arrival)
        if does is Habit.PROXY:
            await self._load(arrival, page, IMAGE_PROXY)
            self._tell("proxied", arrival)
            return
        if does is Habit.SCANNER:
            await self._scan(arrival, page)
            return
        await self._load(arrival, page, agent)
        self._tell("opened", arrival, agent)
        await self._after_opening(does, arrival, page, agent, draw)

    async def _after_opening(self, does: Habit, arrival: Arrival, page: Page, agent: str, draw: int) -> None:
        match does:
            case Habit.CLICK:
                links = [link for link in page.links if not urlsplit(link).path.startswith(_WAYS_OUT)]
                answer = await fetch(links[draw % len(links)], agent)
                self._tell("clicked" if answer.status == 302 else "surprises", arrival, answer.location)
            case Habit.ONE_CLICK:
                answer = await fetch(_ways_out(arrival)[0], agent, "POST", "List-Unsubscribe=One-Click")
                self._tell("unsubscribed" if answer.status == 200 else "surprises", arrival, "one-click")
            case Habit.STOP:
                to, subject = _mailto(_ways_out(arrival)[1])
                await self._send(arrival.recipient, to, letters.stop(arrival, to, subject))
                self._tell("unsubscribed", arrival, "mailto")
            case Habit.COMPLAIN:
                feedback = f"fbl@{self._gateway}"
                sender = f"fbl@{arrival.house.domain}"
                await self._send(sender, feedback, letters.complaint(arrival, feedback))
                self._tell("complained", arrival)

    async def _load(self, arrival: Arrival, page: Page, agent: str) -> None:
        for image in page.images:
            answer = await fetch(image, agent)
            if answer.status != 200:
                self._tell("surprises", arrival, f"{answer.status} for an image")

    async def _scan(self, arrival: Arrival, page: Page) -> None:
        # a filter follows everything, the unsubscribe link too: nothing may happen by that
        for link in (*page.links, *page.hidden):
            answer = await fetch(link, FILTER, "HEAD" if len(link) % 2 else "GET")
            if answer.status not in (200, 204, 302):
                self._tell("surprises", arrival, f"{answer.status} for a link")
        self._tell("scanned", arrival)

    async def _bounce(self, arrival: Arrival, status: str, diagnostic: str) -> None:
        await self._send("", arrival.sender, letters.bounce(arrival, status, diagnostic))
        self._tell("bounced", arrival, status)

    def _tell(self, what: str, arrival: Arrival, how: str = "") -> None:
        self.counts[what] += 1
        self.feed.append({"what": what, "who": arrival.recipient, "how": how})


def _page(arrival: Arrival) -> Page:
    for part in arrival.message().walk():
        if part.get_content_type() == "text/html":
            body = part.get_payload(decode=True)
            return read_html(body.decode("utf-8") if isinstance(body, bytes) else "")
    raise ValueError("the mail has no HTML part")


def _ways_out(arrival: Arrival) -> tuple[str, str]:
    """The http and the mailto address of List-Unsubscribe (RFC 2369), both needed here."""
    ways = _BRACKETS.findall(str(arrival.message()["List-Unsubscribe"]))
    web = next((way for way in ways if way.startswith("http")), "")
    mail = next((way for way in ways if way.startswith("mailto:")), "")
    if not web or not mail:
        raise ValueError("List-Unsubscribe lacks a way out")
    return "".join(web.split()), "".join(mail.split())


def _mailto(url: str) -> tuple[str, str]:
    parts = urlsplit(url)
    return unquote(parts.path), parse_qs(parts.query).get("subject", [""])[0]
