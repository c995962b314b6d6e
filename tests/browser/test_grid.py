"""The details of a report as people use them: typing, filtering, choosing columns, saving, exporting; a script or none."""

from __future__ import annotations

import asyncio
import contextlib
import csv
import importlib.util
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from browsing import chromium, violations
from playwright.sync_api import Browser, Page, expect
from visitor import PASSWORD, user

from config import keys
from config.settings import DatabaseSection, Gateway, Settings
from config.settings import Web as WebSection
from gateway.web.grid import listing, looking
from gateway.web.serve import run
from store import grid
from store.engine import Database

pytestmark = [pytest.mark.browser, pytest.mark.slow]
PHONE, DESK = {"width": 390, "height": 844}, {"width": 1280, "height": 1000}
FILTER = "c=l0&o=contains&v=mairie&w=&c=status&o=isnt&v=cancelled&w="
RARE = "c=reply&o=ends&v=00000079&w="  # of which no texts are gathered


async def seeded(url: str) -> str:
    path = Path(__file__).parents[2] / "scripts" / "seed_report.py"
    spec = importlib.util.spec_from_file_location("seed_report", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    db = Database.open(url)
    await db.migrate()
    _, word = await module.seed(db, 180)
    await user(db, "anne", "read")
    await db.close()
    return str(word)


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a report that is being served."""
    folder = tmp_path_factory.mktemp("grid")
    keys.create(folder, "gateway.test")
    url = f"sqlite+aiosqlite:///{folder / 'm2c.db'}"
    word = asyncio.run(seeded(url))
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{probe.getsockname()[1]}"
    settings = Settings(
        gateway=Gateway(data_dir=folder, domain="gateway.test", public_url=f"http://{address}"),  # type: ignore[call-arg]
        web=WebSection(listen=address),  # type: ignore[call-arg]
        database=DatabaseSection(url=url),
    )
    loop, stop = asyncio.new_event_loop(), asyncio.Event()
    thread = threading.Thread(target=loop.run_until_complete, args=(run(settings, stop),))
    thread.start()
    for _ in range(600):
        with contextlib.suppress(OSError), socket.create_connection(tuple(address.split(":")), 0.1):  # type: ignore[arg-type]
            break
        threading.Event().wait(0.05)
    yield f"http://{address}/r/{word}"
    loop.call_soon_threadsafe(stop.set)
    thread.join(60)
    assert not thread.is_alive(), "the web process ends when it is told to"
    loop.close()


@pytest.fixture(scope="module")
def browser(report: str) -> Iterator[Browser]:  # after the report: playwright keeps a loop running in this thread
    with chromium() as found:
        yield found


@contextlib.contextmanager
def opened(browser: Browser, url: str, **options: Any) -> Iterator[Page]:
    """A page that must not say a word of trouble on its console."""
    context = browser.new_context(locale="fr-FR", **{"viewport": DESK, "reduced_motion": "reduce", **options})
    page, trouble = context.new_page(), []
    page.on("console", lambda said: trouble.append(said.text) if said.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: trouble.append(str(error)))
    page.goto(url)
    yield page
    context.close()
    assert trouble == []


def accessible(page: Page) -> None:
    assert violations(page) == []
    wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert wide <= 0, "the page itself never scrolls sideways"


@pytest.mark.parametrize(("size", "scheme"), [(DESK, "light"), (PHONE, "dark")], ids=["desk-light", "phone-dark"])
def test_axe_finds_nothing_with_all_panels_open(browser: Browser, report: str, size: Any, scheme: Any) -> None:
    with opened(
        browser, f"{report}?{FILTER}&tab=delivered&cols=status,l0,opened", viewport=size, color_scheme=scheme
    ) as page:
        for panel in ("#filter-panel", "#columns-panel", ".menu"):
            page.locator(f"{panel} > summary").click()
        accessible(page)
    with opened(
        browser, f"{report}?c=clicks&o=least&v=beaucoup&w=&lang=en", viewport=size, color_scheme=scheme
    ) as page:
        expect(page.get_by_role("alert")).to_contain_text("is not a whole number")
        accessible(page)


def test_typing_searches_and_keeps_what_is_typed(browser: Browser, report: str) -> None:
    with opened(browser, report) as page:
        box = page.get_by_role("searchbox")
        box.press_sequentially("durand120", delay=30)
        expect(page.locator("[data-found]")).to_have_text("1 destinataire")
        expect(page.locator(".people tbody tr")).to_have_count(1)
        expect(box).to_be_focused()
        expect(box).to_have_value("durand120")
        box.fill("nobody-at-all")
        expect(page.locator(".empty")).to_contain_text("Aucun destinataire ne correspond")


def test_a_filter_is_built_with_the_keyboard_saved_and_found_again(browser: Browser, report: str) -> None:
    with opened(browser, report) as page:
        page.locator("#filter-panel > summary").focus()
        page.keyboard.press("Enter")
        row = page.locator(".condition").first
        row.get_by_label("Colonne").select_option(label="RS")
        row.get_by_label("Comparaison").select_option(label="commence par")
        row.get_by_label("Valeur").fill("Mairie")
        page.get_by_role("button", name="Ajouter une condition").press("Enter")
        second = page.locator(".condition").nth(1)
        expect(second.get_by_label("Colonne")).to_be_focused()
        second.get_by_label("Colonne").select_option(label="Statut")
        second.get_by_label("Valeur").fill("Cliqué")
        page.get_by_role("button", name="Appliquer le filtre").press("Enter")
        expect(page.locator(".chip")).to_have_count(2)
        expect(page.locator(".chip").first).to_contain_text("RS commence par « Mairie »")
        assert {one.inner_text() for one in page.locator(".people tbody .pill").all()} == {"Cliqué"}
        page.get_by_label("Nom du filtre").fill("Mairies qui cliquent")
        page.get_by_label("Nom du filtre").press("Enter")
        expect(page.get_by_role("link", name="Mairies qui cliquent")).to_be_visible()
        page.locator(".chip").first.click()
        expect(page.locator(".chip")).to_have_count(1)
        page.goto(report)
        page.locator("#filter-panel > summary").click()
        page.get_by_role("link", name="Mairies qui cliquent").click()
        expect(page.locator(".chip")).to_have_count(2)
        assert "v=Mairie" in page.url, "the address can be shared"


def test_columns_are_remembered_and_lists_sorted(browser: Browser, report: str) -> None:
    with opened(browser, report) as page:
        page.locator("#columns-panel > summary").click()
        for name, wanted in (("Domaine", True), ("Réponse du serveur", False), ("Tél", False)):
            page.get_by_role("checkbox", name=name).set_checked(wanted)
        page.get_by_role("button", name="Afficher ces colonnes").click()
        heads = page.locator(".people thead th")
        expect(heads.filter(has_text="Domaine")).to_have_count(1)
        expect(heads.filter(has_text="Tél")).to_have_count(0)
        page.goto(report)
        expect(heads.filter(has_text="Domaine")).to_have_count(1)
        page.get_by_role("link", name="Nom", exact=True).click()
        expect(heads.filter(has_text="Nom").first).to_have_attribute("aria-sort", "ascending")
        page.get_by_role("link", name="Suivants").click()
        page.get_by_role("link", name="Précédents").click()
        expect(page.locator(".people tbody tr")).to_have_count(50)


def entered(page: Page, report: str) -> None:
    """Log in and come to the report by its number."""
    root = report.partition("/r/")[0]
    page.goto(f"{root}/x/connexion")
    page.locator("input[name=login]").fill("anne")
    page.locator("input[name=password]").fill(PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_url("**/x/campagnes")
    page.goto(f"{root}/x/campagnes/1?c=l0&o=starts&v=mairie&w=")


def test_a_login_finds_its_columns_and_filters_on_another_computer(browser: Browser, report: str) -> None:
    with opened(browser, report) as page:
        entered(page, report)
        page.locator("#columns-panel > summary").click()
        page.get_by_role("checkbox", name="Domaine").check()
        page.get_by_role("button", name="Afficher ces colonnes").click()
        expect(page.locator(".people thead th").filter(has_text="Domaine")).to_have_count(1)
        page.locator("#filter-panel > summary").click()
        page.get_by_label("Nom du filtre").fill("Les mairies")
        page.get_by_label("Nom du filtre").press("Enter")
        expect(page.get_by_role("link", name="Les mairies")).to_be_visible()
        accessible(page)
    with opened(browser, report, java_script_enabled=False) as page:
        entered(page, report)
        page.locator(".chip").click()
        expect(page.locator(".people thead th").filter(has_text="Domaine")).to_have_count(1)
        page.locator("#filter-panel > summary").click()
        page.get_by_role("link", name="Les mairies").click()
        expect(page.locator(".chip")).to_contain_text("RS commence par « mairie »")
        page.locator("#filter-panel > summary").click()
        page.get_by_role("button", name="Supprimer le filtre Les mairies").click()
        page.locator("#columns-panel > summary").click()
        page.get_by_role("button", name="Colonnes habituelles").click()
        expect(page.locator(".people thead th").filter(has_text="Domaine")).to_have_count(0)
        expect(page.get_by_role("link", name="Les mairies")).to_have_count(0)


def test_a_rare_search_goes_on_by_itself_and_says_how_far_it_is(
    browser: Browser, report: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for room, name, value in (
        (grid, "_FIRST", 45),
        (grid, "_LONGEST", 45),
        (looking, "LOOK", 0.0),
        (looking, "COUNT", 0.0),
    ):
        monkeypatch.setattr(room, name, value)
    with opened(browser, f"{report}?{RARE}", java_script_enabled=False) as page:
        for far in range(45, 180, 45):
            expect(page.locator("[data-far]")).to_contain_text(f"{far} destinataires parcourus sur 180")
            page.get_by_role("link", name="Continuer la recherche").click()
        expect(page.locator("[data-far]")).to_have_count(0)
    with opened(browser, f"{report}?{RARE}") as page:
        expect(page.locator("[data-more]")).to_have_count(0)
        expect(page.locator(".people tbody tr")).to_have_count(1)
        page.get_by_role("searchbox").fill("quota")
        page.get_by_role("link", name="dans les réponses des serveurs").click()
        expect(page.locator(".chip")).to_contain_text("Réponse du serveur contient « quota »")


def test_all_of_it_works_without_a_script(browser: Browser, report: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listing, "LONG", 10)
    with opened(browser, report, java_script_enabled=False) as page:
        page.locator("#filter-panel > summary").click()
        row = page.locator(".condition").first
        row.get_by_label("Colonne").select_option(label="Fournisseur")
        row.get_by_label("Comparaison").select_option("isnt")
        row.get_by_label("Valeur").fill("Gmail")
        page.get_by_role("button", name="Appliquer le filtre").click()
        expect(page.locator(".chip")).to_contain_text("Fournisseur : pas Gmail")
        page.locator("#columns-panel > summary").click()
        page.get_by_role("checkbox", name="Prénom").uncheck()
        page.get_by_role("button", name="Afficher ces colonnes").click()
        expect(page.locator(".chip")).to_have_count(1)
        page.get_by_role("button", name="CSV").first.click()
        fetch = page.get_by_role("link", name="Télécharger (CSV)")
        expect(fetch).to_be_visible(timeout=15_000)
        with page.expect_download() as waiting:
            fetch.click()
        rows = list(csv.reader(Path(waiting.value.path()).read_text("utf-8-sig").splitlines(), delimiter=";"))
        assert len(rows) == 181 and "Prénom" not in rows[0] and "Nom" in rows[0]
