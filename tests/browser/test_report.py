"""The report's own parts in a real browser: the stream, the message in its frame, the charts, with and without a script."""

from __future__ import annotations

import re
import sqlite3

import pytest
from browsing import DESK, PHONE, Site, opened, violations
from playwright.sync_api import Browser, Page, expect

pytestmark = pytest.mark.browser


def zones(page: Page) -> list[str]:
    page.locator("#message").scroll_into_view_if_needed()
    frame = page.frame_locator(".frame-html")
    expect(frame.locator("[data-zone]").first).to_be_visible()
    return [frame.locator("[data-zone]").nth(i).inner_text() for i in range(frame.locator("[data-zone]").count())]


@pytest.mark.parametrize("script", [True, False], ids=["script", "plain"])
def test_the_message_is_drawn_with_its_heat_and_its_links_are_dead(browser: Browser, site: Site, script: bool) -> None:
    with opened(browser, site, "/", java_script_enabled=script) as page:
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        page.goto(site.url + site.report)
        assert "J'en profite" in zones(page)
        frame = page.frame_locator(".frame-html")
        button = frame.locator("[data-zone]", has_text="J'en profite")
        assert button.get_attribute("data-heat") == "5"
        count = page.locator(".zones tbody tr").first
        expect(count).to_contain_text("J'en profite")
        expect(count).to_contain_text(button.get_attribute("data-count") or "?")
        picture = frame.locator("img").first.bounding_box()
        assert picture is not None and picture["height"] > 100, "the mail's own picture is there"
        button.click()
        assert all(url.startswith(site.url) for url in asked), "nothing is fetched from elsewhere"
        expect(button).to_be_visible()


@pytest.mark.parametrize("script", [True, False], ids=["script", "plain"])
def test_the_views_are_chosen_without_a_script_too(browser: Browser, site: Site, script: bool) -> None:
    with opened(browser, site, site.report, java_script_enabled=script) as page:
        page.get_by_text("Téléphone", exact=True).first.click()
        box = page.locator(".frame-html").bounding_box()
        assert box is not None and box["width"] == 390
        page.get_by_text("Texte seul", exact=True).click()
        expect(page.locator(".frame-html")).to_be_hidden()
        expect(page.frame_locator(".frame-text").locator("pre")).to_contain_text("Offre de rentrée 2026")
        total = page.get_by_label("Cumul des messages délivrés")
        expect(total.first).to_be_hidden()
        page.get_by_text("Cumul", exact=True).click()
        expect(total.first).to_be_visible()
        page.get_by_role("link", name="Actualiser").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("Offre de rentrée 2026")


def test_the_switches_are_used_with_the_keyboard(browser: Browser, site: Site) -> None:
    with opened(browser, site, site.report) as page:
        page.locator("#letter-computer").focus()
        page.keyboard.press("ArrowRight")
        expect(page.locator("#letter-phone")).to_be_checked()
        page.locator("#curve-hours").focus()
        page.keyboard.press("ArrowRight")
        expect(page.get_by_label("Cumul des messages délivrés").first).to_be_visible()


def test_news_are_pushed_and_a_page_without_streams_asks(browser: Browser, site: Site) -> None:
    with (
        opened(browser, site, site.unsubscribe) as other,
        opened(browser, site, "/") as page,
        opened(browser, site, "/") as old,
    ):
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.url.partition("?")[0].rpartition("/")[2]))
        page.goto(site.url + site.report)
        page.locator("#curve-total").check(force=True)
        old.add_init_script("delete window.EventSource")
        old.goto(site.url + site.report)
        rows = [one.locator(".legend tr", has_text="Désabonné").locator("td").first for one in (page, old)]
        before = int(rows[0].inner_text())
        if other.get_by_role("button", name="Me désabonner").count():
            other.get_by_role("button", name="Me désabonner").click()
            for row in rows:
                expect(row).to_have_text(str(before + 1), timeout=15_000)
        assert "events" in asked
        frame = page.frame_locator(".frame-html")
        zone = frame.locator("[data-zone]", has_text="J'en profite")
        page.locator("#message").scroll_into_view_if_needed()
        expect(zone).to_be_visible()
        page.evaluate("document.querySelector('.frame-html').contentWindow.scrollTo(0, 60)")
        counted = sqlite3.connect(site.database.partition(":///")[2], timeout=30)
        with counted:
            counted.execute("UPDATE link_counts SET n = n + 7000 WHERE campaign_id = 1")
        counted.close()
        expect(zone).to_have_attribute("data-count", re.compile("7.\\d\\d\\d"), timeout=15_000)
        assert page.evaluate("document.querySelector('.frame-html').contentWindow.scrollY") == 60, (
            "it stays where it is read"
        )
        expect(page.locator("#curve-total")).to_be_checked()
        expect(page.locator(".live-text")).to_have_text("En direct")


@pytest.mark.parametrize(("size", "scheme"), [(DESK, "dark"), (PHONE, "light")], ids=["desk-dark", "phone-light"])
def test_axe_finds_nothing_in_any_view(browser: Browser, site: Site, size: dict[str, int], scheme: str) -> None:
    for path in (site.report if scheme == "dark" else f"{site.sending}?lang=en", f"{site.report}/domains"):
        with opened(browser, site, path, viewport=size, color_scheme=scheme, reduced_motion="reduce") as page:
            for box in () if path.endswith("domains") else ("#letter-text", "#curve-total"):
                page.locator(box).check(force=True)
            assert violations(page) == []


def test_the_page_is_light(browser: Browser, site: Site) -> None:
    with opened(browser, site, "/") as page:
        answer = page.goto(site.url + site.report)
        assert answer is not None and len(answer.body()) < 100_000
