"""The pages in a real browser: nothing inaccessible, nothing refused by the policy, all of it usable without a script."""

from __future__ import annotations

from pathlib import Path

import pytest
from browsing import DATA, DESK, FILE, PHONE, Site, opened, violations
from playwright.sync_api import Browser, expect

from parsers.tokens import Purpose, sign

pytestmark = pytest.mark.browser


@pytest.mark.parametrize(("size", "scheme"), [(DESK, "light"), (PHONE, "dark")], ids=["desk-light", "phone-dark"])
@pytest.mark.parametrize(
    "which",
    [
        "report",
        "sending",
        "unsubscribe",
        "stop",
        "pause",
        "missing",
        "home",
        "history",
        "out",
        "offer",
        "back",
        "past",
        "file",
    ],
)
def test_axe_finds_nothing(browser: Browser, site: Site, which: str, size: dict[str, int], scheme: str) -> None:
    path = {
        "report": site.report, "sending": f"{site.sending}?lang=en", "unsubscribe": site.unsubscribe,
        "stop": f"{site.sending}/stop", "pause": f"{site.sending}/pause", "missing": "/r/none", "home": "/",
        "history": f"{site.report}/history/2", "out": site.out, "offer": f"{site.offer}?lang=en", "back": site.back,
        "past": site.past, "file": f"/f/{sign(site.ring, Purpose.FILE, 1)}",
    }[which]  # fmt: skip
    with opened(browser, site, path, viewport=size, color_scheme=scheme, reduced_motion="reduce") as page:
        assert violations(page) == []
        wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert wide <= 0, "the page itself never scrolls sideways"


def test_tabs_search_and_stories_work_with_the_keyboard(browser: Browser, site: Site) -> None:
    with opened(browser, site, site.report, reduced_motion="reduce") as page:
        page.get_by_role("link", name="Annulés").focus()
        page.keyboard.press("Enter")
        expect(page.locator(".tabs [aria-current]")).to_contain_text("Annulés")
        assert "tab=cancelled" in page.url
        page.get_by_role("link", name="Tous").click()
        page.get_by_role("searchbox").fill("martin")
        page.keyboard.press("Enter")
        expect(page.locator(".people tbody tr").first).to_contain_text("martin")
        first = page.locator("[data-history]").first
        address = first.inner_text()
        first.focus()
        page.keyboard.press("Enter")
        expect(page.get_by_role("dialog")).to_contain_text(address)
        assert violations(page) == []
        page.keyboard.press("Escape")
        expect(page.get_by_role("dialog")).to_be_hidden()
        expect(first).to_be_focused()
        page.go_back()
        page.wait_for_url(lambda url: "q=" not in url)


def test_all_of_it_works_without_a_script(browser: Browser, site: Site) -> None:
    with opened(browser, site, site.report, java_script_enabled=False) as page:
        page.get_by_role("link", name="Suivants").click()
        assert "after=" in page.url
        page.get_by_role("link", name="Ouverts + clics").click()
        page.get_by_role("searchbox").fill("durand")
        page.get_by_role("button", name="Chercher").click()
        assert "tab=engaged" in page.url and "q=durand" in page.url
        page.locator("[data-history]").first.click()
        expect(page.get_by_role("heading", level=2)).to_contain_text("durand")
        expect(page.locator(".step").first).to_contain_text("Accepté par le serveur distant")
        page.get_by_role("link", name="Retour au rapport").click()
        with page.expect_download() as waiting:
            page.get_by_role("link", name="XLSX", exact=True).click()
        assert waiting.value.suggested_filename.endswith("-export.xlsx")


def test_a_file_comes_as_a_download_and_never_as_a_page(browser: Browser, site: Site) -> None:
    with opened(browser, site, f"/f/{sign(site.ring, Purpose.FILE, 1)}", java_script_enabled=False) as page:
        expect(page.get_by_role("heading", level=1)).to_have_text(FILE)
        with page.expect_download() as waiting:
            page.get_by_role("link", name="Télécharger").click()
        assert waiting.value.suggested_filename == FILE
        assert Path(waiting.value.path()).read_bytes() == DATA
        page.get_by_role("link", name="EN", exact=True).click()
        expect(page.get_by_role("link", name="Download")).to_be_visible()
        assert page.context.cookies() == []


def test_the_page_follows_the_campaign_by_itself(browser: Browser, site: Site) -> None:
    with opened(browser, site, site.unsubscribe) as other, opened(browser, site, site.report) as page:
        row = page.locator(".legend tr", has_text="Désabonné").locator("td").first
        before = int(row.inner_text())
        other.get_by_role("button", name="Me désabonner").click()
        expect(other.get_by_role("heading", level=1)).to_have_text("C'est fait")
        expect(row).to_have_text(str(before + 1), timeout=15_000)


def test_stopping_asks_first_and_then_stops(browser: Browser, site: Site) -> None:
    with opened(browser, site, site.sending) as page:
        page.get_by_role("link", name="Arrêter").click()
        page.get_by_role("link", name="Non, revenir au rapport").click()
        expect(page.locator(".badge")).to_have_text("Envoi en cours")
        page.get_by_role("link", name="Arrêter").click()
        page.get_by_role("button", name="Oui, arrêter").click()
        expect(page.locator(".badge")).to_have_text("Arrêtée")
        expect(page.get_by_role("link", name="Arrêter")).to_have_count(0)


def test_refusing_agreeing_leaving_and_asking_back_without_a_script(browser: Browser, site: Site) -> None:
    with opened(browser, site, site.out, java_script_enabled=False) as page:
        page.get_by_role("button", name="Arrêter le suivi").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("C'est fait")
        page.get_by_role("link", name="Changer d'avis").click()
        boxes = [page.get_by_role("button", name=name).bounding_box() for name in ("J'accepte", "Je refuse")]
        assert (
            boxes[0] and boxes[1] and (boxes[0]["width"], boxes[0]["height"]) == (boxes[1]["width"], boxes[1]["height"])
        )
        page.get_by_role("button", name="J'accepte").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("Merci")
        page.goto(site.url + site.unsubscribe)
        if page.get_by_role("button", name="Me désabonner").count():
            page.get_by_role("button", name="Me désabonner").click()
        page.get_by_role("button", name="Me réabonner").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("Regardez votre messagerie")


@pytest.mark.parametrize("size", [DESK, PHONE], ids=["desk", "phone"])
def test_axe_finds_nothing_after_the_answers(browser: Browser, site: Site, size: dict[str, int]) -> None:
    for path, name in ((site.out, "Arrêter le suivi"), (site.offer, "Je refuse"), (site.unsubscribe, "")):
        with opened(browser, site, path, viewport=size, reduced_motion="reduce") as page:
            buttons = page.get_by_role("button", name=name) if name else page.get_by_role("button")
            if buttons.count():
                buttons.first.click()
            assert violations(page) == []
