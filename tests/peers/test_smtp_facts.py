"""Facts of SMTP as foreign servers live it: what our sender does about each of them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest
from peer_exim import exim
from peer_mailbox import Peer, trace
from peer_opensmtpd import opensmtpd, tls_broken
from peer_postfix import postfix
from peer_sender import Sender

from mta.providers import Limits
from mta.values import Answered, Undeliverable
from parsers.classify import ReplyClass, classify
from parsers.replies import Stage
from store.states import Status
from tests.mta.conftest import Lane

pytestmark = pytest.mark.peers
MakeLane = Callable[..., Awaitable[Lane]]
Run = Callable[..., AbstractContextManager[Peer]]
ONE = Limits(per_site=1, idle=0.5)
EVERYONE = pytest.mark.parametrize("run", [postfix, exim, opensmtpd])
STRANGE = b"Subject: x\r\nFrom: a@x.test\r\nMessage-ID: <1@x.test>\r\nDate: Mon, 24 Nov 2025 00:00:00 +0000\r\n\r\n"


async def to(peer: Peer, lane: MakeLane, **options: object) -> Lane:
    """A pool whose every route leads to the server."""
    return await lane(routes={"*": f"127.0.0.1:{peer.port}"}, **options)


def code(lane: Lane, name: str) -> int:
    """The code that answered somebody's mail."""
    outcome = lane.outcomes[f"{name}@dest.test"]
    assert isinstance(outcome, Answered), outcome
    return outcome.reply.code


@EVERYONE
async def test_dot_lines_and_lines_of_998_bytes_arrive_unchanged(run: Run, tmp_path: Path, lane: MakeLane) -> None:
    content = STRANGE + b".\r\n..\r\n.a\r\n\r\n" + b"x" * 998 + b"\r\n." + b"y" * 900 + b"\r\n.\r\nend\r\n"
    with run(tmp_path / "tree", ["p0"]) as peer:
        made = await to(peer, lane)
        made.send("p0@dest.test", content=content)
        await made.wait(1)
        assert code(made, "p0") == 250
        trace(peer.wait(1)["p0"][0], content)


async def test_a_line_beyond_998_bytes_is_refused_by_exim_and_its_words_are_kept(
    tmp_path: Path, lane: MakeLane
) -> None:
    with exim(tmp_path / "tree", ["p0"]) as peer:
        made = await to(peer, lane)
        made.send("p0@dest.test", content=STRANGE + b"x" * 1200 + b"\r\n")
        outcome = (await made.wait(1))["p0@dest.test"]
    assert isinstance(outcome, Answered) and outcome.stage is Stage.DOT
    assert outcome.reply.lines == ("550 maximum allowed line length is 998 octets, got 1200",)


@EVERYONE
async def test_a_refused_recipient_in_a_group_harms_no_neighbour(run: Run, tmp_path: Path, lane: MakeLane) -> None:
    good = [f"p{n}" for n in range(6)]
    with run(tmp_path / "tree", good) as peer:
        made = await to(peer, lane, limits=ONE)
        made.send(
            *(f"{name}@dest.test" for name in ("p0", "gone1", "p1", "gone2", "gone3", "p2", "p3", "p4", "gone4", "p5"))
        )
        await made.wait(10)
        arrived = peer.wait(6)
        assert peer.connections == (2 if tls_broken(peer) else 1), "nothing broke the connection"
    assert {code(made, name) for name in good} == {250}
    assert {code(made, f"gone{n}") for n in range(1, 5)} == {550}
    assert sorted(arrived) == good and all(len(mails) == 1 for mails in arrived.values())


@pytest.mark.parametrize("run", [postfix, exim])
async def test_an_address_that_needs_smtputf8_is_delivered_where_it_is_offered(run: Run, tmp_path: Path) -> None:
    with run(tmp_path / "tree", ["rené", "p0"]) as peer:
        async with Sender(tmp_path / "gw", peer.port) as sender:
            await sender.campaign(["rené", "p0"])
            sender.start()
            await sender.delivered(2)
            arrived = peer.wait(2)
            rendered = await sender.rendered(arrived)
    for name in ("rené", "p0"):
        trace(arrived[name][0], rendered[name])
    assert "rené@dest.test".encode() in arrived["rené"][0] and arrived["p0"][0].isascii()


async def test_an_address_that_needs_smtputf8_is_refused_without_a_word_where_it_is_not(tmp_path: Path) -> None:
    with opensmtpd(tmp_path / "tree", ["rené", "p0"]) as peer:
        async with Sender(tmp_path / "gw", peer.port) as sender:
            await sender.campaign(["rené", "p0"])
            sender.start()
            await sender.delivered(1)
            await sender.until(f"SELECT count(*) FROM recipients WHERE status = {int(Status.CANCELLED)}", 1)
            [(story,)] = await sender.rows("SELECT detail FROM events WHERE detail LIKE '%not_encodable%'")
            assert "SMTPUTF8 not offered" in str(story)
            assert await sender.rows("SELECT * FROM suppressions") == [], "no fault of the address"
        assert "ren" not in peer.tree.log().replace("parent", ""), "it was never named"


async def test_a_server_without_8bitmime_gets_seven_bits(tmp_path: Path) -> None:
    with exim(tmp_path / "tree", ["p0", "p1"], "accept_8bitmime = false") as peer:
        async with Sender(tmp_path / "gw", peer.port) as sender:
            await sender.campaign(["p0", "p1"])
            sender.start()
            await sender.delivered(2)
            arrived = peer.wait(2)
            rendered = await sender.rendered(arrived)
    for name in ("p0", "p1"):
        trace(arrived[name][0], rendered[name])
        assert arrived[name][0].isascii() and b"d=C3=A9j=C3=A0" in arrived[name][0]


