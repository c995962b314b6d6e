"""`key rotate`: what the old keys made is read for ever, and never while the gateway runs."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from config import keys
from gateway.cli.commands import setup
from gateway.cli.main import main
from gateway.processes.supervisor import take_lock
from parsers.tokens import Keyring, Purpose, sign, verify
from store.suppressions import SuppressionKeys


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    setup.make_folder(tmp_path / "gw", "gw.example")
    return tmp_path / "gw"


def test_old_tokens_verify_and_new_ones_are_made_with_the_new_key(folder: Path) -> None:
    data, config = folder / "data", str(folder / "mail2campaign.toml")
    old = sign(Keyring(*keys.load_keyring(data, "tokens")), Purpose.UNSUBSCRIBE, 42)
    assert main(["--config", config, "key", "rotate", "tokens"]) == 0
    ring = Keyring(*keys.load_keyring(data, "tokens"))
    assert ring.current == 2 and verify(ring, Purpose.UNSUBSCRIBE, old) == (42, 0)
    new = sign(ring, Purpose.UNSUBSCRIBE, 42)
    assert new != old and verify(ring, Purpose.UNSUBSCRIBE, new) == (42, 0)


def test_old_suppressions_are_still_found(folder: Path) -> None:
    data, config = folder / "data", str(folder / "mail2campaign.toml")
    old = SuppressionKeys(*keys.load_keyring(data, "suppression")).hash("a@b.example")
    assert main(["--config", config, "key", "rotate", "suppression"]) == 0
    ring = SuppressionKeys(*keys.load_keyring(data, "suppression"))
    assert old in ring.hashes("a@b.example") and ring.hash("a@b.example")[0] == 2


def test_a_gateway_that_runs_keeps_its_keys(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("gateway.processes.premises.PATIENCE", 0)
    lock = take_lock(folder / "data")
    try:
        assert main(["--config", str(folder / "mail2campaign.toml"), "key", "rotate", "tokens"]) == 1
    finally:
        os.close(lock)
    assert "another gateway is running" in capsys.readouterr().err
    assert keys.load_keyring(folder / "data", "tokens")[1] == 1


def test_a_ring_that_is_full_says_so(folder: Path) -> None:
    file = folder / "data" / "keys" / "tokens.json"
    ring = json.loads(file.read_text())
    ring["keys"] = {str(number): ring["keys"]["1"] for number in range(1, 255)}
    file.write_text(json.dumps(ring | {"current": 254}))
    keys.rotate(folder / "data", "tokens")
    with pytest.raises(keys.KeysError, match="as many keys"):
        keys.rotate(folder / "data", "tokens")
