"""Mails from anybody's server to mail@: whole dialogues with the listener, signed by dkimpy, over a scripted DNS."""

import asyncio
import socket
from pathlib import Path

import pytest

from gateway.rehearsal import dns
from mail.dkim_signature import Weakness
from mail.resolver import Resolver
from parsers.tokens import Purpose, sign
from store import accounts, proved
from store.engine import now_ms
from store.proved import SAME_AGAIN, Rules
from tests.gateway.kit_intake import RING, Client, House, house
from tests.gateway.kit_proof import HOUR, NAMES, key, letter, record, signed


async def mx(made: House) -> Client:
    client = await Client.open(made.port("mx"))
    await client.hello()
    return client


async def send(made: House, raw: bytes, to: str = "mail@gw.example", sender: str = "anne@firm.example") -> str:
    client = await mx(made)
    said = await client.mail(raw, to, sender=sender)
    client.close()
    return said


async def test_a_signed_mail_is_taken(tmp_path: Path) -> None:
    async with house(tmp_path, trusted_networks=[]) as made:
        raw = signed(letter())
        assert (await send(made, raw, sender="bounces@esp.example")).startswith("250 2.0.0 ")
        envelope, kept = made.spool.load(made.spool.pending()[0])
        assert (envelope.kind, envelope.listener, envelope.account_id) == ("campaign", "mx", made.account)
        assert (envelope.proof, envelope.login, kept) == ("dkim", None, raw)
        assert made.limits.held_bytes == made.limits._strangers == 0


async def test_a_signed_reply_is_taken(tmp_path: Path) -> None:
    to = f"campagne+{sign(RING, Purpose.REPLY, 7, 1)}@gw.example"
    async with house(tmp_path, trusted_networks=[]) as made:
        assert (await send(made, signed(letter(to=f'"gw" <{to}>')), to.upper())).startswith("250 2.0.0 ")
        envelope, _ = made.spool.load(made.spool.pending()[0])
        assert (envelope.kind, envelope.token, envelope.proof) == ("reply", 7, "dkim")
        # a mail that was signed for another address of ours is a copy
        assert "dans le champ A (To)" in await send(made, signed(letter(2)), to)


def twice(name: str) -> bytes:
    return f"{name}: evil\r\n".encode() + signed(letter())


def spoiled(raw: bytes, old: bytes, new: bytes) -> bytes:
    assert old in raw
    return raw.replace(old, new)


def hostile() -> list[tuple[str, bytes, str, str]]:
    """What is offered, and what the refusal says (its code, and words of it)."""
    sealed = b"ARC-Seal: i=1; a=rsa-sha256; cv=none; d=list.example; s=a; b=YQ==\r\n"
    return [
        ("no signature", letter(), "550-5.7.20", "ne porte pas de signature DKIM de firm.example"),
        ("signed by a stranger", signed(letter(), "evil.example"), "550-5.7.22", "signe par evil.example"),
        ("signed by a subdomain", signed(letter(), "mail.firm.example"), "550-5.7.22", "signe par mail.firm.example"),
        ("another key", signed(letter(), bits=1024), "550-5.7.20", "n'est pas juste"),
        ("another body", signed(letter()) + b"PS\r\n", "550-5.7.20", "n'est pas juste"),
        ("another subject", spoiled(signed(letter()), b"Bonjour\r\nDate", b"Bonsoir\r\nDate"), "550-5.7.20", "juste"),
        ("resealed by a list", sealed + signed(letter()) + b"PS\r\n", "550-5.7.22", "sceaux ARC"),
        ("sealed only", sealed + letter(), "550-5.7.20", "ne porte pas"),
        ("no key there", signed(letter(), selector=b"s2"), "550-5.7.20", "absente du DNS"),
        ("To not signed", signed(letter(), names=NAMES[:1] + NAMES[2:]), "550-5.7.21", "doit couvrir"),
        ("a part signed", signed(letter(), length=True), "550-5.7.21", "l="),
        ("not to us", signed(letter(to="list@firm.example")), "550-5.7.1", "Mettez mail@gw.example"),
        ("yesterday's", signed(letter(late_ms=25 * HOUR)), "550-5.7.1", "24 heures"),
        ("tomorrow's", signed(letter(late_ms=-25 * HOUR)), "550-5.7.1", "24 heures"),
        ("no Message-ID", signed(letter(message_id="")), "550-5.7.1", "pas de Message-ID"),
        ("a second Subject", twice("Subject"), "550-5.7.1", "deux fois le meme champ (subject)"),
        ("a second To", twice("to"), "550-5.7.1", "(to)"),
        ("a second type", b"Content-Type: a/b\r\n" * 2 + signed(letter()), "550-5.7.1", "(content-type)"),
        ("a second From", twice("From"), "550-5.7.1", "une seule fois"),
        ("a line that is no field", b"nonsense\r\n" + signed(letter()), "550-5.7.1", "RFC 5322"),
        ("a list's", signed(letter(more="List-Id: <a.b>\r\n")), "550-5.7.1", "Message automatique"),
        ("an automatic one", signed(letter(more="Auto-Submitted: auto-replied\r\n")), "550-5.7.1", "automatique"),
        ("bulk", signed(letter(more="Precedence: bulk\r\n")), "550-5.7.1", "automatique"),
        ("undeclared", signed(letter(author="eve@firm.example")), "550-5.7.1", "n'est pas un expediteur declare"),
    ]  # fmt: skip


