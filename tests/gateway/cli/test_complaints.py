"""`complaints rates|import`: rates beside what providers bear, and CSV of whatever columns."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from gateway.cli.main import main
from store import complaints
from store.complaints import Told
from store.engine import Database, now_ms


@pytest.fixture
def there(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Any:
    folder = tmp_path / "g"
    assert main(["init", "--dir", str(folder), "--domain", "gw.example"]) == 0
    monkeypatch.chdir(folder)
    capsys.readouterr()

    def run(*words: str) -> tuple[int, str, str]:
        status = main(list(words))
        said = capsys.readouterr()
        return status, said.out, said.err

    return run


async def seed(folder: Path) -> None:
    database, now = Database.open(f"sqlite+aiosqlite:///{folder / 'data' / 'mail2campaign.db'}"), now_ms()
    hosts = {"smtp-in.orange.fr": "orange", "gmail-smtp-in.l.google.com": "gmail", "mx.small.test": ""}
    taken = (("smtp-in.orange.fr", 1000, 6), ("gmail-smtp-in.l.google.com", 2000, 3), ("mx.small.test", 10, 1))
    news = [Told(1, host, now, False) for host, n, _ in taken for _ in range(n)]
    news += [Told(1, host, now, True) for host, _, n in taken for _ in range(n)]
    async with database.write() as conn:
        await complaints.count(conn, news, hosts, 1)
    await database.close()


@pytest.mark.slow
def test_rates_beside_thresholds(there: Any) -> None:
    asyncio.run(seed(Path.cwd()))
    lines = there("complaints", "rates")[1].splitlines()
    assert lines[1:] == [
        "Gmail, Google Workspace\t2000\t3\t0.150 %\t0.3 %\tnear",
        "Orange, Wanadoo, Voila\t1000\t6\t0.600 %\t0.6 %\tABOVE",
        "others\t10\t1\t10.000 %\t-\t",
    ]
    assert there("complaints", "rates", "--campaign", "2")[1].splitlines()[1:] == []


@pytest.mark.slow
def test_signal_spam_s_csv(there: Any, tmp_path: Path) -> None:
    file = tmp_path / "s.csv"
    file.write_bytes(
        "Date;Adresse IP;Nombre de signalements;FAI\n26/11/2026;192.0.2.1;4;Orange\n27/11/2026;192.0.2.1;x;\n".encode(
            "cp1252"
        )
    )
    status, _, said = there("complaints", "import", str(file), "--columns", "count=Nombre")
    assert status == 1 and "no column 'nombre'" in said
    mapped = there("complaints", "import", str(file), "--columns", "count=Nombre de signalements")
    assert mapped[1] == "Signal Spam: 4 complaints of 1 days, 1 bad lines\n"
    again = tmp_path / "t.csv"
    again.write_text("date,ip\n2026-11-26 08:00:00Z,192.0.2.7\n2026-11-26T09:00:00+01:00,192.0.2.7\n", "utf-8")
    assert (
        there("complaints", "import", str(again), "--source", "Other")[1]
        == "Other: 2 complaints of 1 days, 0 bad lines\n"
    )
    said = there("complaints", "rates", "--days", "36500")[1]
    assert "reported by Signal Spam for Orange: 4 complaints" in said and "reported by Other: 2 complaints" in said
    (tmp_path / "u.csv").write_text("a,b\n1,2\n", "utf-8")
    assert "no column of dates" in there("complaints", "import", str(tmp_path / "u.csv"))[2]
    assert "write for example" in there("complaints", "import", str(file), "--columns", "x")[2]
