"""One open connection of the pool: ties a session that is set up to the dialogue that uses it.

In: an opened session, its line and the pool. Out: everything goes to the pool. Nothing is raised.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from mta.lines import Line
from mta.session import Opened
from mta.smtp import Dialogue
from mta.values import Desk, Flight, Letter, Outcome

if TYPE_CHECKING:
    from mta.pool import Pool


class Connection:
    """One open connection and its dialogue."""

    def __init__(self, pool: Pool, line: Line, opened: Opened, flight: Flight) -> None:
        self.pool, self.line, self.opened = pool, line, opened
        self.taken = 0
        self.idle_since: float | None = None
        desk = Desk(self._take, self._may_send, self._settled, self._returned, self._stumbled, self._idle, self._ended)
        self.dialogue = Dialogue(desk, opened.offers, flight, pool.patience)

    @property
    def full(self) -> bool:
        """Whether it has carried as many mails as a connection may."""
        return self.taken >= self.pool.limits.messages

    def start(self) -> None:
        """Take over the transport and send the first mail."""
        self.opened.transport.set_protocol(self.dialogue)
        self.dialogue.connection_made(self.opened.transport)
        if self.opened.transport.is_closing():
            self.dialogue.connection_lost(None)
        else:
            self.dialogue.offer()

    def _take(self) -> Letter | None:
        if self.full:
            return None
        letter = self.pool.take(self.line)
        if letter is not None:
            self.taken += 1
            self.idle_since = None
        return letter

    def _may_send(self, letter: Letter) -> bool:
        return self.pool.gate.lets(letter.parcel)

    def _settled(self, letter: Letter, outcome: Outcome) -> None:
        self.pool.settled(self.line, letter, outcome, self.opened.contact)

    def _returned(self, letter: Letter) -> None:
        self.pool.returned(self.line, letter)

    def _stumbled(self) -> None:
        self.pool.stumbled(self.opened.contact.host, self.dialogue.flight)

    def _idle(self) -> None:
        if self.idle_since is None:
            self.idle_since = self.pool.now()
        if self.full:
            asyncio.get_running_loop().call_soon(self.pool.quit, self)  # not from inside its own callback

    def _ended(self) -> None:
        self.pool.ended(self)