@pytest.mark.parametrize(("what", "raw", "code", "words"), hostile())
async def test_what_proves_nothing_is_refused_in_the_dialogue(
    tmp_path: Path, what: str, raw: bytes, code: str, words: str
) -> None:
    async with house(tmp_path, trusted_networks=[]) as made:
        said = await send(made, raw)
        assert said.startswith(code), said
        assert words in said.replace(f"\n{code} ", " "), said
        assert said.isascii()
        assert made.spool.pending() == []
        async with made.database.read() as conn:
            assert not await proved.stale(conn, now_ms() + 40 * 86_400_000)  # no Message-ID was spent


async def test_a_bounce_starts_nothing(tmp_path: Path) -> None:
    async with house(tmp_path, trusted_networks=[]) as made:
        assert "automatique" in await send(made, signed(letter()), sender="")


async def test_who_is_no_sender_costs_no_lookup(tmp_path: Path) -> None:
    async with house(tmp_path, trusted_networks=[]) as made:
        await send(made, signed(letter(author="eve@evil.example"), "evil.example"))
        assert made.dns.asked == []


async def test_signatures_looked_up_are_few(tmp_path: Path) -> None:
    raw = letter()
    for n in range(30):
        raw = signed(raw, selector=f"x{n}".encode())
    async with house(tmp_path, trusted_networks=[]) as made:
        assert "absente du DNS" in await send(made, raw)
        assert len(made.dns.asked) == 3


async def test_the_second_signature_may_hold(tmp_path: Path) -> None:
    async with house(tmp_path, trusted_networks=[]) as made:
        raw = signed(signed(signed(letter()), "esp.example"), selector=b"gone")
        assert (await send(made, raw)).startswith("250")


@pytest.mark.parametrize("silent", [True, False])
async def test_trouble_with_dns_is_no_verdict(tmp_path: Path, silent: bool) -> None:
    async with house(tmp_path, trusted_networks=[]) as made:
        raw = signed(signed(letter()), selector=b"away")
        made.dns.silent.add("away._domainkey.firm.example")
        if silent:
            made.dns.silent.add("s1._domainkey.firm.example")
        said = await send(made, raw)
        assert said.startswith("451-4.7.5" if silent else "250"), said
        made.dns.silent.clear()
        assert (await send(made, raw)).startswith("250")


async def test_the_same_mail_again_and_its_like(tmp_path: Path) -> None:
    async with house(tmp_path, trusted_networks=[]) as made:
        raw = signed(letter())
        for _ in range(SAME_AGAIN):  # a server that never saw the 250 offers it again: intake knows the campaign
            assert (await send(made, b"Received: from a by b; today\r\n" + raw)).startswith("250")
        said = await send(made, raw)
        assert said.startswith("550-5.7.1 Ce message a deja ete recu plusieurs fois")
        other = await send(made, signed(letter(body="Autre\r\n")))
        assert other.startswith("550-5.7.1 Un autre message portant le meme Message-ID")
        assert len(made.spool.pending()) == SAME_AGAIN


