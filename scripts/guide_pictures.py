"""Make the pictures of the users' guide (docs/pictures): the list, Config, the acknowledgement, the report, the extranet.

In: `python scripts/guide_pictures.py [FOLDER]` (default docs/pictures). Out: one small WebP a picture, named in PICTURES.
The pages and the letter are made by the gateway itself, over an invented campaign on the loopback; the list and Config
are drawn as a plain sheet and a plain text. Needs the development environment and a Chromium; nothing is sent.
"""

from __future__ import annotations

import asyncio
import base64
import shutil
import sys
import tempfile
from html import escape
from pathlib import Path

from letters import DOMAIN, FAULTY, SENDER, Dns, Town
from pictures import QUIET, served
from playwright.sync_api import Browser, Page, sync_playwright
from seed_report import seed

from config import keys
from config.settings import Settings
from gateway.intake.desk import Desk, rings
from gateway.passwords import hash_password
from gateway.reading.readers import Readers
from store import accounts, users
from store.engine import Database, now_ms
from store.spool import Spool

FOLDER = Path(__file__).resolve().parents[1] / "docs" / "pictures"
PICTURES = ("liste", "config", "accuse", "rapport", "details", "nouvelle")
QUALITY = 0.8  # of WebP
LOGIN, WORD = "anne", "six mots que personne ne devine"
ROWS = (
    ("Email", "Prénom", "Nom", "Ville"),
    ("anne.durand@exemple.fr", "Anne", "Durand", "Lyon"),
    ("j.martin@exemple.fr", "Jean", "Martin", ""),
    ("zoe.petit@exemple.fr", "Zoé", "Petit", "Nantes"),
    ("contact@fleurs-et-cie.exemple", "", "Fleurs & Cie", "Angers"),
)
CONFIG = (
    "Expéditeur : Service client <contact@exemple.fr>\nRépondre à : martine@exemple.fr\n"
    "Date d'envoi : 25/12/2026 9h30\nCampagne : Vœux 2027"
)
_FRAME = """<!doctype html><meta charset="utf-8"><style>
body { margin: 0; padding: 16px; font: 15px/1.4 "DejaVu Sans", sans-serif; background: #fff; width: max-content }
figure { margin: 0; border: 1px solid #b9c2cc; border-radius: 6px; overflow: hidden }
figcaption { background: #eef1f4; border-bottom: 1px solid #b9c2cc; padding: 6px 12px; font-weight: bold }
table { border-collapse: collapse } td, th { border: 1px solid #d4dae0; padding: 5px 12px; text-align: left; height: 1.3em }
th { background: #f4f6f8; color: #5b6670; font-weight: normal; text-align: center }
tr:nth-child(2) td { font-weight: bold }
pre { margin: 0; padding: 12px 16px; min-width: 30em; font: 15px/1.5 "DejaVu Sans Mono", monospace }
</style><figure><figcaption>%s</figcaption>%s</figure>"""


def sheet() -> str:
    """The list, as any program for sheets shows it."""
    letters = "".join(f"<th>{letter}</th>" for letter in " ABCD")
    lines = (
        f"<tr><th>{number}</th>{''.join(f'<td>{escape(cell)}</td>' for cell in row)}</tr>"
        for number, row in enumerate((*ROWS, ("",) * 4), 1)
    )
    return _FRAME % ("LISTE.xlsx", f"<table><tr>{letters}</tr>{''.join(lines)}</table>")


def note() -> str:
    """Config, as any program for texts shows it."""
    return _FRAME % ("Config.txt", f"<pre>{escape(CONFIG)}</pre>")


async def letter(folder: Path) -> Path:
    """An acknowledgement, made by the gateway from a list with faults; returns the file of its HTML."""
    keys.create(folder, DOMAIN)
    settings = Settings(gateway={"domain": DOMAIN, "data_dir": folder, "public_url": f"https://{DOMAIN}"})  # type: ignore[arg-type]
    database, readers = Database.open(settings.database_url), Readers(2_000_000_000, 120)
    await database.migrate()
    async with database.write() as conn:
        named = ("Mairie de Valfleury", "1 place de la Mairie, 49000 Valfleury")
        account = await accounts.create_account(conn, "Valfleury", *named, "fr", "Europe/Paris", 1)
        await accounts.declare_sender(conn, account, SENDER, "Mairie de Valfleury", 1, 1)
    desk = Desk(settings, database, Spool(folder / "spool"), readers, Dns(), *rings(settings))  # type: ignore[arg-type]
    await Town(desk, account, "fr", folder).write("accuse", ("LISTE.csv", FAULTY), subject="Agenda de janvier")
    await readers.close()
    await database.close()
    return folder / "fr-accuse.html"


