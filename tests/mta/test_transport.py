"""What servers must prove, over real TLS on loopback: every downgrade that somebody on the way could try."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import trustme
from tls_kit import DAY, MailServer, Server, issue, tlsa

from mail.resolver import Addresses, DnsTrouble, MailDomain, Mx, NoDomain, Resolver
from mail.resolver_dnssec import Tlsa, Tlsas
from mta.certificates import Authorities
from mta.guard import Guard
from mta.retry import judge, story
from mta.security import MX_MISMATCH, TLSA_MISMATCH, Fault, Flaw, Policy, Seen
from mta.session import Dialling, Failed, Opened, close_session, open_session, weigh
from mta.sites import Atlas, Site
from mta.values import Insecure, Outcome
from parsers.classify import ReplyClass
from parsers.mta_sts import Mode, StsPolicy
from store.states import Event

ROOT = trustme.CA()
GOOD = issue(ROOT, "mx.acme.test")
SELF_SIGNED = issue(trustme.CA(), "mx.acme.test")
EXPIRED = issue(ROOT, "mx.acme.test", age=9 * DAY, left=-DAY)
WRONG_NAME = issue(ROOT, "mx.evil.test")
ENFORCE = StsPolicy(Mode.ENFORCE, ("mx.acme.test", "*.backup.test"), 86_400)


class Dns(Resolver):
    """The DNS as a table."""

    def __init__(self) -> None:
        self.mx = Mx(((10, "mx.acme.test"),))
        self.ips = {"mx.acme.test": "127.0.0.2", "mx2.acme.test": "127.0.0.3", "b.backup.test": "127.0.0.3"}
        self.records: dict[str, Tlsas | DnsTrouble] = {}

    async def mail_domain(self, domain: str) -> MailDomain:
        return self.mx

    async def addresses(self, host: str) -> Addresses | NoDomain | DnsTrouble:
        return Addresses((self.ips[host],))

    async def tlsa(self, host: str, port: int) -> Tlsas | DnsTrouble:
        return self.records.get(host, Tlsas())


@dataclass
class World:
    """One domain with its servers, and what was counted."""

    authorities: Authorities
    dns: Dns = field(default_factory=Dns)
    policy: StsPolicy | None = None
    must: Callable[[str], bool] | None = None
    seen: list[tuple[tuple[str, ...], Seen]] = field(default_factory=list)
    servers: list[MailServer] = field(default_factory=list)
    port: int = 0
    site: Site | Outcome | None = None

    async def server(self, made: Server | None, ip: str = "127.0.0.2", **options: object) -> MailServer:
        one = MailServer(None if made is None else made.context(), **options)  # type: ignore[arg-type]
        self.port = await one.start(ip, self.port)
        self.servers.append(one)
        return one

    async def send(self, *domains: str) -> Opened | Failed | Outcome:
        """What comes of the first host that answers, as the pool tries them."""

        async def sts(_domain: str) -> StsPolicy | None:
            return self.policy

        def told(served: Sequence[str], seen: Seen) -> None:
            self.seen.append((tuple(served), seen))

        guard = Guard(self.dns, self.authorities, sts, told, self.must)
        atlas = Atlas(self.dns, {}, self.port, guard)
        for domain in domains or ("acme.test",):
            self.site = await atlas.locate(domain)
        if not isinstance(self.site, Site):
            assert self.site is not None
            return self.site
        targets = await atlas.targets(self.site)
        if not isinstance(targets, list):
            return targets
        failures = []
        for target in targets:
            result = await open_session(target, Dialling("client.test", connect_timeout=5.0, reply_timeout=5.0))
            if isinstance(result, Opened):
                await close_session(result)
                return result
            failures.append(result)
        return weigh(failures)

    @property
    def flaws(self) -> list[tuple[Policy, str, Flaw | None]]:
        return [(seen.policy, seen.host, seen.flaw) for _, seen in self.seen]


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    ROOT.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    made = World(Authorities(tmp_path / "ca.pem"))
    yield made
    for one in made.servers:
        one.stop()


def proof(result: Opened | Failed | Outcome) -> str:
    assert isinstance(result, Opened), result
    assert result.contact.certificate is not None
    return result.contact.certificate["proof"]


def withheld(result: Opened | Failed | Outcome, server: MailServer, by: str, fault: Fault, reason: str = "") -> None:
    outcome = result.outcome if isinstance(result, Failed) else result
    assert outcome == Insecure(by, Flaw(fault, reason))
    # nothing but the way to TLS was said, and nothing at all inside it
    assert not {line[:4] for line in server.plain} & {b"MAIL", b"RCPT", b"DATA", b"AUTH"}
    assert server.secret == []


# --- nobody asks for anything ---


@pytest.mark.parametrize(
    ("made", "expected"), [(GOOD, "pkix"), (SELF_SIGNED, "none"), (EXPIRED, "none"), (WRONG_NAME, "none")]
)
async def test_opportunistic_never_blocks_and_says_what_it_saw(world: World, made: Server, expected: str) -> None:
    server = await world.server(made)
    result = await world.send()
    assert proof(result) == expected
    assert isinstance(result, Opened)
    assert result.contact.tls.startswith("TLSv1.3 ")
    assert len((result.contact.certificate or {})["sha256"]) == 64
    assert server.names == ["mx.acme.test"]
    assert world.flaws == [(Policy.NONE, "mx.acme.test", None)]


@pytest.mark.parametrize(
    ("options", "fault"),
    [({"offers": False}, Fault.NO_STARTTLS), ({"starttls": b"454 4.7.0 not now\r\n"}, Fault.NO_STARTTLS),
     ({"starttls": b"220 nonsense follows\r\nnonsense\r\n"}, Fault.HANDSHAKE)],
)  # fmt: skip
async def test_opportunistic_goes_on_in_the_clear(world: World, options: dict[str, object], fault: Fault) -> None:
    nonsense = fault is Fault.HANDSHAKE
    server = await world.server(GOOD, **options)
    if nonsense:
        server.context = None
        server.offers = True
    result = await world.send()
    assert isinstance(result, Opened)
    assert (result.contact.tls, result.contact.certificate) == ("", None)
    assert world.flaws == [(Policy.NONE, "mx.acme.test", Flaw(fault))]


async def test_a_provider_may_demand_encryption(world: World) -> None:
    world.must = lambda host: host == "mx.acme.test"
    server = await world.server(SELF_SIGNED)
    assert proof(await world.send()) == "none"
    server.offers = False
    server.secret.clear()
    withheld(await world.send(), server, "provider", Fault.NO_STARTTLS)


# --- MTA-STS ---


async def test_sts_enforced_and_kept(world: World) -> None:
    world.policy = ENFORCE
    await world.server(GOOD)
    assert proof(await world.send()) == "sts"
    assert world.flaws == [(Policy.STS, "mx.acme.test", None)]


@pytest.mark.parametrize(
    ("made", "options", "fault"),
    [
        (SELF_SIGNED, {}, Fault.UNTRUSTED),
        (EXPIRED, {}, Fault.EXPIRED),
        (WRONG_NAME, {}, Fault.WRONG_NAME),
        (GOOD, {"offers": False}, Fault.NO_STARTTLS),
        (None, {}, Fault.NO_STARTTLS),
        (GOOD, {"starttls": b"454 4.7.0 not now\r\n"}, Fault.NO_STARTTLS),
        (GOOD, {"starttls": b"502 5.5.1 what?\r\n"}, Fault.NO_STARTTLS),
    ],
)
async def test_sts_enforced_and_broken(
    world: World, made: Server | None, options: dict[str, object], fault: Fault
) -> None:
    world.policy = ENFORCE
    server = await world.server(made, **options)
    result = await world.send()
    withheld(result, server, "sts", fault)
    assert world.flaws == [(Policy.STS, "mx.acme.test", Flaw(fault))]
    assert isinstance(result, Failed)
    verdict = judge(result.outcome)
    assert (verdict.event, verdict.reply_class) == (Event.TEMPFAILED, ReplyClass.INSECURE)
    told = story(result.outcome, result.contact, verdict.reply_class)
    assert (told["stage"], told["why"], told["asked_by"]) == ("starttls", fault.value, "sts")
    assert ("certificate" in told) is (fault in (Fault.UNTRUSTED, Fault.EXPIRED, Fault.WRONG_NAME))


async def test_sts_handshake_that_fails_is_no_way_around(world: World) -> None:
    world.policy = ENFORCE
    server = await world.server(None, starttls=b"220 go\r\nnonsense\r\n")
    server.offers = True
    result = await world.send()
    withheld(result, server, "sts", Fault.HANDSHAKE)
    assert len([line for line in server.plain if line.startswith(b"EHLO")]) == 1  # it was not dialled again


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
async def test_sts_takes_no_tls_before_1_2(world: World) -> None:
    world.policy = ENFORCE
    server = await world.server(GOOD)
    assert server.context is not None
    server.context.set_ciphers("ALL:@SECLEVEL=0")
    server.context.minimum_version = ssl.TLSVersion.TLSv1
    server.context.maximum_version = ssl.TLSVersion.TLSv1_1
    withheld(await world.send(), server, "sts", Fault.HANDSHAKE)


async def test_sts_goes_on_to_the_next_host(world: World) -> None:
    world.policy = ENFORCE
    world.dns.mx = Mx(((10, "mx.acme.test"), (20, "b.backup.test")))
    first = await world.server(SELF_SIGNED)
    await world.server(issue(ROOT, "b.backup.test"), "127.0.0.3")
    result = await world.send()
    assert isinstance(result, Opened) and result.contact.host == "b.backup.test"
    assert first.secret == []


async def test_sts_hosts_outside_the_policy_get_no_mail(world: World) -> None:
    world.policy = ENFORCE
    world.dns.mx = Mx(((10, "mx2.acme.test"), (20, "mx.acme.test")))  # the first: a forged MX record
    forged = await world.server(issue(ROOT, "mx2.acme.test"), "127.0.0.3")
    await world.server(GOOD)
    result = await world.send()
    assert isinstance(result, Opened) and result.contact.host == "mx.acme.test"
    assert forged.plain == []
    assert (Policy.STS, "mx2.acme.test", Flaw(Fault.HANDSHAKE, MX_MISMATCH)) in world.flaws
    world.dns.mx = Mx(((10, "mx2.acme.test"),))
    withheld(await world.send(), forged, "sts", Fault.HANDSHAKE, MX_MISMATCH)
    assert forged.plain == []


@pytest.mark.parametrize(
    ("made", "flaw"), [(GOOD, None), (EXPIRED, Flaw(Fault.EXPIRED)), (None, Flaw(Fault.NO_STARTTLS))]
)
async def test_sts_in_testing_delivers_and_tells(world: World, made: Server | None, flaw: Flaw | None) -> None:
    world.policy = StsPolicy(Mode.TESTING, ENFORCE.mx, 86_400)
    await world.server(made)
    assert isinstance(await world.send(), Opened)
    assert world.flaws == [(Policy.STS, "mx.acme.test", flaw)]


async def test_sts_in_testing_tells_of_unlisted_hosts(world: World) -> None:
    world.policy = StsPolicy(Mode.TESTING, ("other.test",), 86_400)
    await world.server(GOOD)
    assert proof(await world.send()) == "pkix"
    assert world.flaws == [(Policy.STS, "mx.acme.test", Flaw(Fault.HANDSHAKE, MX_MISMATCH))]


async def test_sts_mode_none_asks_for_nothing(world: World) -> None:
    world.policy = StsPolicy(Mode.NONE, (), 86_400)
    await world.server(None)
    assert isinstance(await world.send(), Opened)


# --- DANE ---


def records(world: World, *tlsas: Tlsa) -> None:
    world.dns.mx = Mx(world.dns.mx.hosts, secure=True)
    world.dns.records["mx.acme.test"] = Tlsas(tlsas, "mx.acme.test")


@pytest.mark.parametrize("made", [SELF_SIGNED, EXPIRED, WRONG_NAME, GOOD])
async def test_dane_trusts_the_record_alone(world: World, made: Server) -> None:
    records(world, tlsa(made.chain[0]))
    await world.server(made)
    assert proof(await world.send()) == "dane"
    assert world.flaws == [(Policy.TLSA, "mx.acme.test", None)]


async def test_dane_over_an_authority(world: World) -> None:
    records(world, tlsa(SELF_SIGNED.chain[-1], 2, 0, 1))
    server = await world.server(SELF_SIGNED)
    assert proof(await world.send()) == "dane"
    assert server.names == ["mx.acme.test"]


async def test_dane_certificate_swapped(world: World) -> None:
    records(world, tlsa(GOOD.chain[0]))
    server = await world.server(issue(ROOT, "mx.acme.test"))  # valid for every authority, and not the one
    withheld(await world.send(), server, "dane", Fault.HANDSHAKE, TLSA_MISMATCH)


@pytest.mark.parametrize("options", [{"offers": False}, {"starttls": b"454 4.7.0 not now\r\n"}])
async def test_dane_starttls_stripped(world: World, options: dict[str, object]) -> None:
    records(world, tlsa(GOOD.chain[0]))
    server = await world.server(GOOD, **options)
    withheld(await world.send(), server, "dane", Fault.NO_STARTTLS)


async def test_dane_records_that_cannot_be_used_still_mean_tls(world: World) -> None:
    records(world, tlsa(GOOD.chain[0], 1))
    server = await world.server(SELF_SIGNED)
    assert proof(await world.send()) == "none"
    assert world.flaws == [(Policy.TLSA, "mx.acme.test", Flaw(Fault.TLSA, "unusable"))]
    server.offers = False
    server.secret.clear()
    withheld(await world.send(), server, "dane", Fault.NO_STARTTLS)


async def test_dane_forged_answers_make_the_host_wait(world: World) -> None:
    records(world)
    world.dns.records["mx.acme.test"] = DnsTrouble("SERVFAIL")
    server = await world.server(GOOD)
    withheld(await world.send(), server, "dane", Fault.DNSSEC, "SERVFAIL")
    assert server.plain == []


async def test_dane_needs_proven_mx_records(world: World) -> None:
    records(world, tlsa(GOOD.chain[0]))
    world.dns.mx = Mx(world.dns.mx.hosts, secure=False)
    await world.server(SELF_SIGNED)
    assert proof(await world.send()) == "none"


async def test_dane_wins_over_sts(world: World) -> None:
    world.policy = ENFORCE
    records(world, tlsa(SELF_SIGNED.chain[0]))
    await world.server(SELF_SIGNED)  # no authority would vouch for it
    assert proof(await world.send()) == "dane"
    world.servers[0].stop()
    world.port = 0
    swapped = await world.server(GOOD)  # MTA-STS would be content
    withheld(await world.send(), swapped, "dane", Fault.HANDSHAKE, TLSA_MISMATCH)


async def test_sts_stands_in_where_dane_says_nothing_usable(world: World) -> None:
    world.policy = ENFORCE
    records(world)
    await world.server(GOOD)
    assert proof(await world.send()) == "sts"
    records(world, tlsa(GOOD.chain[0], 0))
    assert proof(await world.send()) == "sts"
    world.policy = StsPolicy(Mode.ENFORCE, ("other.test",), 86_400)
    server = world.servers[0]
    server.secret.clear()
    withheld(await world.send(), server, "sts", Fault.HANDSHAKE, MX_MISMATCH)


# --- sites ---


async def test_domains_that_ask_the_same_share_a_site(world: World) -> None:
    await world.server(GOOD)
    await world.send("acme.test", "acme.net")
    assert world.seen[0][0] == ("acme.test", "acme.net")
    opportunistic = world.site
    world.policy = ENFORCE
    await world.send("acme.org")
    assert opportunistic != world.site


async def test_reports_reach_a_domain_whose_tls_is_broken(world: World) -> None:
    world.policy = ENFORCE
    records(world, tlsa(GOOD.chain[0]))
    await world.server(EXPIRED)

    async def sts(_domain: str) -> StsPolicy | None:
        return world.policy

    atlas = Atlas(world.dns, {}, world.port, Guard(world.dns, world.authorities, sts))
    site = await atlas.locate("acme.test", guarded=False)
    assert isinstance(site, Site)
    targets = await atlas.targets(site)
    assert isinstance(targets, list)
    result = await open_session(targets[0], Dialling("client.test"))
    assert proof(result) == "none"
    assert isinstance(result, Opened)
    await close_session(result)
