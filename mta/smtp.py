"""The hot half of an SMTP session: mail after mail over a connection that somebody else has set up.

In: a connected transport (EHLO said, TLS and AUTH done), what the server offers, and a `Desk` that gives letters and takes
outcomes. Out: one outcome a letter, or the letter itself back when nothing of it was sent. With PIPELINING, MAIL, RCPT
and DATA travel in one flight, and the next mail's behind the message of the last (RFC 2920 section 3.1 lets DATA end a
group, and wants its 354 seen before the message). Nothing raises: bytes that are no SMTP, lost connections and silence
become outcomes. Only a mail whose final dot went out and was not answered is in doubt.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Mapping
from typing import cast

from mta.commands import check, mail_command, rcpt_command, stuffed
from mta.values import Answered, Desk, Flight, Letter, Outcome, Patience, Step, Unanswered
from parsers.replies import Garbled, Reply, ReplyReader, Stage

ALONE = 262_144  # bytes above which nothing is sent behind a message: it would wait for the upload
BUMPS = 2  # times that a letter goes to another connection before its trouble is its own
_SLACK = 4096  # bytes of TLS records around what is not written yet
_OUT_OF_ORDER = frozenset({500, 501, 502, 503})
_STAGES = {Step.RSET: Stage.MAIL, Step.MAIL: Stage.MAIL, Step.RCPT: Stage.RCPT, Step.DATA: Stage.DATA}


class Dialogue(asyncio.Protocol):
    """One connection's worth of mails; `tick` must be called several times a second for its time limits."""

    def __init__(self, desk: Desk, offers: Mapping[str, str], flight: Flight, patience: Patience) -> None:
        self.desk, self.offers, self.patience = desk, offers, patience
        self.flight = flight if "pipelining" in offers else Flight.PLAIN
        self.completed = 0  # mails answered on this connection
        self.over = False
        self._reader = ReplyReader()
        self._expected: deque[tuple[Step, Letter | None]] = deque()
        self._opening: Letter | None = None  # its commands are out, its message is not
        self._refusal: Answered | None = None  # of the opening letter, while the rest of its group comes in
        self._dirty = False  # the server still holds an open transaction
        self._last = False  # to be closed once the dot under way is answered
        self._since = 0.0
        self._unsent = self._behind = 0  # bytes not written at the last tick; of the commands behind the last message
        self._transport: asyncio.Transport | None = None
        self._loop = asyncio.get_running_loop()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._since = self._loop.time()

    def data_received(self, data: bytes) -> None:
        replies = self._reader.feed(data)
        if replies:
            self._since = self._loop.time()  # whole replies only: bytes that drip are no sign of life
        asked = len(self._expected)
        for reply in replies:
            if self.over:
                return
            if isinstance(reply, Garbled):
                self._fail("garbled")
            elif asked or not self._expected:
                asked -= 1
                self._answered(reply)
            else:
                self._early(reply)

    def connection_lost(self, exc: Exception | None) -> None:
        self._fail("lost")

    @property
    def busy(self) -> bool:
        """Whether any reply is awaited."""
        return bool(self._expected)

    @property
    def waiting_since(self) -> float:
        """Loop time of the last sign of life, in seconds."""
        return self._since

    def offer(self) -> None:
        """Take a letter if there is one and nothing is under way."""
        if self.over or self._expected or self._last or self._transport is None:
            return
        lines = self._next()
        if lines:
            self._since = self._loop.time()  # what was idle was not silent
            self._write(lines)
        else:
            self.desk.idle()

    def tick(self, now: float) -> None:
        """Enforce the time limits; `now` is the loop's time in seconds."""
        if self.over or not self._expected or self._transport is None:
            return
        unsent = self._transport.get_write_buffer_size()
        if 0 < unsent < self._unsent:
            self._since = now  # a slow line is no silence
        self._unsent = unsent
        step, silence = self._expected[0][0], now - self._since
        if silence >= (self.patience.dot if step is Step.DOT else self.patience.reply):
            self._fail("timeout")
        elif step is Step.DOT and self._opening and silence >= self.patience.behind:
            self._take_back()
        elif step in (Step.MAIL, Step.RCPT, Step.DATA) and self.flight and silence >= self.patience.group:
            self.desk.stumbled()  # it advertises PIPELINING and lost half of the group
            self._fail("stumbled")

    def abort(self) -> None:
        """End the connection at once: what was not sent goes back, what was sent is unanswered."""
        self._fail("aborted")

    # --- letters out ---

    def _next(self) -> bytes:
        """The commands of the next letter, now expected to be answered; empty when there is none."""
        while letter := self.desk.take():
            envelope = letter.parcel
            impossible = check(envelope.sender, envelope.recipient, letter.size, self.offers)
            if impossible is None:
                return self._open(letter)
            self.desk.settled(letter, impossible)
        return b""

    def _open(self, letter: Letter) -> bytes:
        envelope = letter.parcel
        self._opening, self._refusal = letter, None
        eight_bit = not envelope.canonical and not all(map(bytes.isascii, letter.pieces))
        lines = mail_command(envelope.sender, envelope.recipient, letter.size, eight_bit, self.offers)
        if self._dirty:
            self._dirty = False
            self._expected.append((Step.RSET, letter))
            if self.flight is Flight.PLAIN:
                return b"RSET\r\n"  # its MAIL follows the reply
            lines = b"RSET\r\n" + lines
        self._expected.append((Step.MAIL, letter))
        if self.flight is Flight.PLAIN:
            return lines
        self._expected.append((Step.RCPT, letter))
        self._expected.append((Step.DATA, letter))
        return lines + rcpt_command(envelope.recipient) + b"DATA\r\n"

    def _write(self, *pieces: bytes) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.writelines(pieces)

    # --- replies in ---

    def _answered(self, reply: Reply) -> None:
        if not self._expected:
            self._fail("lost")  # a goodbye (421), or words that nobody asked for
            return
        step, letter = self._expected.popleft()
        if step is Step.DOT and letter is not None:
            self._dot(letter, reply)
        elif step in (Step.MAIL, Step.RCPT) and letter is not None:
            self._command(step, letter, reply)
        elif step is Step.DATA and letter is not None:
            self._data(letter, reply)
        elif reply.code == 421:
            self._fail("lost")
        elif step is Step.RSET and letter is not None and self.flight is Flight.PLAIN:
            self._write(self._open(letter))
        if not self.over and not self._expected:
            self.offer()

    def _early(self, reply: Reply) -> None:
        """An answer to what we only now say: none that can be trusted, unless it says no to the whole message."""
        if reply.code >= 400 and self._expected[0][0] is Step.DOT:
            self._last = True
            self._answered(reply)
        self._fail("lost" if reply.code == 421 else "garbled")

    def _dot(self, letter: Letter, reply: Reply) -> None:
        self.completed += 1
        whole = self._transport is None or self._transport.get_write_buffer_size() <= self._behind + _SLACK
        if reply.code < 400 and (reply.code >= 300 or not whole):
            self.desk.settled(letter, Unanswered(Stage.DOT, "garbled"))
            self._fail("garbled")
            return
        self.desk.settled(letter, Answered(reply, Stage.DOT))
        # RFC 5321 3.8: 421 closes the channel; and who refused half a message may take the rest for commands
        if reply.code == 421 or self._last or not whole:
            self._fail("lost")

    def _command(self, step: Step, letter: Letter, reply: Reply) -> None:
        if reply.code < 300:
            if self.flight is Flight.PLAIN:
                following = Step.RCPT if step is Step.MAIL else Step.DATA
                self._expected.append((following, letter))
                self._write(rcpt_command(letter.parcel.recipient) if following is Step.RCPT else b"DATA\r\n")
            if step is Step.MAIL:
                self._dirty = True
        elif reply.code == 421 and self._refusal is None:
            self._goodbye(letter, reply, step)
        elif self.flight and (reply.code < 400 or (reply.code in _OUT_OF_ORDER and self._refusal is None)):
            self.desk.stumbled()  # it took our group for a mistake, or lost count: no fault of the recipient
            self._fail("stumbled")
        elif reply.code < 400:
            self._expected.appendleft((step, letter))  # 3xx is no answer to this
            self._fail("garbled")
        elif self._refusal is None:
            self._refusal = Answered(reply, _STAGES[step])
            if self.flight is Flight.PLAIN:
                self._settle(letter, self._refusal)

    def _data(self, letter: Letter, reply: Reply) -> None:
        if 300 <= reply.code < 400:
            if self._refusal is None:
                self._message(letter)
            else:
                # RFC 2920 3.1: 354 though every RCPT was refused: an empty message ends it, and it counts for nothing
                self._settle(letter, self._refusal)
                self._dirty = False
                self._expected.append((Step.VOID, None))
                self._write(b".\r\n")
        elif reply.code < 300:
            self._fail("garbled")
        elif self._refusal is not None:
            self._settle(letter, self._refusal)
            if reply.code == 421:
                self._fail("lost")
        elif reply.code == 421:
            self._goodbye(letter, reply, Step.DATA)
        elif self.flight and reply.code in _OUT_OF_ORDER:
            self.desk.stumbled()
            self._fail("stumbled")
        else:
            self._settle(letter, Answered(reply, Stage.DATA))

    def _message(self, letter: Letter) -> None:
        if not self.desk.may_send(letter):
            self._fail("closed")  # a server throws away a message without its dot
            return
        self._opening = None
        self._dirty = False
        self._expected.append((Step.DOT, letter))
        pieces = letter.pieces if letter.parcel.canonical else (stuffed(b"".join(letter.pieces)),)
        behind = self._next() if self.flight is Flight.BEHIND_DOT and letter.size <= ALONE else b""
        self._behind = len(behind)
        self._write(*pieces, b".\r\n" + behind)

    def _settle(self, letter: Letter, outcome: Outcome) -> None:
        self.completed += 1
        self._opening = self._refusal = None
        self.desk.settled(letter, outcome)

    # --- trouble ---

    def _goodbye(self, letter: Letter, reply: Reply, step: Step) -> None:
        """421 in the middle: after some mails it means "enough for this connection", at once it is an answer."""
        if not self.completed or letter.bumps >= BUMPS:
            self._settle(letter, Answered(reply, _STAGES[step]))
        self._fail("lost")

    def _take_back(self) -> None:
        letter, self._opening = self._opening, None
        if letter is not None:
            # the replies to its commands may still come: nothing after this dot can be trusted
            self._expected = deque(entry for entry in self._expected if entry[0] is Step.DOT)
            self._last = True
            self.desk.returned(letter)

    def _fail(self, why: str) -> None:
        """The connection is broken: every letter on it gets its due."""
        if self.over:
            return
        self.over = True
        pending, self._expected = self._expected, deque()
        opening, self._opening = self._opening, None
        for step, letter in pending:
            if step is Step.DOT and letter is not None:
                self.desk.settled(letter, Unanswered(Stage.DOT, why))
                if opening is not None and why in ("lost", "garbled"):
                    self.desk.stumbled()  # perhaps it could not bear what stood behind the dot
        if opening is not None:
            step = next((step for step, letter in pending if letter is opening), Step.DATA)
            self._unsent_letter(opening, why, step)
        self._close()

    def _unsent_letter(self, letter: Letter, why: str, step: Step) -> None:
        if self._refusal is not None:
            self.desk.settled(letter, self._refusal)
            return
        ours = why in ("stumbled", "aborted", "closed")
        chance = why in ("lost", "garbled") and (self.completed or self.flight) and letter.bumps < BUMPS
        if not ours and not chance:
            self.desk.settled(letter, Unanswered(_STAGES.get(step, Stage.DATA), why))
            return
        if chance:
            letter.bumps += 1
            if letter.bumps == BUMPS:
                self.desk.stumbled()
        self.desk.returned(letter)

    def _close(self) -> None:
        self.over = True
        if self._transport is not None:
            self._transport.abort()
        self.desk.ended()
