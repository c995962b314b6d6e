"""Acting on campaigns in a real browser: by the link with a confirmation, by a login at once, with and without a script."""

from __future__ import annotations

import asyncio
import itertools
import re
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, TypeVar

import pytest
from sqlalchemy import update

from gateway.passwords import hash_password
from parsers.tokens import Purpose, sign
from store import accounts, actions, campaigns, links, users
from store.actions import Action
from store.engine import Database, now_ms
from store.tables import campaigns as campaigns_table
from store.values import NewCampaign, NewRecipient, Tracked

pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe-playwright-python is missing")
from browsing import DESK, PHONE, Site, opened, violations
from playwright.sync_api import Browser, Page, expect

pytestmark = pytest.mark.browser
NUMBERS = itertools.count(1)
T = TypeVar("T")


def run(work: Coroutine[Any, Any, T]) -> T:
    """asyncio.run in a thread of its own: playwright keeps a loop in this one."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(asyncio.run, work).result(30)


WORD = "correct horse battery"
HASH = hash_password(WORD)


@dataclass(frozen=True, slots=True)
class Made:
    number: int
    report: str
    login: str


def made(site: Site, state: str, **more: Any) -> Made:
    """A campaign of a firm of its own, with a user who may send."""

    async def work() -> Made:
        n, now = next(NUMBERS), now_ms()
        db = Database.open(site.database)
        async with db.write() as conn:
            account = await accounts.create_account(conn, f"Office {n}", "", "", "fr", "Europe/Paris", now)
            sender = await accounts.declare_sender(conn, account, f"anne{n}@office.test", "Anne", now, now)
            await accounts.declare_sender(conn, account, f"info{n}@office.test", "Accueil", now, now)
            await users.add(conn, account, f"user{n}", f"user{n}@office.test", HASH, "send", False, now)
            new = NewCampaign(
                account, sender, "Portes ouvertes", "Portes ouvertes de printemps", "Office", f"anne{n}@office.test", "",
                "<m@x>", f"key{n}", "fr", "Europe/Paris", ("Email", "Nom"), 0, {}, (), None, now,
            )  # fmt: skip
            number = await campaigns.begin(conn, new, b"source")
            assert isinstance(number, int)
            people = [
                NewRecipient(i, 0, f"p{i}@d.test", f"p{i}@d.test", "", (f"p{i}@d.test", "N"), Tracked.FULL)
                for i in range(2, 42)
            ]
            await campaigns.add_rows(conn, number, people, [], 0)
            word = f"action{n}".ljust(30, "w")
            await campaigns.publish(conn, number, word, now)
            await conn.execute(
                update(campaigns_table).where(campaigns_table.c.id == number).values(state=state, **more)
            )
            secret = site.ring.keys[min(site.ring.keys)]
            await links.add(conn, secret, number, "chef@office.test", now, now + 30 * 86_400_000)
        await db.close()
        return Made(number, f"/r/{word}", f"user{n}")

    return run(work())


def done(site: Site, number: int) -> list[Action]:
    async def work() -> list[Action]:
        db = Database.open(site.database)
        async with db.read() as conn:
            found = await actions.of(conn, number)
        await db.close()
        return found

    return run(work())


def log_in(page: Page, site: Site, login: str) -> None:
    page.goto(f"{site.url}/x/connexion")
    page.get_by_label(re.compile("Identifiant|Login")).fill(login)
    page.get_by_label(re.compile("Mot de passe|Password"), exact=False).first.fill(WORD)
    page.keyboard.press("Enter")
    page.wait_for_url("**/x/campagnes*")


FORMS = ("replay", "modify", "share", "extract", "resume", "stop", "revoke?serial=1", "renew")
SEEN = [(DESK, "light", "fr"), (PHONE, "dark", "en")]


@pytest.mark.parametrize(("size", "scheme", "lang"), SEEN, ids=["desk-light-fr", "phone-dark-en"])
def test_axe_finds_nothing(browser: Browser, site: Site, size: dict[str, int], scheme: str, lang: str) -> None:
    later = now_ms() + 86_400_000
    one = made(site, "paused", send_at=later)
    with opened(browser, site, f"{site.report}?lang={lang}", viewport=size, color_scheme=scheme) as page:
        page.locator(".act-menu summary").click()
        assert violations(page) == []
        for name in FORMS if lang == "en" else FORMS[:2]:
            page.goto(f"{site.url}{one.report}/{name}{'&' if '?' in name else '?'}lang={lang}")
            assert violations(page) == [], name
            wide = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
            assert page.evaluate(wide) <= 0, name


def test_the_link_sends_again_only_once_it_is_confirmed(browser: Browser, site: Site) -> None:
    one = made(site, "finished")
    with opened(browser, site, one.report, java_script_enabled=False) as page:
        page.get_by_text("Autres actions").click()
        page.get_by_role("link", name="Renvoyer", exact=True).first.click()
        page.get_by_label(re.compile("toute la liste")).check()
        page.get_by_role("button", name="Demander la confirmation").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("Regardez votre messagerie")
        (action,) = done(site, one.number)
        assert (action.stage, action.wish["to"]) == ("asked", "all")
        page.goto(f"{site.url}/k/{sign(site.ring, Purpose.CONFIRM, action.id)}")
        assert done(site, one.number)[0].stage == "asked"
        page.get_by_role("button", name="Oui, je confirme").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("C'est noté")
        page.goto(site.url + one.report)
        history = page.get_by_role("region", name="Historique des actions")
        expect(history).to_contain_text("Renvoi à toute la liste")
        expect(history).to_contain_text("En cours")


def test_a_login_modifies_shares_and_brings_a_list_at_once(browser: Browser, site: Site) -> None:
    one = made(site, "scheduled", send_at=now_ms() + 86_400_000)
    with opened(browser, site, "/x/connexion") as page:
        log_in(page, site, one.login)
        page.goto(f"{site.url}/x/campagnes/{one.number}")
        page.get_by_text("Autres actions").click()
        page.get_by_role("link", name="Modifier").click()
        assert violations(page) == []
        page.get_by_label("Nouvelle date d'envoi").fill("hier")
        page.get_by_role("button", name="Enregistrer").click()
        expect(page.get_by_role("alert")).to_contain_text("« hier »")
        page.get_by_label("Nouvelle date d'envoi").fill("dans 3 jours")
        page.get_by_label("Nouvel objet").fill("Bonjour {{Nom}}")
        page.get_by_role("button", name="Enregistrer").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("C'est fait")
        page.get_by_role("link", name="Revenir au rapport").click()
        expect(page.locator(".facts")).to_contain_text("Bonjour {{Nom}}")
        page.goto(f"{site.url}/x/campagnes/{one.number}/modify")
        page.get_by_label("Nouvelle liste").set_input_files(
            files=[{"name": "clients.csv", "mimeType": "text/csv", "buffer": b"Email;Nom\nn@d.test;N\n"}]
        )
        page.get_by_role("button", name="Enregistrer").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("C'est noté")
        page.goto(f"{site.url}/x/campagnes/{one.number}/share")
        assert violations(page) == []
        page.get_by_label("Adresse e-mail").fill("pas une adresse")
        page.get_by_label("Adresse e-mail").evaluate("field => field.form.noValidate = true")
        page.get_by_role("button", name="Envoyer le lien").click()
        expect(page.get_by_role("alert")).to_contain_text("n'est pas une adresse")
        page.get_by_label("Adresse e-mail").fill("maire@office.test")
        page.get_by_role("button", name="Envoyer le lien").click()
        page.goto(f"{site.url}/x/campagnes/{one.number}/share")
        page.get_by_role("link", name="Mettre fin au lien de chef@office.test").click()
        page.get_by_role("button", name="Oui, mettre fin au lien").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("C'est fait")
    assert [(one.power, one.stage, one.who) for one in done(site, one.number)] == [
        ("revoke", "done", one.login), ("share", "ready", one.login), ("modify", "ready", one.login),
        ("modify", "done", one.login),
    ]  # fmt: skip


def test_a_double_click_is_one_action(browser: Browser, site: Site) -> None:
    one = made(site, "finished")
    with opened(browser, site, "/x/connexion") as page:
        log_in(page, site, one.login)
        page.goto(f"{site.url}/x/campagnes/{one.number}/replay")
        page.get_by_label(re.compile("ceux qui n'ont pas reçu")).check()
        page.get_by_role("button", name="Renvoyer").dblclick()
        expect(page.get_by_role("heading", level=1)).to_have_text("C'est noté")
        page.go_back()
        page.get_by_role("button", name="Renvoyer").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("C'est noté")
    assert len(done(site, one.number)) == 1


def test_a_login_pauses_resumes_and_asks_for_list_and_link_without_a_script(browser: Browser, site: Site) -> None:
    one = made(site, "sending")
    with opened(browser, site, "/x/connexion", java_script_enabled=False) as page:
        log_in(page, site, one.login)
        page.goto(f"{site.url}/x/campagnes/{one.number}")
        page.get_by_role("link", name="Mettre en pause").click()
        page.get_by_role("button", name="Oui, mettre en pause").click()
        expect(page.locator(".hero .badge")).to_have_text("En pause")
        menu = page.locator(".act-menu")
        for link, button, said in (
            ("Reprendre", "Oui, reprendre l'envoi", "Portes ouvertes de printemps"),
            ("Recevoir la liste", "Oui, m'envoyer la liste", "C'est noté"),
            ("Remplacer le lien d'origine", "Oui, remplacer le lien", "C'est noté"),
        ):
            page.goto(f"{site.url}/x/campagnes/{one.number}")
            menu.locator("summary").click()
            menu.get_by_role("link", name=link).click()
            page.get_by_role("button", name=button).click()
            expect(page.get_by_role("heading", level=1)).to_have_text(said)
    found = [(action.power, action.stage) for action in done(site, one.number)]
    assert found == [("renew", "ready"), ("extract", "ready"), ("resume", "done"), ("pause", "done")]
