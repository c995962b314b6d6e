"""The pages in a real browser: nothing inaccessible, nothing refused by the policy, all of it usable without a script."""

from __future__ import annotations

import asyncio
import contextlib
import importlib.util
import shutil
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from sqlalchemy import update

from config import keys
from config.settings import DatabaseSection, Gateway, Settings
from config.settings import Web as WebSection
from gateway.web.serve import run
from parsers.tokens import Keyring, Purpose, sign
from store import files
from store.engine import Database, now_ms
from store.tables import campaigns

axe_module = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe-playwright-python is missing")
from playwright.sync_api import Browser, Page, expect, sync_playwright  # noqa: E402

pytestmark = pytest.mark.browser
CHROMIUM = shutil.which("chromium")
QUIET = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip
PHONE = {"width": 390, "height": 844}
DESK = {"width": 1440, "height": 1000}
FILE, DATA = "Plaquette de rentrée 2026-2027, activités culturelles.pdf", b"%PDF-1.7 " + bytes(range(256)) * 3_000


def seeding() -> ModuleType:
    path = Path(__file__).parents[2] / "scripts" / "seed_report.py"
    spec = importlib.util.spec_from_file_location("seed_report", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@dataclass(frozen=True, slots=True)
class Site:
    url: str
    report: str
    sending: str
    unsubscribe: str
    database: str
    ring: Keyring
    out: str = ""  # where a followed person refuses
    offer: str = ""  # the same page of somebody who is not followed
    back: str = ""  # where somebody who left comes back
    past: str = ""  # a report whose people are erased


async def prepare(folder: Path, url: str) -> tuple[str, str, str]:
    db = Database.open(url)
    await db.migrate()
    try:
        _, whole = await seeding().seed(db, 160)
        _, part = await seeding().seed(db, 160, 0.5, "Portes ouvertes")
        gone, past = await seeding().seed(db, 160, name="Ancienne campagne")
        async with db.write() as conn:
            over = update(campaigns).where(campaigns.c.id == gone)
            await conn.execute(over.values(state="finished", finished_at=1, erased_at=1))
            file = await files.add(conn, 1, 0, FILE, len(DATA), sha256(DATA).digest(), 10**11)
            await files.append(conn, file, 0, DATA)
    finally:
        await db.close()
    return whole, part, past


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("web")
    keys.create(folder, "gateway.test")
    url = f"sqlite+aiosqlite:///{folder / 'm2c.db'}"
    whole, part, past = asyncio.run(prepare(folder, url))
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    address = f"127.0.0.1:{port}"
    settings = Settings(
        gateway=Gateway(data_dir=folder, domain="gateway.test", public_url=f"http://{address}"),  # type: ignore[call-arg]
        web=WebSection(listen=address),  # type: ignore[call-arg]
        database=DatabaseSection(url=url),
    )
    loop, stop = asyncio.new_event_loop(), asyncio.Event()
    thread = threading.Thread(target=loop.run_until_complete, args=(run(settings, stop),))
    thread.start()
    for _ in range(600):
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 0.1):
            break
        threading.Event().wait(0.05)
    ring = Keyring(*keys.load_keyring(folder, "tokens"))
    yield Site(
        f"http://{address}", f"/r/{whole}", f"/r/{part}", f"/u/{sign(ring, Purpose.UNSUBSCRIBE, 3)}", url, ring,
        f"/t/{sign(ring, Purpose.CONSENT, 5)}", f"/t/{sign(ring, Purpose.CONSENT, 50)}",
        f"/b/{sign(ring, Purpose.RETURN, 6, now_ms() // 86_400_000 % 4096)}", f"/r/{past}",
    )  # fmt: skip
    loop.call_soon_threadsafe(stop.set)
    thread.join(10)
    assert not thread.is_alive(), "the web process ends when it is told to"
    loop.close()


@pytest.fixture(scope="module")
def browser(site: Site) -> Iterator[Browser]:  # after the site: playwright keeps a loop running in this thread
    if CHROMIUM is None:
        pytest.skip("there is no chromium on this machine")
    with sync_playwright() as play:
        chromium = play.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        yield chromium
        chromium.close()


@contextlib.contextmanager
def opened(browser: Browser, site: Site, path: str, **options: Any) -> Iterator[Page]:
    """A page that must not say a word of trouble on its console."""
    context = browser.new_context(locale="fr-FR", **{"viewport": DESK, **options})
    page, trouble = context.new_page(), []
    page.on("console", lambda said: trouble.append(said.text) if said.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: trouble.append(str(error)))
    page.goto(site.url + path)
    yield page
    context.close()
    assert [text for text in trouble if "404" not in text] == []


def violations(page: Page) -> list[str]:
    results = axe_module.Axe().run(page).response["violations"]
    return [
        f"{found['id']}: {found['nodes'][0]['html'][:200]} ({found['nodes'][0].get('failureSummary')})"
        for found in results
    ]


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
