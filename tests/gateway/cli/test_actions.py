"""Acting on campaigns from the command line: noted, done, refused with one sentence."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update

from gateway.cli.main import main
from store import accounts, actions, campaigns, links
from store.actions import Action, Power, Stage
from store.engine import Database, now_ms
from store.tables import campaigns as campaigns_table
from store.values import NewCampaign, NewRecipient, Tracked


@pytest.fixture
def folder(tmp_path: Path, migrated: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "mail2campaign.db").write_bytes(migrated.read_bytes())
    config = tmp_path / "mail2campaign.toml"
    url = f"sqlite+aiosqlite:///{tmp_path / 'mail2campaign.db'}"
    config.write_text(
        f'[gateway]\ndomain = "gw.example"\ndata_dir = "{tmp_path}"\npublic_url = "https://gw.example"\n'
        f'[database]\nurl = "{url}"\n'
    )
    monkeypatch.setenv("MAIL2CAMPAIGN_CONFIG", str(config))

    async def work(db: Database) -> None:
        async with db.write() as conn:
            account = await accounts.create_account(conn, "firm", "", "", "fr", "Europe/Paris", 1)
            sender = await accounts.declare_sender(conn, account, "anne@firm.example", "Anne", 1, 1)
            new = NewCampaign(
                account, sender, "Offre", "Offre", "Anne", "anne@firm.example", "", "<1@x>", "k", "fr", "Europe/Paris",
                ("Email", "Nom"), 0, {}, (), now_ms() + 3_600_000, now_ms(),
            )  # fmt: skip
            made = await campaigns.begin(conn, new, b"source")
            assert isinstance(made, int)
            people = [NewRecipient(2, 0, "p@d.test", "p@d.test", "", ("p@d.test", "P"), Tracked.NONE)]
            await campaigns.add_rows(conn, made, people, [], 0)
            await campaigns.publish(conn, made, "word" * 6, now_ms())

    on(tmp_path, work)
    return tmp_path


def on(folder: Path, work: Any) -> Any:
    async def run() -> Any:
        db = Database.open(f"sqlite+aiosqlite:///{folder / 'mail2campaign.db'}")
        try:
            return await work(db)
        finally:
            await db.close()

    return asyncio.run(run())


def history(folder: Path) -> list[Action]:
    async def work(db: Database) -> list[Action]:
        async with db.read() as conn:
            return await actions.of(conn, 1)

    found: list[Action] = on(folder, work)
    return found


def said(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    code = main(["campaign", *words])
    out, err = capsys.readouterr()
    return code, out, err


def test_modify_then_pause_and_history(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert said(capsys, "modify", "1", "--subject", "Pour {{Nom}}", "--date", "demain 9h")[:2] == (
        0,
        "campaign 1: modify done\n",
    )
    code, _, err = said(capsys, "modify", "1", "--subject", "{{Age}}")
    assert code != 0 and "names no column" in err and err.count("\n") == 1
    assert "no declared and proved sender" in said(capsys, "modify", "1", "--sender", "x@y.example")[2]
    assert said(capsys, "pause", "1")[1] == "campaign 1: paused\n"
    assert "cannot be paused" in said(capsys, "pause", "1")[2]
    assert "no campaign 9" in said(capsys, "share", "9", "a@b.example")[2]
    lines = said(capsys, "history", "1")[1].splitlines()
    assert [line.split("\t")[2] for line in lines] == ["gateway administrator"] * 2
    assert "Campaign paused" in lines[0] and "subject “Pour {{Nom}}”" in lines[1]


def test_replay_and_share_wait_for_the_gateway(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "does not allow" in said(capsys, "replay", "1", "--to", "all")[2]

    async def end(db: Database) -> None:
        async with db.write() as conn:
            await conn.execute(update(campaigns_table).values(state="finished", finished_at=now_ms()))
            await links.add(conn, b"s" * 32, 1, "chef@x.example", now_ms(), now_ms() + 9_000_000)

    on(folder, end)
    assert "noted" in said(capsys, "replay", "1", "--to", "undelivered")[1]
    (folder / "clients.csv").write_text("Email\na@b.example\n")
    assert "noted" in said(capsys, "replay", "1", "--list", str(folder / "clients.csv"))[1]
    assert "No such file" in said(capsys, "replay", "1", "--list", str(folder / "none.csv"))[2]
    assert "is no e-mail address" in said(capsys, "share", "1", "nobody")[2]
    assert "noted" in said(capsys, "share", "1", "chef@firm.example", "--days", "3")[1]
    assert [(one.power, one.stage) for one in history(folder)] == [
        (Power.SHARE, Stage.READY), (Power.REPLAY, Stage.READY), (Power.REPLAY, Stage.READY),
    ]  # fmt: skip
    assert said(capsys, "shares", "1")[1].split("\t")[:2] == ["1", "chef@x.example"]
    assert said(capsys, "revoke", "1", "1")[1] == "campaign 1: revoke done\n"
    assert said(capsys, "shares", "1")[1].rstrip().endswith("revoked")