async def test_both_of_two_at_once_cannot_be_new(tmp_path: Path) -> None:
    async with house(tmp_path, trusted_networks=[]) as made:
        mails = [signed(letter(body=f"{n}\r\n")) for n in range(4)]
        said = await asyncio.gather(*(send(made, raw) for raw in mails))
        assert sorted(one[:3] for one in said) == ["250", "550", "550", "550"]


async def test_a_message_id_is_spent_by_what_got_its_250(tmp_path: Path) -> None:
    async with house(tmp_path, trusted_networks=[]) as made:
        (tmp_path / "spool" / "tmp").rmdir()
        assert (await send(made, signed(letter()))).startswith("451-4.3.0")
        (tmp_path / "spool" / "tmp").mkdir()
        assert (await send(made, signed(letter(body="Corrected\r\n")))).startswith("250")


async def test_a_message_id_is_remembered_for_30_days(tmp_path: Path) -> None:
    async with house(tmp_path, trusted_networks=[]) as made:
        day = 86_400_000
        async with made.database.write() as conn:
            now = now_ms()
            assert await proved.claim(conn, 1, "<a@b>", b"x", now - 31 * day) is proved.Claim.NEW
            assert await proved.claim(conn, 2, "<a@b>", b"y", now) is proved.Claim.NEW  # another account
            assert await proved.stale(conn, now)
            assert await proved.claim(conn, 1, "<a@b>", b"y", now) is proved.Claim.NEW
            assert await proved.claim(conn, 1, "<c@d>", b"x", now - 29 * day) is proved.Claim.NEW
            assert await proved.claim(conn, 1, "<c@d>", b"z", now) is proved.Claim.OTHER
            assert (await proved.sweep(conn, now), await proved.sweep(conn, now + 2 * day)) == (0, 1)


async def test_relaxed_alignment_is_for_accounts_that_allow_it(tmp_path: Path) -> None:
    async with house(tmp_path, trusted_networks=[]) as made:
        made.dns.put("s1._domainkey.mail.firm.example", "TXT", record())
        made.dns.put("s1._domainkey.example", "TXT", record())
        raw = signed(letter(), "mail.firm.example")
        assert "signe par mail.firm.example" in await send(made, raw)
        async with made.database.write() as conn:
            await proved.set_rules(conn, made.account, Rules(relaxed=True))
        assert (await send(made, raw)).startswith("250")
        assert "signe par other.example" in await send(made, signed(letter(2), "other.example"))


SPF = [
    ("v=spf1 ip4:127.0.0.1 -all", "anne@firm.example", True, "250 2.0.0"),
    ("v=spf1 ip4:127.0.0.1 -all", "anne@firm.example", False, "550-5.7.20"),  # not without the account's leave
    ("v=spf1 ip4:192.0.2.1 -all", "anne@firm.example", True, "550-5.7.23"),
    ("v=spf1 ~all", "anne@firm.example", True, "550-5.7.23"),
    ("v=spf1 ?all", "anne@firm.example", True, "550-5.7.23"),
    ("v=spf1 +all", "anne@firm.example", True, "550-5.7.23"),  # everybody may: that proves nothing
    ("v=spf1 include:away.example -all", "anne@firm.example", True, "451-4.7.5"),
    ("v=spf1 ip4:127.0.0.1 -all", "anne@mail.firm.example", True, "550-5.7.20"),
    ("v=spf1 ip4:127.0.0.1 -all", "anne@esp.example", True, "550-5.7.20"),
]


