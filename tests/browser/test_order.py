"""The page behind the button of a letter, in a real browser: read it, decide by keyboard, once."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, TypeVar

import pytest

from parsers.tokens import Purpose, sign
from store import accounts, campaigns, talks
from store.engine import Database, now_ms
from store.talks import VALIDATION
from store.values import NewCampaign, NewRecipient, Tracked

pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe-playwright-python is missing")
from browsing import DESK, PHONE, Site, opened, violations
from playwright.sync_api import Browser, expect

pytestmark = pytest.mark.browser
NUMBERS = itertools.count(1)
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Held:
    """A campaign of 160 people that waits for its author's word."""

    number: int
    page: str
    state: Callable[[], tuple[str, int]]


def held(site: Site) -> Held:
    async def make() -> int:
        number, now = next(NUMBERS), now_ms()
        db = Database.open(site.database)
        async with db.write() as conn:
            account = await accounts.create_account(conn, f"Mairie {number}", "", "", "fr", "Europe/Paris", now)
            sender = await accounts.declare_sender(conn, account, f"n{number}@mairie.test", "Mairie", now, now)
            new = NewCampaign(
                account, sender, "Fermeture de la piscine", "Piscine", "Mairie de Saint-Éloi", f"n{number}@mairie.test",
                "", "<m@x>", f"key{number}", "fr", "Europe/Paris", ("Email",), 0, {}, (VALIDATION,), None, now,
            )  # fmt: skip
            made = await campaigns.begin(conn, new, b"source")
            assert isinstance(made, int)
            people = [NewRecipient(n, 0, f"p{n}@d.test", f"p{n}", "", ("x",), Tracked.NONE) for n in range(160)]
            await campaigns.add_rows(conn, made, people, [], now)
            await campaigns.publish(conn, made, f"word{number}" * 5, now)
            await talks.begin(conn, made, "anne@mairie.test", ())
        await db.close()
        return made

    async def look() -> tuple[str, int]:
        db = Database.open(site.database)
        async with db.read() as conn:
            campaign, talk = await campaigns.get(conn, number), await talks.get(conn, number)
        await db.close()
        assert campaign is not None and talk is not None
        return campaign.state.value, talk.waiting

    number = run(make())
    return Held(number, f"/v/{sign(site.ring, Purpose.ORDER, number, 1)}", lambda: run(look()))


def run(work: Coroutine[Any, Any, T]) -> T:
    """asyncio.run in a thread of its own: playwright keeps a loop in this one."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(asyncio.run, work).result(30)


@pytest.mark.parametrize(("size", "scheme"), [(DESK, "light"), (PHONE, "dark")], ids=["desk-light", "phone-dark"])
@pytest.mark.parametrize("lang", ["fr", "en"])
def test_axe_finds_nothing(browser: Browser, site: Site, lang: str, size: dict[str, int], scheme: str) -> None:
    made = held(site)
    with opened(browser, site, f"{made.page}?lang={lang}", viewport=size, color_scheme=scheme) as page:
        heading = {"fr": "Décider de l'envoi", "en": "Decide about the sending"}[lang]
        expect(page.get_by_role("heading", level=1)).to_have_text(heading)
        assert violations(page) == []
        assert page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth") <= 0
        page.get_by_label({"fr": "Envoyer plus tard", "en": "Send later"}[lang]).fill("hier")
        page.keyboard.press("Enter")  # means its own field, never the first button of the page
        doubt = {"fr": "Nous n'avons pas compris « hier »", "en": "We did not understand “hier”"}[lang]
        expect(page.get_by_role("alert")).to_contain_text(doubt)
        assert violations(page) == []
    assert made.state() == ("held", 0)


def test_a_date_by_keyboard_then_sent_at_once_after_all(browser: Browser, site: Site) -> None:
    made = held(site)
    with opened(browser, site, made.page, java_script_enabled=False) as page:
        page.get_by_label("Envoyer plus tard").focus()
        page.keyboard.type("demain 9h")
        page.keyboard.press("Enter")
        expect(page.get_by_role("heading", level=1)).to_have_text("C'est noté")
        expect(page.get_by_role("status")).to_contain_text("l'envoi à 160 destinataires commencera le")
        assert made.state() == ("scheduled", 0)
        page.goto(site.url + made.page)  # the token is spent, whoever opens the link again
        expect(page.get_by_role("status")).to_contain_text("Il a déjà été répondu « envoyer plus tard »")
        page.goto(
            f"{site.url}/v/{sign(site.ring, Purpose.ORDER, made.number, 2)}"
        )  # that of the letter of confirmation
        page.get_by_role("button", name="Envoyer maintenant à 160 destinataires").click()
        expect(page.get_by_role("status")).to_contain_text("l'envoi à 160 destinataires commence.")
    assert made.state() == ("sending", 0)


def test_the_first_few_then_the_rest_then_no_more(browser: Browser, site: Site) -> None:
    made = held(site)
    with opened(browser, site, f"{made.page}?lang=en") as page:
        page.get_by_label("Send to the first of the list only").fill("50")
        page.get_by_role("button", name="Send to the first").click()
        expect(page.get_by_role("status")).to_contain_text("110 recipients wait")
        assert made.state() == ("sending", 110)
        page.goto(f"{site.url}/v/{sign(site.ring, Purpose.ORDER, made.number, 2)}?lang=en")
        assert violations(page) == []
        expect(page.get_by_label("Send later")).to_have_count(0)
        page.get_by_role("button", name="Cancel the campaign").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("Noted")
        assert violations(page) == []
    assert made.state() == ("stopped", 0)


def test_looking_decides_nothing(browser: Browser, site: Site) -> None:
    made = held(site)
    with opened(browser, site, made.page) as page:
        for _ in range(3):
            page.reload()
        answer = page.request.post(site.url + made.page, form={"act": "send", "proof": "0" * 32})
        assert answer.status == 403
    assert made.state() == ("held", 0)
