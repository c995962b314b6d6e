"""Take pictures of the report in its states, for whoever looks at pages and for the documentation.

In: `python scripts/pictures.py FOLDER [NAME…]`. Out: PNG files in FOLDER, one a state, size, scheme and language, made with
Chromium over seeded campaigns served on the loopback; names choose those whose file name holds one of them. Nothing else is
written. Needs the development environment and a Chromium.
"""

from __future__ import annotations

import asyncio
import shutil
import socket
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright
from seed_report import HOUR, seed
from sqlalchemy import update

from config import keys
from config.settings import DatabaseSection, Gateway, Settings
from config.settings import Web as WebSection
from gateway.web.serve import run
from store import campaigns, control, pauses
from store.engine import Database, now_ms
from store.pauses import Pause
from store.tables import campaigns as table

DESK, PHONE = {"width": 1280, "height": 900}, {"width": 390, "height": 844}
QUIET = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"]
SCALE = 1_000_000  # recipients of the largest, here by its counters alone


@dataclass(frozen=True, slots=True)
class Shot:
    """One picture: the state it shows and how it is looked at."""

    state: str
    size: dict[str, int]
    scheme: str = "light"
    lang: str = "fr"
    zoom: float = 1.0
    script: bool = True

    @property
    def name(self) -> str:
        """The name of the file."""
        words = ["desk" if self.size is DESK else "phone", self.scheme, self.lang]
        more = (["zoom"] if self.zoom != 1 else []) + ([] if self.script else ["plain"])
        return "-".join([self.state, *words, *more])


STATES = ("done", "sending", "scheduled", "paused", "stopped", "held", "empty")
SHOTS = (
    *(Shot(state, size) for state in STATES for size in (DESK, PHONE)),
    Shot("done", DESK, "dark"), Shot("done", PHONE, "dark"), Shot("done", DESK, lang="en"), Shot("done", DESK, zoom=2.0),
    Shot("done", DESK, script=False), Shot("sending", DESK, lang="en"), Shot("million", DESK), Shot("past", DESK),
    Shot("history", DESK), Shot("history", PHONE, "dark"),
)  # fmt: skip


async def prepare(folder: Path, url: str) -> dict[str, str]:
    """Seed a campaign for each state; returns the addresses of their reports."""
    db = Database.open(url)
    await db.migrate()
    found: dict[str, str] = {}
    try:
        done, word = await seed(db, 3_000, hours=80)
        found |= {"done": f"/r/{word}", "history": f"/r/{word}/history/7"}
        for state, share in (
            ("sending", 0.4),
            ("scheduled", 0.0),
            ("paused", 0.3),
            ("stopped", 0.3),
            ("empty", 0.0),
            ("past", 1.0),
            ("million", 1.0),
            ("held", 0.0),  # the last: a later campaign of the same subject would replace it
        ):
            number, word = await seed(db, 1_000, share, "Portes ouvertes de printemps", 4 if share < 1 else 70)
            found[state] = f"/r/{word}"
            await arrange(db, state, number)
        async with db.write() as conn:
            await conn.execute(update(table).where(table.c.id == done).values(state="finished", finished_at=now_ms()))
            until = now_ms() + HOUR
            await pauses.set(conn, [Pause("orange", 0, until, "throttled", "orange")], now_ms())
    finally:
        await db.close()
    return found


async def arrange(db: Database, state: str, number: int) -> None:
    """Bring a campaign into a state."""
    now = now_ms()
    async with db.write() as conn:
        if state == "paused":
            await control.pause(conn, number, now)
        elif state == "stopped":
            await control.stop(conn, number, now)
        elif state == "scheduled":
            await conn.execute(
                update(table).where(table.c.id == number).values(state="scheduled", send_at=now + 30 * HOUR)
            )
        elif state == "held":
            reasons = [{"code": "config", "line": 3, "text": "Date d'envoi : 31/02/2027"}]
            await campaigns.set_held(conn, number, reasons)
        elif state == "past":
            await conn.execute(
                update(table).where(table.c.id == number).values(state="finished", finished_at=1, erased_at=1)
            )
        elif state == "million":
            for counters in ("tallies", "curves", "link_counts", "agent_counts"):
                await conn.exec_driver_sql(f"UPDATE {counters} SET n = n * 1000 WHERE campaign_id = {number}")
            await conn.execute(
                update(table)
                .where(table.c.id == number)
                .values(lines=SCALE + 9, recipients=SCALE, state="finished", finished_at=now)
            )


@contextmanager
def served(folder: Path, url: str) -> Iterator[str]:
    """The pages, on a port of the loopback."""
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
    try:
        threading.Event().wait(2)
        yield f"http://{address}"
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(10)


def take(browser: Browser, root: str, path: str, shot: Shot, folder: Path) -> None:
    """Take one picture of the whole page."""
    size = {name: int(n / shot.zoom) for name, n in shot.size.items()}
    context = browser.new_context(
        viewport=size, device_scale_factor=shot.zoom, color_scheme=shot.scheme, locale=f"{shot.lang}-FR",  # type: ignore[arg-type]
        java_script_enabled=shot.script, reduced_motion="reduce",
    )  # fmt: skip
    page = context.new_page()
    page.goto(f"{root}{path}?lang={shot.lang}")
    frame = page.locator(".frame-html")
    if frame.count():
        frame.scroll_into_view_if_needed()
        page.wait_for_timeout(700)
    page.screenshot(path=folder / f"{shot.name}.png", full_page=True)
    context.close()


def main(folder: Path, wanted: list[str]) -> None:
    """Take all pictures."""
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as place:
        data = Path(place)
        keys.create(data, "gateway.test")
        url = f"sqlite+aiosqlite:///{data / 'mail2campaign.db'}"
        paths = asyncio.run(prepare(data, url))
        with served(data, url) as root, sync_playwright() as play:
            browser = play.chromium.launch(executable_path=shutil.which("chromium"), args=QUIET)
            for shot in SHOTS:
                if not wanted or any(word in shot.name for word in wanted):
                    take(browser, root, paths[shot.state], shot, folder)
                    print(shot.name)
            browser.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
