"""What the doctor says of the MTA-STS policy that a gateway publishes, by what its file says."""

from __future__ import annotations

import pytest

from gateway.doctor import sts
from mail.fetch import Fetched, Trouble, Unfetched
from tests.gateway.doctor.test_dns import GOOD, Zone

POLICY = b"version: STSv1\nmode: enforce\nmx: m.example\nmax_age: 604800\n"


class Web:
    """One file, at the only address where it may stand."""

    def __init__(self, got: Fetched | Unfetched) -> None:
        self._got = got

    async def get(self, host: str, path: str, limit: int) -> Fetched | Unfetched:
        assert (host, path) == ("mta-sts.m.example", "/.well-known/mta-sts.txt")
        return self._got


async def said(got: Fetched | Unfetched, **records: tuple[str, ...]) -> list[tuple[str, str]]:
    table = GOOD | {("_mta-sts.m.example", "TXT"): records["txt"]} if "txt" in records else GOOD
    return [(one.code, one.level.code) for one in await sts.check(Zone(table), Web(got), "m.example")]


def page(body: bytes, status: int = 200, kind: str = "text/plain") -> Fetched:
    return Fetched(status, kind, body)


@pytest.mark.parametrize(
    ("got", "expected"),
    [
        (page(POLICY), [("sts_ok", "ok")]),
        (page(POLICY.replace(b"m.example", b"mx.other.example")), [("sts_mx", "critical")]),
        (
            page(POLICY.replace(b"m.example", b"x.example").replace(b"enforce", b"testing")),
            [("sts_mx", "warning"), ("sts_testing", "advice")],
        ),
        (page(POLICY.replace(b"enforce", b"none")), [("sts_off", "advice")]),
        (page(POLICY.replace(b"604800", b"3600")), [("sts_short", "warning")]),
        (page(b"mode: enforce\n"), [("sts_unread", "warning")]),
        (page(POLICY, 404), [("sts_unread", "warning")]),
        (page(POLICY, kind="text/html"), [("sts_unread", "warning")]),
        (Unfetched(Trouble.CERTIFICATE, "expired"), [("sts_unread", "warning")]),
    ],
)
async def test_each_policy_is_judged(got: Fetched | Unfetched, expected: list[tuple[str, str]]) -> None:
    assert await said(got) == expected


async def test_without_an_announcement_nobody_is_asked() -> None:
    assert await said(Unfetched(Trouble.URL), txt=()) == [("sts_missing", "advice")]


async def test_two_announcements_are_none() -> None:
    assert await said(page(POLICY), txt=("v=STSv1; id=1", "v=STSv1; id=2")) == [("sts_record", "warning")]
