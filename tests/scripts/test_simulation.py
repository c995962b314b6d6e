"""The simulation keeps every mail, obeys every limit, and agrees with what can be worked out by hand."""

from __future__ import annotations

import sys
from dataclasses import replace
from math import inf
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

sys.path.insert(0, str(Path(__file__).parents[2] / "scripts"))

from simulate import MIX, Costs, answer, sites
from support_check import check
from support_simulation import Load, Run, Site, fewest, normal, warm_days

from config import warmup
from config.providers import Providers

ALL = (Site("a", 0.5), Site("b", 0.5))


@given(
    volume=st.integers(1, 200_000),
    addresses=st.integers(1, 5),
    rate=st.floats(0.01, 5.0),
    deferred=st.floats(0.0, 1.0),
    days=st.integers(1, 3),
    warm=st.booleans(),
)
def test_every_mail_is_sent_or_left_and_no_limit_is_passed(
    volume: int, addresses: int, rate: float, deferred: float, days: int, warm: bool
) -> None:
    where = (Site("slow", 0.4, rate, deferred, 600.0), Site("free", 0.6))
    rules = warmup.load() if warm else None
    load = Load(volume, where, addresses, 1_000.0, days=days, step=600.0, calendar=rules)
    told = Run(load).run()
    assert sum(day.sent for day in told) + told[-1].left == pytest.approx(volume * days, rel=1e-6)
    for day in told:
        assert day.by_site["slow"] <= rate * addresses * 86_400 * (1 + 1e-9)
        assert day.sent <= load.pace * 86_400
    if rules is not None:
        assert told[0].sent <= addresses * warmup.allowance(rules, 0) * (1 + 1e-9)


def test_one_campaign_takes_what_its_slowest_part_takes() -> None:
    load = Load(20_000, ALL, 1, 100.0, first=0, last=24, step=1.0, until=1.0)
    assert Run(load).run()[-1].last_at == pytest.approx(200, abs=3)
    slow = replace(load, sites=(Site("a", 0.5, 20.0), Site("b", 0.5)))
    assert Run(slow).run()[-1].last_at == pytest.approx(500, abs=3)
    put_off = replace(load, sites=(Site("a", 0.5, inf, 1.0, 900.0), Site("b", 0.5)))
    assert 900 < Run(put_off).run()[-1].last_at < 1_250


def test_addresses_are_as_many_as_the_limits_ask_for() -> None:
    # 864,000 a day, half of them to a site that takes 1 a second from an address: 432,000 are five times 86,400
    where = (Site("a", 0.5, 1.0), Site("b", 0.5))
    assert fewest(Load(870_000, where, 1, 1_000.0, first=0, last=24, days=1, step=60.0)) == 6
    assert fewest(Load(864_000, where, 1, 1_000.0, first=0, last=24, days=1, step=60.0)) == 5
    assert fewest(Load(864_000, where, 1, 1_000.0, first=0, last=24, days=1), most=2) is None


def test_a_warm_up_takes_the_days_of_its_calendar() -> None:
    rules = warmup.load()
    one = Load(40, ALL, 1, 100.0, days=3, step=600.0, calendar=rules)
    assert warm_days(one) == 1
    more = Load(1_000, ALL, 1, 100.0, days=10, step=600.0, calendar=rules)
    found = warm_days(more)
    assert found is not None and 4 <= found <= 6, "50, 100, 500, 1,000 a day, and what was left of the days before"
    assert warm_days(Load(10**9, ALL, 1, 1e9, days=3, step=600.0, calendar=rules)) is None


def test_shares_add_up() -> None:
    assert sum(normal({"a": 3, "b": 1}).values()) == 1.0


def test_what_goes_at_once_goes_before_the_rate_holds() -> None:
    # 600 at once, then 10 a second
    site = Site("hourly", 1.0, 10.0, burst=600.0)
    load = Load(1_000, (site,), 1, 1_000.0, first=0, last=24, step=0.5, until=0.5)
    assert Run(load).run()[-1].last_at == pytest.approx(40, abs=2)
    two = replace(load, addresses=2)
    assert Run(two).run()[-1].last_at < 3, "twice as much from two addresses"


def test_a_site_that_pauses_gets_nothing_meanwhile_and_everything_afterwards() -> None:
    site = Site("pauses", 0.5, 100.0, pause_at=300.0, pause=20.0)
    load = Load(2_000, (site, Site("other", 0.5, 100.0)), 1, 1_000.0, first=0, last=24, step=0.5, until=0.5)
    day = Run(load).run()[-1]
    assert day.last_of["other"] == pytest.approx(10, abs=1)
    assert day.last_of["pauses"] == pytest.approx(30, abs=1)
    assert day.sent == pytest.approx(2_000)


@pytest.mark.costly("scripts/test_simulation.py::test_one_campaign_takes_what_its_slowest_part_takes")
def test_the_document_says_what_the_model_says() -> None:
    said = (Path(__file__).parents[2] / "docs" / "scaling.md").read_text()
    where = sites(dict(MIX), 3.0, Providers.load())
    told = [answer(volume, where, Costs())[0] for volume in (10_000, 10_000_000, 1_000_000_000)]
    missing = [line for line in [*told, *"\n".join(check()).splitlines()] if line not in said]
    assert not missing, "python scripts/simulate.py, and --check"
