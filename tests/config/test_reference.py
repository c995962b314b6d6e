"""The settings file explains every key, and what it says is true."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from config.reference import reference
from config.settings import Settings, load


def _every_key() -> list[tuple[str, str]]:
    return [
        (section, key)
        for section, field in Settings.model_fields.items()
        for key in field.annotation.model_fields  # type: ignore[union-attr]
    ]


def test_every_setting_has_a_description() -> None:
    for section, field in Settings.model_fields.items():
        for key, setting in field.annotation.model_fields.items():  # type: ignore[union-attr]
            assert (setting.description or "").endswith((".", "…")), f"[{section}] {key}"


def test_every_setting_stands_in_the_file_once() -> None:
    keys, section = [], ""
    for line in reference().splitlines():
        if found := re.fullmatch(r"\[(\w+)\]", line):
            section = found[1]
        elif (found := re.match(r"# (\w+) =", line)) and section:
            keys.append((section, found[1]))
    assert keys == _every_key()


def test_the_defaults_shown_are_the_defaults(tmp_path: Path) -> None:
    shown = re.sub(r"(?m)^# (\w+ = )", r"\1", reference())
    file = tmp_path / "mail2campaign.toml"
    file.write_text(shown, "utf-8")
    (tmp_path / "empty.toml").write_text("")
    assert load(file).model_dump() == load(tmp_path / "empty.toml").model_dump()


def test_chosen_values_are_written_and_nothing_else_is() -> None:
    chosen = {
        "gateway": {"domain": 'od"d.test', "data_dir": Path("data")},
        "delivery": {"routes": {"*.test": "127.0.0.1:2525"}, "workers": 3},
        "smtp": {"trusted_networks": ["10.0.0.0/8", "::1/128"]},
    }
    parsed = {section: keys for section, keys in tomllib.loads(reference(chosen)).items() if keys}
    assert parsed == chosen | {"gateway": {"domain": 'od"d.test', "data_dir": "data"}}


@pytest.mark.parametrize("chosen", [{"nowhere": {"a": 1}}, {"gateway": {"nothing": 1}}])
def test_an_unknown_key_is_refused(chosen: dict[str, dict[str, int]]) -> None:
    with pytest.raises(KeyError, match="no such"):
        reference(chosen)


def test_lines_are_short() -> None:
    assert max(map(len, reference().splitlines())) <= 120
