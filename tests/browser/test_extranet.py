"""The extranet in a real browser: in by keyboard, a campaign written with and without a script, nothing inaccessible."""

from __future__ import annotations

import asyncio
import base64
import itertools
import time
from collections.abc import Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import pytest
from browsing import DESK, PHONE, Site, opened, violations
from playwright.sync_api import Browser, Page, expect
from sqlalchemy import text
from visitor import PASSWORD, user

from gateway import totp
from store import hosts, sources
from store.engine import Database, now_ms
from store.sources import Source, State
from store.spool import Envelope, Spool

pytestmark = pytest.mark.browser
NUMBERS = itertools.count(1)
LIST = "Email;Prénom\nmarie@rcpt.test;Marie\nnothing;X\npaul@rcpt.test;Paul\n"
EML = b"From: a@b.test\nSubject: Lettre\nMIME-Version: 1.0\nContent-Type: text/html; charset=utf-8\n\n<p>Bonjour</p>\n"
T = TypeVar("T")


def run(work: Coroutine[Any, Any, T]) -> T:
    """asyncio.run in a thread of its own: playwright keeps a loop in this one."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(asyncio.run, work).result(30)


def somebody(site: Site, role: str = "admin", operator: bool = False) -> str:
    """A new user of the account whose campaigns the site has."""

    async def make() -> str:
        db, login = Database.open(site.database), f"anne{next(NUMBERS)}@societe-a.test"
        async with db.read() as conn:
            account = (await conn.execute(text("SELECT account_id FROM campaigns ORDER BY id"))).scalars().first()
        assert account is not None
        await user(db, login, role, account, operator)
        await db.close()
        return login

    return run(make())


@contextmanager
def inside(browser: Browser, site: Site, login: str, path: str = "", **more: Any) -> Iterator[Page]:
    """A page of somebody who logged in."""
    with opened(browser, site, "/x/connexion", **more) as page:
        page.locator("#login").fill(login)
        page.locator("#password").fill(PASSWORD)
        page.locator("#password").press("Enter")
        page.wait_for_url("**/x/campagnes")
        if path:
            page.goto(site.url + path)
        yield page


@pytest.fixture(scope="module")
def house(site: Site) -> Site:
    """The site with an address in its warm-up, a host of its account, and a mail that was set aside."""

    async def make() -> None:
        db, now = Database.open(site.database), now_ms()
        async with db.write() as conn:
            for address, state in (("192.0.2.1", State.READY), ("192.0.2.2", State.WARMING)):
                await sources.add(conn, Source(0, address, "", "shared", "", state, 3, now // 86_400_000), now)
            account = (await conn.execute(text("SELECT account_id FROM campaigns ORDER BY id"))).scalars().first()
            assert account is not None
            host = await hosts.use(conn, account, "envois.societe-a.test", now)
            await hosts.looked(conn, host.id, "certificate", "", now)
        await db.close()

    run(make())
    spool = Spool(Path(site.database.partition(":///")[2]).parent / "spool")
    ref = spool.put(
        Envelope("campaign", "a@b.test", ("mail@gateway.test",), "", "mx", now_ms()), b"Subject: Broken\r\n\r\n"
    )
    spool.shunt(ref, "ValueError: broken")
    return site


PAGES = (
    "campagnes", "nouvelle", "domaine", "acces", "passerelle/files", "passerelle/adresses", "campagnes/2", "compte",
    "utilisateurs", "passerelle/comptes", "passerelle/comptes/1", "passerelle/examen", "campagnes?q=nothing",
)  # fmt: skip


@pytest.mark.parametrize(
    ("lang", "size", "scheme", "pages"),
    [("fr", DESK, "light", PAGES), ("en", PHONE, "dark", PAGES[:5])],
    ids=["desk-light-fr", "phone-dark-en"],
)
def test_axe_finds_nothing(
    browser: Browser, house: Site, lang: str, size: dict[str, int], scheme: str, pages: tuple[str, ...]
) -> None:
    login = somebody(house, operator=True)
    more: dict[str, Any] = {"viewport": size, "color_scheme": scheme, "reduced_motion": "reduce"}
    with opened(browser, house, f"/x/oubli?lang={lang}", **more) as page:
        assert violations(page) == []
    with inside(browser, house, login, f"/x/campagnes?lang={lang}", **more) as page:
        for path in pages:
            page.goto(f"{house.url}/x/{path}")
            page.evaluate("document.querySelectorAll('details').forEach((one) => (one.open = true))")
            assert violations(page) == [], path
            wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
            assert wide <= 0, f"{path} scrolls sideways"


def test_in_by_keyboard_to_a_campaign_and_out_again(browser: Browser, site: Site) -> None:
    login = somebody(site)
    with opened(browser, site, "/x/campagnes?q=Portes", reduced_motion="reduce") as page:
        expect(page.locator("#login")).to_be_focused()
        page.keyboard.type(login)
        page.keyboard.press("Tab")
        page.keyboard.type("not the password")
        page.keyboard.press("Enter")
        expect(page.get_by_role("alert")).to_contain_text("n'est pas le bon")
        expect(page.locator("#password")).to_be_focused()
        page.keyboard.type(PASSWORD)
        page.keyboard.press("Enter")
        page.wait_for_url("**/x/campagnes?q=Portes")
        expect(page.locator(".x-campaign")).to_have_count(1)
        page.get_by_role("link", name="Portes ouvertes").focus()
        page.keyboard.press("Enter")
        expect(page.get_by_role("heading", level=1)).to_have_text("Portes ouvertes")
        page.get_by_role("link", name="Annulés").focus()
        page.keyboard.press("Enter")
        page.wait_for_url("**tab=cancelled**")
        page.get_by_role("button", name="Se déconnecter").focus()
        page.keyboard.press("Enter")
        page.wait_for_url("**/x/connexion")
        page.goto(f"{site.url}/x/campagnes")
        expect(page.get_by_role("heading", level=1)).to_have_text("Connexion")
        assert {one["path"] for one in page.context.cookies()} == {"/x"}


def spooled(site: Site) -> list[str]:
    return Spool(Path(site.database.partition(":///")[2]).parent / "spool").pending()


def test_a_campaign_is_written_with_formatting_looked_at_and_sent(browser: Browser, site: Site) -> None:
    login, before = somebody(site, "send"), len(spooled(site))
    with inside(browser, site, login, "/x/nouvelle") as page:
        page.get_by_label("Objet").fill("Fête")
        page.get_by_label("Avec mise en forme").check()
        editor = page.get_by_role("textbox", name="Message")
        editor.fill("Bonjour {{Prénom}}")
        editor.press("Control+A")
        page.get_by_role("button", name="Gras").click()
        page.get_by_role("button", name="Continuer : destinataires").click()
        page.get_by_role("button", name="Continuer : options").click()
        expect(page.get_by_role("alert")).to_contain_text("Choisissez un fichier ou collez votre liste")
        page.get_by_label("Copier-coller", exact=False).first.check()
        page.locator("#pasted").fill(LIST)
        page.get_by_role("button", name="Continuer : options").click()
        page.get_by_role("link", name="Message").click()
        expect(page.locator("[data-rich]")).to_contain_text("Bonjour {{Prénom}}")  # nothing typed is lost
        assert "<b>" in page.locator("[data-body]").input_value()
        page.get_by_role("link", name="Vérifier et envoyer").click()
        expect(page.locator(".equation")).to_contain_text("2 destinataires")
        expect(page.frame_locator(".x-frame").locator("b").first).to_have_text("Bonjour Marie")
        page.get_by_label("Téléphone").check()
        assert violations(page) == []
        page.get_by_role("button", name="Envoyer à 2 destinataires").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("C'est enregistré")
    assert len(spooled(site)) == before + 1


def test_an_eml_file_is_sent_without_a_script(browser: Browser, site: Site, tmp_path: Path) -> None:
    (tmp_path / "lettre.eml").write_bytes(EML)
    (tmp_path / "clients.csv").write_text(LIST, "utf-8")
    login, before = somebody(site, "send"), len(spooled(site))
    with inside(browser, site, login, "/x/nouvelle", java_script_enabled=False) as page:
        page.get_by_label("J'ai déjà un fichier .eml").check()
        page.get_by_label("Fichier du message (.eml)").set_input_files(tmp_path / "lettre.eml")
        page.get_by_role("button", name="Continuer : destinataires").click()
        page.locator("#liste").set_input_files(tmp_path / "clients.csv")
        page.get_by_role("button", name="Continuer : options").click()
        page.get_by_label("Le", exact=True).check()
        page.locator("#day").fill("2020-01-01")
        page.get_by_role("button", name="Continuer : vérifier").click()
        expect(page.get_by_text("Cette date est déjà passée")).to_be_visible()
        page.locator("#day").fill("2099-01-01")
        page.get_by_role("button", name="Continuer : vérifier").click()
        page.get_by_role("button", name="Envoyer l'épreuve").click()
        expect(page.get_by_role("status")).to_contain_text("L'épreuve part")
        page.get_by_role("button", name="Programmer pour 2 destinataires").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("C'est enregistré")
    assert len(spooled(site)) == before + 2


def test_a_code_is_turned_on_by_the_key_beside_the_picture_and_asked_for(browser: Browser, site: Site) -> None:
    login = somebody(site, "read")
    with inside(browser, site, login, "/x/acces") as page:
        page.get_by_text("Activer le code").first.click()
        secret = base64.b32decode(page.locator("#codes .x-secret code").inner_text().replace(" ", ""))
        step = int(time.time()) // totp.PERIOD
        page.locator("#current-2").fill(PASSWORD)
        page.locator("#code").fill(totp.code(secret, step))
        page.get_by_role("button", name="Activer le code").click()
        expect(page.locator(".x-codes li")).to_have_count(10)
        assert violations(page) == []
        recovery = page.locator(".x-codes code").first.inner_text()
        page.get_by_role("button", name="Se déconnecter").click()
        page.locator("#login").fill(login)
        page.locator("#password").fill(PASSWORD)
        page.keyboard.press("Enter")
        expect(page.get_by_role("heading", level=1)).to_have_text("Votre code")
        assert violations(page) == []
        page.locator("#code").fill(recovery)
        page.keyboard.press("Enter")
        page.wait_for_url("**/x/campagnes")
