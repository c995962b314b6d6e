"""Compte: what admins change, what everybody changes of their own, and what nobody changes of others."""

from __future__ import annotations

import re
import time

import pytest
from visitor import PASSWORD, Visitor, hidden, user
from web_fixture import RING, Web

from gateway import totp
from store import account_settings, accounts, factors, password_letters, talks, users
from store.engine import now_ms
from store.values import Tracked

NEW = "encore un autre mot de passe"


async def inside(web: Web, login: str = "anne", role: str = "admin") -> Visitor:
    await user(web.db, login, role)
    visitor = Visitor(web.reader)
    assert (await visitor.enter(login)).status == 303
    return visitor


async def test_an_admin_changes_what_stands_under_mails(web: Web) -> None:
    anne = await inside(web)
    answer = await anne.send(
        "/x/compte", "/x/compte/reglages", legal_name="  ACME\t SAS ", address="1 rue A \r\n\r\n75001 Paris", locale="en",
        timezone="Pacific/Tahiti", validation="yes",
    )  # fmt: skip
    assert answer.headers["location"] == "/x/compte?done=settings"
    async with web.db.read() as conn:
        account = await accounts.get_account(conn, 1)
        assert account is not None and await talks.validates(conn, 1)
    assert (account.legal_name, account.address) == ("ACME SAS", "1 rue A\n\n75001 Paris")
    assert (account.locale, account.timezone) == ("en", "Pacific/Tahiti")
    assert "Settings saved." in (await anne.get("/x/compte?done=settings")).text
    wrong = await anne.send("/x/compte", "/x/compte/reglages", locale="fr", timezone="../../etc/passwd")
    assert wrong.status == 422
    assert (await anne.post("/x/compte/reglages", legal_name="x")).status == 403


async def test_an_attestation_has_words_and_an_end(web: Web) -> None:
    anne = await inside(web)
    form = {"by": "Anne, directrice", "wording": "Acceptez-vous que nous mesurions vos lectures ?"}
    assert (await anne.send("/x/compte", "/x/compte/attestation", **form)).status == 422  # not sure
    assert (await anne.send("/x/compte", "/x/compte/attestation", **form, sure="yes")).status == 303
    page = await anne.get("/x/compte?done=attested")
    assert "Acceptez-vous" in page.text and "Anne, directrice (anne)" in page.text
    async with web.db.write() as conn:
        await conn.exec_driver_sql(f"UPDATE recipients SET tracked = {int(Tracked.FULL)}")
    assert (await anne.send("/x/compte", "/x/compte/retrait")).status == 303
    async with web.db.read() as conn:
        [kept] = await account_settings.attested(conn, 1)
        tracked = await conn.exec_driver_sql("SELECT DISTINCT tracked FROM recipients")
        assert [row.tracked for row in tracked] == [int(Tracked.ANONYMOUS)]
    assert kept.withdrawn_by == "anne" and kept.withdrawn_at is not None


@pytest.mark.parametrize("role", ["read", "send"])
async def test_whoever_is_no_admin_looks_and_changes_nothing(web: Web, role: str) -> None:
    paul = await inside(web, "paul", role)
    page = await paul.get("/x/compte")
    assert page.status == 200 and "disabled" in page.text and "/attestation" not in page.text
    proof = hidden((await paul.get("/x/acces")).text)
    for path in ("/x/compte/reglages", "/x/compte/attestation", "/x/utilisateurs/ajouter", "/x/utilisateurs/role"):
        assert (await paul.post(path, **proof, timezone="UTC", email="e@e.fr", role="admin", id="1")).status == 403
    assert (await paul.get("/x/utilisateurs")).status == 403


async def test_a_password_is_changed_with_the_old_one_and_other_sessions_end(web: Web) -> None:
    anne, elsewhere = await inside(web), Visitor(web.reader)
    await elsewhere.enter("anne")
    to = "/x/acces/mot-de-passe"
    refused = await anne.send("/x/acces", to, current="wrong", password=NEW, again=NEW)
    assert refused.status == 422 and "actuel" in refused.text
    assert "identiques" in (await anne.send("/x/acces", to, current=PASSWORD, password=NEW, again="x")).text
    assert (await anne.send("/x/acces", to, current=PASSWORD, password=NEW, again=NEW)).status == 303
    assert (await anne.get("/x/acces")).status == 200 and (await elsewhere.get("/x/acces")).status == 303
    assert (await elsewhere.enter("anne", NEW)).status == 303


