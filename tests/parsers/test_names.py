"""Which attachments are the list and the Config."""

from __future__ import annotations

import pytest

from parsers.names import begins_with_liste_or_config, is_config, is_liste


@pytest.mark.parametrize(
    "name",
    [
        "LISTE.XLS", "liste.txt", "Liste.xlsx", "LISTE", " liste .csv", "liste (1).xls", "Liste(2).xlsx", "LISTÉ.txt",
        "liste - Copie.xls", "liste - Copie (2).xls", "Liste - Copy.xlsx", "Copie de LISTE.xls", "C:\\x\\liste.xls",
        "L I S T E.xls", "liste.xls.xlsx", "liste\u00a0(1).ods", "liste.",
    ],
)  # fmt: skip
def test_is_liste(name: str) -> None:
    assert is_liste(name)
    assert begins_with_liste_or_config(name.replace("Copie de ", ""))


@pytest.mark.parametrize(
    "name", ["listes.xls", "liste clients.xls", "maliste.xls", "liste.pdf.exe.scr.com", "", ".xls", "playlist.txt"]
)
def test_is_not_liste(name: str) -> None:
    assert not is_liste(name)


def test_config_names() -> None:
    assert all(
        is_config(name) for name in ("Config", "config.txt", "CONFIG (1).xls", "Config - Copie.txt", "cònfig.TXT")
    )
    assert not any(is_config(name) for name in ("configuration.txt", "my config.txt", "liste.txt"))


def test_names_that_must_not_be_mailed() -> None:
    assert all(begins_with_liste_or_config(name) for name in ("Liste clients.xls", "_configuration.txt", "listes.zip"))
    assert not begins_with_liste_or_config("Plaquette liste.pdf")
