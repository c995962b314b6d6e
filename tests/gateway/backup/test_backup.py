"""`backup` and `restore` as an operator uses them: everything comes back, paused, and nothing is overwritten."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from config import keys
from config.settings import load
from gateway.backup import archive, restoring, taking
from store import campaigns, control
from store.engine import Database, now_ms
from store.spool import Envelope, Spool
from tests.conftest import MakeCampaign

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    from gateway.cli.main import main

    for name in list(os.environ):
        if name.startswith("MAIL2CAMPAIGN_"):
            monkeypatch.delenv(name)

    def _run(*words: str) -> tuple[int, str, str]:
        status = main(words)
        said = capsys.readouterr()
        return status, said.out, said.err

    return _run


@pytest.fixture
async def folder(run: Run, make: MakeCampaign, db: Database, tmp_path: Path) -> Path:
    """A gateway with one campaign under way, one that ended, and a mail in its spool."""
    await make(3)
    await make(2)
    async with db.write() as conn:
        await control.stop(conn, 2, now_ms())
    gateway = tmp_path / "gw"
    data = gateway / "data"
    data.mkdir(parents=True)
    (gateway / "mail2campaign.toml").write_text('[gateway]\ndomain = "m.test"\n')
    keys.create(data, "m.test")
    with (
        closing(sqlite3.connect(tmp_path / "m2c.db")) as one,
        closing(sqlite3.connect(data / "mail2campaign.db")) as two,
    ):
        one.backup(two)
    Spool(data / "spool").put(Envelope("campaign", "a@b.test", ("mail@m.test",), "192.0.2.1", "mx", 1), b"From: x\r\n")
    (data / "providers.toml").write_text("")
    return gateway


async def test_everything_comes_back_paused(run: Run, folder: Path, tmp_path: Path) -> None:
    config = str(folder / "mail2campaign.toml")
    store = tmp_path / "backups"
    store.mkdir()
    status, out, _ = await asyncio.to_thread(run, "--config", config, "backup", str(store))
    assert status == 0, out
    (file,) = store.iterdir()
    assert file.name.startswith("mail2campaign-2")
    status, out, err = await asyncio.to_thread(run, "restore", str(file), "--dir", str(tmp_path / "back"))
    assert (status, err) == (0, "")
    assert "paused: 1 campaign with 3 recipients waiting" in out
    assert "set aside: 1 mail" in out
    settings = load(tmp_path / "back" / "mail2campaign.toml")
    data = settings.gateway.data_dir
    assert settings.gateway.domain == "m.test"
    for path in (folder / "data" / "keys").rglob("*"):
        if path.is_file():
            back = data / path.relative_to(folder / "data")
            assert back.read_bytes() == path.read_bytes()
            assert back.stat().st_mode & 0o777 == 0o600
    assert (data / "providers.toml").exists()
    assert Spool(data / "spool").pending() == []
    database = Database.open(settings.database_url)
    async with database.read() as conn:
        assert {one.id: one.state for one in await campaigns.recent(conn)} == {1: "paused", 2: "stopped"}
    await database.close()
    back = str(tmp_path / "back" / "mail2campaign.toml")
    status, out, _ = await asyncio.to_thread(run, "--config", back, "campaign", "resume", "--all")
    assert "resumed 1 campaign with 3 recipients" in out
    assert "took up 1 mail " in out
    assert len(Spool(data / "spool").pending()) == 1


def test_a_restore_overwrites_nothing(run: Run, folder: Path, tmp_path: Path) -> None:
    config = str(folder / "mail2campaign.toml")
    file = tmp_path / "one.tar.gz"
    assert run("--config", config, "backup", str(file))[0] == 0
    before = file.read_bytes()
    status, _, err = run("--config", config, "backup", str(file))
    assert status == 1 and "File exists" in err and file.read_bytes() == before
    status, _, err = run("restore", str(file), "--dir", str(folder))
    assert status == 1 and "not empty" in err
    absolute = tmp_path / "abs.toml"
    absolute.write_text(f'[gateway]\ndomain = "m.test"\ndata_dir = "{folder / "data"}"\n')
    assert run("--config", str(absolute), "backup", str(tmp_path / "two.tar.gz"))[0] == 0
    status, _, err = run("restore", str(tmp_path / "two.tar.gz"), "--dir", str(tmp_path / "new"))
    assert status == 1 and "data is not empty" in err
    assert not (tmp_path / "new" / "mail2campaign.toml").exists()


def test_what_is_no_backup_restores_nothing(run: Run, folder: Path, tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"no tar")
    status, _, err = run("restore", str(tmp_path / "x"), "--dir", str(tmp_path / "new"))
    assert status == 1 and err.count("\n") == 1 and "no " in err
    assert run("restore", str(tmp_path / "nowhere"), "--dir", str(tmp_path / "new"))[0] == 1
    assert list((tmp_path / "new").iterdir()) == []


def test_old_backups_are_removed_and_nothing_else(run: Run, folder: Path, tmp_path: Path) -> None:
    store = tmp_path / "backups"
    store.mkdir()
    old, young, other = (store / name for name in ("mail2campaign-1.tar.gz", "mail2campaign-2.tar.gz", "other.tar.gz"))
    for path in (old, young, other):
        path.touch()
    past = time.time() - 15 * 86_400
    os.utime(old, (past, past))
    os.utime(other, (past, past))
    status, out, _ = run("--config", str(folder / "mail2campaign.toml"), "backup", str(store), "--keep", "14d")
    assert status == 0, out
    assert not old.exists() and young.exists() and other.exists()
    noted = taking.last(folder / "data")
    assert noted is not None and Path(noted["path"]).exists() and abs(noted["at"] - time.time()) < 60


def test_a_backup_within_the_data_folder_does_not_hold_itself(run: Run, folder: Path) -> None:
    config, data = str(folder / "mail2campaign.toml"), folder / "data"
    for name in ("mail2campaign-1.tar.gz", "mail2campaign-2.tar.gz"):
        assert run("--config", config, "backup", str(data / name))[0] == 0
    held = archive.check(data / "mail2campaign-2.tar.gz")["files"]
    assert not [name for name in held if name.endswith(".gz") or "serve.lock" in name or name.startswith("data/.")]


def test_the_folder_of_a_restore_that_failed_is_no_gateway(tmp_path: Path) -> None:
    with archive.writing(tmp_path / "x.tar.gz") as out:
        out.end({"at": 1.0, "database": {"kind": "postgresql", "head": "", "rows": {}, "sequences": {}}})
    with pytest.raises(Exception, match="another kind"):
        restoring.restore(tmp_path / "x.tar.gz", tmp_path / "new")
    assert not (tmp_path / "new" / "mail2campaign.toml").exists()
