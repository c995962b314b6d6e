"""`doctor` as an operator runs it: texts, levels, exit status, and what a machine and a database tell."""

from __future__ import annotations

import ast
import fcntl
import json
import os
import re
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import text

from config.settings import Settings
from gateway import i18n
from gateway.cli.main import main
from gateway.doctor import database, finding, machine
from store import pauses
from store.engine import Database, now_ms
from store.pauses import Pause
from tests.conftest import MakeCampaign

ROOM = Path(finding.__file__).parent
Run = Callable[..., tuple[int, str, str]]


def made() -> set[str]:
    """Every code that a finding is made with, read from the source."""
    codes = set()
    for path in [*ROOM.glob("*.py"), ROOM.parent / "cli" / "commands" / "doctor.py"]:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                codes.add(node.value)
    return codes


def test_every_text_is_used_and_every_remedy_is_one() -> None:
    known = {key.split(".")[1] for key in i18n.catalogue("fr") if key.startswith("doctor.")}
    literal = made()
    formed = {f"{code}_{end}" for code in ("tlsrpt",) for end in ("ok", "missing")}
    formed |= {f"enrol_{one}" for one in literal}
    assert known <= literal | formed
    for code in known:
        good = code.endswith(("_ok", "_clear", "_kept", "_free", "_runs", "_whole", "_none", "_warming"))
        good &= code != "senders_none"
        assert i18n.has("fr", f"doctor.{code}.remedy") is not good, code


def test_what_strangers_say_commands_no_terminal() -> None:
    bad = finding.critical("egress_refused", place="x", reply="554 \x1b[2Jno\nnews")
    assert "\x1b" not in bad.text("en") and "\n" not in bad.text("en")


def test_levels_and_exit_status() -> None:
    fine, warn, bad = finding.ok("keys_ok"), finding.warning("backup_never"), finding.critical("keys_missing", why="x")
    note = finding.advice("egress_unknown")
    assert [finding.status(one) for one in ([], [fine, note], [fine, warn], [warn, bad])] == [0, 0, 1, 2]
    assert finding.as_json([fine, warn], "en")["level"] == "warning"


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Run:
    for name in list(os.environ):
        if name.startswith("MAIL2CAMPAIGN_"):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)

    def _run(*words: str) -> tuple[int, str, str]:
        status = main(words)
        said = capsys.readouterr()
        return status, said.out, said.err

    return _run


def test_a_new_gateway_is_told_what_is_left_to_do(run: Run, tmp_path: Path) -> None:
    assert run("init", "--dir", "gw", "--domain", "m.test")[0] == 0
    status, out, _ = run("--config", "gw/mail2campaign.toml", "doctor", "--offline", "--json")
    said = json.loads(out)
    codes = {one["code"]: one["level"] for one in said["findings"]}
    assert (status, said["status"], said["level"]) == (1, 1, "warning")
    for code in ("backup_never", "certificate_own", "operator_missing", "serve_stands"):
        assert codes[code] == "warning"
    for code in ("database_ok", "database_whole", "keys_ok", "secrets_ok", "queue_ok", "spool_ok"):
        assert codes[code] == "ok"
    assert {code for code in codes if code.startswith("enrol_")} >= {"enrol_signalspam", "enrol_microsoft"}
    (tmp_path / "gw/data/keys/tokens.json").chmod(0o644)
    status, out, _ = run("--config", "gw/mail2campaign.toml", "doctor", "--offline", "--quiet", "--lang", "en")
    assert status == 2
    assert "!! CRIT" in out and "chmod 0600" in out and "  ok " not in out
    assert run("backup", "--config", "gw/mail2campaign.toml", "backup.tar.gz")[0] == 0
    assert "backup_ok" in run("--config", "gw/mail2campaign.toml", "doctor", "--offline", "--json")[1]


def test_settings_that_cannot_be_read_are_critical(run: Run, tmp_path: Path) -> None:
    (tmp_path / "mail2campaign.toml").write_text("[gateway]\ndomian = 'x'\n")
    status, out, _ = run("doctor", "--json", "--lang", "en")
    assert status == 2 and json.loads(out)["findings"][0]["code"] == "settings_broken"


def settings(folder: Path) -> Settings:
    return Settings(
        gateway={"domain": "m.test", "data_dir": folder}, database={"url": f"sqlite+aiosqlite:///{folder / 'm2c.db'}"}
    )


async def codes(db: Database, folder: Path, running: bool = True, later: int = 0) -> dict[str, str]:
    found = await database.check(db, settings(folder), running, False, now_ms() + later)
    return {one.code: one.level.code for one in found}


