"""Our own letters on a phone: nothing of them is wider than the screen, whatever stands in them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from browsing import PHONE, chromium
from playwright.sync_api import Browser

from gateway.letters.letter import Bars, Block, Button, Facts, Figures, Points, Records, Sample, Say, as_html

pytestmark = pytest.mark.browser
LONG = "prenom.nom-de-famille@un-sous-domaine.mairie-de-saint-remy-en-bouzemont.example"
FIVE = (("lignes lues", "12"), ("invalides", "3"), ("doublons", "1"), ("écartées", "0"), ("destinataires", "8"))
BLOCKS: tuple[Block, ...] = (
    Say(f"Bonjour, {LONG} vous écrit."),
    Figures(FIVE),
    Facts((("Différé par le serveur distant", LONG),)),
    Bars((("Taux de désabonnement", "100,0 %", "412 sur 412 envoyés", 1.0), ("Taux de spam", "–", "", 0.0))),
    Points("Lignes sans envoi", (f"ligne 12, {LONG} : Adresse incorrecte",), "stop"),
    Records("Enregistrements", (("m2c1._domainkey." + LONG.partition("@")[2], "TXT", "v=DKIM1;p=" + "A" * 300),)),
    Button("Relire et décider de l'envoi", "https://envoi.example/v/" + "a" * 60),
    Sample(f"À : {LONG}", "Objet", "Bonjour,\n\nhttps://" + LONG.partition("@")[2] + "/une/page"),
)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as found:
        yield found


@pytest.mark.parametrize("size", [PHONE, {"width": 1280, "height": 900}], ids=["phone", "desk"])
def test_a_letter_is_as_wide_as_the_screen_and_not_wider(browser: Browser, size: dict[str, int]) -> None:
    page = browser.new_page(viewport=size)  # type: ignore[arg-type]
    page.set_content(as_html("fr", "Votre campagne est lancée", BLOCKS, f"Message automatique de {LONG}."))
    assert page.evaluate("document.documentElement.scrollWidth") == size["width"]
    sheet = page.locator("table table").first.bounding_box()
    assert sheet is not None and sheet["width"] == min(600, size["width"] - 24)
    page.close()
