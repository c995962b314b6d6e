"""What the pages weigh: a Markdown table of each page's requests, bytes and bytes on the wire, as Chromium fetches them.

In: nothing. Out: the table on standard output, of pages of a seeded campaign of 3,000 served on the loopback, fetched with an
empty cache (`all`) and by somebody who has been here before (`again`). Returns 1 when a page of the report or of its details
is heavier than LIMIT on the wire. Needs the development environment and a Chromium.
"""

from __future__ import annotations

import asyncio
import shutil
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "support")]

from pictures import DESK, QUIET, served  # noqa: E402
from playwright.sync_api import Page, Request, sync_playwright  # noqa: E402
from seed_report import seed  # noqa: E402
from sqlalchemy import update  # noqa: E402
from visitor import PASSWORD, user  # noqa: E402

from config import keys  # noqa: E402
from store.engine import Database, now_ms  # noqa: E402
from store.tables import campaigns  # noqa: E402

LIMIT = 100_000  # bytes on the wire
FILTER = "c=l0&o=contains&v=mairie&w=&tab=delivered"


@dataclass(slots=True)
class Weight:
    """What one visit fetched; what the browser's cache gave counts as nothing."""

    requests: int = 0
    raw: int = 0
    wire: int = 0


async def prepare(url: str) -> str:
    """Seed a campaign and somebody who logs in; returns the word of the report's address."""
    db = Database.open(url)
    await db.migrate()
    number, word = await seed(db, 3_000, hours=80)
    async with db.write() as conn:  # a page of one that is being sent goes on asking
        done = update(campaigns).where(campaigns.c.id == number)
        await conn.execute(done.values(state="finished", finished_at=now_ms()))
    await user(db, "anne", "admin")
    await db.close()
    return str(word)


def weigh(page: Page, address: str, unpacked: bool = True) -> Weight:
    """Open a page and weigh what comes until the network rests; `unpacked`: also as it was before it was compressed."""
    told, seen = Weight(), list[Request]()

    def note(request: Request) -> None:
        seen.append(request)

    page.on("requestfinished", note)
    page.goto(address, wait_until="networkidle")
    page.remove_listener("requestfinished", note)
    for request in seen:
        answer, size = request.response(), request.sizes()["responseBodySize"]
        if answer is not None and size > 0:
            told.requests, told.wire = told.requests + 1, told.wire + size
            told.raw += len(answer.body()) if unpacked else 0
    return told


def main() -> int:
    """Weigh all pages."""
    with tempfile.TemporaryDirectory() as place:
        data = Path(place)
        keys.create(data, "gateway.test")
        url = f"sqlite+aiosqlite:///{data / 'mail2campaign.db'}"
        report = f"/r/{asyncio.run(prepare(url))}"
        pages = {
            "report, 50 of 3,000 recipients": report, "report with a filter": f"{report}?{FILTER}",
            "table alone": f"{report}/details", "table alone with a filter": f"{report}/details?{FILTER}",
            "a recipient's story": f"{report}/history/7", "log in": "/x/connexion", "campaigns": "/x/campagnes",
            "report of who is logged in": "/x/campagnes/1", "new campaign": "/x/nouvelle", "suppressed": "/x/desinscrits",
        }  # fmt: skip
        heaviest = 0
        print("| page | requests | bytes | on the wire | again: requests | on the wire |\n|---|---|---|---|---|---|")
        with served(data, url) as root, sync_playwright() as play:
            browser = play.chromium.launch(executable_path=shutil.which("chromium"), args=QUIET)
            for name, path in pages.items():
                context = browser.new_context(viewport=DESK, locale="fr-FR")
                page = context.new_page()
                if path.startswith("/x/") and path != "/x/connexion":
                    page.goto(root + "/x/connexion")
                    page.locator("input[name=login]").fill("anne")
                    page.locator("input[name=password]").fill(PASSWORD)
                    page.keyboard.press("Enter")
                    page.wait_for_url("**/x/campagnes")
                    kept = context.storage_state()
                    context.close()  # its cache goes with it
                    context = browser.new_context(viewport=DESK, locale="fr-FR", storage_state=kept)
                    page = context.new_page()
                first, again = weigh(page, root + path), weigh(page, root + path, False)
                context.close()
                if path.startswith("/r/"):
                    heaviest = max(heaviest, first.wire)
                print(
                    f"| {name} | {first.requests} | {first.raw:,} | {first.wire:,} | {again.requests} | {again.wire:,} |"
                )
            browser.close()
    return 0 if heaviest <= LIMIT else 1


if __name__ == "__main__":
    sys.exit(main())
