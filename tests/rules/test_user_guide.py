"""The French guide for users speaks of every status and every option, in the words of the program."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from gateway.i18n import catalogue
from parsers import options
from store.states import Status

DOCS = Path(__file__).resolve().parents[2] / "docs"
GUIDE = (DOCS / "guide-utilisateur.md").read_text("utf-8")


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


def pictures(document: str) -> list[Path]:
    """The files that a document shows, each with words for somebody who does not see it."""
    shown = re.findall(r"!\[([^\]]*)\]\(([^)]+)\)", document)
    assert all(len(words) > 20 for words, _ in shown)
    return sorted(DOCS / path for _, path in shown)


def test_every_picture_is_there_shown_and_small() -> None:
    shown, files = pictures(GUIDE), sorted((DOCS / "pictures").glob("*.webp"))
    assert shown == files
    made = re.search(r"PICTURES = \(([^)]*)\)", (DOCS.parent / "scripts" / "guide_pictures.py").read_text("utf-8"))
    assert made is not None and sorted(re.findall(r"\w+", made[1])) == [file.stem for file in files]
    assert all(file.read_bytes()[8:12] == b"WEBP" for file in files)
    assert sum(file.stat().st_size for file in files) < 600_000


def test_every_graph_is_shown_where_it_belongs_and_small() -> None:
    shown = pictures((DOCS / "scaling.md").read_text("utf-8"))
    assert shown == sorted(file for file in (DOCS / "pictures").iterdir() if file.suffix != ".webp")
    for file in shown:
        graph = file.read_text("utf-8")
        assert graph.startswith("<svg ") and "<script" not in graph and len(graph) < 40_000, file.name
