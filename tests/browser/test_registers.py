"""Désinscrits, Consentements and Expéditeurs in a real browser: done as a user does it, without a script too."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from config import keys
from store import accounts, api_keys, consents, hook_answers, suppression_list, users, webhooks
from store.engine import Database, now_ms
from store.suppression_list import New
from store.suppressions import SuppressionKeys

pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe-playwright-python is missing")
from browsing import DESK, PHONE, Site, opened, violations
from playwright.sync_api import Browser, expect

from tests.browser.test_actions import HASH, log_in, run

pytestmark = pytest.mark.browser
ADDRESS = "une.adresse.vraiment.tres.longue@mairie-de-saint-etienne-du-rouvray.test"


def office(site: Site, name: str) -> int:
    """A firm with an admin, something on its lists, and a sender; its sender's id."""

    async def work() -> int:
        folder, now = Path(site.database.partition(":///")[2]).parent, now_ms()
        secret = SuppressionKeys(*keys.load_keyring(folder, "suppression"))
        db = Database.open(site.database)
        async with db.write() as conn:
            account = await accounts.create_account(conn, name, "", "", "fr", "Europe/Paris", now)
            sender = await accounts.declare_sender(conn, account, f"info@{name}.test", "Accueil", now, now)
            await users.add(conn, account, name, f"{name}@firm.test", HASH, "admin", False, now)
            some = [New(ADDRESS, "manual", now), New("parti@d.test", "unsubscribe", now)]
            await suppression_list.put(conn, account, some, secret, now)
            said = [consents.New("zoe@d.test", True, now, "Salon", "Voulez-vous ?", "anne"),
                    consents.New("max@d.test", False, now, "page", "non", personal=True)]  # fmt: skip
            await consents.record(conn, account, said, secret, now)
            await api_keys.add(conn, account, "Boutique", ("read",), None, now, name)
            hook = await webhooks.add(conn, account, f"https://{name}.test/x", ["delivered"], 1, "", now)
            assert hook is not None
            await hook_answers.note(conn, hook.id, [hook_answers.Answer(now, 80, 500, "", "delivered", 1)])
        await db.close()
        return sender

    return run(work())


@pytest.mark.parametrize(
    ("size", "scheme", "lang"), [(DESK, "light", "fr"), (PHONE, "dark", "en")], ids=["desk", "phone"]
)
def test_axe_finds_nothing(browser: Browser, site: Site, size: dict[str, int], scheme: str, lang: str) -> None:
    sender = office(site, f"axe{lang}")
    with opened(browser, site, "/x/connexion", viewport=size, color_scheme=scheme) as page:
        log_in(page, site, f"axe{lang}")
        for path in (
            "desinscrits",
            "consentements",
            "consentements/personne?address=zoe@d.test",
            f"expediteurs/{sender}",
            "cles",
            "webhooks",
        ):
            page.goto(f"{site.url}/x/{path}{'&' if '?' in path else '?'}lang={lang}")
            assert violations(page) == [], path
            wide = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
            assert page.evaluate(wide) <= 0, path
        page.get_by_role("link", name=f"https://axe{lang}.test/x").click()
        assert violations(page) == []
        assert page.evaluate(wide) <= 0


def test_as_a_user_does_it_without_a_script(browser: Browser, site: Site) -> None:
    office(site, "mairie")
    with opened(browser, site, "/x/connexion", java_script_enabled=False) as page:
        log_in(page, site, "mairie")
        page.get_by_role("link", name="Désinscrits").click()
        page.get_by_label("Adresses à ne plus contacter").fill("lea@d.test")
        page.get_by_role("button", name="Ajouter").click()
        expect(page.get_by_role("status")).to_have_text("Ces adresses ne recevront plus rien.")
        page.get_by_role("searchbox").fill("LEA")
        page.keyboard.press("Enter")
        rows = page.get_by_role("rowheader")
        expect(rows).to_have_text(["lea@d.test"])
        page.get_by_role("link", name="Retirer lea@d.test de la liste").click()
        page.get_by_label("Pourquoi ?").fill("Elle l'a demandé au guichet")
        page.get_by_role("button", name="Oui, retirer").click()
        expect(page.get_by_text("Elle l'a demandé au guichet")).to_be_visible()
        page.get_by_role("link", name="Retirer parti@d.test de la liste").click()
        expect(page.get_by_text("a demandé elle-même")).to_be_visible()
        page.goto(f"{site.url}/x/desinscrits")
        page.get_by_label("Fichier").set_input_files(
            files=[{"name": "l.csv", "mimeType": "text/csv", "buffer": b"Email\nn@d.test\nbad@\n"}]
        )
        page.get_by_role("button", name="Importer").click()
        expect(page.get_by_role("status")).to_contain_text("1 ligne prise en compte.")
        expect(page.get_by_role("rowheader", name="bad@")).to_be_visible()
        page.get_by_role("link", name="Consentements").click()
        page.get_by_role("link", name="zoe@d.test").click()
        page.get_by_role("button", name="Noter un refus").click()
        expect(page.get_by_role("status")).to_contain_text("Le refus est noté.")
        with page.expect_download() as got:
            page.get_by_role("link", name="CSV").click()
        assert "zoe@d.test" in Path(got.value.path()).read_text()


def test_a_sender_is_declared_and_its_records_are_copied(browser: Browser, site: Site) -> None:
    office(site, "ecole")
    options: dict[str, Any] = {"permissions": ["clipboard-read", "clipboard-write"]}
    with opened(browser, site, "/x/connexion", **options) as page:
        log_in(page, site, "ecole")
        page.get_by_role("link", name="Expéditeurs").click()
        page.get_by_role("textbox", name="Adresse").fill("accueil@ecole-jules-ferry.test")
        page.get_by_role("button", name="Déclarer").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("accueil@ecole-jules-ferry.test")
        expect(page.get_by_text("Attend la réponse")).to_be_visible()
        page.get_by_role("button", name=re.compile("Prouver le domaine")).click()
        record = page.get_by_role("region", name=re.compile("^Prouver le domaine"))
        record.get_by_role("button", name=re.compile("Copier.*Valeur")).click()
        expect(record.get_by_role("status").last).to_have_text("Copié")
        assert page.evaluate("navigator.clipboard.readText()").startswith("mail2campaign=")
        page.get_by_role("button", name="Vérifier maintenant").click()
        expect(page.get_by_role("alert")).to_be_visible()
