"""`ip` and `account pool`: what they print, what they change, and how they refuse."""

from __future__ import annotations

import asyncio
import io
import os
import shutil
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from config import warmup
from config.settings import Settings
from gateway.cli.commands import ip
from gateway.cli.main import main
from store import sources, warmups
from store.engine import Database, now_ms
from tests.mail import test_resolver as names

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture(scope="module")
def _fresh(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("fresh") / "gw"
    assert main(["init", "--dir", str(folder), "--domain", "gw.test"]) == 0
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "stdin", io.StringIO("sésame\n"))
        words = ["account", "add", "Mairie", "--login", "agnes", "--password-stdin"]
        assert main(["--config", str(folder / "mail2campaign.toml"), *words]) == 0
    return folder


@pytest.fixture
def there(_fresh: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    folder = Path(shutil.copytree(_fresh, tmp_path / "gw"))
    for name in list(os.environ):
        if name.startswith("MAIL2CAMPAIGN_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("MAIL2CAMPAIGN_DNS__NAMESERVERS", '["127.0.0.1:1"]')
    monkeypatch.setenv("MAIL2CAMPAIGN_DNS__TIMEOUT", "1s")

    def run(*words: str) -> tuple[int, str, str]:
        capsys.readouterr()
        try:
            status = main(["--config", str(folder / "mail2campaign.toml"), *words])
        except SystemExit as ended:
            status = int(ended.code or 0)
        said = capsys.readouterr()
        return status, said.out.strip(), said.err.strip()

    return run


def _sent(tmp_path: Path, wanted: int) -> int:
    async def claim() -> int:
        db = Database.open(f"sqlite+aiosqlite:///{tmp_path}/gw/data/mail2campaign.db")
        async with db.write() as conn:
            (source,) = await sources.every(conn)
            claim = await warmups.claim_warmup(conn, warmup.load(), source.id, "orange", wanted, now_ms())
        await db.close()
        return claim.granted

    return asyncio.run(claim())


def test_an_address_warms_up_is_frozen_thawed_skipped_and_switched_off(there: Run, tmp_path: Path) -> None:
    status, out, err = there("ip", "add", "127.0.0.21", "--helo", "Mx1.gw.test.", "--warm-up")
    assert (status, out) == (0, "ip 127.0.0.21: added to pool shared, warms up from today: 50 mails")
    assert "warning" in err and "looked up" in err, "nobody answers for the DNS here: that is no reason to refuse"
    sent = _sent(tmp_path, 5)
    figures = f"day=1\tallowance=50\tused={sent}\tused.orange={sent}\taccepted=0 deferred=0 refused=0"
    assert there("ip", "list") == (0, f"127.0.0.21\tshared\twarming\thelo=mx1.gw.test\t{figures}", "")
    assert there("ip", "freeze", "127.0.0.21")[1] == "ip 127.0.0.21: frozen at day 1 of the calendar; it sends on"
    assert "only an address that is warming" in there("ip", "freeze", "127.0.0.21")[2]
    assert there("ip", "thaw", "127.0.0.21")[1] == "ip 127.0.0.21: warms up again, day 1"
    assert "neither frozen nor off" in there("ip", "thaw", "127.0.0.21")[2]
    assert there("ip", "skip", "127.0.0.21", "--days", "2")[1].endswith("day 3 of the calendar: 500 mails today")
    assert there("ip", "skip", "127.0.0.21", "--end")[1] == "ip 127.0.0.21: ready, its warm-up is over"
    assert "in no calendar" in there("ip", "skip", "127.0.0.21")[2]
    assert there("ip", "start", "127.0.0.21", "--day", "4")[1].endswith("warms up, today is day 4: 1000 mails")
    assert there("ip", "remove", "127.0.0.21")[0] == 1
    assert there("ip", "off", "127.0.0.21")[0] == 0
    assert there("ip", "off", "127.0.0.21")[2].endswith("127.0.0.21 is off already")
    assert there("ip", "remove", "127.0.0.21")[1] == "ip 127.0.0.21: forgotten"
    assert there("ip", "list") == (0, "", "")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("add", "203.0.113.77"), "no address of this machine"),
        (("add", "localhost"), "is no IP address"),
        (("add", "0.0.0.0"), "no address that mail can leave from"),
        (("add", "127.0.0.9", "--pool", "a b"), "is no name of a pool"),
        (("freeze", "127.0.0.9"), "no address 127.0.0.9: add it"),
        (("start", "127.0.0.9", "--day", "0"), "counts from 1"),
        (("skip", "127.0.0.9", "--days", "0"), "must be 1 or more"),
        (("advise", "viel"), "is no volume"),
    ],
)
def test_what_makes_no_sense_is_refused(there: Run, words: tuple[str, ...], said: str) -> None:
    status, out, err = there("ip", *words)
    assert (status, out) == (1, "")
    assert said in err
    assert "\n" not in err


def test_an_address_is_added_once(there: Run) -> None:
    assert there("ip", "add", "127.0.0.21", "--pool", "mairie")[0] == 0
    assert "there already" in there("ip", "add", "127.0.0.21")[2]
    status, out, err = there("account", "pool", "Mairie", "mairie")
    assert (status, out, err) == (0, "account Mairie: sends from pool mairie", "")
    assert "no address yet" in there("account", "pool", "Mairie", "autre")[2]
    assert there("account", "pool", "Personne", "shared")[0] == 1


def test_advice_and_calendar(there: Run) -> None:
    volumes = ("9k", "30 000", "120k", "170k", "350k", "0,5M", "1.5m")
    assert [there("ip", "advise", volume)[1] for volume in volumes] == ["1", "2", "3", "4", "5", "6", "16"]
    lines = there("ip", "calendar", "--days", "15")[1].splitlines()
    assert lines[0] == "1\t50\t10/h\t30 to one provider"
    assert lines[14].startswith("15\t650000\t")


@pytest.fixture
async def dns(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Settings]:
    zone = {
        ("good.test.", "A"): ["192.0.2.7"],
        ("lost.test.", "A"): ["192.0.2.99"],
        ("7.2.0.192.in-addr.arpa.", "PTR"): ["good.test."],
        ("8.2.0.192.in-addr.arpa.", "PTR"): ["lost.test."],
    }
    monkeypatch.setattr(names, "ZONE", zone)
    monkeypatch.setattr(names, "NAMES", {name for name, _ in zone})
    transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(names.Dns, ("127.0.0.1", 0))
    port = transport.get_extra_info("sockname")[1]
    yield Settings(dns={"nameservers": [f"127.0.0.1:{port}"]})  # type: ignore[arg-type]
    transport.close()


@pytest.mark.parametrize(
    ("address", "helo", "said"),
    [
        ("192.0.2.7", "good.test", []),
        ("192.0.2.7", "lost.test", ["does not lead to 192.0.2.7"]),
        ("192.0.2.8", "lost.test", ["does not lead back", "does not lead to 192.0.2.8"]),
        ("192.0.2.9", "good.test", ["no reverse name", "does not lead to 192.0.2.9"]),
    ],
)
async def test_doubts_about_the_dns_of_an_address(dns: Settings, address: str, helo: str, said: list[str]) -> None:
    found = await ip._doubts(dns, address, helo)
    assert len(found) == len(said)
    assert all(words in doubt for words, doubt in zip(said, found, strict=True))
