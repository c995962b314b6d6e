"""Logging in: who gets in, what guesses learn (nothing), and where the cookie goes (nowhere else)."""

from __future__ import annotations

import time

import pytest
from visitor import PASSWORD, Visitor, hidden, user
from web_fixture import RING, Web

from gateway import totp
from gateway.smtp.limits import FAILED_LOGINS, FAILED_NAMES
from store import factors, sessions, users
from store.engine import now_ms


async def test_in_to_the_page_that_was_asked_for_and_out_again(web: Web) -> None:
    await user(web.db, "anne@a.test")
    anne = Visitor(web.reader)
    away = await anne.get("/x/campagnes?q=no%C3%ABl")
    assert away.status == 303 and away.headers["location"] == "/x/connexion?next=%2Fx%2Fcampagnes%3Fq%3Dno%25C3%25ABl"
    inside = await anne.send(away.headers["location"], "/x/connexion", login=" Anne@A.test ", password=PASSWORD)
    assert (inside.status, inside.headers["location"]) == (303, "/x/campagnes?q=no%C3%ABl")
    page = await anne.get("/x/campagnes")
    assert page.status == 200 and "Rentrée" in page.text and "anne@a.test" in page.text
    word = anne.cookies["m2c"]
    out = await anne.post("/x/sortie", **hidden(page.text, "/x/sortie"))
    assert out.headers["location"] == "/x/connexion" and "m2c" not in anne.cookies
    anne.cookies["m2c"] = word
    assert (await anne.get("/x/campagnes")).status == 303  # the session itself has ended


async def test_the_cookie_is_unseen_by_scripts_and_other_pages_and_new_at_each_login(web: Web) -> None:
    await user(web.db, "anne")
    anne = Visitor(web.reader)
    answer = await anne.enter("anne")
    [cookie] = [line for line in answer.cookies if line.startswith("m2c=")]
    said = {part.strip().lower() for part in cookie.split(";")[1:]}
    assert said == {"httponly", "path=/x", "samesite=lax"}  # Secure where the public address is https
    first = anne.cookies["m2c"]
    anne.cookies.pop("m2c")
    await anne.enter("anne")
    assert anne.cookies["m2c"] != first
    async with web.db.read() as conn:
        stored = await conn.exec_driver_sql("SELECT digest FROM sessions")
        assert all(first[0].encode() not in bytes(row.digest) for row in stored)


@pytest.mark.parametrize(
    "target", ["https://evil.test/", "//evil.test/x/", "/x/../r/abc", "/x/\\evil.test", "/y", "javascript:alert(1)"]
)
async def test_nobody_is_led_elsewhere(web: Web, target: str) -> None:
    await user(web.db, "anne")
    anne = Visitor(web.reader)
    page = await anne.get("/x/connexion")
    answer = await anne.post(
        "/x/connexion", **(hidden(page.text) | {"next": target, "login": "anne", "password": PASSWORD})
    )
    assert (answer.status, answer.headers["location"]) == (303, "/x/campagnes")


async def test_an_unknown_login_is_told_what_a_wrong_password_is(web: Web) -> None:
    await user(web.db, "anne")
    told = [(await Visitor(web.reader).enter(name, "not the password")).text for name in ("anne", "nobody")]
    plain = [text.replace("nobody", "anne").partition("<form")[0] for text in told]
    assert plain[0] == plain[1] and "mot de passe n'est pas le bon".replace("'", "&#39;") in plain[0]


async def test_guessing_ends_soon_by_address_and_by_login(web: Web) -> None:
    await user(web.db, "anne")
    door = web.reader.app.state.door
    guesser = Visitor(web.reader)
    for n in range(FAILED_LOGINS):
        assert (await guesser.enter("anne", f"guess {n}")).status == 403
    assert "Trop d" in (await guesser.enter("anne")).text  # right, and too late
    elsewhere = Visitor(web.reader, {"x_forwarded_for": "198.51.100.7"})
    assert (
        "Trop d" in (await elsewhere.enter("anne")).text
    )  # 192.0.2.9 is no proxy of ours: its word counts for nothing
    door.failures._seen.clear()
    assert (await guesser.enter("anne")).status == 303
    for _ in range(FAILED_NAMES):
        for name in ("paul", "nobody"):
            door.names.count(name)
    await user(web.db, "paul")
    for name in ("paul", "nobody"):
        assert "Trop d" in (await Visitor(web.reader).enter(name)).text
    for _ in range(FAILED_NAMES):
        door.names.count("anne")
    assert (await Visitor(web.reader).enter("Anne")).status == 303  # from where it was right before


