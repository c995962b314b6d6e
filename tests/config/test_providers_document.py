"""docs/providers.md says what the shipped file and the loader say."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path

from config.provider_file import PROVIDER_KEYS, RULE_KEYS
from config.providers import CLASSES, Providers

ROOT = Path(__file__).resolve().parents[2]
TEXT = (ROOT / "docs" / "providers.md").read_text("utf-8")


def test_the_table_is_that_of_the_shipped_file() -> None:
    spec = importlib.util.spec_from_file_location("providers_table", ROOT / "scripts" / "providers_table.py")
    assert spec is not None
    assert spec.loader is not None
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    assert script.renewed(TEXT) == TEXT, "run: python scripts/providers_table.py"


def test_the_example_is_a_file_that_can_be_used(tmp_path: Path) -> None:
    [example] = re.findall(r"(?s)```toml\n(.*?)```", TEXT)
    path = tmp_path / "providers.toml"
    path.write_text(example, "utf-8")
    providers = Providers.load(path)
    orange = providers.of(["smtp-in.orange.fr"])
    assert orange.connections == 4
    rule = orange.rule("421 4.7.0 OFR_777 come back")
    assert rule is not None
    assert (rule.id, rule.action.seconds) == ("orange.appointment", 2700)
    assert providers.of(["mx.factory.example"]).per_hour == 600


def _documented(title: str) -> set[str]:
    part = TEXT.split(f"### {title}\n", 1)[1].split("\n#", 1)[0]
    first = re.findall(r"(?m)^\| (`.+?`) \|", part)
    return set(re.findall(r"`(\w+)`", " ".join(first)))


def test_every_key_is_explained() -> None:
    assert _documented("Keys of a provider") == PROVIDER_KEYS.keys() - {"rule"}
    assert _documented("Keys of a rule") == RULE_KEYS.keys()


def test_every_class_is_named() -> None:
    [line] = re.findall(r"(?m)^\| `class` .+$", TEXT)
    assert set(re.findall(r"`(\w+)`", line)) - {"class"} == CLASSES
