"""DMARC: the record that counts, the organisation above, and what DNS trouble means."""

from __future__ import annotations

import pytest

from mail.dmarc import UNKNOWN, Policy, Published, Record, parse, policy_of
from mail.resolver import DnsTrouble
from mail.suffixes import organisation, same_organisation

N, Q, R = Policy.NONE, Policy.QUARANTINE, Policy.REJECT


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        (["v=DMARC1; p=none"], Record(N, N)),
        (["v=DMARC1;p=reject;sp=none;adkim=s"], Record(R, N, True)),
        (["v=spf1 -all", " v = DMARC1 ; P = Quarantine ; rua=mailto:a@b.fr"], Record(Q, Q)),
        (["v=DMARC1; p=none", "v=DMARC1; p=reject"], None),  # two are none
        (["v=dmarc1; p=reject"], None),
        (["p=reject; v=DMARC1"], None),
        (["v=DMARC1; p=refuse"], None),
        (["v=DMARC1; p=refuse; rua=mailto:a@b.fr"], Record(N, N)),
        (["v=DMARC1; p=reject; sp=x"], None),
        (["v=DMARC1; p=reject; p=none"], Record(R, R)),
        (["v=DMARC1"], None),
        ([""], None),
        ([], None),
        (["v=DMARC1; " + "x" * 100_000 + "; p=reject"], None),
    ],
)
def test_records(texts: list[str], expected: Record | None) -> None:
    assert parse(texts) == expected


class Dns:
    def __init__(self, **records: str | None) -> None:
        self.records = {name.replace("__", "."): value for name, value in records.items()}
        self.asked: list[str] = []

    async def texts(self, name: str) -> tuple[str, ...] | DnsTrouble:
        self.asked.append(name)
        value = self.records.get(name, "")
        return DnsTrouble("timeout") if value is None else (value,) if value else ()


@pytest.mark.parametrize(
    ("domain", "records", "expected"),
    [
        ("firm.fr", {"_dmarc__firm__fr": "v=DMARC1; p=reject"}, Published(R, "firm.fr")),
        ("news.firm.fr", {"_dmarc__firm__fr": "v=DMARC1; p=none; sp=reject"}, Published(R, "firm.fr")),
        ("a.b.firm.co.uk", {"_dmarc__firm__co__uk": "v=DMARC1; p=quarantine"}, Published(Q, "firm.co.uk")),
        (
            "news.firm.fr",
            {"_dmarc__news__firm__fr": "v=DMARC1; p=none; sp=reject", "_dmarc__firm__fr": "v=DMARC1; p=reject"},
            Published(N, "news.firm.fr"),
        ),
        ("firm.fr", {}, Published()),
        ("co.uk", {}, Published()),
        ("firm.fr", {"_dmarc__firm__fr": None}, UNKNOWN),
        ("news.firm.fr", {"_dmarc__firm__fr": None}, UNKNOWN),
    ],
)
async def test_the_policy_in_force(domain: str, records: dict[str, str | None], expected: Published) -> None:
    dns = Dns(**records)
    assert await policy_of(dns, domain) == expected
    assert len(dns.asked) <= 2
    assert not UNKNOWN.enforced


def test_organisations() -> None:
    assert organisation("News.Firm.co.uk.") == "firm.co.uk"
    assert organisation("a.mairie.fr") == "mairie.fr"
    assert organisation("x.github.io") == "x.github.io"
    assert organisation("fr") == "fr"
    assert same_organisation("news.firm.fr", "firm.fr")
    assert not same_organisation("a.github.io", "b.github.io")
