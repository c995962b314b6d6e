"""Forecasts on a real database: by provider, learnt while sending, kept in a row, said in both languages."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from config import keys, warmup
from config.providers import Providers
from config.settings import Settings
from config.warmup import DAY, HOUR
from gateway.figures import forecasting
from gateway.figures.forecast import Reason
from gateway.figures.forecasting import EVERY, Forecaster, first
from gateway.intake.desk import Desk, rings
from gateway.intake.destinations import key_of, name_of
from gateway.letters.expected import reason as reason_of
from gateway.letters.expected import sentence, shown, when
from gateway.reading.readers import Readers
from mail.resolver import MailDomain, Mx, Resolver
from store import campaigns, forecasts, quotas, sources
from store.engine import Database
from store.forecasts import Row, Seen
from store.sources import State
from store.spool import Spool
from store.states import Status
from store.values import Campaign, CampaignState, Ledger

NOW = 20_700 * DAY + 8 * HOUR
MINUTE = 60_000
PROVIDERS = Providers.load()
MX = {"orange.fr": "smtp-in.orange.fr", "wanadoo.fr": "smtp-in.orange.fr", "gmail.com": "gmail-smtp-in.l.google.com"}


class Names(Resolver):
    """A resolver that knows a few domains without asking."""

    async def mail_domain(self, domain: str) -> MailDomain:
        return Mx(((10, MX.get(domain, f"mx.{domain}")),))


@pytest.fixture
async def desk(db: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    keys.create(tmp_path / "data", "gw.test")
    settings = Settings(
        gateway={"domain": "gw.test", "data_dir": tmp_path / "data"},
        delivery={"workers": 2},  # type: ignore[arg-type]
    )
    monkeypatch.setattr(forecasting, "now_ms", lambda: NOW)
    resolver = Names(["127.0.0.1:1"])
    return Desk(settings, db, Spool(tmp_path / "spool"), Readers(1, 1), resolver, *rings(settings))


async def begun(desk: Desk, make: Any, people: Mapping[str, int]) -> Campaign:
    """A campaign whose recipients live where `people` says."""
    campaign: Campaign = await make(sum(people.values()))
    domains = [domain for domain, count in people.items() for _ in range(count)]
    async with desk.database.write() as conn:
        ids = (
            await conn.execute(text("SELECT id FROM recipients WHERE campaign_id = :c"), {"c": campaign.id})
        ).scalars()
        for one, domain in zip(ids.all(), domains, strict=True):
            await conn.execute(
                text("UPDATE recipients SET address = :a WHERE id = :i"), {"a": f"p{one}@{domain}", "i": one}
            )
        await conn.execute(text("UPDATE campaigns SET send_at = :n, created_at = :n"), {"n": NOW})
        found = await campaigns.get(conn, campaign.id)
    assert found is not None
    return found


async def settle(desk: Desk, campaign: Campaign, domain: str, count: int, status: Status, again_at: int | None) -> None:
    """Let some mails have been tried."""
    async with desk.database.write() as conn:
        which = "SELECT id FROM recipients WHERE campaign_id = :c AND attempts = 0 AND address LIKE :d LIMIT :n"
        change = f"UPDATE recipients SET attempts = 1, status = :s, next_attempt_at = :at WHERE id IN ({which})"
        values = {"c": campaign.id, "d": f"%@{domain}", "n": count, "s": int(status), "at": again_at}
        await conn.execute(text(change), values)
        moved = "UPDATE tallies SET n = n - :n WHERE campaign_id = :c AND name = 'status:0'"
        await conn.execute(text(moved), {"n": count, "c": campaign.id})


async def kept(desk: Desk, campaign: Campaign) -> Row:
    async with desk.database.read() as conn:
        return (await forecasts.read(conn, [campaign.id]))[campaign.id]


async def test_the_first_forecast_counts_by_provider_and_names_the_slowest(desk: Desk, make: Any) -> None:
    people = {"orange.fr": 200, "wanadoo.fr": 300, "gmail.com": 100, "firm.test": 10}
    row = await first(desk, await begun(desk, make, people), people)
    assert {key: fresh for key, (_, fresh) in row.remaining.items()} == {"orange": 500, "gmail": 100, "": 10}
    assert (row.provider, row.reason) == ("orange", "connections")
    assert row.ends_at is not None and row.ends_at - NOW == int(500 / (2 * forecasting.PER_CONNECTION) * HOUR)


async def test_warm_up_quota_and_pauses_are_known(desk: Desk, make: Any) -> None:
    campaign = await begun(desk, make, {"orange.fr": 150})
    async with desk.database.write() as conn:
        day = warmup.day_of(NOW)
        await sources.add(conn, sources.Source(0, "192.0.2.1", "", "shared", "", State.WARMING, 0, day), NOW)
    row = await first(desk, campaign, {"orange.fr": 150})
    assert (row.provider, row.reason) == ("orange", "warmup")
    assert row.ends_at is not None and row.ends_at > NOW + 40 * HOUR, "30 today, 60 tomorrow, the rest on the day after"
    async with desk.database.write() as conn:
        await sources.add(conn, sources.Source(0, "192.0.2.2", "", "shared", "", State.READY), NOW)
    assert (await first(desk, campaign, {"orange.fr": 150})).reason == "connections", (
        "what exceeds goes out on the other"
    )
    async with desk.database.write() as conn:
        await quotas.change(conn, campaign.account_id, 100)
    row = await first(desk, campaign, {"orange.fr": 150})
    assert (row.reason, row.ends_at and row.ends_at // DAY) == ("quota", NOW // DAY + 1)


async def test_a_campaign_under_way_is_counted_anew_and_teaches(
    desk: Desk, make: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    campaign = await begun(desk, make, {"orange.fr": 600, "grey.test": 100})
    clock = {"now": NOW}
    monkeypatch.setattr(forecasting, "now_ms", lambda: clock["now"])
    async with desk.database.write() as conn:
        await forecasts.save(conn, await first(desk, campaign, {"orange.fr": 600, "grey.test": 100}))
    forecaster = Forecaster(desk)
    clock["now"] += 5_000
    await forecaster.look()
    assert (await kept(desk, campaign)).at == NOW, "too soon to look"
    clock["now"] = NOW + 60_000
    await settle(desk, campaign, "orange.fr", 60, Status.DELIVERED, None)
    await settle(desk, campaign, "grey.test", 100, Status.DEFERRED, NOW + 300_000)
    await forecaster.look()
    row = await kept(desk, campaign)
    assert row.remaining == {"orange": (600, 540), "": (100, 0)}
    assert row.seen == {"orange": Seen(3_600.0, 0.0), "": Seen(0.0, 1.0)}
    assert (row.ends_at, row.provider, row.reason) == (NOW + 60_000 + 540_000, "orange", "connections")
    clock["now"] += EVERY * 4
    await forecaster.look()
    assert (await kept(desk, campaign)).at == row.at, "nothing moved"
    async with desk.database.read() as conn:
        assert (await forecasts.lately(conn))["orange"].per_hour == 3_600.0
    other = await begun(desk, make, {"orange.fr": 60})
    told = await first(desk, other, {"orange.fr": 60})
    assert told.ends_at is not None and told.ends_at - clock["now"] >= MINUTE, (
        "it knows how fast, and that another sends"
    )


async def test_a_retry_that_is_due_late_is_the_end(desk: Desk, make: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    campaign = await begun(desk, make, {"firm.test": 5})
    await settle(desk, campaign, "firm.test", 5, Status.DEFERRED, NOW + 4 * HOUR)
    async with desk.database.write() as conn:
        await conn.execute(text("UPDATE tallies SET n = 5, name = 'status:2' WHERE name = 'status:0'"))
    await Forecaster(desk).look()
    row = await kept(desk, campaign)
    assert (row.ends_at, row.reason, row.provider) == (NOW + 4 * HOUR, "retries", "")


async def test_rare_domains_are_summed_up(desk: Desk, make: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forecasts, "DOMAINS", 2)
    people = {"orange.fr": 5, "wanadoo.fr": 4, "a.test": 2, "b.test": 1}
    campaign = await begun(desk, make, people)
    async with desk.database.read() as conn:
        told = await forecasts.by_domain(conn, campaign.id, 12)
    assert [(one.domain, one.fresh) for one in told] == [("orange.fr", 5), ("wanadoo.fr", 4), ("", 3)]
    assert {key: fresh for key, (_, fresh) in (await first(desk, campaign, people)).remaining.items()} == {
        "orange": 9, "": 3,
    }  # fmt: skip


async def test_of_many_recipients_a_part_stands_for_all(desk: Desk, make: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forecasts, "SAMPLE", 100)
    campaign = await begun(desk, make, {"orange.fr": 300, "firm.test": 100})
    async with desk.database.read() as conn:
        told = {one.domain: one.fresh for one in await forecasts.by_domain(conn, campaign.id, 400)}
    assert told == {"orange.fr": 300, "firm.test": 100}


def row(ends_at: int | None, reason: str = "", provider: str = "") -> Row:
    return Row(1, NOW, ends_at, reason, provider)


@pytest.mark.parametrize(
    ("ends_at", "fr", "en"),
    [
        (NOW + 30_000, "dans la minute", "within a minute"),
        (NOW + 4 * HOUR + 1, "à 14 h 01", "at 14:01"),
        (NOW + DAY - 20 * MINUTE, "demain 9 h 40", "tomorrow 09:40"),
        (NOW + 3 * DAY, "le 07/09/2026 vers 10 h 00", "on 7 Sep 2026 about 10:00"),
        (None, "dans plus de deux mois", "in more than two months"),
    ],
)
def test_the_end_as_people_say_it(ends_at: int | None, fr: str, en: str) -> None:
    assert when("fr", "Europe/Paris", ends_at, NOW) == fr
    assert when("en", "Europe/Paris", ends_at, NOW) == en


def test_the_sentence_of_the_contract() -> None:
    told = row(NOW + DAY + HOUR + 40 * MINUTE, "warmup", "orange")
    said = sentence("fr", "Europe/Paris", 12_430, told, PROVIDERS, NOW)
    assert said == "12\u202f430 destinataires, fin estimée demain 11 h 40\u00a0: Orange limité par le rodage"
    said = sentence("en", "Europe/Paris", 1, row(NOW + HOUR), PROVIDERS, NOW)
    assert said == "1 recipient, expected end at 11:00"
    everyone = sentence("fr", "Europe/Paris", 2, row(NOW + HOUR, "warmup"), PROVIDERS, NOW)
    assert everyone.endswith(": nos adresses IP sont en rodage")
    others = sentence("en", "Europe/Paris", 2, row(NOW + HOUR, "retries"), PROVIDERS, NOW)
    assert others.endswith(": new attempts to the servers of other domains")


@pytest.mark.parametrize("locale", ["fr", "en"])
def test_every_reason_has_words(locale: str) -> None:
    said = {reason_of(locale, row(NOW, reason, "free"), PROVIDERS) for reason in Reason if reason}
    assert len(said) == len(Reason) - 1
    assert all(said)


async def test_only_campaigns_under_way_show_an_end(make: Any) -> None:
    campaign = await make(3)
    waiting = Ledger(3, 0, 0, 0, 3, {Status.QUEUED: 3}, {})
    told = shown("fr", campaign, waiting, row(NOW + HOUR, "rate", "free"), PROVIDERS, NOW)
    assert told["line"] == "Fin estimée à 11 h 00\u00a0: Free limité en débit"
    assert (told["end"], told["reason"]) == ("2026-09-04T09:00:00+00:00", "Free limité en débit")
    late = shown("fr", campaign, waiting, row(NOW - HOUR), PROVIDERS, NOW)
    assert late["end"] == "2026-09-04T08:00:00+00:00", "never in the past"
    nothing = {"line": None, "end": None, "reason": None}
    paused = replace(campaign, state=CampaignState.PAUSED)
    assert shown("fr", paused, waiting, row(NOW), PROVIDERS, NOW) == nothing
    assert shown("fr", campaign, waiting, None, PROVIDERS, NOW) == nothing
    assert shown("fr", campaign, Ledger(3, 0, 0, 0, 3, {Status.DELIVERED: 3}, {}), row(NOW), PROVIDERS, NOW) == nothing


def test_keys_and_names_of_providers() -> None:
    orange = PROVIDERS.named("orange")
    assert orange is not None
    assert (key_of(orange), key_of(PROVIDERS.default)) == ("orange", "")
    assert (name_of(PROVIDERS, "orange"), name_of(PROVIDERS, "gone"), name_of(PROVIDERS, "")) == ("Orange", "gone", "")
