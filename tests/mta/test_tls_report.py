"""TLS reports (RFC 8460): who wants one, what it says, that it is sent once, by mail and by post."""

from __future__ import annotations

import asyncio
import email
import email.policy
import gzip
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Annotated, Literal

import dkim
import pytest
import trustme
from hypothesis import given
from hypothesis import strategies as st
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, IPvAnyAddress
from sqlalchemy import select
from tls_kit import issue

from mail.dkim import Signer, dns_value, new_key
from mail.fetch import Client
from mail.resolver import Addresses, DnsTrouble, NoDomain, Resolver
from mail.resolver_dnssec import Tlsa, Tlsas
from mta import tls_report
from mta.security import Fault, Flaw, Policy, Seen
from mta.tls_ledger import DAY, Ledger
from mta.tls_report import Author
from mta.tls_reporter import Reporter, Ways
from store import tls
from store.engine import Database
from store.tables import notices
from store.tls import Counted, StsRow

TODAY = 20_800
NOON = TODAY * DAY + 12 * 3_600_000
AUTHOR = Author("gw.test", "postmaster@gw.test")
SIGNER = Signer("gw.test", "s1", new_key())
GOOD = Seen(Policy.STS, "mx.acme.test", "192.0.2.1", "198.51.100.1", None)
BAD = Seen(Policy.STS, "mx.acme.test", "192.0.2.1", "198.51.100.1", Flaw(Fault.EXPIRED, "why"))


# --- the schema of section 4.4, written down a second time ---


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Range(Strict):
    start: Annotated[AwareDatetime, Field(alias="start-datetime")]
    end: Annotated[AwareDatetime, Field(alias="end-datetime")]


class About(Strict):
    type: Annotated[Literal["tlsa", "sts", "no-policy-found"], Field(alias="policy-type")]
    string: Annotated[list[str] | None, Field(alias="policy-string")] = None
    domain: Annotated[str, Field(alias="policy-domain")]
    hosts: Annotated[list[str] | None, Field(alias="mx-host")] = None


class Summary(Strict):
    good: Annotated[int, Field(alias="total-successful-session-count", ge=0)]
    bad: Annotated[int, Field(alias="total-failure-session-count", ge=0)]


class Detail(Strict):
    result: Annotated[
        Literal[
            "starttls-not-supported", "certificate-host-mismatch", "certificate-expired", "certificate-not-trusted",
            "validation-failure", "tlsa-invalid", "dnssec-invalid", "dane-required", "sts-policy-fetch-error",
            "sts-policy-invalid", "sts-webpki-invalid",
        ],
        Field(alias="result-type"),
    ]  # fmt: skip
    source: Annotated[IPvAnyAddress | None, Field(alias="sending-mta-ip")] = None
    host: Annotated[str | None, Field(alias="receiving-mx-hostname")] = None
    helo: Annotated[str | None, Field(alias="receiving-mx-helo")] = None
    ip: Annotated[IPvAnyAddress | None, Field(alias="receiving-ip")] = None
    count: Annotated[int, Field(alias="failed-session-count", ge=1)]
    more: Annotated[str | None, Field(alias="additional-information")] = None
    reason: Annotated[str | None, Field(alias="failure-reason-code")] = None


class OnePolicy(Strict):
    policy: About
    summary: Summary
    details: Annotated[list[Detail], Field(alias="failure-details")] = []


class Report(Strict):
    organization: Annotated[str, Field(alias="organization-name")]
    dates: Annotated[Range, Field(alias="date-range")]
    contact: Annotated[str, Field(alias="contact-info")]
    id: Annotated[str, Field(alias="report-id")]
    policies: list[OnePolicy]


def test_the_schema_knows_what_others_send() -> None:
    one = {
        "organization-name": "Company-X", "contact-info": "sts-reporting@company-x.example",
        "date-range": {"start-datetime": "2016-04-01T00:00:00Z", "end-datetime": "2016-04-01T23:59:59Z"},
        "report-id": "5065427c-23d3-47ca-b6e0-946ea0e8c4be",
        "policies": [{
            "policy": {"policy-type": "sts", "policy-string": ["version: STSv1", "mode: testing"],
                       "policy-domain": "company-y.example", "mx-host": ["*.mail.company-y.example"]},
            "summary": {"total-successful-session-count": 5326, "total-failure-session-count": 303},
            "failure-details": [{"result-type": "certificate-expired", "sending-mta-ip": "2001:db8:abcd:0012::1",
                                 "receiving-mx-hostname": "mx1.mail.company-y.example", "failed-session-count": 100}],
        }],
    }  # fmt: skip
    Report.model_validate(one)