async def test_what_waits_too_long_is_told(db: Database, make: MakeCampaign, tmp_path: Path) -> None:
    at = now_ms()
    await make(3, send_at=at)
    assert (await codes(db, tmp_path))["queue_ok"] == "ok"
    assert (await codes(db, tmp_path))["senders_none"] == "critical"
    assert (await codes(db, tmp_path, later=1_000_000))["queue_late"] == "warning"
    assert (await codes(db, tmp_path, later=10_000_000))["queue_late"] == "critical"
    assert (await codes(db, tmp_path, running=False))["serve_stands"] == "critical"
    async with db.write() as conn:
        await pauses.set(conn, [Pause("mx.orange.fr", 0, at + 3_600_000, "throttled")], at)
    assert (await codes(db, tmp_path))["site_paused"] == "warning"


async def test_tables_of_another_version(db: Database, tmp_path: Path) -> None:
    for version, code in (("0001", "database_behind"), ("9999", "database_newer")):
        async with db.write() as conn:
            await conn.execute(text(f"UPDATE alembic_version SET version_num = '{version}'"))
        assert await codes(db, tmp_path) == {code: "critical"}


async def test_a_database_that_is_none(tmp_path: Path) -> None:
    (tmp_path / "x.db").write_bytes(b"no database, whatever its name says" * 200)
    broken = Database.open(f"sqlite+aiosqlite:///{tmp_path / 'x.db'}")
    assert await codes(broken, tmp_path) == {"database_silent": "critical"}
    await broken.close()


async def test_somebody_who_keeps_the_database_locked(
    db: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "_MOST", 0.1)
    with (tmp_path / "m2c.db.turn").open("ab") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        assert (await codes(db, tmp_path))["database_locked"] == "critical"


def test_the_machine(tmp_path: Path) -> None:
    (tmp_path / "keys").mkdir()
    assert {one.code for one in machine.disk(tmp_path, 1)} <= {"disk_ok", "fsync_ok", "fsync_slow"}
    assert machine.disk(tmp_path, 10**15)[0].code == "disk_low"
    assert [one.code for one in machine.disk(tmp_path / "no", 1)] == ["folder_missing"]
    tmp_path.chmod(0o755)
    assert [one.code for one in machine.secrets(tmp_path)] == ["folder_open"]


def test_the_spool(tmp_path: Path) -> None:
    now = time.time()
    for name in ("new/1", "shunt/2", "shunt/2.txt", "restored/3"):
        path = tmp_path / "spool" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
        os.utime(path, (now - 600, now - 600))
    assert [one.code for one in machine.spool(tmp_path, now)] == ["spool_waiting", "spool_shunted", "spool_restored"]
    assert [one.code for one in machine.spool(tmp_path / "empty", now)] == ["spool_ok"]


def test_whether_a_gateway_runs(tmp_path: Path) -> None:
    assert not machine.running(tmp_path)
    with (tmp_path / "serve.lock").open("ab") as lock:
        assert not machine.running(tmp_path)
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert machine.running(tmp_path)


def test_old_backups_are_told(tmp_path: Path) -> None:
    now = time.time()
    (tmp_path / "backup.json").write_text(json.dumps({"at": now - 3 * 86_400, "path": "/b/x", "size": 1}))
    assert [one.code for one in machine.backup(tmp_path, "2d", now)] == ["backup_old"]
    assert [one.code for one in machine.backup(tmp_path, "4d", now)] == ["backup_ok"]
    assert re.search(r"\d{4}-\d\d-\d\d", machine.backup(tmp_path, "4d", now)[0].text("fr"))


@pytest.mark.parametrize(
    ("n", "told"), [(0, "0 destinataire attend."), (1, "1 destinataire attend."), (2, "2 destinataires attendent.")]
)
def test_what_is_counted_agrees_and_figures_are_written_as_read(n: int, told: str) -> None:
    assert finding.critical("serve_stands", n=n).text("fr").endswith(told)
    late = finding.warning("queue_late", n=n, minutes=248)
    assert late.text("fr").endswith("depuis 4\u00a0h\u00a08\u00a0min.")
    assert finding.ok("database_ok", database="x", current=2.5).text("fr").endswith("2,5.")
    assert "2.5" in str(finding.as_json([finding.ok("fsync_ok", folder="x", ms=2.5)], "fr")["findings"][0]["values"])


def test_a_host_that_fails_is_told_in_words() -> None:
    why = finding.warning("host_links", host="envois.a.test", why="silent", gateway="gw.test")
    assert why.text("fr").endswith("à la place de envois.a.test. Personne ne répond à envois.a.test.")


def test_the_last_line_counts_what_presses() -> None:
    bad, warn, fine = finding.critical("senders_none"), finding.warning("backup_never"), finding.ok("keys_ok")
    assert finding.summary([bad, bad, warn, fine], "fr") == "2 points graves, 1 point à surveiller"
    assert finding.summary([fine], "en") == "Nothing that presses."
