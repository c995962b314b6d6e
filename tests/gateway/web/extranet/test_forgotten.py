"""A forgotten password: the same answer for everybody, a letter for whoever exists, a link that works once."""

from __future__ import annotations

from email import message_from_bytes, policy
from types import SimpleNamespace
from typing import Any, cast

from sqlalchemy import select
from visitor import PASSWORD, Visitor, user
from web_fixture import RING, Web

from config.settings import Gateway, Settings
from gateway.intake.desk import Desk
from gateway.letters import passwords
from parsers.tokens import Purpose, sign
from store import password_letters
from store.engine import Database, now_ms
from store.tables import notices

NEW = "un autre mot de passe"


def desk(db: Database) -> Desk:
    settings = Settings(gateway=Gateway(domain="gateway.test", public_url="http://gateway.test"))  # type: ignore[call-arg]
    parts: dict[str, Any] = {
        "settings": settings, "database": db, "keyring": RING, "signers": (), "domain": "gateway.test",
    }  # fmt: skip
    return cast(Desk, SimpleNamespace(**parts))


async def letters(db: Database) -> list[tuple[str, str]]:
    """To whom, and the text of every letter."""
    async with db.read() as conn:
        found = list(await conn.execute(select(notices.c.address, notices.c.raw).order_by(notices.c.id)))
    mails = [(row.address, message_from_bytes(bytes(row.raw), policy=policy.default)) for row in found]
    return [(to, cast(Any, mail).get_body(("plain",)).get_content()) for to, mail in mails]


async def test_whoever_asks_learns_nothing_and_the_owner_gets_a_link(web: Web) -> None:
    await user(web.db, "anne@a.test")
    await user(web.db, "paul")  # has no address
    told = [
        (await Visitor(web.reader).send("/x/oubli", login=name)) for name in ("Anne@a.test", "paul", "nobody@a.test")
    ]
    bodies = {answer.text for answer in told}
    assert len(bodies) == 1 and "un lien vient de partir" in bodies.pop()
    await passwords.write(desk(web.db))
    await passwords.write(desk(web.db))
    [(to, text)] = await letters(web.db)
    assert to == "anne@a.test" and "anne@a.test" in text
    [link] = [line for line in text.split() if line.startswith("http://gateway.test/x/p/")]
    anne = Visitor(web.reader)
    inside = Visitor(web.reader)
    await inside.enter("anne@a.test")
    path = link.removeprefix("http://gateway.test")
    assert (await anne.get(path)).status == (await anne.get(path)).status == 200  # looking spends nothing
    for word, again, doubt in (
        ("short", "short", "au moins 12"), (NEW, "differs", "identiques"), ("anne@a.test", "anne@a.test", "facile"),
        ("aaaaaaaaaaaaaaa", "aaaaaaaaaaaaaaa", "facile"),
    ):  # fmt: skip
        refused = await anne.send(path, password=word, again=again)
        assert refused.status == 403 and doubt in refused.text
    assert "enregistré" in (await anne.send(path, password=NEW, again=NEW)).text
    assert (await anne.get(path)).status == 410
    assert (await inside.get("/x/campagnes")).status == 303  # every session has ended
    assert (await anne.enter("anne@a.test", PASSWORD)).status == 403
    assert (await anne.enter("anne@a.test", NEW)).status == 303


async def test_old_altered_and_replaced_links_open_nothing(web: Web) -> None:
    number = await user(web.db, "anne@a.test")
    async with web.db.write() as conn:
        assert await password_letters.ask(conn, number, False, now_ms() - password_letters.RESET_MS)
    old = sign(RING, Purpose.PASSWORD, number, 1)
    anne = Visitor(web.reader)
    for token in (old, old[:-1] + ("a" if old[-1] != "a" else "b"), sign(RING, Purpose.PROOF, number, 1)):
        assert (await anne.get(f"/x/p/{token}")).status == 410
        assert (await anne.post(f"/x/p/{token}", password=NEW, again=NEW)).status == 410


async def test_asking_often_writes_one_letter_and_ends(web: Web) -> None:
    await user(web.db, "anne@a.test")
    anne = Visitor(web.reader)
    for _ in range(10):
        assert (await anne.send("/x/oubli", login="anne@a.test")).status == 200
    assert (await anne.send("/x/oubli", login="anne@a.test")).status == 403
    await passwords.write(desk(web.db))
    assert len(await letters(web.db)) == 1
    assert (await Visitor(web.reader).post("/x/oubli", login="anne@a.test")).status == 403
