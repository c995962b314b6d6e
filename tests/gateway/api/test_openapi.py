"""The description of the API is the one in the repository, and says what is served."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path

import orjson
import pytest
from api_kit import Api

from gateway.api.catalogue import OPERATIONS, WORDS
from gateway.api.openapi import document
from gateway.api.problems import USUAL
from gateway.i18n import LOCALES, has

ROOT = Path(__file__).resolve().parents[3]


def test_the_file_in_the_repository_is_what_the_models_say() -> None:
    spec = importlib.util.spec_from_file_location("openapi", ROOT / "scripts" / "openapi.py")
    assert spec is not None and spec.loader is not None
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    assert (ROOT / "docs" / "openapi.json").read_bytes() == script.text(), "run scripts/openapi.py"


async def test_it_is_served_to_everybody(api: Api) -> None:
    answer = await api.reader.get("/api/v1/openapi.json")
    assert answer.status == 200 and orjson.loads(answer.body) == document()
    assert orjson.loads(answer.body)["openapi"] == "3.1.0"


@pytest.mark.parametrize("locale", LOCALES)
def test_every_problem_that_is_raised_has_words(locale: str) -> None:
    raised = set(USUAL.values())
    for path in (ROOT / "gateway" / "api").rglob("*.py"):
        source = path.read_text("utf-8")
        raised |= set(re.findall(r"(?:Problem|one)\(\s*\d{3},\s*\"(\w+)\"", source))
        raised |= set(re.findall(r"Unfit\(\"(\w+)\"\)", source))
    assert len(raised) > 25
    for code in sorted(raised):
        assert has(locale, f"api.{code}.title") and has(locale, f"api.{code}.detail"), code


def test_every_word_of_a_path_has_a_shape() -> None:
    assert {word for one in OPERATIONS for word in re.findall(r"\{(\w+)\}", one.path)} <= WORDS.keys()
    assert len({one.name for one in OPERATIONS}) == len(OPERATIONS)