@pytest.mark.parametrize(("text", "sender", "allowed", "code"), SPF)
async def test_spf_where_the_account_allows_it(
    tmp_path: Path, text: str, sender: str, allowed: bool, code: str
) -> None:
    async with house(tmp_path, trusted_networks=[]) as made:
        for domain in ("firm.example", "mail.firm.example", "esp.example"):
            made.dns.put(domain, "TXT", text)
        made.dns.silent.add("away.example")
        async with made.database.write() as conn:
            await proved.set_rules(conn, made.account, Rules(spf=allowed))
        said = await send(made, letter(), sender=sender)
        assert said.startswith(code), said
        if code.startswith("250"):
            assert made.spool.load(made.spool.pending()[0])[0].proof == "spf"
            assert "Un autre message" in await send(made, letter(body="Autre\r\n"), sender=sender)
            assert "dans le champ A (To)" in await send(made, letter(2, to="x@y.example"), sender=sender)


async def test_a_domain_with_accents(tmp_path: Path) -> None:
    async with house(tmp_path, trusted_networks=[]) as made:
        made.dns.put("s1._domainkey.xn--caf-dma.example", "TXT", record())
        async with made.database.write() as conn:
            await accounts.declare_sender(conn, made.account, "anne@xn--caf-dma.example", "Anne", 1, 1)
        for number, author in enumerate(("anne@café.example", "Anne <ANNE@CAFÉ.example>", "anne@XN--caf-dma.example")):
            raw = signed(letter(number, author=author), "xn--caf-dma.example")
            assert (await send(made, raw)).startswith("250"), author


async def test_relaxed_spf(tmp_path: Path) -> None:
    async with house(tmp_path, trusted_networks=[]) as made:
        made.dns.put("bounce.firm.example", "TXT", "v=spf1 ip4:127.0.0.0/8 -all")
        async with made.database.write() as conn:
            await proved.set_rules(conn, made.account, Rules(relaxed=True, spf=True))
        assert (await send(made, letter(), sender="x@bounce.firm.example")).startswith("250")


async def test_a_peer_that_forges_waits(tmp_path: Path) -> None:
    async with house(tmp_path, trusted_networks=[]) as made:
        for _ in range(30):
            made.limits.forgeries.count("127.0.0.1")
        assert (await send(made, signed(letter()))).startswith("450-4.7.1")
        client = await mx(made)
        assert (await client.mail(letter(), "fbl@gw.example")).startswith("250")  # what comes back still comes


async def test_a_suspended_account_is_told(tmp_path: Path) -> None:
    async with house(tmp_path, trusted_networks=[]) as made:
        async with made.database.write() as conn:
            await accounts.suspend(conn, made.account, True)
        assert "suspendu" in await send(made, signed(letter()))


async def test_strangers_get_half_of_the_memory(tmp_path: Path) -> None:
    async with house(tmp_path, trusted_networks=[], memory_budget=20_000) as made:
        raw = signed(letter(body="x" * 70 + "\r\n" + ("y" * 70 + "\r\n") * 150))
        assert (await send(made, raw)).startswith("452-4.3.1")
        assert made.limits._strangers == made.limits.held_bytes == 0
    async with house(tmp_path / "known", memory_budget=20_000) as made:
        assert (await send(made, raw)).startswith("250")


async def test_over_a_real_resolver(tmp_path: Path) -> None:
    """The same with questions on the wire: an answer in two strings, NXDOMAIN, and a server that is silent."""
    server = dns.Server(dns.zone("gw.example", {"s1._domainkey.firm.example": record()}))
    await server.start()
    silent = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    silent.bind(("127.0.0.1", 0))
    for place, says in ((server.port, "250 2.0.0"), (silent.getsockname()[1], "451-4.7.5")):
        resolver = Resolver([f"127.0.0.1:{place}"], timeout=0.3)
        async with house(tmp_path / str(place), resolver, trusted_networks=[]) as made:
            assert (await send(made, signed(letter()))).startswith(says)
        await resolver.close()
    silent.close()
    await server.stop()


async def test_every_weakness_has_its_sentence() -> None:
    from gateway.smtp.refusals import reply

    for weak in Weakness:
        said = reply(550, "5.7.20", f"proof_{weak.value}", "ways", address="a@b", detail="b", domain="gw.example")
        assert said.isascii()
        assert "587" in said
    assert key().key_size == 2048