async def campaign(folder: Path, url: str) -> str:
    """A campaign under way and somebody who may log in; returns the path of its report."""
    keys.create(folder, "gateway.test")
    database = Database.open(url)
    await database.migrate()
    number, word = await seed(database, 1_200, 0.7)
    async with database.write() as conn:
        found = await accounts.list_accounts(conn)
        hashed = hash_password(WORD)
        await users.add(conn, found[0].id, LOGIN, "", hashed, "admin", False, now_ms())
    await database.close()
    assert number
    return f"/r/{word}"


def kept(page: Page, picture: bytes, target: Path) -> None:
    """Write a picture as WebP, which Chromium makes from PNG."""
    data = base64.b64encode(picture).decode()
    made: str = page.evaluate(
        """async ([data, quality]) => {
            const image = new Image(); image.src = "data:image/png;base64," + data; await image.decode();
            const canvas = Object.assign(document.createElement("canvas"), {width: image.width, height: image.height});
            canvas.getContext("2d").drawImage(image, 0, 0);
            return canvas.toDataURL("image/webp", quality);
        }""",
        [data, QUALITY],
    )
    target.write_bytes(base64.b64decode(made.partition(",")[2]))
    print(target.name, target.stat().st_size)


def drawn(browser: Browser, folder: Path, mail: Path) -> None:
    """The pictures that need no gateway."""
    page = browser.new_page(viewport={"width": 720, "height": 900}, locale="fr-FR")
    for name, text in (("liste", sheet()), ("config", note())):
        page.set_content(text)
        kept(page, page.locator("figure").screenshot(), folder / f"{name}.webp")
    page.goto(mail.as_uri())
    picture = page.screenshot(clip={"x": 0, "y": 0, "width": 720, "height": 1000}, full_page=True)
    kept(page, picture, folder / "accuse.webp")
    page.close()


def visited(browser: Browser, root: str, report: str, folder: Path) -> None:
    """The pages of a gateway."""
    context = browser.new_context(viewport={"width": 1040, "height": 900}, locale="fr-FR", reduced_motion="reduce")
    page, canvas = context.new_page(), browser.new_page()

    def shot(name: str, height: int, top: float = 0) -> None:
        page.wait_for_load_state("load")
        page.evaluate("document.fonts.ready")
        clip = {"x": 0, "y": top, "width": 1040, "height": height}
        kept(canvas, page.screenshot(clip=clip, full_page=True), folder / f"{name}.webp")  # type: ignore[arg-type]

    page.goto(root + report)
    shot("rapport", 1180)
    box = page.locator("#details").bounding_box()
    assert box is not None
    shot("details", 820, box["y"] - 16)
    page.goto(f"{root}/x/connexion")
    page.locator("#login").fill(LOGIN)
    page.locator("#password").fill(WORD)
    page.locator("form:has(#password) button[type=submit]").click()
    page.wait_for_url("**/x/campagnes**")
    page.goto(f"{root}/x/nouvelle")
    page.get_by_label("Objet").fill("Fête du printemps, {{Prénom}}")
    page.locator("#body").fill("Bonjour {{Prénom}} {{Nom}},\n\nnous vous attendons samedi 21 mars à 14 heures.")
    shot("nouvelle", 1000)


def main(folder: Path) -> None:
    """Make all of them."""
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as one, tempfile.TemporaryDirectory() as two:
        url = f"sqlite+aiosqlite:///{Path(two) / 'mail2campaign.db'}"
        mail, report = asyncio.run(letter(Path(one))), asyncio.run(campaign(Path(two), url))
        with served(Path(two), url) as root, sync_playwright() as play:
            browser = play.chromium.launch(executable_path=shutil.which("chromium"), args=QUIET)
            drawn(browser, folder, mail)
            visited(browser, root, report, folder)
            browser.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER)