async def test_one_time_codes_from_the_picture_to_the_end(web: Web) -> None:
    anne = await inside(web)
    page = await anne.get("/x/acces")
    assert "<svg" in page.text and "x-qr" in page.text and "style=" not in page.text
    [typed] = re.findall(r"<code>([A-Z2-7 ]+)</code>", page.text)
    async with web.db.read() as conn:
        found = await users.find(conn, "anne")
    assert found is not None
    secret = totp.secret(RING, found.id, 0)
    assert typed == totp.typed(secret)
    now = int(time.time()) // totp.PERIOD
    wrong = await anne.send("/x/acces", "/x/acces/codes", current=PASSWORD, code="000000")
    assert wrong.status == 422
    shown = await anne.send("/x/acces", "/x/acces/codes", current=PASSWORD, code=totp.code(secret, now))
    codes = re.findall(r"<code>((?:[a-z0-9]{4}-){3}[a-z0-9]{4})</code>", shown.text)
    assert len(set(codes)) == 10 and "Activé" in shown.text and typed not in shown.text
    assert codes[0] not in (await anne.get("/x/acces")).text
    off = "/x/acces/codes/arret"
    assert (await anne.send("/x/acces", off, current=PASSWORD, code="123456")).status == 422
    assert (await anne.send("/x/acces", off, current="wrong", code=codes[0])).status == 422
    assert (await anne.send("/x/acces", off, current=PASSWORD, code=codes[0])).status == 303
    [again] = re.findall(r"<code>([A-Z2-7 ]+)</code>", (await anne.get("/x/acces")).text)
    assert again != typed


async def test_a_password_of_a_program_is_shown_once(web: Web) -> None:
    anne = await inside(web)
    to = "/x/acces/programmes"
    assert (await anne.send("/x/acces", to, name="Outlook", current="wrong")).status == 422
    shown = await anne.send("/x/acces", to, name="<Outlook>", current=PASSWORD)
    [word] = re.findall(r"<code>((?:[a-z0-9]{4}-){3}[a-z0-9]{4})</code>", shown.text)
    page = await anne.get("/x/acces")
    assert word not in page.text and "&lt;Outlook&gt;" in page.text
    async with web.db.read() as conn:
        found = await users.find(conn, "anne")
        assert found is not None
        own = await factors.password_of(conn, found.id, totp.digest(word))
    assert own is not None
    await anne.send("/x/acces", "/x/acces/programmes/retirer")
    async with web.db.read() as conn:
        assert await factors.passwords(conn, found.id) == []


async def test_an_admin_invites_changes_and_removes_people(web: Web) -> None:
    anne = await inside(web)
    page = "/x/utilisateurs"
    assert (await anne.send(page, f"{page}/ajouter", email="no address", role="send")).status == 422
    assert (await anne.send(page, f"{page}/ajouter", email="Paul@a.test", role="owner")).status == 422
    assert (await anne.send(page, f"{page}/ajouter", email="Paul@a.test", role="read")).status == 303
    assert (await anne.send(page, f"{page}/ajouter", email="paul@A.test", role="read")).status == 422
    async with web.db.read() as conn:
        paul, [letter] = await users.find(conn, "paul@a.test"), await password_letters.waiting(conn)
    assert paul is not None and (letter.user.id, letter.invitation) == (paul.id, True)
    assert not (paul.operator or paul.password_hash) and paul.role == "read"
    assert (await Visitor(web.reader).enter("paul@a.test", "")).status == 403
    proof = hidden((await anne.get(page)).text, f"{page}/ajouter")["proof"]
    assert (await anne.post(f"{page}/lien", proof=proof, id=str(paul.id))).status == 422  # a moment ago
    assert (await anne.post(f"{page}/role", proof=proof, id=str(paul.id), role="send")).status == 303
    async with web.db.read() as conn:
        me = await users.find(conn, "anne")
    assert me is not None
    assert (await anne.post(f"{page}/role", proof=proof, id=str(me.id), role="read")).status == 422  # the last admin
    assert (await anne.post(f"{page}/retirer", proof=proof, id=str(me.id))).status == 422
    asked = await anne.get(f"{page}/{paul.id}/retirer")
    assert (await anne.post(f"{page}/retirer", **hidden(asked.text, f"{page}/retirer"))).status == 303
    async with web.db.read() as conn:
        assert await users.find(conn, "paul@a.test") is None


async def test_people_of_other_accounts_are_not_there(web: Web) -> None:
    anne = await inside(web)
    async with web.db.write() as conn:
        other = await accounts.create_account(conn, "B", "", "", "fr", "Europe/Paris", now_ms())
    bob = await user(web.db, "bob", "read", other)
    page = await anne.get("/x/utilisateurs")
    assert "bob" not in page.text
    proof = hidden(page.text, "/x/utilisateurs/ajouter")["proof"]
    for path in ("role", "lien", "retirer"):
        assert (await anne.post(f"/x/utilisateurs/{path}", proof=proof, id=str(bob), role="admin")).status == 404
    assert (await anne.get(f"/x/utilisateurs/{bob}/retirer")).status == 404
