"""The French guide for users speaks of every status and every option, in the words of the program."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.i18n import catalogue
from parsers import options
from store.states import Status

GUIDE = (Path(__file__).resolve().parents[2] / "docs" / "guide-utilisateur.md").read_text("utf-8")


@pytest.mark.parametrize("status", Status)
def test_every_status_is_explained(status: Status) -> None:
    assert catalogue("fr")[f"status_short.{status.code}"] in GUIDE


def test_every_option_of_the_guide_is_one() -> None:
    table = GUIDE.split("| option | valeurs |")[1].split("\n\n")[0]
    named = [line.split("|")[1].strip() for line in table.splitlines() if line.startswith("| ") and "---" not in line]
    assert len(named) == 13
    for name in named:
        found = options.read(f"{name} : §".encode(), now=1_791_548_130_000, zone="Europe/Paris")
        assert not [one for one in found.problems if one.kind is options.ProblemKind.UNKNOWN_KEY], name
