"""SMTP dialogues with the listener: what it takes, what it refuses and what it says then."""

import asyncio
import json
import smtplib
from pathlib import Path

import pytest

from parsers.tokens import Purpose, sign
from tests.gateway.kit_intake import MAIL, RING, Client, House, house, plain, trust

CASES = Path("../shared/cases/hostile/smtp_end_of_data.jsonl")


async def test_submission_from_a_mail_client(tmp_path: Path) -> None:
    async with house(tmp_path, trusted_networks=[]) as made:
        await asyncio.to_thread(outlook, made)
        refs = made.spool.pending()
        assert len(refs) == len(made.woken) == 2
        for ref in refs:
            envelope, raw = made.spool.load(ref)
            assert (envelope.kind, envelope.listener, envelope.account_id) == ("campaign", "submission", made.account)
            assert (envelope.login, envelope.mail_from, raw) == ("anne", "anne@firm.example", MAIL)
            assert envelope.proof == "login"
        assert made.limits.held_bytes == 0


def outlook(made: House) -> None:
    with smtplib.SMTP("localhost", made.port("submission"), "test", timeout=60) as client:
        client.starttls(context=trust())
        client.login("Anne", "correct horse")
        assert client.sendmail("anne@firm.example", ["mail@gw.example"], MAIL) == {}
    with smtplib.SMTP_SSL("localhost", made.port("submissions"), "test", timeout=10, context=trust()) as client:
        client.user, client.password = "anne", "correct horse"
        client.ehlo()
        assert client.auth("LOGIN", client.auth_login)[0] == 235
        assert client.sendmail("anne@firm.example", ["MAIL@GW.Example"], MAIL) == {}


async def test_what_is_offered_where(tmp_path: Path) -> None:
    async with house(tmp_path) as made:
        for port, tls, starttls, auth in (
            ("mx", False, True, False),
            ("submission", False, True, False),
            ("submissions", True, False, True),
        ):
            said = await (await Client.open(made.port(port), tls)).hello()
            assert ("250-STARTTLS" in said, "250-AUTH PLAIN LOGIN" in said) == (starttls, auth), port
            assert "250-SIZE 50000000\n250-8BITMIME\n250-SMTPUTF8" in said
        for port, auth in (("mx", False), ("submission", True)):
            said = await (await Client.open(made.port(port))).hello(starttls=True)
            assert ("AUTH" in said, "STARTTLS" in said) == (auth, False), said


async def test_authentication(tmp_path: Path) -> None:
    async with house(tmp_path) as made:
        client = await Client.open(made.port("submission"))
        await client.hello()
        assert (await client.say(f"AUTH PLAIN {plain('anne')}")).startswith("538 5.7.11")
        assert (await client.say("MAIL FROM:<anne@firm.example>")).startswith("530-5.7.0")
        await client.starttls()
        await client.say("EHLO again")
        wrong = await client.say(f"AUTH plain {plain('anne', 'x')}")
        assert wrong.startswith("535-5.7.8 Identifiant")
        assert await client.say(f"AUTH PLAIN {plain('nobody', 'x')}") == wrong
        assert (await client.say("AUTH PLAIN !!!")).startswith("501")
        assert (await client.say("AUTH CRAM-MD5")).startswith("504")
        assert (await client.say("AUTH LOGIN")) == "334 VXNlcm5hbWU6"
        assert (await client.say("*")).startswith("501")
        assert (await client.say(f"AUTH PLAIN {plain('anne')}")).startswith("235")
        mx = await Client.open(made.port("mx"))
        await mx.hello(starttls=True)
        assert (await mx.say(f"AUTH PLAIN {plain('anne')}")).startswith("502")


async def test_too_many_wrong_passwords(tmp_path: Path) -> None:
    async with house(tmp_path) as made:
        client = await Client.open(made.port("submissions"), tls=True)
        await client.hello()
        for _ in range(10):
            made.limits.failures.count("127.0.0.1")
        assert (await client.say(f"AUTH PLAIN {plain('anne')}")).startswith("454-4.7.0")