async def test_a_form_of_another_site_or_browser_lets_nobody_in(web: Web) -> None:
    await user(web.db, "anne")
    anne, other = Visitor(web.reader), Visitor(web.reader)
    fields = hidden((await anne.get("/x/connexion")).text) | {"login": "anne", "password": PASSWORD}
    await other.get("/x/connexion")
    assert (await other.post("/x/connexion", **fields)).status == 403  # a page of another browser
    foreign = Visitor(web.reader, {"origin": "https://evil.test"}, anne.cookies)
    assert (await foreign.post("/x/connexion", **fields)).status == 403
    across = Visitor(web.reader, {"sec_fetch_site": "cross-site"}, anne.cookies)
    assert (await across.post("/x/connexion", **fields)).status == 403
    assert (await anne.post("/x/connexion", **fields)).status == 303
    assert (await anne.post("/x/sortie", proof="0" * 32)).status == 403
    assert (await anne.get("/x/campagnes")).status == 200


async def test_the_second_factor_is_asked_for_and_each_code_counts_once(web: Web) -> None:
    number = await user(web.db, "anne")
    recovery = totp.draw()
    async with web.db.write() as conn:
        await factors.enable(conn, number, 0, 1, [totp.digest(recovery)], now_ms())
    secret = totp.secret(RING, number, 0)
    anne = Visitor(web.reader)
    answer = await anne.enter("anne")
    assert answer.headers["location"] == "/x/code?next="
    half = anne.cookies["m2c"]
    assert (
        (await anne.get("/x/campagnes")).headers["location"].startswith("/x/connexion")
    )  # half a session opens nothing
    assert "pas le bon" in (await anne.send("/x/code", code="000000")).text
    code = totp.code(secret, int(time.time()) // totp.PERIOD)
    assert (await anne.send("/x/code", code=code)).headers["location"] == "/x/campagnes"
    assert anne.cookies["m2c"] != half and (await anne.get("/x/campagnes")).status == 200
    again = Visitor(web.reader)
    await again.enter("anne")
    assert (await again.send("/x/code", code=code)).status == 403  # it was seen over a shoulder
    assert (await again.send("/x/code", code=recovery.upper())).status == 303
    third = Visitor(web.reader)
    await third.enter("anne")
    assert (await third.send("/x/code", code=recovery)).status == 403


async def test_guessing_codes_ends_after_five(web: Web) -> None:
    number = await user(web.db, "anne")
    async with web.db.write() as conn:
        await factors.enable(conn, number, 0, 1, [b"none"], now_ms())
    anne = Visitor(web.reader)
    await anne.enter("anne")
    for _ in range(5):
        assert "pas le bon" in (await anne.send("/x/code", code="123")).text
    right = totp.code(totp.secret(RING, number, 0), int(time.time()) // totp.PERIOD)
    assert "Trop d" in (await anne.send("/x/code", code=right)).text


async def test_whoever_was_removed_or_stayed_away_is_out(web: Web) -> None:
    number = await user(web.db, "anne")
    await user(web.db, "admin", "admin")
    anne = Visitor(web.reader)
    await anne.enter("anne")
    async with web.db.write() as conn:
        await conn.exec_driver_sql(f"UPDATE sessions SET seen_at = {now_ms() - sessions.IDLE_MS - 1}")
    assert (await anne.get("/x/campagnes")).status == 303
    await anne.enter("anne")
    async with web.db.write() as conn:
        found = await users.get(conn, number)
        assert found is not None
        await users.remove(conn, found)
    assert (await anne.get("/x/campagnes")).status == 303


async def test_the_language_that_was_chosen_stays(web: Web) -> None:
    await user(web.db, "anne")
    anne = Visitor(web.reader)
    await anne.enter("anne")
    assert "Campagnes" in (await anne.get("/x/campagnes")).text
    assert "Log out" in (await anne.get("/x/campagnes?lang=en")).text
    assert "Log out" in (await anne.get("/x/campagnes")).text
