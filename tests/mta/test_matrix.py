"""Servers that answer early, slowly, wrongly, or die, at every step: no mail is lost, doubled, or blamed on the recipient.

Each cell is a step and a behaviour. It is run twice, pipelined and plain; with a server that always behaves so, and with one
that does it once and then well.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest

from mta.lines import Limits
from mta.retry import judge
from mta.session import Dialling
from mta.values import Answered, Outcome, Patience, Unanswered
from parsers.replies import Stage
from store.states import Event
from tests.mta.conftest import CLOSE, EHLO, RESET, SILENT, Answer, Lane, Peer, Server

pytestmark = pytest.mark.slow
MakeLane = Callable[..., Awaitable[Lane]]
ONE = Limits(per_site=1, idle=0.5)
PLAIN = b"250-server\r\n250 SIZE 1000000\r\n"
STEPS = ("banner", "ehlo", "mail", "rcpt", "data", "dot")
GOOD = {
    "banner": b"220 ready\r\n", "ehlo": EHLO, "mail": b"250 2.1.0 sender ok\r\n", "rcpt": b"250 2.1.5 recipient ok\r\n",
    "starttls": b"220 go\r\n", "data": b"354 go ahead\r\n", "dot": b"250 2.0.0 queued\r\n",
}  # fmt: skip
WRONG = {"banner": b"354 x\r\n", "ehlo": b"354 x\r\n", "data": b"250 x\r\n"}  # 354 is no answer to the other steps, too


def _slow(step: str) -> Answer:
    return tuple(GOOD[step][at : at + 1] for at in range(len(GOOD[step])))


BEHAVIOURS: dict[str, Callable[[str], Answer]] = {
    "slow": _slow,
    "wrong": lambda step: WRONG.get(step, b"354 x\r\n"),
    "garbage": lambda _: b"\xff\x00\xfe\x80 what\r\n",
    "no code": lambda _: b"hello there\r\n",
    "half": lambda step: (GOOD[step][:5], SILENT),
    "half and close": lambda step: (GOOD[step][:5], CLOSE),
    "1 MB line": lambda step: GOOD[step][:4] + b"x" * 1_000_000 + b"\r\n",
    "1 MB without end": lambda step: (GOOD[step][:4] + b"x" * 1_000_000, SILENT),
    "endless": lambda step: (GOOD[step][:3] + b"-x\r\n") * 20_000,
    "reset": lambda _: RESET,
    "close": lambda _: CLOSE,
    "silence": lambda _: SILENT,
    "5xx and close": lambda _: (b"554 5.3.0 go away\r\n", CLOSE),
    "421 and close": lambda _: (b"421 4.3.2 closing\r\n", CLOSE),
    "421 and reset": lambda _: (b"421 4.3.2 closing\r\n", RESET),
}
SEEN = {
    "slow": ("dot", "250"), "wrong": "garbled", "garbage": "garbled", "no code": "garbled", "half": "timeout",
    "half and close": "lost", "1 MB line": "garbled", "1 MB without end": "garbled", "endless": "garbled",
    "reset": "lost", "close": "lost", "silence": "timeout", "5xx and close": "554", "421 and close": "421",
    "421 and reset": ("421", "lost"),
}  # fmt: skip
WAITS = frozenset({"half", "silence"})
PATIENT = Patience(reply=20.0, dot=20.0, behind=5.0, group=10.0)
QUICK = Patience(reply=0.4, dot=0.5, behind=0.1, group=0.2)
NAMES = ("one@dest.test", "two@dest.test", "three@dest.test")


def expected(step: str, behaviour: str) -> set[tuple[str, str]]:
    """Stages and reasons that an outcome may have."""
    seen = SEEN[behaviour]
    if isinstance(seen, str):
        return {(step, seen)}
    # what was on its way when a connection was reset may or may not be read
    return {seen} if behaviour == "slow" else {(step, why) for why in seen}


def seen(outcome: Outcome) -> tuple[str, str]:
    assert isinstance(outcome, Answered | Unanswered), outcome
    return outcome.stage.value, str(outcome.reply.code) if isinstance(outcome, Answered) else outcome.why


def no_mail_is_wronged(server: Server, lane: Lane, behaviour: str) -> None:
    """What holds in every cell."""
    arrived = [rcpt.decode()[9:-1] for rcpt, body in server.received if body]
    for name, outcome in lane.outcomes.items():
        assert arrived.count(name) <= 1, "nothing is doubled"
        assert arrived.count(name) <= (outcome.stage is Stage.DOT), "in doubt only what went out"
        assert arrived.count(name) == 1 or seen(outcome) != ("dot", "250"), "delivered only what arrived"
        verdict = judge(outcome)
        assert not verdict.suppress, "no address is called unknown"
        if behaviour != "5xx and close":
            assert verdict.event is not Event.REFUSED, "nothing is refused for good that nobody refused"
    assert lane.gate.used == 0 and lane.pool.loaded == 0


def options(step: str, behaviour: str) -> dict[str, object]:
    waits = behaviour in WAITS or (behaviour == "1 MB without end" and step in ("banner", "ehlo"))
    dialling = Dialling("client.test", reply_timeout=0.5 if waits else 20.0, connect_timeout=20.0)
    return {"patience": QUICK if waits else PATIENT, "limits": ONE, "dialling": dialling}


@pytest.mark.parametrize("offers", [EHLO, PLAIN], ids=["pipelined", "plain"])
@pytest.mark.parametrize("behaviour", BEHAVIOURS)
@pytest.mark.parametrize("step", STEPS)
async def test_always(server: Server, lane: MakeLane, step: str, behaviour: str, offers: bytes) -> None:
    server.ehlo = offers
    setattr(server, step, BEHAVIOURS[behaviour](step))
    made = await lane(**options(step, behaviour))
    made.send(*NAMES)
    outcomes = await made.wait(len(NAMES))
    assert {seen(outcome) for outcome in outcomes.values()} <= expected(step, behaviour)
    no_mail_is_wronged(server, made, behaviour)


@pytest.mark.parametrize("offers", [EHLO, PLAIN], ids=["pipelined", "plain"])
@pytest.mark.parametrize("behaviour", BEHAVIOURS)
@pytest.mark.parametrize("step", STEPS)
async def test_once(server: Server, lane: MakeLane, step: str, behaviour: str, offers: bytes) -> None:
    server.ehlo = offers
    bad, good, calls = BEHAVIOURS[behaviour](step), getattr(server, step), []

    def answer(line: bytes, peer: Peer) -> Answer:
        calls.append(line)
        return bad if len(calls) == 2 - (step in ("banner", "ehlo")) else good

    setattr(server, step, answer)
    made = await lane(**options(step, behaviour))
    made.send(*NAMES)
    outcomes = await made.wait(len(NAMES))
    no_mail_is_wronged(server, made, behaviour)
    delivered = [name for name in NAMES if seen(outcomes[name]) == ("dot", "250")]
    if step not in ("banner", "ehlo"):  # there it is the attempt of all that wait
        assert len(delivered) >= 2, "one mail's trouble is no other's"


@pytest.mark.parametrize("behaviour", [*BEHAVIOURS, "early"])
async def test_starttls_that_fails_in_any_way_is_done_without(server: Server, lane: MakeLane, behaviour: str) -> None:
    server.ehlo = EHLO.replace(b"250-SIZE", b"250-STARTTLS\r\n250-SIZE")
    early = b"220 go\r\n250-server\r\n250 SIZE 1\r\n"
    server.starttls = early if behaviour == "early" else BEHAVIOURS[behaviour]("starttls")
    waits = behaviour in WAITS or behaviour in ("slow", "early", "1 MB without end")  # no handshake follows 220
    dialling = Dialling("client.test", reply_timeout=0.5 if waits else 20.0, connect_timeout=20.0)
    made = await lane(limits=ONE, dialling=dialling, patience=PATIENT)
    made.send(*NAMES)
    outcomes = await made.wait(len(NAMES))
    assert {seen(outcome) for outcome in outcomes.values()} == {("dot", "250")}
    assert {contact.tls for contact in made.contacts.values()} == {""}
    assert len(server.peers) == 2 and not server.peers[0].mails
    no_mail_is_wronged(server, made, behaviour)


BOTH, SINGLE = (EHLO, PLAIN), (PLAIN,)
EARLY: list[tuple[str, Answer, tuple[bytes, ...], set[tuple[str, str]]]] = [
    # the same packet holds the answer to what was not asked yet
    ("banner", b"220 ready\r\n" + EHLO, BOTH, {("dot", "250")}),
    ("banner", (b"220 ready\r\n", EHLO), BOTH, {("dot", "250")}),
    ("ehlo", EHLO + b"250 2.1.0 ok\r\n", BOTH, {("dot", "250")}),
    ("ehlo", (EHLO, b"250 2.1.0 ok\r\n"), BOTH, {("dot", "250"), ("data", "garbled"), ("rcpt", "garbled")}),
    ("mail", b"250 ok\r\n250 ok\r\n354 go\r\n", SINGLE, {("rcpt", "garbled")}),
    ("rcpt", b"250 ok\r\n354 go\r\n250 queued\r\n", SINGLE, {("data", "garbled")}),
    ("data", b"354 go\r\n250 queued\r\n", BOTH, {("dot", "garbled")}),
    ("data", b"354 go\r\n354 go\r\n", BOTH, {("dot", "garbled")}),
    ("data", b"354 go\r\n552 5.3.4 too big\r\n", BOTH, {("dot", "552")}),
    ("data", b"354 go\r\n421 4.3.2 closing\r\n", BOTH, {("dot", "421")}),
    ("dot", b"250 queued\r\n250 queued\r\n", BOTH, {("dot", "250"), ("data", "garbled"), ("mail", "garbled")}),
    ("dot", b"250 queued\r\n421 4.3.2 enough\r\n", BOTH, {("dot", "250")}),
]


@pytest.mark.parametrize(
    ("step", "said", "offers", "allowed"), [(*row[:2], offers, row[3]) for row in EARLY for offers in row[2]]
)
async def test_answers_that_come_too_early_deliver_nothing(
    server: Server, lane: MakeLane, step: str, said: Answer, offers: bytes, allowed: set[tuple[str, str]]
) -> None:
    server.ehlo = offers
    if step != "ehlo" or offers == EHLO:
        setattr(server, step, said)
    made = await lane(**options(step, "early"))
    made.send(*NAMES)
    outcomes = await made.wait(len(NAMES))
    assert {seen(outcome) for outcome in outcomes.values()} <= allowed
    no_mail_is_wronged(server, made, "5xx and close" if b"552" in said else "early")


@pytest.mark.parametrize(
    ("said", "expected"), [(b"250 2.0.0 queued\r\n", "garbled"), (b"552 5.3.4 too big\r\n", "552")]
)
async def test_an_answer_before_the_end_of_a_large_message(
    server: Server, lane: MakeLane, said: bytes, expected: str
) -> None:
    large = b"Subject: x\r\n\r\n" + (b"x" * 998 + b"\r\n") * 20_000
    server.ehlo = EHLO.replace(b"1000000", b"0")
    server.data = lambda _, peer: (b"354 go\r\n", said, SILENT) if b"large" in peer.rcpt else b"354 go\r\n"
    made = await lane(limits=ONE)
    made.send("large@dest.test", content=large)
    made.send("small@dest.test")
    outcomes = await made.wait(2)
    assert seen(outcomes["large@dest.test"]) == ("dot", expected)
    assert seen(outcomes["small@dest.test"]) == ("dot", "250")
    assert [rcpt for rcpt, _ in server.received if b"small" in rcpt] == [b"RCPT TO:<small@dest.test>"]


async def test_bytes_that_drip_for_ever_are_no_answer(server: Server, lane: MakeLane) -> None:
    server.dot = (b"250-", *(b"x",) * 3000, SILENT)
    made = await lane(limits=ONE, patience=QUICK)
    made.send("one@dest.test")
    assert seen((await made.wait(1))["one@dest.test"]) == ("dot", "timeout")