async def test_what_is_said_before_tls_is_forgotten(tmp_path: Path) -> None:
    async with house(tmp_path) as made:
        client = await Client.open(made.port("submission"))
        await client.hello()
        client.writer.write(b"STARTTLS\r\nEHLO injected\r\n")
        assert (await client.reply()).startswith("220")
        await client.writer.start_tls(trust(), server_hostname="localhost")
        assert (await client.say("NOOP")).startswith("250")
        assert (await client.say("MAIL FROM:<a@b.test>")).startswith("503")  # nobody said EHLO inside


def mail_from(value: str, more: str = "") -> bytes:
    return MAIL.replace(b"Anne <anne@firm.example>", value.encode()).replace(b"Subject", more.encode() + b"Subject", 1)


REFUSED = [
    ("anne", "bob@other.example", "", "from_undeclared"),
    ("anne", "nobody@firm.example", "", "from_undeclared"),
    ("anne", "anne@firm.example, bob@other.example", "", "from_unreadable"),
    ("anne", "anne@firm.example", "From: bob@other.example\r\n", "from_unreadable"),
    ("anne", "<bob@other.example> <anne@firm.example>", "", "from_unreadable"),
    ("anne", "undisclosed:;", "", "from_unreadable"),
    ("anne", "anne@firm.example", "Auto-Submitted: auto-replied\r\n", "automatic"),
    ("anne", "anne@firm.example", "List-Id: <x.y>\r\n", "automatic"),
    ("reader", "anne@firm.example", "", "role"),
    ("", "nobody@firm.example", "", "from_undeclared"),
]
SAYS = {
    "from_undeclared": "n'est pas un expediteur declare",
    "from_unreadable": "une seule adresse",
    "automatic": "Message automatique",
    "role": "ne permet que de lire",
}


@pytest.mark.parametrize(("login", "author", "more", "why"), REFUSED)
async def test_who_may_not_send(tmp_path: Path, login: str, author: str, more: str, why: str) -> None:
    async with house(tmp_path) as made:
        client = await Client.open(made.port("submissions" if login else "mx"), tls=bool(login))
        await client.hello(login)
        said = await client.mail(mail_from(author, more), "mail@gw.example")
        assert said.startswith("550-5.7.1 ")
        assert said.isascii()
        assert SAYS[why] in said
        assert made.spool.pending() == []
        assert made.limits.held_bytes == 0


async def test_the_mx_port_and_trusted_networks(tmp_path: Path) -> None:
    async with house(tmp_path) as made:
        client = await Client.open(made.port("mx"))
        await client.hello()
        assert (await client.mail(MAIL, "mail@gw.example")).startswith("250 2.0.0 ")
        assert made.spool.load(made.spool.pending()[0])[0].proof == "network"
        assert (await client.mail(MAIL, "mail@gw.example", sender="")).startswith("550-5.7.1")
    async with house(tmp_path / "other", trusted_networks=["10.0.0.0/8", "::1/128"]) as made:
        client = await Client.open(made.port("mx"))
        await client.hello()
        said = await client.mail(MAIL, "mail@gw.example")
        assert said.startswith("550-5.7.1 La date du message")  # nobody vouches for it: it must prove itself
        token = sign(RING, Purpose.REPLY, 3)
        said = await client.mail(MAIL, f"campagne+{token}@gw.example")
        assert said.startswith(f"550-5.7.1 Mettez campagne+{token}@gw.example dans le champ A (To)")
        assert made.spool.pending() == []


async def test_a_subject_about_an_absence(tmp_path: Path) -> None:
    async with house(tmp_path) as made:
        client = await Client.open(made.port("mx"))
        await client.hello()
        note = MAIL.replace(b"Subject: Bonjour", b"Subject: Absence de collecte lundi")
        assert "Message automatique" in await client.mail(note, "mail@gw.example")
        campaign = note.replace(b"Subject", b"Content-Type: multipart/mixed; boundary=x\r\nSubject")
        assert (await client.mail(campaign, "mail@gw.example")).startswith("250 2.0.0")
        machine = campaign.replace(b"Subject", b"Auto-Submitted: auto-replied\r\nSubject")
        assert "Message automatique" in await client.mail(machine, "mail@gw.example")


