"""`account suspend|resume|quota` and `campaign stop|pause|resume --all`: what they do and say."""

from __future__ import annotations

import io
import shutil
import sqlite3
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from gateway.cli.main import main

Run = Callable[..., tuple[int, str, str]]
_CAMPAIGN = (
    "INSERT INTO campaigns (id, account_id, sender_id, state, subject, name, from_name, from_address, reply_to, message_id,"
    " message_key, locale, timezone, columns, address_column, options, blob_id, created_at, send_at)"
    " VALUES (?, 1, 1, ?, 's', 'n', '', 'a@b.test', '', '<1>', ?, 'fr', 'Europe/Paris', '[]', 0, '{}', 1, 1, 1)"
)


@pytest.fixture(scope="module")
def _fresh(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("fresh") / "gw"
    assert main(["init", "--dir", str(folder), "--domain", "gw.test"]) == 0
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "stdin", io.StringIO("secret\n"))
        words = ["account", "add", "Mairie", "--login", "agnes", "--password-stdin"]
        assert main(["--config", str(folder / "mail2campaign.toml"), *words]) == 0
    assert (
        main(["--config", str(folder / "mail2campaign.toml"), "sender", "add", "Mairie", "a@b.test", "--verified"]) == 0
    )
    with sqlite3.connect(folder / "data" / "mail2campaign.db") as db:
        db.execute("INSERT INTO blobs (id, sha256, size, data) VALUES (1, x'00', 1, x'00')")
        for number, state in enumerate(("sending", "scheduled", "finished"), 1):
            db.execute(_CAMPAIGN, (number, state, f"k{number}"))
            db.execute("INSERT INTO tallies VALUES (?, 'status:0', ?)", (number, 10 * number))
    return folder


@pytest.fixture
def run(_fresh: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Run:
    folder = Path(shutil.copytree(_fresh, tmp_path / "gw"))

    def _run(*words: str) -> tuple[int, str, str]:
        try:
            status = main(["--config", str(folder / "mail2campaign.toml"), *words])
        except SystemExit as ended:
            status = int(ended.code or 0)
        said = capsys.readouterr()
        return status, said.out, said.err

    return _run


def states(run: Run) -> list[str]:
    return [line.split("\t")[1] for line in run("campaign", "list")[1].splitlines()]


@pytest.mark.slow
def test_an_account_is_suspended_and_sends_again(run: Run) -> None:
    said = "account Mairie: suspended, 30 recipients of 2 campaigns wait\n"
    assert run("account", "suspend", "Mairie") == (0, said, "")
    assert "Mairie\tsuspended\t" in run("account", "list")[1]
    assert run("account", "suspend", "Mairie")[::2] == (1, "mail2campaign: account Mairie is suspended already\n")
    assert run("account", "resume", "Mairie")[1].startswith("account Mairie: sends again, 30 recipients")
    assert run("account", "resume", "Mairie")[::2] == (1, "mail2campaign: account Mairie is not suspended\n")
    assert run("account", "suspend", "Personne")[0] == 1


def test_all_campaigns_pause_go_on_and_stop(run: Run) -> None:
    assert run("campaign", "pause", "2")[0] == 0
    status, out, _ = run("campaign", "pause", "--all")
    assert (status, out) == (0, "paused 1 campaign with 10 recipients waiting; campaign resume --all lets them go on\n")
    assert states(run) == ["finished", "paused", "paused"]
    assert run("campaign", "resume", "--all")[1] == "resumed 1 campaign with 10 recipients waiting\n"
    assert states(run) == ["finished", "paused", "sending"]
    assert run("campaign", "stop", "--all")[1] == (
        "stopped 2 campaigns with 30 recipients waiting, who get no mail any more\n"
    )
    assert states(run) == ["finished", "stopped", "stopped"]


@pytest.mark.parametrize("words", [("stop",), ("pause", "1", "--all"), ("resume",)])
def test_one_campaign_or_all_of_them(run: Run, words: tuple[str, ...]) -> None:
    status, out, err = run("campaign", *words)
    assert (status, out) == (1, "") and "needs the id of a campaign, or --all" in err
    assert states(run) == ["finished", "scheduled", "sending"]


def test_a_quota_is_shown_and_changed(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    assert run("account", "quota", "Mairie")[1] == "account Mairie: no limit\n"
    assert run("account", "quota", "Mairie", "500")[1] == (
        "account Mairie: 500 recipients a day, 500 left today (UTC)\n"
    )
    assert run("account", "quota", "Mairie", "none")[1] == "account Mairie: no limit\n"
    monkeypatch.setenv("MAIL2CAMPAIGN_LIMITS__NEW_ACCOUNT_PER_DAY", "70")
    assert run("account", "quota", "Mairie")[1] == "account Mairie: no limit\n"
    assert run("account", "quota", "Mairie", "auto")[1].startswith("account Mairie: 70 recipients a day, 70 left")
    for wrong in ("0", "many", "-1"):
        assert run("account", "quota", "Mairie", "--", wrong)[0] == 1


def test_queue_lists_what_is_paused_and_ends_a_pause(run: Run, tmp_path: Path) -> None:
    assert run("queue") == (0, "", "")
    with sqlite3.connect(tmp_path / "gw" / "data" / "mail2campaign.db") as db:
        row = "INSERT INTO pauses (site, source_id, provider, since, until, reason, kind, rate, told) VALUES "
        db.execute(row + "('orange', 0, 'orange', 1, 4102444800000, 'throttled', 'slow', 60, 1)")
        db.execute(row + "('sfr', 0, 'sfr', 1, 4102444800000, 'reputation', 'note', NULL, 0)")
    assert run("queue")[1] == "slow\torange\tfrom=any\tuntil=2100-01-01 00:00Z\tthrottled\trate=60/h\n"
    assert run("queue", "resume", "orange") == (0, "orange takes mail again\n", "")
    status, _, complaint = run("queue", "resume", "orange")
    assert status != 0 and "orange is not paused" in complaint


def test_a_campaign_that_waits_for_a_word_is_released_by_hand(run: Run, tmp_path: Path) -> None:
    assert run("campaign", "release", "1")[2].endswith("campaign 1 is sending and waits for nobody's word\n")
    assert "no campaign 9" in run("campaign", "release", "9")[2]
    with sqlite3.connect(tmp_path / "gw" / "data" / "mail2campaign.db") as db:
        db.execute("INSERT INTO talks (campaign_id, author) VALUES (2, 'a@b.test')")
        db.execute("UPDATE campaigns SET state = 'held', recipients = 7, held = '[{\"code\":\"config\"}]' WHERE id = 2")
    assert "is held for what must be corrected" in run("campaign", "release", "2")[2]
    with sqlite3.connect(tmp_path / "gw" / "data" / "mail2campaign.db") as db:
        db.execute('UPDATE campaigns SET held = \'[{"code":"late","count":20}]\' WHERE id = 2')
    assert run("campaign", "release", "2")[1] == "campaign 2: released to 7 recipients\n"
    assert states(run)[1] == "sending"
    with sqlite3.connect(tmp_path / "gw" / "data" / "mail2campaign.db") as db:
        assert db.execute("SELECT serial, told, decided FROM talks").fetchall() == [(2, 1, "send")]
