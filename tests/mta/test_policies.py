"""MTA-STS policies fetched over real HTTPS on loopback: kept, renewed, shared, and never lost to an attacker."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import trustme
from tls_kit import issue

from mail.fetch import Client
from mail.resolver import Addresses, DnsTrouble, NoDomain, Resolver
from mta.policies import PATH, Policies
from mta.security import Fault, Flaw, Policy, Seen
from parsers.mta_sts import MAX_BODY, Mode, StsPolicy
from store import tls
from store.engine import Database

CA = trustme.CA()
DAY = 86_400_000
BODY = b"version: STSv1\r\nmode: enforce\r\nmx: *.acme.test\r\nmax_age: 604800\r\n"
ENFORCE = StsPolicy(Mode.ENFORCE, ("*.acme.test",), 604_800)


@dataclass
class World(Resolver):
    """The DNS, the policy server and the clock of one domain."""

    texts_: tuple[str, ...] | DnsTrouble = ("v=STSv1; id=1;",)
    ip: str = "127.0.0.1"
    now: int = 1_790_000_000_000
    status: bytes = b"200 OK"
    kind: bytes = b"text/plain; charset=utf-8"
    body: bytes = BODY
    port: int = 0
    fetched: list[bytes] = field(default_factory=list)
    told: list[Seen] = field(default_factory=list)

    async def texts(self, name: str) -> tuple[str, ...] | DnsTrouble:
        return self.texts_ if name == "_mta-sts.acme.test" else ()

    async def addresses(self, host: str) -> Addresses | NoDomain | DnsTrouble:
        return Addresses((self.ip,)) if host == "mta-sts.acme.test" and self.ip else Addresses((), ("10.0.0.1",))

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            self.fetched.append((await reader.readuntil(b"\r\n\r\n")).split(b"\r\n")[0])
            head = b"HTTP/1.1 %s\r\nContent-Type: %s\r\nContent-Length: %d\r\n" % (
                self.status,
                self.kind,
                len(self.body),
            )
            writer.write(head + b"Location: https://mta-sts.acme.test/else\r\n\r\n" + self.body)
            await writer.drain()
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    def note(self, domains: Sequence[str], seen: Seen) -> None:
        assert list(domains) == ["acme.test"]
        self.told.append(seen)

    def policies(self, db: Database, ca_file: Path) -> Policies:
        return Policies(self, Client(self, ca_file, self.port, 5.0), db, self.note, lambda: self.now)


@pytest.fixture
async def world() -> AsyncIterator[World]:
    made = World()
    names = issue(CA, "mta-sts.acme.test")
    server = await asyncio.start_server(made.serve, "127.0.0.1", 0, ssl=names.context())
    made.port = server.sockets[0].getsockname()[1]
    yield made
    server.close()


@pytest.fixture
def ca_file(tmp_path: Path) -> Path:
    CA.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    return tmp_path / "ca.pem"


async def test_a_policy_is_fetched_once(world: World, db: Database, ca_file: Path) -> None:
    policies = world.policies(db, ca_file)
    assert await asyncio.gather(*(policies.of("acme.test") for _ in range(5))) == [ENFORCE] * 5
    assert await policies.of("acme.test") == ENFORCE
    assert world.fetched == [f"GET {PATH} HTTP/1.1".encode()]
    assert await policies.of("other.test") is None


async def test_processes_share_what_they_fetch(world: World, db: Database, ca_file: Path) -> None:
    await world.policies(db, ca_file).of("acme.test")
    world.texts_ = ()  # the record is gone or hidden: the policy holds (RFC 8461 section 5.1)
    other = world.policies(db, ca_file)
    assert await other.of("acme.test") == ENFORCE
    assert len(world.fetched) == 1
    world.now += 604_800_000
    assert await other.of("acme.test") is None


async def test_what_others_fetched_is_seen_after_a_while(world: World, db: Database, ca_file: Path) -> None:
    here, there = world.policies(db, ca_file), world.policies(db, ca_file)
    world.texts_ = ()
    assert await here.of("acme.test") is None
    world.texts_ = ("v=STSv1; id=1;",)
    await there.of("acme.test")
    world.texts_ = ()
    world.now += 600_000
    assert await here.of("acme.test") == ENFORCE
    assert len(world.fetched) == 1


async def test_a_new_id_brings_a_new_policy(world: World, db: Database, ca_file: Path) -> None:
    policies = world.policies(db, ca_file)
    await policies.of("acme.test")
    world.body, world.texts_ = BODY.replace(b"enforce", b"testing"), ("v=STSv1; id=2;",)
    found = await policies.of("acme.test")
    assert found is not None and found.mode is Mode.TESTING
    async with db.read() as conn:
        [row] = await tls.policies(conn, world.now)
    assert (row.policy_id, row.expires_at) == ("2", world.now + 604_800_000)


async def test_a_policy_is_renewed_daily_and_nobody_waits(world: World, db: Database, ca_file: Path) -> None:
    policies = world.policies(db, ca_file)
    await policies.of("acme.test")
    world.now += DAY + 1
    assert await policies.of("acme.test") == ENFORCE
    async with asyncio.timeout(60):
        while len(world.fetched) < 2 or policies._fetching:
            await asyncio.sleep(0.01)
    world.now += 6 * DAY + 1  # past the end that the first fetch gave it
    assert await policies.of("acme.test") == ENFORCE
    await policies.close()


@pytest.mark.parametrize(
    ("changes", "fault", "reason"),
    [
        ({"status": b"404 Not Found"}, Fault.STS_FETCH, "HTTP 404"),
        ({"status": b"302 Found"}, Fault.STS_FETCH, "HTTP 302"),
        ({"status": b"500 Oops"}, Fault.STS_FETCH, "HTTP 500"),
        ({"kind": b"text/html"}, Fault.STS_INVALID, "not text/plain"),
        ({"body": b"<html>"}, Fault.STS_INVALID, "a line is no field"),
        ({"body": b"x" * (MAX_BODY + 1)}, Fault.STS_FETCH, "too large"),
        ({"ip": "127.0.0.5"}, Fault.STS_FETCH, "no connection"),
        ({"ip": ""}, Fault.STS_FETCH, "address not allowed"),
    ],
)
async def test_failures_keep_the_old_policy_and_are_told(
    world: World, db: Database, ca_file: Path, changes: dict[str, object], fault: Fault, reason: str
) -> None:
    fresh = {name: getattr(world, name) for name in changes}
    for name, value in changes.items():
        setattr(world, name, value)
    policies = world.policies(db, ca_file)
    assert await policies.of("acme.test") is None
    assert [(seen.policy, seen.flaw) for seen in world.told] == [(Policy.STS, Flaw(fault, reason))]
    asked = len(world.fetched)
    assert await policies.of("acme.test") is None
    assert len(world.fetched) == asked and len(world.told) == 1  # not again for five minutes
    for name, value in fresh.items():
        setattr(world, name, value)
    world.now += 300_000
    assert await policies.of("acme.test") == ENFORCE
    for name, value in changes.items():
        setattr(world, name, value)
    world.texts_ = ("v=STSv1; id=3;",)
    assert await policies.of("acme.test") == ENFORCE
    assert len(world.told) == 2


async def test_a_wrong_certificate_is_no_policy(world: World, db: Database, tmp_path: Path) -> None:
    trustme.CA().cert_pem.write_to_path(str(tmp_path / "other.pem"))
    assert await world.policies(db, tmp_path / "other.pem").of("acme.test") is None
    assert [seen.flaw.fault for seen in world.told if seen.flaw] == [Fault.STS_WEB]
    assert world.fetched == []


async def test_dns_trouble_changes_nothing(world: World, db: Database, ca_file: Path) -> None:
    policies = world.policies(db, ca_file)
    await policies.of("acme.test")
    world.texts_ = DnsTrouble("SERVFAIL")
    assert await policies.of("acme.test") == ENFORCE
    assert await policies.of("other.test") is None
