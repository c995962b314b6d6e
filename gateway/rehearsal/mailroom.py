"""What arrived in the rehearsal's mailboxes, and the servers' own counts.

In: mails that a receiving server took. Out: `Arrival` values, counts by house for the control channel, and the mails of
one mailbox. A mail is known by recipient and Message-ID: the same one again is a repeat, as a careful server would see
it. Every mail's DKIM signature is verified by dkimpy with keys from the rehearsal's DNS, in a thread.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from email import message_from_bytes
from email.message import Message

import dkim
import dns.message
import dns.rdatatype

from gateway.rehearsal.dns import Zone, answer
from gateway.rehearsal.world import House

MAILBOX_LIMIT = 200  # mails of one mailbox that are kept for reading
_KNOWN_LIMIT = 200_000


@dataclass(frozen=True, slots=True)
class Arrival:
    """A mail that a server kept: envelope, Message-ID and the raw bytes as they came."""

    house: House
    sender: str
    recipient: str
    message_id: str
    raw: bytes

    def message(self) -> Message:
        """The mail, read by the standard library (its quick policy: hundreds of people read at once)."""
        return message_from_bytes(self.raw)


class Mailroom:
    """Keeps counts, finds repeats and hands each new arrival on, once."""

    def __init__(self, records: Zone, deliver: Callable[[Arrival], None], mailboxes: frozenset[str]) -> None:
        self._records, self._deliver, self._open = records, deliver, mailboxes
        self._known: set[tuple[str, str]] = set()
        self._people: Counter[str] = Counter()
        self._verifier = ThreadPoolExecutor(1, thread_name_prefix="dkim")  # the servers must stay quick
        self._checks: set[asyncio.Future[None]] = set()
        self.counts: Counter[str] = Counter()
        self.houses: dict[str, Counter[str]] = {}
        self.kept: dict[str, list[bytes]] = {address: [] for address in mailboxes}

    def count(self, house: House, what: str) -> None:
        """Add one to a count of a house and of all."""
        self.houses.setdefault(house.domain, Counter())[what] += 1
        self.counts[what] += 1

    def keep(self, house: House, sender: str, recipient: str, raw: bytes) -> None:
        """Take a mail: count it, and hand it on unless it is a repeat."""
        arrival = Arrival(house, sender, recipient, message_id(raw), raw)
        key = (recipient.lower(), arrival.message_id)
        if key in self._known:
            self.count(house, "repeats")
            return
        if len(self._known) < _KNOWN_LIMIT:
            self._known.add(key)
            self._people[key[0]] += 1
        mailbox = self.kept.get(recipient.lower())
        if mailbox is not None:
            self.count(house, "system_mails")
            if len(mailbox) < MAILBOX_LIMIT:
                mailbox.append(raw)
        else:
            self.count(house, "received")
            if self._people[key[0]] > 1:
                self.count(house, "duplicates")  # the same person, another mail: nobody asked for that
            check = asyncio.ensure_future(self._check(arrival))
            self._checks.add(check)
            check.add_done_callback(self._checks.discard)
        self._deliver(arrival)

    @property
    def idle(self) -> bool:
        """True when every signature that has come is verified."""
        return not self._checks

    async def settled(self) -> None:
        """Wait until every signature that has come is verified."""
        while self._checks:
            await asyncio.wait(set(self._checks))

    async def _check(self, arrival: Arrival) -> None:
        good = await asyncio.get_running_loop().run_in_executor(self._verifier, self._verified, arrival.raw)
        self.count(arrival.house, "dkim_verified" if good else "dkim_failed")

    def _verified(self, raw: bytes) -> bool:
        try:
            return bool(dkim.verify(raw, logger=_QUIET, dnsfunc=self._txt))
        except Exception:  # a verifier must not fall over a broken mail: it says no
            return False

    def _txt(self, name: bytes, timeout: int = 5) -> bytes | None:
        query = dns.message.make_query(name.decode("ascii"), "TXT")
        wire = answer(self._records, query.to_wire())
        reply = dns.message.from_wire(wire) if wire else None
        if reply is None or not reply.answer:
            return None
        return b"".join(reply.answer[0][0].strings)


_QUIET = logging.getLogger("rehearsal.dkim")
_QUIET.addHandler(logging.NullHandler())
_QUIET.propagate = False


def message_id(raw: bytes) -> str:
    """Return the Message-ID of a mail, empty when it has none."""
    head = raw.partition(b"\r\n\r\n")[0]
    for line in head.split(b"\r\n"):
        if line[:11].lower() == b"message-id:":
            return line[11:].strip().decode("ascii", "replace")
    return ""
