"""Every step of the dialogue, well and badly behaved, tells the right outcome."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from mta.lines import Line
from mta.pool import HEAVY
from mta.providers import Limits
from mta.session import Dialling
from mta.values import Answered, Contact, Outcome, Patience, Unanswered, Undeliverable
from mta.ways import Way
from parsers.classify import ReplyClass
from parsers.replies import Stage
from tests.mta.conftest import CLOSE, EHLO, SILENT, Lane, Peer, Server, parcel

pytestmark = pytest.mark.slow  # the quick ring has no time for them

MakeLane = Callable[..., Awaitable[Lane]]
ONE = Limits(per_site=1, idle=0.5)
PLAIN = b"250-server\r\n250 SIZE 1000000\r\n"


def seen(outcome: Outcome) -> tuple[str, str]:
    """Stage and code (or reason) of an outcome."""
    if isinstance(outcome, Answered):
        return outcome.stage.value, str(outcome.reply.code)
    if isinstance(outcome, Unanswered):
        return outcome.stage.value, outcome.why
    return "", outcome.reply_class.value


@pytest.mark.parametrize("offers", [EHLO, PLAIN])
async def test_many_mails_over_one_connection(server: Server, lane: MakeLane, offers: bytes) -> None:
    server.ehlo = offers
    made = await lane(limits=ONE)
    made.send(*[f"p{n}@dest.test" for n in range(40)])
    outcomes = await made.wait(40)
    assert {seen(outcome) for outcome in outcomes.values()} == {("dot", "250")}
    assert len(server.peers) == 1 and len(server.received) == 40
    assert server.received[7] == (b"RCPT TO:<p7@dest.test>", b"Subject: x\r\n\r\nhello\r\n")
    assert made.contacts["p7@dest.test"].ip == "127.0.0.1" and made.contacts["p7@dest.test"].local == "127.0.0.1"


async def test_next_commands_travel_behind_the_dot(server: Server, lane: MakeLane) -> None:
    made = await lane(limits=ONE)
    made.send(*[f"p{n}@dest.test" for n in range(5)])
    await made.wait(5)
    flights = b"|".join(server.peers[0].flights[1:])
    assert flights.count(b"\r\n.\r\nMAIL FROM:<bounce+x@gw.test> SIZE=21\r\nRCPT TO:") == 4
    assert flights.startswith(b"MAIL FROM:<bounce+x@gw.test> SIZE=21\r\nRCPT TO:<p0@dest.test>\r\nDATA\r\n|")


async def test_plain_dialogue_waits_for_every_reply(server: Server, lane: MakeLane) -> None:
    server.ehlo = PLAIN
    server.rcpt = lambda line, _: b"550 5.1.1 no\r\n" if b"bad" in line else b"250 ok\r\n"
    made = await lane(limits=ONE)
    made.send("bad@dest.test", "good@dest.test")
    await made.wait(2)
    assert all(flight.count(b"\r\n") == 1 for flight in server.peers[0].flights if b"Subject" not in flight)
    assert seen(made.outcomes["bad@dest.test"]) == ("rcpt", "550")
    assert seen(made.outcomes["good@dest.test"]) == ("dot", "250")


BAD = [
    ("mail", b"550 5.7.1 go away\r\n", ("mail", "550")),
    ("mail", b"421 4.3.2 closing\r\n", ("mail", "421")),
    ("mail", b"451 4.3.0 later\r\n", ("mail", "451")),
    ("rcpt", b"550 5.1.1 unknown\r\n", ("rcpt", "550")),
    ("rcpt", b"450-4.2.0 grey\r\n450 4.2.0 listed\r\n", ("rcpt", "450")),
    ("rcpt", b"421 4.7.0 too many\r\n", ("rcpt", "421")),
    ("data", b"554 5.5.1 no\r\n", ("data", "554")),
    ("data", b"421 bye\r\n", ("data", "421")),
    ("dot", b"552 5.2.2 full\r\n", ("dot", "552")),
    ("dot", b"421 4.0.0 shutting down\r\n", ("dot", "421")),
    ("dot", CLOSE, ("dot", "lost")),
    ("dot", SILENT, ("dot", "timeout")),
    ("dot", b"what is this\r\n", ("dot", "garbled")),
    ("dot", b"354 more\r\n", ("dot", "garbled")),
    ("mail", CLOSE, ("mail", "lost")),
    ("rcpt", CLOSE, ("rcpt", "lost")),
    ("data", CLOSE, ("data", "lost")),
    ("mail", SILENT, ("mail", "timeout")),
    ("rcpt", SILENT, ("rcpt", "timeout")),
    ("data", SILENT, ("data", "timeout")),
    ("rcpt", b"\xff\xfe\r\n", ("rcpt", "garbled")),
    ("data", b"250 ok\r\n", ("data", "garbled")),
]
PATIENT = Patience(reply=20.0, dot=20.0, behind=5.0, group=10.0)
QUICK = Patience(reply=0.3, dot=0.4, behind=0.1, group=0.15)


@pytest.mark.parametrize("offers", [EHLO, PLAIN], ids=["pipelined", "plain"])
@pytest.mark.parametrize(("step", "said", "expected"), BAD)
async def test_trouble_at_every_step(
    server: Server, lane: MakeLane, offers: bytes, step: str, said: bytes | str, expected: tuple[str, str]
) -> None:
    server.ehlo = offers
    setattr(server, step, said)
    made = await lane(patience=QUICK if said == SILENT else PATIENT, limits=ONE)
    made.send("one@dest.test")
    outcomes = await made.wait(1)
    assert seen(outcomes["one@dest.test"]) == expected
    assert len(server.received) == (1 if step == "dot" else 0), "in doubt only when the dot went out"


SETUP = [
    ("banner", b"554 5.7.1 blocked\r\n", ("banner", "554")),
    ("banner", b"421 4.7.0 busy\r\n", ("banner", "421")),
    ("banner", CLOSE, ("banner", "lost")),
    ("banner", SILENT, ("banner", "timeout")),
    ("banner", b"SSH-2.0-x\r\n", ("banner", "garbled")),
    ("ehlo", b"421 no\r\n", ("ehlo", "421")),
    ("ehlo", b"550 no\r\n", ("ehlo", "550")),
    ("ehlo", CLOSE, ("ehlo", "lost")),
    ("ehlo", SILENT, ("ehlo", "timeout")),
]


@pytest.mark.parametrize(("step", "said", "expected"), SETUP)
async def test_trouble_before_the_first_mail(
    server: Server, lane: MakeLane, step: str, said: bytes | str, expected: tuple[str, str]
) -> None:
    setattr(server, step, said)
    made = await lane(dialling=Dialling("client.test", reply_timeout=0.5 if said == SILENT else 20.0))
    made.send("one@dest.test", "two@dest.test")
    outcomes = await made.wait(2)
    assert [seen(outcomes[name]) for name in ("one@dest.test", "two@dest.test")] == [expected, expected]


async def test_no_server_at_all(server: Server, lane: MakeLane) -> None:
    made = await lane(routes={"*": "127.0.0.1:1"})
    made.send("one@dest.test")
    assert seen((await made.wait(1))["one@dest.test"]) == ("connect", "refused")


async def test_helo_for_a_server_without_ehlo(server: Server, lane: MakeLane) -> None:
    server.ehlo = lambda line, _: b"502 what?\r\n" if line.startswith(b"EHLO") else b"250 hello\r\n"
    made = await lane()
    made.send("one@dest.test")
    assert seen((await made.wait(1))["one@dest.test"]) == ("dot", "250")


async def test_refused_starttls_falls_back_to_plain_text(server: Server, lane: MakeLane) -> None:
    server.ehlo = EHLO.replace(b"250-SIZE", b"250-STARTTLS\r\n250-SIZE")
    for said in (b"454 4.7.0 no TLS today\r\n", b"220 go\r\n", CLOSE):
        server.starttls = said
        made = await lane(dialling=Dialling("client.test", reply_timeout=1.0 if said[:3] == b"220" else 20.0))
        made.send("one@dest.test")
        assert seen((await made.wait(1))["one@dest.test"]) == ("dot", "250")


async def test_refused_recipients_between_good_ones(server: Server, lane: MakeLane) -> None:
    server.rcpt = lambda line, _: b"550 5.1.1 no\r\n" if b"bad" in line else b"250 ok\r\n"
    server.data = lambda _, peer: b"503 5.5.1 no valid recipients\r\n" if b"bad" in peer.rcpt else b"354 go\r\n"
    made = await lane(limits=ONE)
    names = [f"{'bad' if n % 3 == 1 else 'good'}{n}@dest.test" for n in range(12)]
    made.send(*names)
    outcomes = await made.wait(12)
    assert all(seen(outcomes[name]) == (("rcpt", "550") if "bad" in name else ("dot", "250")) for name in names)
    assert len(server.peers) == 1 and b"RSET\r\nMAIL" in b"".join(server.peers[0].flights)
    assert len(server.received) == 8


async def test_354_after_all_recipients_were_refused_is_not_counted(server: Server, lane: MakeLane) -> None:
    server.rcpt = lambda line, _: b"550 5.1.1 no\r\n" if b"bad" in line else b"250 ok\r\n"
    server.dot = lambda line, _: b"554 5.5.1 no valid recipients\r\n" if b"bad" in line else b"250 ok\r\n"
    made = await lane(limits=ONE)
    made.send("bad@dest.test", "good@dest.test", "bad2@dest.test", "good2@dest.test")
    outcomes = await made.wait(4)
    assert [seen(outcomes[name])[0] for name in ("bad@dest.test", "bad2@dest.test")] == ["rcpt", "rcpt"]
    assert [seen(outcomes[name]) for name in ("good@dest.test", "good2@dest.test")] == [("dot", "250")] * 2
    assert [body for rcpt, body in server.received if b"bad" in rcpt] == [b"", b""]
    assert len(server.peers) == 1


async def test_421_after_some_mails_means_enough_for_this_connection(server: Server, lane: MakeLane) -> None:
    server.mail = lambda _, peer: b"421 4.7.0 too many messages\r\n" if peer.mails >= 3 else b"250 ok\r\n"
    made = await lane(limits=ONE)
    made.send(*[f"p{n}@dest.test" for n in range(9)])
    outcomes = await made.wait(9)
    assert {seen(outcome) for outcome in outcomes.values()} == {("dot", "250")}
    assert len(server.peers) == 3 and len(server.received) == 9


async def test_server_that_closes_after_each_mail(server: Server, lane: MakeLane) -> None:
    server.mail = lambda _, peer: CLOSE if peer.mails else b"250 ok\r\n"
    made = await lane(limits=ONE)
    made.send(*[f"p{n}@dest.test" for n in range(5)])
    outcomes = await made.wait(5)
    assert {seen(outcome) for outcome in outcomes.values()} == {("dot", "250")}
    assert len(server.received) == 5


async def test_server_that_loses_what_stands_behind_the_dot(server: Server, lane: MakeLane) -> None:
    server.deaf_after_data = True
    made = await lane(limits=ONE, patience=Patience(reply=3.0, dot=3.0, behind=0.3, group=0.2))
    made.send(*[f"p{n}@dest.test" for n in range(6)])
    outcomes = await made.wait(6)
    assert {seen(outcome) for outcome in outcomes.values()} == {("dot", "250")}
    assert len(server.received) == 6, "nothing twice"
    assert len(server.peers) == 2, "it was given less at once after it stumbled"


async def test_server_that_takes_a_group_for_a_mistake(server: Server, lane: MakeLane) -> None:
    def rcpt(_: bytes, peer: Peer) -> bytes:
        return b"503 5.5.1 bad sequence\r\n" if peer.flights[-1].count(b"\r\n") > 1 else b"250 ok\r\n"

    server.rcpt = rcpt
    made = await lane(limits=ONE)
    made.send("a@dest.test", "b@dest.test")
    outcomes = await made.wait(2)
    assert {seen(outcome) for outcome in outcomes.values()} == {("dot", "250")}


async def test_dot_that_is_never_answered_holds_back_nobody_behind_it(server: Server, lane: MakeLane) -> None:
    server.dot = lambda line, _: SILENT if b"mute" in line else b"250 ok\r\n"
    made = await lane(patience=Patience(reply=2.0, dot=1.8, behind=0.1, group=0.5))
    made.send("mute@dest.test", "next@dest.test", "last@dest.test")
    await made.wait(3)
    assert made.order[-1] == "mute@dest.test"
    assert seen(made.outcomes["mute@dest.test"]) == ("dot", "timeout")
    assert [rcpt for rcpt, _ in server.received].count(b"RCPT TO:<mute@dest.test>") == 1
    assert seen(made.outcomes["next@dest.test"]) == seen(made.outcomes["last@dest.test"]) == ("dot", "250")


async def test_utf8_local_part_needs_smtputf8(server: Server, lane: MakeLane) -> None:
    made = await lane()
    made.send("rené@dest.test")
    assert seen((await made.wait(1))["rené@dest.test"]) == ("dot", "250")
    assert b"SIZE=21 SMTPUTF8\r\nRCPT TO:<ren\xc3\xa9@dest.test>" in b"".join(server.peers[0].flights)
    server.ehlo = PLAIN
    other = await lane()
    other.send("rené@dest.test", "plain@dest.test")
    outcomes = await other.wait(2)
    assert outcomes["rené@dest.test"] == Undeliverable(ReplyClass.NOT_ENCODABLE, "SMTPUTF8 not offered")
    assert seen(outcomes["plain@dest.test"]) == ("dot", "250")


async def test_dots_are_stuffed_and_eight_bits_declared(server: Server, lane: MakeLane) -> None:
    made = await lane()
    made.send("one@dest.test", content=b".a\r\n.b\r\n..c\r\n\xc3\xa9")
    await made.wait(1)
    assert server.received[0][1] == b"..a\r\n..b\r\n...c\r\n\xc3\xa9\r\n"
    assert b"BODY=8BITMIME" in b"".join(server.peers[0].flights)


async def test_gate_that_closes_between_commands_and_message(server: Server, lane: MakeLane) -> None:
    made = await lane(limits=ONE)

    def data(_: bytes, __: Peer) -> bytes:
        made.gate.retired()
        return b"354 go\r\n"

    server.data = data
    made.send("one@dest.test")
    await made.wait(1)
    assert made.unsent == ["one@dest.test"] and not server.received and made.gate.used == 0


async def test_connection_is_closed_politely_when_idle_and_when_full(server: Server, lane: MakeLane) -> None:
    made = await lane(limits=Limits(per_site=1, messages=4, idle=0.1))
    made.send(*[f"p{n}@dest.test" for n in range(8)])
    await made.wait(8)
    assert [peer.mails for peer in server.peers] == [4, 4]
    async with asyncio.timeout(60):
        while server.quits < 2:
            await asyncio.sleep(0.01)


async def test_broken_rendering_is_reported_and_harms_nobody_else(server: Server, lane: MakeLane) -> None:
    def explode() -> bytes:
        raise RuntimeError("bug")

    made = await lane()
    made.pool.submit(Way(made.site), [parcel("bad@dest.test", explode), parcel("good@dest.test")])
    await made.wait(2)
    assert made.broken == ["bad@dest.test"] and seen(made.outcomes["good@dest.test"]) == ("dot", "250")


async def test_no_more_than_in_flight_before_the_commit(server: Server, lane: MakeLane) -> None:
    made = await lane(in_flight=8)
    made.commit = False
    made.send(*[f"p{n}@dest.test" for n in range(30)])
    await made.wait(8)
    await asyncio.sleep(0.3)
    assert len(server.received) == 8 == made.gate.used
    made.commit = True
    made.gate.used = 0
    made.pool.kick_all()
    await made.wait(30)


async def test_unhappy_stage_names_are_words_of_the_history() -> None:
    assert {stage.value for stage in Stage} >= {"connect", "banner", "ehlo", "starttls", "mail", "rcpt", "data", "dot"}


async def test_time_that_a_connection_was_idle_is_no_silence(server: Server, lane: MakeLane) -> None:
    line = await lane(patience=Patience(reply=20.0, dot=20.0, behind=20.0, group=20.0), limits=Limits(idle=5.0))
    line.send("first@dest.test")
    await line.wait(1)
    (connection,) = line.pool.connections
    heard = connection.dialogue.waiting_since
    await asyncio.sleep(0.01)
    line.send("second@dest.test")
    connection.dialogue.tick(heard + 20.005)  # 20 s since the last word, not since the question
    assert isinstance((await line.wait(2))["second@dest.test"], Answered)
    assert len(server.peers) == 1


async def test_trouble_that_nobody_thought_of_keeps_no_mail_for_ever(server: Server, lane: MakeLane) -> None:
    line = await lane(routes={"*": f"{'a' * 70}.test:25"})  # the system's resolver raises UnicodeError, no OSError
    line.send("a@dest.test")
    assert (await line.wait(1))["a@dest.test"] == Unanswered(Stage.CONNECT, "failed")


async def test_heavy_mails_are_not_all_rendered_at_once(server: Server, lane: MakeLane) -> None:
    made = await lane()
    line = Line(Way(made.site))
    line.waiting.extend(parcel(f"p{n}@dest.test", b"x" * (HEAVY // 2)) for n in range(4))
    first, second = made.pool.take(line), made.pool.take(line)
    assert first is not None and second is not None and made.pool.take(line) is None
    made.pool.settled(line, first, Unanswered(Stage.DOT, "lost"), Contact())
    assert made.pool.take(line) is not None and made.pool.take(line) is None
    made.pool.returned(line, second)
    assert made.pool.take(line) is second
