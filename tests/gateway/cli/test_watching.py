"""`queue ages`, `top` and `trace` as an operator reads them."""

from __future__ import annotations

import asyncio
import io
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from rich.console import Console

from config import keys
from config.settings import Settings
from gateway.cli.commands import top
from gateway.cli.main import main
from store import events, jobs, suppressions
from store.engine import Database, now_ms
from store.states import Event
from store.values import Change
from tests.conftest import MakeCampaign

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
async def folder(db: Database, make: MakeCampaign, tmp_path: Path) -> Path:
    """A gateway with one campaign: p0 was taken, p1 was told to come again (with a reply that is rude to terminals)."""
    now = now_ms()
    data = tmp_path / "gw" / "data"
    data.mkdir(parents=True)
    keys.create(data, "m.test")
    (tmp_path / "gw" / "mail2campaign.toml").write_text('[gateway]\ndomain = "m.test"\n')
    campaign = await make(3, send_at=now - 600_000)
    ring = suppressions.load(Settings(gateway={"domain": "m.test", "data_dir": data}))
    async with db.write() as conn:
        worker = await jobs.join(conn, "host", 1, now)
        first, second, _ = await jobs.lease(conn, worker, now, {campaign.id: 3})
        told = {"host": "mx.dest.test", "ip": "192.0.2.7", "reply": "250 2.0.0 OK", "class": "accepted", "stage": "dot"}
        rude = told | {"reply": "451 4.7.1 come\x1b[2J again", "class": "greylisted", "code": 451}
        changes = [
            Change(first.id, Event.ACCEPTED, now, worker, None, told),
            Change(second.id, Event.TEMPFAILED, now, worker, now + 300_000, rude),
        ]
        assert await events.apply(conn, changes, ring) == 2
        await jobs.retire(conn, worker, now)
    with (
        closing(sqlite3.connect(tmp_path / "m2c.db")) as one,
        closing(sqlite3.connect(data / "mail2campaign.db")) as two,
    ):
        one.backup(two)
    return tmp_path / "gw"


@pytest.fixture
def run(folder: Path, capsys: pytest.CaptureFixture[str]) -> Run:
    def _run(*words: str) -> tuple[int, str, str]:
        status = main(["--config", str(folder / "mail2campaign.toml"), *words])
        said = capsys.readouterr()
        return status, said.out, said.err

    return _run


def test_ages(run: Run) -> None:
    status, out, _ = run("queue", "ages")
    head, total, line = (one.split() for one in out.splitlines())
    assert status == 0
    ages = ["<5m", "<15m", "<30m", "<1h", "<2h", "<4h", "<8h", "<24h", "<48h", ">48h"]
    assert head == ["domain", "waiting", "later", *ages]
    assert total[0] == "TOTAL" and line[0] == "dest.test"
    assert total[1:] == line[1:] == ["2", "0", "1", "1", *["0"] * 8]


def test_trace_tells_the_story_in_words(run: Run) -> None:
    status, out, _ = run("trace", "P1@dest.test", "--lang", "en")
    assert status == 0
    assert "Campaign 1" in out and "attempts: 1" in out
    assert "mx.dest.test (192.0.2.7)" in out and "« 451 4.7.1 come [2J again »" in out
    assert "greylisting" in out.lower() or "grey" in out.lower()
    assert "next attempt:" in out
    assert "\x1b" not in out
    assert "next attempt" not in run("trace", "p0@dest.test", "--lang", "en")[1]
    assert "prochaine tentative" in run("trace", "p1@dest.test")[1]


def test_trace_follows_the_number_that_the_log_names(run: Run) -> None:
    status, out, _ = run("trace", "2", "--lang", "en", "--account", "acme")
    assert status == 0 and out == run("trace", "p1@dest.test", "--lang", "en")[1] and "mx.dest.test" in out
    assert run("trace", "99")[0] == 1


def test_trace_knows_who_was_suppressed(run: Run) -> None:
    assert run("suppression", "add", "--account", "acme", "p2@dest.test")[0] == 0
    assert "Address suppressed since" in run("trace", "p2@dest.test", "--lang", "en", "--account", "acme")[1]


def test_trace_of_nobody(run: Run) -> None:
    status, _, err = run("trace", "nobody@dest.test")
    assert status == 1 and "among its recipients" in err
    assert run("trace", "p1@dest.test", "--campaign", "7")[0] == 1


def test_top_once(run: Run) -> None:
    status, out, _ = run("top", "--once")
    assert status == 0
    assert "en file" in out and "envoyeurs" in out and "Offre" in out
    assert "\x1b" not in out


async def test_top_tells_the_rate_between_two_looks(db: Database, make: MakeCampaign, tmp_path: Path) -> None:
    campaign = await make(3)
    before = await top.look(db)
    now = now_ms()
    async with db.write() as conn:
        worker = await jobs.join(conn, "host", 1, now)
        taken = await jobs.lease(conn, worker, now, {campaign.id: 3})
        gone = [Change(job.id, Event.ACCEPTED, now, worker, None, {"class": "accepted"}) for job in taken]
        data = tmp_path / "keys-only"
        keys.create(data, "m.test")
        await events.apply(conn, gone, suppressions.load(Settings(gateway={"data_dir": data})))
    await asyncio.sleep(0.05)
    after = await top.look(db)
    speed = top.rate(after, before)
    assert speed is not None and 0 < speed <= 3 / 0.05
    assert top.rate(before, None) is None
    console = Console(file=io.StringIO(), width=120)
    console.print(top.screen(after, before, Settings(gateway={"locale": "en", "domain": "m.test"})))
    shown = console.file.getvalue()  # type: ignore[attr-defined]
    assert "answers/s" in shown and "100 %" in shown