async def test_a_suspended_account(tmp_path: Path) -> None:
    from store import accounts

    async with house(tmp_path) as made:
        async with made.database.write() as conn:
            await accounts.suspend(conn, made.account, True)
        client = await Client.open(made.port("mx"))
        await client.hello()
        assert "suspendu" in await client.mail(MAIL, "mail@gw.example")


async def test_every_kind_of_address(tmp_path: Path) -> None:
    bounce, stop = sign(RING, Purpose.BOUNCE, 77), sign(RING, Purpose.STOP, 78)
    async with house(tmp_path, trusted_networks=[]) as made:
        client = await Client.open(made.port("mx"))
        await client.hello()
        for address in (
            f"Bounce+{bounce.upper()}@GW.EXAMPLE",
            f"stop+{stop}@gw.example",
            "fbl@gw.example",
            "postmaster",
            "PostMaster@gw.example",
            "abuse@gw.example",
        ):
            assert (await client.mail(MAIL, address, sender="")).startswith("250 2.0.0"), address
        kept = [made.spool.load(ref)[0] for ref in made.spool.pending()]
        assert [(one.kind, one.token, one.mail_from, one.account_id) for one in kept] == [
            ("bounce", 77, "", None), ("stop", 78, "", None), ("fbl", None, "", None), ("postmaster", None, "", None),
            ("postmaster", None, "", None), ("postmaster", None, "", None),
        ]  # fmt: skip
        for address in (
            "x@gw.example",
            f"bounce+{stop}@gw.example",
            "bounce+@gw.example",
            "mail@elsewhere.example",
            "mail",
            "mail@gw.example.evil.test",
            "mail%elsewhere.example@gw.example",
        ):
            said = await client.mail(MAIL, address)
            assert said.startswith("550-5.1.1"), address
        assert (await client.say("MAIL FROM:<a@b.test> SIZE=100 BODY=8BITMIME SMTPUTF8 AUTH=<>")).startswith("250")
        assert (await client.say("RCPT TO:<fbl@gw.example>")).startswith("250")
        assert (await client.say("RCPT TO:<FBL@gw.example>")).startswith("250")
        assert (await client.say(f"RCPT TO:<bounce+{bounce}@gw.example>")).startswith("452-4.5.3")
        assert (await client.say("RSET")).startswith("250")
        assert (await client.say("MAIL FROM:<a@b.test>")).startswith("250")
        assert (await client.say(f"RCPT TO:<bounce+{bounce}@gw.example>")).startswith("250")


async def test_smuggling(tmp_path: Path) -> None:
    if not CASES.exists():
        pytest.skip("the shared cases are not here")
    async with house(tmp_path) as made:
        for line in CASES.read_text().splitlines():
            case = json.loads(line)
            client = await Client.open(made.port("mx"))
            await client.hello()
            evil = bytes.fromhex(case["sequence_hex"]) + b"MAIL FROM:<evil@firm.example>\r\nDATA\r\nx\r\n"
            said = await client.mail(MAIL + b"x" + evil, "mail@gw.example")
            assert said.startswith("550-5.6.0"), case["name"]
            assert (await client.say("NOOP")).startswith("250"), case["name"]
            client.close()
        assert made.spool.pending() == []


async def test_pipelining_behind_the_dot(tmp_path: Path) -> None:
    async with house(tmp_path) as made:
        client = await Client.open(made.port("mx"))
        await client.hello()
        flight = b"MAIL FROM:<anne@firm.example>\r\nRCPT TO:<mail@gw.example>\r\nDATA\r\n"
        client.writer.write(flight + MAIL + b"..dot\r\n.\r\n" + flight + MAIL + b".\r\nQUIT\r\n")
        codes = [(await client.reply())[:3] for _ in range(9)]
        assert codes == ["250", "250", "354", "250"] * 2 + ["221"]
        assert made.spool.load(made.spool.pending()[0])[1] == MAIL + b".dot\r\n"


