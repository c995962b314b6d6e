"""How attachments travel: what Config asks for, what they weigh, what must not be handed out."""

from typing import Any

import pytest

from gateway.intake.carriage import Carriage, choose
from gateway.intake.personal import check
from parsers import liste as lists
from parsers.liste import Liste
from parsers.parts import Part

BOUNDS = {"links_above": 100, "attached_max": 1_000, "volume_max": 5_000, "keep_days": 3}


def chosen(asked: str, *sizes: int, people: int = 2, name: str = "{}.pdf", cells: tuple[str, ...] = ()) -> Carriage:
    rows = [f"p{at}@x.example;{cells[at] if cells else ''}" for at in range(people)]
    liste = lists.read(("\n".join(["Email;PJ" if cells else "Email;Nom", *rows]) + "\nbad@;\n").encode())
    assert isinstance(liste, Liste)
    parts = [Part(name.format(at), "application/pdf", "", b"x" * size) for at, size in enumerate(sizes)]
    return choose(asked, parts, liste, check(liste, parts), {"attachments": BOUNDS})


@pytest.mark.parametrize(
    ("asked", "sizes", "people", "links", "why", "held"),
    [
        ("auto", (50, 50), 2, False, "", []),
        ("auto", (50, 51), 2, True, "heavy", []),
        ("auto", (100,), 51, True, "volume", []),
        ("links", (1,), 2, True, "asked", []),
        ("attached", (1_000,), 2, False, "", []),
        ("attached", (1_001,), 2, False, "", ["files_heavy"]),
        ("attached", (1_000,), 6, False, "", ["files_volume"]),
        ("links", (), 2, False, "", []),
    ],
)
def test_the_rules(asked: str, sizes: tuple[int, ...], people: int, links: bool, why: str, held: list[str]) -> None:
    made = chosen(asked, *sizes, people=people)
    assert (made.links, made.why, [one["code"] for one in made.held]) == (links, why, held)


def test_what_holds_says_the_figure() -> None:
    assert chosen("attached", 1_001).held == [{"code": "files_heavy", "size": 1_001, "limit": 1_000}]
    assert chosen("attached", 1_000, people=6).held == [{"code": "files_volume", "size": 6_000, "limit": 5_000}]


def test_personal_files_count_for_who_gets_them() -> None:
    cells = ("0.pdf", "1.pdf")
    assert not chosen("auto", 90, 95, cells=cells).links  # 185 in all, 95 a person
    assert chosen("auto", 90, 101, cells=cells).why == "heavy"
    assert chosen("auto", 90, 80, cells=("0.pdf|1.pdf", "1.pdf")).each == 170


def test_what_runs_is_no_download() -> None:
    assert chosen("links", 5, name="{}.exe").held == [{"code": "file_runs", "text": "0.exe"}]
    assert chosen("attached", 5, name="{}.exe").held == []  # providers judge what is attached
    many = chosen("links", *([5] * 7), name="{}.js")
    assert many.held[0]["text"] == "0.js, 1.js, 2.js, 3.js, 4.js … (7)"


def test_the_defaults_are_those_of_the_settings() -> None:
    from config.settings import Settings
    from gateway.intake.carriage import Bounds, bounds

    made: dict[str, Any] = bounds(Settings().attachments)
    assert Bounds(**made) == Bounds()
