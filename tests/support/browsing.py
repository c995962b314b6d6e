"""What tests in a real browser share: pages over seeded campaigns, a Chromium, a page that must not say a word of trouble."""

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

expect.set_options(timeout=30_000)  # machines that build are busy

CHROMIUM = shutil.which("chromium-headless-shell") or shutil.which("chromium")  # the one without windows is quicker
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


_seeded: list[tuple[bytes, tuple[str, str, str]]] = []


def database(file: Path) -> tuple[str, str, str]:
    """Make the database with the campaigns, once a test process and then as a copy; returns the words of their reports."""
    if not _seeded:
        words = asyncio.run(prepare(f"sqlite+aiosqlite:///{file}"))
        _seeded.append((file.read_bytes(), words))
    file.write_bytes(_seeded[0][0])
    return _seeded[0][1]


async def prepare(url: str) -> tuple[str, str, str]:
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


@contextlib.contextmanager
def pages(folder: Path) -> Iterator[Site]:
    """The web process over seeded campaigns, until the block ends."""
    keys.create(folder, "gateway.test")
    url = f"sqlite+aiosqlite:///{folder / 'm2c.db'}"
    whole, part, past = database(folder / "m2c.db")
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
    for _ in range(2_000):
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
    thread.join(60)
    assert not thread.is_alive(), "the web process ends when it is told to"
    loop.close()


@contextlib.contextmanager
def chromium() -> Iterator[Browser]:
    """The browser; None on this machine: the test is skipped."""
    if CHROMIUM is None:
        pytest.skip("there is no chromium on this machine")
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        yield browser
        browser.close()


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
    # in the frame that runs no script, the browser's driver is the one that tries
    usual = ("404", "status of 403", "status of 422", "frame is sandboxed")  # forms that come back, too
    said = [text for text in trouble if not any(word in text for word in usual)]
    assert said == [], said


def violations(page: Page) -> list[str]:
    """What axe holds against a page; of long tables it looks at the first eight rows, since the others are drawn alike."""
    # without frames: the message of a report stands in one that runs no script, not even this one
    options = {"iframes": False, "resultTypes": ["violations"]}
    results = axe_module.Axe().run(page, {"exclude": [["tbody tr:nth-child(n+9)"]]}, options).response["violations"]
    return [
        f"{found['id']}: {found['nodes'][0]['html'][:200]} ({found['nodes'][0].get('failureSummary')})"
        for found in results
    ]