async def test_bounds(tmp_path: Path) -> None:
    async with house(tmp_path, max_message=10_000, memory_budget=8_000) as made:
        client = await Client.open(made.port("mx"))
        await client.hello()
        assert (await client.say("MAIL FROM:<anne@firm.example> SIZE=10001")).startswith("552")
        assert (await client.say("MAIL FROM:<anne@firm.example> SIZE=9000")).startswith("452-4.3.1")
        assert (await client.mail(MAIL + b"x\r\n" * 2_700, "mail@gw.example")).startswith("452-4.3.1")
        assert (await client.mail(MAIL + b"x\r\n" * 4_000, "mail@gw.example"))[:3] in ("552", "452")
        assert (await client.mail(MAIL, "mail@gw.example")).startswith("250")
        assert made.limits.held_bytes == 0
        await client.say("MAIL FROM:<anne@firm.example>")
        await client.say("RCPT TO:<mail@gw.example>")
        await client.say("DATA")
        client.writer.write(b"x\r\n" * 10_000)
        assert (await client.reply()).startswith("421-4.3.4")


async def test_a_broken_spool_does_not_spoil_the_next_mail(tmp_path: Path) -> None:
    async with house(tmp_path) as made:
        client = await Client.open(made.port("mx"))
        await client.hello()
        (tmp_path / "spool" / "tmp").rmdir()
        assert (await client.mail(MAIL, "mail@gw.example")).startswith("451-4.3.0")
        assert made.limits.held_bytes == 0
        (tmp_path / "spool" / "tmp").mkdir()
        assert (await client.mail(MAIL, "mail@gw.example")).startswith("250 2.0.0")
        assert len(made.spool.pending()) == 1


async def test_hello_again_forgets_the_mail_under_way(tmp_path: Path) -> None:
    async with house(tmp_path) as made:
        client = await Client.open(made.port("mx"))
        await client.hello()
        for hello in ("HELO test", "EHLO test"):
            assert (await client.say("MAIL FROM:<a@b.test>")).startswith("250")
            assert (await client.say("RCPT TO:<fbl@gw.example>")).startswith("250")
            assert (await client.say(hello)).startswith("250")
            assert (await client.mail(MAIL, "mail@gw.example")).startswith("250 2.0.0")


async def test_a_full_disk(tmp_path: Path) -> None:
    async with house(tmp_path, min_free_disk=1 << 60) as made:
        client = await Client.open(made.port("mx"))
        await client.hello()
        assert (await client.mail(MAIL, "mail@gw.example")).startswith("452-4.3.1")


async def test_connections_and_pace(tmp_path: Path) -> None:
    async with house(tmp_path, max_connections_per_ip=2, messages_per_minute_per_ip=1) as made:
        one, two = [await Client.open(made.port("mx")) for _ in range(2)]
        await one.hello()
        await two.hello()
        third = await Client.open(made.port("mx"))
        assert (await third.reply()).startswith("421-4.7.0")
        assert await third.reader.read() == b""
        assert (await one.mail(MAIL, "mail@gw.example")).startswith("250")
        assert (await two.mail(MAIL, "mail@gw.example")).startswith("421-4.7.0")
        await two.say("QUIT")
        assert await two.reader.read() == b""
        four = await Client.open(made.port("submissions"), tls=True)
        await four.hello()


async def test_a_broken_connection_leaves_nothing(tmp_path: Path) -> None:
    async with house(tmp_path) as made:
        client = await Client.open(made.port("mx"))
        await client.hello()
        for line in ("MAIL FROM:<anne@firm.example>", "RCPT TO:<mail@gw.example>", "DATA"):
            await client.say(line)
        client.writer.write(MAIL + b"\r\n.\r")
        await client.writer.drain()
        client.writer.transport.abort()
        probe = await Client.open(made.port("mx"))
        await probe.hello()
        async with asyncio.timeout(60):
            while made.limits.held_bytes or (len(made.limits._peers) and made.limits._peers["127.0.0.1"] > 1):
                await probe.say("NOOP")
        assert made.spool.pending() == []
        assert list((tmp_path / "spool" / "tmp").iterdir()) == []
