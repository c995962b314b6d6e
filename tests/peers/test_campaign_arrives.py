"""A real sender process delivers a campaign into Postfix, Exim, OpenSMTPD and Dovecot; every byte and signature holds."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import peer_verifiers
import pytest
from peer_dovecot import dovecot
from peer_exim import exim, start_exim
from peer_mailbox import Peer, as_sent, trace
from peer_opensmtpd import opensmtpd, tls_broken
from peer_postfix import postfix
from peer_sender import Sender

pytestmark = pytest.mark.peers
NAMES = [f"p{number}" for number in range(50)]


@pytest.fixture(params=["postfix", "exim", "opensmtpd", "dovecot"])
def ends(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[Peer, Peer]]:
    """The server that we speak to, and the one where mails arrive."""
    with ExitStack() as stack:
        if request.param == "dovecot":
            end = stack.enter_context(dovecot(tmp_path / "dovecot"))
            yield stack.enter_context(postfix(tmp_path / "postfix", NAMES, lmtp=end.port)), end
            return
        make = {"postfix": postfix, "exim": exim, "opensmtpd": opensmtpd}[request.param]
        end = stack.enter_context(make(tmp_path / "tree", NAMES))
        yield end, end


async def test_a_campaign_of_50_mails_arrives_byte_for_byte_and_verifies(
    ends: tuple[Peer, Peer], tmp_path: Path
) -> None:
    first, last = ends
    async with Sender(tmp_path / "gw", first.port, DELIVERY__CONNECTIONS_PER_SITE="3") as sender:
        await sender.campaign(NAMES)
        sender.start()
        await sender.delivered(50)
        arrived = last.wait(50)
        assert sorted(arrived) == sorted(NAMES) and all(len(mails) == 1 for mails in arrived.values()), "each one once"
        rendered = await sender.rendered(arrived)
        added = {name: trace(arrived[name][0], rendered[name]) for name in NAMES}
        assert all(b"Received: from" in fields for fields in added.values())
        stories = [str(row[0]) for row in await sender.rows("SELECT detail FROM events")]
        secured = '"tls":""' if tls_broken(first) else '"tls":"TLSv1.3'
        assert len(stories) == 50 and all(secured in story for story in stories), "encrypted wherever they can"
        assert first.connections <= (6 if tls_broken(first) else 3), "a broken handshake costs one connection more"
        mails = [as_sent(arrived[name][0]) for name in NAMES]
        forged = mails[0].replace(b"Bonjour", b"Bonsoir")
        good = [True] * 50 + [False]
        assert forged != mails[0]
        assert peer_verifiers.dkimpy([*mails, forged], sender.published) == good
        assert peer_verifiers.opendkim([*mails, forged], sender.published, tmp_path) == good
        assert peer_verifiers.mail_dkim([*mails, forged], sender.published, tmp_path) == good


async def test_a_server_that_is_shut_down_in_the_middle_gets_the_rest_when_it_is_back(tmp_path: Path) -> None:
    names = [f"p{number}" for number in range(300)]
    settings = {"DELIVERY__RETRY": "1s*", "DELIVERY__AWAITING_RETRY": "1s*", "DELIVERY__CONNECTIONS_PER_SITE": "3"}
    with exim(tmp_path / "tree", names) as peer:
        async with Sender(tmp_path / "gw", peer.port, **settings) as sender:
            await sender.campaign(names)
            sender.start()
            before = len(peer.wait(20))
            peer.tree.halt()
            assert before < 300
            start_exim(peer.tree, peer.port)
            await sender.delivered(300)
            arrived = peer.wait(300, 90, people=True)  # what the killed one had accepted comes with its next look
            rendered = await sender.rendered({"p0": arrived["p0"]})
    assert sorted(arrived) == sorted(names), "nothing is lost"
    # Exim, killed between a box and its journal, fills the box again: a mail that it took twice has two numbers
    taken = {found[0] for mails in arrived.values() for mail in mails if (found := re.search(rb"(?m)^\tid \S+", mail))}
    assert 300 <= len(taken) <= 303, "repeated is at most what each connection had in doubt"
    trace(arrived["p0"][0], rendered["p0"])