async def test_a_mail_above_the_announced_size_is_not_sent(tmp_path: Path, lane: MakeLane) -> None:
    with postfix(tmp_path / "tree", ["p0", "big"], "message_size_limit = 4000", "virtual_mailbox_limit = 0") as peer:
        made = await to(peer, lane, limits=ONE)
        made.send("big@dest.test", content=STRANGE + b"x" * 70 * 100 + b"\r\n")
        made.send("p0@dest.test", content=STRANGE)
        outcomes = await made.wait(2)
        assert list(peer.wait(1)) == ["p0"]
        assert "too big" not in peer.tree.log() and peer.connections == 1
    outcome = outcomes["big@dest.test"]
    assert isinstance(outcome, Undeliverable) and outcome.reply_class is ReplyClass.TOO_BIG
    assert "4000" in outcome.why and "7095" in outcome.why


async def test_a_greylisted_recipient_is_tried_again_and_gets_the_same_mail(tmp_path: Path) -> None:
    with exim(tmp_path / "tree", ["grey1", "p0"]) as peer:
        async with Sender(tmp_path / "gw", peer.port, DELIVERY__RETRY="1s*") as sender:
            await sender.campaign(["grey1", "p0"])
            sender.start()
            await sender.delivered(1)
            await sender.until(f"SELECT count(*) FROM recipients WHERE status = {int(Status.DEFERRED)}", 1)
            (peer.tree.root / "grey/grey1").touch()
            await sender.delivered(2)
            arrived = peer.wait(2)
            rendered = await sender.rendered(arrived)
            stories = [str(row[0]) for row in await sender.rows("SELECT detail FROM events ORDER BY id")]
    assert any("450 4.2.0 Greylisted, please come back" in story and '"greylisted"' in story for story in stories)
    assert [len(arrived[name]) for name in ("grey1", "p0")] == [1, 1]
    trace(arrived["grey1"][0], rendered["grey1"])


@EVERYONE
async def test_starttls_takes_their_certificate_or_goes_on_without(run: Run, tmp_path: Path, lane: MakeLane) -> None:
    with run(tmp_path / "tree", ["p0"]) as peer:
        made = await to(peer, lane)
        made.send("p0@dest.test", content=STRANGE)
        await made.wait(1)
        added = trace(peer.wait(1)["p0"][0], STRANGE)
        secured = made.contacts["p0@dest.test"].tls
        assert secured == "" if tls_broken(peer) else secured.startswith("TLSv1.3")
        assert (b"TLS" in added) == bool(secured), "what we write down is what they saw"


async def test_421_after_some_mails_goes_on_over_another_connection(tmp_path: Path, lane: MakeLane) -> None:
    names = [f"p{n}" for n in range(12)]
    with exim(tmp_path / "tree", names, "smtp_accept_max_per_connection = 4") as peer:
        made = await to(peer, lane, limits=ONE)
        made.send(*(f"{name}@dest.test" for name in names), content=STRANGE)
        await made.wait(12)
        arrived = peer.wait(12)
        assert 3 <= peer.connections <= 4
    assert {code(made, name) for name in names} == {250}
    assert all(len(mails) == 1 for mails in arrived.values())


async def test_421_for_too_many_unknown_recipients_is_nobodys_fault(tmp_path: Path, lane: MakeLane) -> None:
    gone, good = [f"gone{n}" for n in range(8)], [f"p{n}" for n in range(4)]
    limits = "smtpd_hard_error_limit = 3", "smtpd_soft_error_limit = 100"
    with postfix(tmp_path / "tree", good, *limits) as peer:
        made = await to(peer, lane, limits=ONE)
        made.send(*(f"{name}@dest.test" for name in gone + good), content=STRANGE)
        await made.wait(12)
        peer.wait(4)
        assert "too many errors" in peer.tree.log()
    assert {code(made, name) for name in gone} == {550}
    assert {code(made, name) for name in good} == {250}


@contextmanager
def with_footer(root: Path, names: Iterable[str]) -> Iterator[Peer]:
    """Postfix that ends each refusal with a second line."""
    with postfix(root, names, "smtpd_reject_footer = Call +33 1 00 00 00 00 for help") as peer:
        yield peer


@pytest.mark.parametrize(
    ("run", "lines"),
    [
        (
            exim,
            ("550-5.1.1 Unknown user", "550-Nobody of that name lives here", "550 5.1.1 Ask the postmaster"),
        ),
        (
            with_footer,
            (
                "550-5.1.1 <gone@dest.test>: Recipient address rejected: User unknown in virtual mailbox table",
                "550 5.1.1 Call +33 1 00 00 00 00 for help",
            ),
        ),
    ],
)
async def test_replies_of_several_lines_are_kept_in_full(
    run: Run, lines: tuple[str, ...], tmp_path: Path, lane: MakeLane
) -> None:
    with run(tmp_path / "tree", ["p0"]) as peer:
        made = await to(peer, lane)
        made.send("gone@dest.test")
        outcome = (await made.wait(1))["gone@dest.test"]
    assert isinstance(outcome, Answered)
    assert (outcome.reply.lines, outcome.reply.enhanced) == (lines, "5.1.1")
    verdict = classify(outcome.reply, outcome.stage)
    assert verdict.reply_class is ReplyClass.UNKNOWN_USER and verdict.suppress