# --- counting ---


def test_sessions_are_counted_by_what_they_have_in_common() -> None:
    ledger = Ledger(lambda: NOON)
    for _ in range(3):
        ledger.note(["acme.test", "acme.net"], GOOD)
    ledger.note(["acme.test"], BAD)
    day = NOON // DAY
    good = Counted(day, "acme.test", "sts", "", "", "", "", "")
    bad = Counted(day, "acme.test", "sts", "mx.acme.test", "certificate-expired", "198.51.100.1", "192.0.2.1", "why")
    assert ledger.take() == {good: 3, good._replace(domain="acme.net"): 3, bad: 1}
    assert ledger.take() == {}


def test_what_is_counted_is_bounded() -> None:
    ledger = Ledger(lambda: NOON, most=10)
    for n in range(50):
        ledger.note([f"d{n}.test", "d0.test"], GOOD)
    counts = ledger.take()
    assert len(counts) == 10
    assert counts[Counted(NOON // DAY, "d0.test", "sts", "", "", "", "", "")] == 51


# --- whom to send it ---


@pytest.mark.parametrize(
    ("texts", "found"),
    [
        (["v=TLSRPTv1; rua=mailto:tls@acme.test"], ("tls@acme.test",)),
        (["v=TLSRPTv1;rua=mailto:a@x.test,https://r.test/v1"], ("a@x.test", "https://r.test/v1")),
        (["v=spf1", "v=TLSRPTv1 ; x=1; rua = mailto:a%2Bb@x.test?subject=x ;"], ("a+b@x.test",)),
        (["v=TLSRPTv1; rua=http://r.test/, ftp://x, mailto:a b@x, mailto:x@y@z, a@b"], ()),
        (["v=TLSRPTv1; rua=mailto:a@x.test%0D%0ABcc:b@x.test"], ()),
        (["v=TLSRPTv1; rua=mailto:a@x", "v=TLSRPTv1; rua=mailto:b@x"], ()),
        (["v=TLSRPTv1"], ()),
        ([], ()),
        (["v=TLSRPTv1; rua=" + ",".join(f"mailto:a{n}@x" for n in range(9))], tuple(f"a{n}@x" for n in range(5))),
    ],
)
def test_targets(texts: list[str], found: tuple[str, ...]) -> None:
    assert tls_report.targets(texts) == found


@given(st.lists(st.text(max_size=40), max_size=3))
def test_any_texts(texts: list[str]) -> None:
    for one in tls_report.targets([*texts, *(f"v=TLSRPTv1; rua=mailto:{text}" for text in texts[:1])]):
        assert "\r" not in one and "\n" not in one and " " not in one


@given(st.integers(0, 30_000), st.text(max_size=40))
def test_reports_are_spread_over_the_morning(day: int, domain: str) -> None:
    at = tls_report.due_at(day, domain, 0) - (day + 1) * DAY
    assert 15 * 60_000 <= at < 15 * 60_000 + 4 * 3_600_000
    assert tls_report.due_at(day, domain, NOON) == NOON + 3_600_000


# --- what it says ---

COUNTS = {
    Counted(20_799, "acme.test", "sts", "", "", "", "", ""): 40,
    Counted(20_799, "acme.test", "sts", "mx.acme.test", "certificate-expired", "198.51.100.1", "2001:db8::1", "why"): 3,
    Counted(20_799, "acme.test", "tlsa", "mx.acme.test", "", "", "", ""): 2,
    Counted(20_799, "acme.test", "sts", "", "sts-policy-fetch-error", "", "", "HTTP 404"): 1,
}


def test_the_document_keeps_to_the_schema() -> None:
    applied = {"sts": tls_report.Applied(("version: STSv1", "mode: enforce"), ("*.acme.test",))}
    made = tls_report.document(20_799, "acme.test", COUNTS, applied, AUTHOR)
    report = Report.model_validate_json(gzip.decompress(tls_report.packed(made)))
    assert (report.organization, report.contact) == ("gw.test", "postmaster@gw.test")
    assert (report.dates.end - report.dates.start).total_seconds() == 86_399
    assert int(report.dates.start.timestamp() * 1000) == 20_799 * DAY
    sts, tlsa = report.policies
    assert (sts.policy.type, sts.policy.domain, sts.policy.hosts) == ("sts", "acme.test", ["*.acme.test"])
    assert (sts.summary.good, sts.summary.bad) == (40, 4)
    assert sum(one.count for one in sts.details) == 4
    assert [one.reason for one in sts.details] == ["HTTP 404", "why"]
    assert (tlsa.policy.type, tlsa.summary.good, tlsa.details) == ("tlsa", 2, [])
    assert tls_report.packed(made) == tls_report.packed(made)


def test_the_mail_that_carries_it() -> None:
    body = tls_report.packed(tls_report.document(20_799, "acme.test", COUNTS, {}, AUTHOR))
    raw = tls_report.message(20_799, "acme.test", "tls@acme.test", body, AUTHOR, NOON, SIGNER)
    record = f"{dns_value(SIGNER)}".encode()
    assert dkim.DKIM(raw).verify(dnsfunc=lambda name, timeout=0: record)
    mail = email.message_from_bytes(raw, policy=email.policy.SMTP)
    assert mail["TLS-Report-Domain"] == "acme.test"
    assert mail["TLS-Report-Submitter"] == "gw.test"
    assert mail["Subject"].startswith("Report Domain: acme.test Submitter: gw.test Report-ID: <2026-")
    assert mail.get_content_type() == "multipart/report"
    assert mail["Content-Type"].params["report-type"] == "tlsrpt"
    assert "tls-report-domain" in mail["DKIM-Signature"].lower()
    text, report = mail.iter_parts()
    assert text.get_content_type() == "text/plain"
    assert report.get_content_type() == "application/tlsrpt+gzip"
    assert report.get_filename() == f"gw.test!acme.test!{20_799 * 86_400}!{20_800 * 86_400 - 1}.json.gz"
    assert report.get_content() == body
    assert tls_report.is_report(raw)
    assert not tls_report.is_report(b"Subject: x\r\n\r\n\r\nTLS-Report-Domain: a\r\n")
    assert max(map(len, raw.split(b"\r\n"))) <= 998


# --- that it is sent, once ---


class World(Resolver):
    """Two domains that want reports, one that does not; the post box of one."""

    def __init__(self) -> None:
        self.rua = {"_smtp._tls.acme.test": ("v=TLSRPTv1; rua=mailto:tls@acme.test",),
                    "_smtp._tls.post.test": ("v=TLSRPTv1; rua=https://post.test/in",)}  # fmt: skip
        self.trouble = False
        self.status = b"201 Created"
        self.posted: list[bytes] = []
        self.port = 0

    async def texts(self, name: str) -> tuple[str, ...] | DnsTrouble:
        return DnsTrouble("timeout") if self.trouble else self.rua.get(name, ())

    async def addresses(self, host: str) -> Addresses | NoDomain | DnsTrouble:
        return Addresses(("127.0.0.1",))

    async def tlsa(self, host: str, port: int) -> Tlsas | DnsTrouble:
        return Tlsas((Tlsa(3, 1, 1, b"\xab" * 32),), host)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            size = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
            self.posted.append(head + await reader.readexactly(size))
            writer.write(b"HTTP/1.1 %s\r\nContent-Length: 0\r\n\r\n" % self.status)
            await writer.drain()
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()


@pytest.fixture
async def world() -> AsyncIterator[World]:
    made = World()
    server = await asyncio.start_server(made.serve, "127.0.0.1", 0, ssl=issue(CA, "post.test").context())
    made.port = server.sockets[0].getsockname()[1]
    yield made
    server.close()


CA = trustme.CA()


class Clock:
    def __init__(self, now: int) -> None:
        self.now = now

    def __call__(self) -> int:
        return self.now


def reporter(world: World, db: Database, clock: Clock, tmp_path: Path) -> tuple[Reporter, Ledger]:
    CA.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    ledger = Ledger(clock)
    client = Client(world, tmp_path / "ca.pem", world.port, 5.0)
    return Reporter(ledger, db, Ways(world, client, SIGNER, AUTHOR), clock), ledger


async def queued(db: Database) -> list[tuple[str, bytes]]:
    async with db.read() as conn:
        return [(row.address, bytes(row.raw)) for row in await conn.execute(select(notices.c.address, notices.c.raw))]


async def test_yesterday_is_reported_once_by_whom_ever(world: World, db: Database, tmp_path: Path) -> None:
    clock = Clock(NOON - DAY)
    one, ledger = reporter(world, db, clock, tmp_path)
    other, _ = reporter(world, db, clock, tmp_path)
    ledger.note(["acme.test", "post.test", "quiet.test"], GOOD)
    ledger.note(["acme.test"], BAD)
    ledger.note(["acme.test"], Seen(Policy.TLSA, "mx.acme.test", "192.0.2.1", "", None))
    async with db.write() as conn:
        text = "version: STSv1\nmode: enforce\nmx: *.acme.test\nmax_age: 600"
        await tls.keep_policy(conn, StsRow("acme.test", "1", text, 0, NOON + DAY))
    await one.turn()
    assert await queued(db) == []  # the day is not over
    async with db.read() as conn:
        assert await tls.results(conn, TODAY - 1, "quiet.test") == {}  # nobody asked for it
    clock.now = NOON
    await asyncio.gather(one.turn(), other.turn())
    [(address, raw)] = await queued(db)
    assert address == "tls@acme.test"
    mail = email.message_from_bytes(raw, policy=email.policy.SMTP)
    report = Report.model_validate_json(gzip.decompress(list(mail.iter_parts())[1].get_content()))
    sts, tlsa = report.policies
    assert sts.policy.string == ["version: STSv1", "mode: enforce", "mx: *.acme.test", "max_age: 600"]
    assert sts.policy.hosts == ["*.acme.test"]
    assert (sts.summary.good, sts.summary.bad) == (1, 1)
    assert tlsa.policy.string == ["3 1 1 " + "ab" * 32]
    assert tlsa.policy.hosts == ["mx.acme.test"]
    [posted] = world.posted
    assert b"Content-Type: application/tlsrpt+gzip\r\n" in posted
    Report.model_validate_json(gzip.decompress(posted.partition(b"\r\n\r\n")[2]))
    clock.now += DAY // 24
    await asyncio.gather(one.turn(), other.turn())
    assert len(await queued(db)) == 1
    assert len(world.posted) == 1


async def test_a_post_that_fails_is_tried_again_some_hours_and_given_up(
    world: World, db: Database, tmp_path: Path
) -> None:
    clock = Clock(NOON - DAY)
    one, ledger = reporter(world, db, clock, tmp_path)
    ledger.note(["post.test"], GOOD)
    await one.flush()
    world.status = b"500 Oops"
    clock.now = NOON - 12 * 3_600_000
    for _ in range(40):  # twenty hours
        await one.turn()
        clock.now += 1_800_000
    assert len(world.posted) == tls.TRIES


async def test_while_dns_is_in_trouble_nothing_is_lost(world: World, db: Database, tmp_path: Path) -> None:
    clock = Clock(NOON - DAY)
    one, ledger = reporter(world, db, clock, tmp_path)
    ledger.note(["acme.test"], GOOD)
    world.trouble = True
    await one.flush()
    clock.now = NOON
    assert await one.send_due(clock.now) == 1
    assert await queued(db) == []
    world.trouble = False
    clock.now += 3_600_000
    assert await one.send_due(clock.now) == 1
    assert len(await queued(db)) == 1


async def test_counts_that_cannot_be_written_are_kept(world: World, db: Database, tmp_path: Path) -> None:
    one, ledger = reporter(world, db, Clock(NOON), tmp_path)
    ledger.note(["acme.test"], GOOD)
    broken = Database.open(f"sqlite+aiosqlite:///{tmp_path / 'empty.db'}")
    one._database = broken
    with pytest.raises(Exception, match="no such table"):
        await one.flush()
    assert list(ledger.take().values()) == [1]
    await broken.close()
