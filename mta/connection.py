"""One open connection of the pool: ties a session that is set up to the dialogue that uses it.

In: an opened session, its line, its slot where the site's connections are counted, and the fleet. Out: everything goes to the
pool of the fleet. Nothing is raised.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from mta.lines import Line
from mta.session import Opened
from mta.slots import Slot
from mta.smtp import Dialogue
from mta.values import Desk, Letter, Outcome

if TYPE_CHECKING:
    from mta.fleet import Fleet


class Connection:
    """One open connection and its dialogue."""

    def __init__(self, fleet: Fleet, line: Line, opened: Opened, slot: Slot | None) -> None:
        self.fleet, self.pool, self.line, self.opened, self.slot = fleet, fleet.pool, line, opened, slot
        self.taken = 0
        self.most = line.terms.messages
        self.retiring = False  # takes no more mails
        self.opened_at = self.pool.now()
        self.idle_since: float | None = None
        flight = fleet.dialler.flight(opened.contact.host)
        desk = Desk(self._take, self._may_send, self._settled, self._returned, self._stumbled, self._idle, self._ended)
        self.dialogue = Dialogue(desk, opened.offers, flight, self.pool.patience)

    @property
    def full(self) -> bool:
        """Whether it has carried as many mails as a connection may, or is to end for another reason."""
        return self.retiring or self.taken >= self.most

    def start(self) -> None:
        """Take over the transport and send the first mail."""
        self.opened.transport.set_protocol(self.dialogue)
        self.dialogue.connection_made(self.opened.transport)
        if self.opened.transport.is_closing():
            self.dialogue.connection_lost(None)
        else:
            self.dialogue.offer()

    def retire(self) -> None:
        """End once the mails under way are answered."""
        self.retiring = True
        if self.idle_since is not None:
            self.fleet.quit(self)

    def release(self) -> None:
        """Give back its slot: the server has seen the end of it."""
        if self.slot is not None:
            self.slot.release()

    def _take(self) -> Letter | None:
        if self.full:
            return None
        letter = self.pool.take(self.line)
        if letter is not None:
            self.taken += 1
            if self.idle_since is not None:
                self.idle_since = None
                self.fleet.idle.pop(self, None)
        return letter

    def _may_send(self, letter: Letter) -> bool:
        return self.pool.gate.lets(letter.parcel)

    def _settled(self, letter: Letter, outcome: Outcome) -> None:
        self.pool.settled(self.line, letter, outcome, self.opened.contact)

    def _returned(self, letter: Letter) -> None:
        self.pool.returned(self.line, letter)

    def _stumbled(self) -> None:
        self.fleet.dialler.stumbled(self.opened.contact.host, self.dialogue.flight)

    def _idle(self) -> None:
        if self.idle_since is None:
            self.idle_since = self.pool.now()
            self.fleet.idle[self] = None
        if self.full:
            asyncio.get_running_loop().call_soon(self.fleet.quit, self)  # not from inside its own callback

    def _ended(self) -> None:
        self.fleet.ended(self)
