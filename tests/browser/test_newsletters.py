"""Real newsletters look the same in a real browser once they are mails of ours: screenshots, pixel by pixel.

The text that we add (sender, way out, what is measured) is taken off before; the pixel and the link that nobody sees stay.
All of them: `NEWSLETTERS=all pytest -m browser tests/browser/test_newsletters.py`; else every sixth.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator

import pytest
from newsletters import Newsletter, all_of_them, compiled, page_of

from parsers.modes import Tracked

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is missing")
pytestmark = [pytest.mark.browser, pytest.mark.slow]
CHROMIUM = shutil.which("chromium")
STEP = 1 if os.environ.get("NEWSLETTERS") == "all" else 6
SOME = all_of_them()[::STEP]
WIDE, HIGH = 800, 3000


@pytest.fixture(scope="module")
def page() -> Iterator[playwright.Page]:
    with playwright.sync_playwright() as starting:
        chromium = starting.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        context = chromium.new_context(viewport={"width": WIDE, "height": HIGH}, java_script_enabled=False)
        context.route("**/*", lambda route: route.abort())  # nothing comes from elsewhere, as in a careful mail program
        yield context.new_page()
        chromium.close()


def made(html: str) -> str:
    """The HTML of a mail that is followed in full, less the words at its end."""
    words = r'<div style="margin-top:(?:24|12)px;font-family:Arial.*?</div>\n'
    page, taken = re.subn(words, "", page_of(compiled(html), Tracked.FULL), flags=re.DOTALL)
    assert taken == 2 and '<img src="https://gw.example/o/' in page and "mso-hide:all" in page
    return page


def shot(page: playwright.Page, html: str) -> bytes:
    page.set_content(html)
    clip = playwright.FloatRect(x=0, y=0, width=WIDE, height=HIGH)
    return bytes(page.screenshot(clip=clip, animations="disabled", caret="hide"))


@pytest.mark.skipif(CHROMIUM is None or not SOME, reason="Chromium or the shared cases are not here")
@pytest.mark.parametrize("newsletter", SOME, ids=[one.name for one in SOME])
def test_the_mail_looks_like_the_newsletter(page: playwright.Page, newsletter: Newsletter) -> None:
    if shot(page, newsletter.html) != shot(page, made(newsletter.html)):
        pytest.fail(f"{newsletter.name} looks different")


@pytest.mark.skipif(CHROMIUM is None or not SOME, reason="Chromium or the shared cases are not here")
def test_a_changed_pixel_would_be_seen(page: playwright.Page) -> None:
    html = "<body><p>Bonjour</p></body>"
    assert shot(page, html) == shot(page, html)
    assert shot(page, html) != shot(page, html.replace("</p>", "<img width=1 height=1 style='background:#fefefe'></p>"))
