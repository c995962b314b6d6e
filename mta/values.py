"""Values of the sending side: what is to be sent, where it went, what came of it.

In and out: frozen dataclasses; instants are UTC milliseconds, waits are seconds. Nothing here does I/O or raises.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import IntEnum

from mta.security import Flaw
from parsers.classify import ReplyClass
from parsers.quick import quick
from parsers.replies import Reply, Stage
from store.values import Job, NoticeJob


@quick
@dataclass(frozen=True, slots=True)
class Answered:
    """A server replied: for good or ill, the last word of this attempt."""

    reply: Reply
    stage: Stage


@dataclass(frozen=True, slots=True)
class Unanswered:
    """Nobody told us what became of the mail; `why` is a machine reason: timeout, lost, refused, garbled, dns …"""

    stage: Stage
    why: str


@dataclass(frozen=True, slots=True)
class Undeliverable:
    """We know without asking that this mail can never arrive: no such domain, null MX, no SMTPUTF8."""

    reply_class: ReplyClass
    why: str


@dataclass(frozen=True, slots=True)
class Insecure:
    """The server does not prove what somebody asks of it (`by`: dane, sts, provider): nothing was handed over."""

    by: str
    flaw: Flaw

    @property
    def why(self) -> str:
        """The machine reason, as the history keeps it."""
        return self.flaw.fault.value


Outcome = Answered | Unanswered | Undeliverable | Insecure


@dataclass(frozen=True, slots=True)
class Contact:
    """The connection that an attempt used, as the history shows it; empty where it never came so far."""

    host: str = ""
    ip: str = ""
    local: str = ""
    tls: str = ""
    certificate: Mapping[str, str] | None = field(default=None, compare=False)  # subject, issuer, sha256, proof


class Flight(IntEnum):
    """How many commands a server is given at once; a server that stumbles is stepped down."""

    PLAIN = 0  # one command, one reply
    GROUP = 1  # MAIL, RCPT, DATA in one flight (RFC 2920)
    BEHIND_DOT = 2  # and the next mail's commands behind the message


@quick
@dataclass(frozen=True, slots=True)
class Parcel:
    """A leased mail on its way; `render` makes its bytes (CRLF, dot-stuffing not yet done), in pieces, when they are needed;
    `owner` is the worker incarnation that holds the lease. `canonical` content is known to be ASCII, CRLF-ended and
    without leading dots, so nobody has to look. `pool` names the local addresses of its account; an `urgent` one
    (transactional) goes first."""

    job: Job | NoticeJob
    owner: int
    sender: str
    recipient: str
    render: Callable[[], tuple[bytes, ...]]
    canonical: bool = False
    pool: str = "shared"
    urgent: bool = False


@dataclass(slots=True)
class Letter:
    """A parcel that a connection has taken: rendered, `size` bytes in all; `bumps` counts connections it was handed back from
    before anything of it was sent."""

    parcel: Parcel
    pieces: tuple[bytes, ...]
    size: int
    bumps: int = 0


def rendered(parcel: Parcel) -> Letter:
    """The letter of a parcel; raises what its rendering raises."""
    pieces = parcel.render()
    return Letter(parcel, pieces, sum(map(len, pieces)))


@dataclass(frozen=True, slots=True)
class Patience:
    """Longest waits of a dialogue, in seconds."""

    reply: float = 300.0  # RFC 5321 4.5.3.2.2, 4.5.3.2.3
    dot: float = 600.0  # RFC 5321 4.5.3.2.6
    behind: float = 5.0  # a mail waits no longer behind the unanswered dot of another
    group: float = 30.0  # silence after a pipelined group that looks like a server that lost half of it


@dataclass(frozen=True, slots=True)
class Desk:
    """Where a dialogue gets its letters and brings its results; none of these may raise."""

    take: Callable[[], Letter | None]  # the next letter, or None for now
    may_send: Callable[[Letter], bool]  # asked again before the message itself goes out
    settled: Callable[[Letter, Outcome], None]
    returned: Callable[[Letter], None]  # nothing of it was sent: another connection may have it
    stumbled: Callable[[], None]  # the server does not bear this many commands at once
    idle: Callable[[], None]  # every reply has come and there is nothing more to send
    ended: Callable[[], None]  # the connection is of no more use


class Step(IntEnum):
    """A reply that we wait for."""

    RSET = 0
    MAIL = 1
    RCPT = 2
    DATA = 3
    DOT = 4
    VOID = 5  # to the lone dot after a 354 that nobody should have given
