"""Columns and filters of a reader who is logged in follow them to every computer; nobody else reads or writes them."""

from __future__ import annotations

import re
from html import unescape
from urllib.parse import urlencode

from visitor import Visitor, user
from web_fixture import Web
from web_helpers import Answer

from gateway.web import guard
from gateway.web.grid import remembered
from store import preferences, users
from store.preferences import Saved

FILTER = urlencode([("c", "l0"), ("o", "contains"), ("v", "noel"), ("w", "")])


async def entered(web: Web, login: str) -> Visitor:
    visitor = Visitor(web.reader)
    await visitor.enter(login)
    return visitor


async def sent(visitor: Visitor, path: str, body: str) -> Answer:
    """A form as it is written, names twice where they stand twice."""
    headers = visitor._sent(path) | {"content_type": "application/x-www-form-urlencoded"}
    return await visitor.reader.ask("POST", path, body.encode(), headers)


def proof(page: str) -> str:
    found = re.search(r'memory" data-memory>\s*<input type="hidden" name="proof" value="(\w+)"', page)
    assert found is not None
    return found[1]


def heads(page: str) -> list[str]:
    return re.findall(r'<th scope="col"[^>]*>(?:<a[^>]*>)?([^<]+)', page.partition('class="people"')[2])


async def test_columns_follow_the_login_and_the_address_still_decides(web: Web) -> None:
    await user(web.db, "anne", "read")
    anne, base = await entered(web, "anne"), f"/x/campagnes/{web.campaign.id}"
    words = proof((await anne.get(base)).text)
    query = f"proof={words}&query=tab%3Ddelivered&what=columns&col=l0&col=email&col=clicks&col=nonsense"
    answer = await sent(anne, f"{base}/memory", query)
    assert (
        answer.status == 303 and answer.headers["location"] == f"{base}?tab=delivered&cols=l0%2Cemail%2Cclicks#details"
    )
    elsewhere = await entered(web, "anne")
    assert heads((await elsewhere.get(base)).text) == ["Nom", "E-mail", "Clics"]
    assert heads((await elsewhere.get(f"{base}/details?cols=email")).text) == ["E-mail"]
    assert len(heads((await web.reader.get(f"/r/{web.word}")).text)) > 3, "a link shows the usual ones"
    async with web.db.read() as conn:
        me = await users.find(conn, "anne")
        assert me is not None and (await preferences.of(conn, me.id)).columns == ("=Nom", "email", "clicks")
    await sent(anne, f"{base}/memory", f"proof={words}&query=&what=usual&col=l0")
    assert len(heads((await elsewhere.get(base)).text)) > 3


async def test_a_filter_is_saved_found_on_another_computer_and_forgotten(web: Web) -> None:
    await user(web.db, "anne", "read")
    anne, base = await entered(web, "anne"), f"/x/campagnes/{web.campaign.id}"
    words = proof((await anne.get(f"{base}?{FILTER}")).text)
    form = {"proof": words, "query": FILTER, "what": "save", "name": "  Les <Noël> "}
    anne.headers["accept"] = "application/json"
    answer = await anne.post(f"{base}/memory", **form)
    anne.headers.clear()
    assert answer.status == 200 and "noel" in answer.text
    page = (await (await entered(web, "anne")).get(base)).text
    link = re.search(r'<a data-nav href="([^"]+)">Les &lt;Noël&gt;</a>', page)
    assert link is not None and "Noël" in (await anne.get(unescape(link[1]).partition("#")[0])).text
    number = re.search(r'name="filter" value="(\d+)"', page)
    assert number is not None
    await user(web.db, "bob", "admin")
    bob = await entered(web, "bob")
    mine = {"proof": proof((await bob.get(base)).text), "query": "", "what": "forget", "filter": number[1]}
    await bob.post(f"{base}/memory", **mine)
    assert "Les &lt;Noël&gt;" in (await anne.get(base)).text, "others' filters stay"
    await anne.post(f"{base}/memory", **mine | {"proof": words})
    assert "Les &lt;Noël&gt;" not in (await anne.get(base)).text


async def test_a_filter_of_columns_that_a_list_lacks_has_no_link(web: Web) -> None:
    await user(web.db, "anne", "read")
    anne, base = await entered(web, "anne"), f"/x/campagnes/{web.campaign.id}"
    async with web.db.write() as conn:
        me = await users.find(conn, "anne")
        assert me is not None
        lacking = (("c", "=Ville"), ("o", "contains"), ("v", "x"), ("w", ""))
        await preferences.save(conn, me.id, "Par ville", lacking)
        await preferences.choose(conn, me.id, ["=Ville", "=Nom", "email"])
    page = (await anne.get(base)).text
    assert 'title="cette liste n&#39;a pas les colonnes de ce filtre">Par ville' in page
    assert heads(page) == ["Nom", "E-mail"]
    async with web.db.write() as conn:
        await users.remove(conn, me)
    async with web.db.read() as conn:
        assert await preferences.of(conn, me.id) == preferences.Preferences()


async def test_nothing_is_kept_without_a_name_a_filter_room_or_proof(web: Web) -> None:
    await user(web.db, "anne", "read")
    anne, base = await entered(web, "anne"), f"/x/campagnes/{web.campaign.id}"
    good = {"proof": proof((await anne.get(base)).text), "query": FILTER, "what": "save", "name": "x"}
    assert (await anne.post(f"{base}/memory", **good | {"proof": "0" * 32})).status == 403
    anne.headers["sec_fetch_site"] = "cross-site"
    assert (await anne.post(f"{base}/memory", **good)).status == 403
    anne.headers.clear()
    assert "puis donnez-lui un nom" in (await anne.post(f"{base}/memory", **good | {"name": " "})).text
    assert (await anne.post(f"{base}/memory", **good | {"query": "q=x"})).status == 422
    assert (await anne.post(f"{base}/memory", **good | {"what": "else"})).status == 404
    assert (await anne.get(f"{base}/memory")).status in (404, 405)
    linked = {**good, "proof": guard.proof(web.word, remembered.FORM)}
    assert (await web.reader.post(f"/r/{web.word}/memory", linked)).status in (404, 405)
    async with web.db.read() as conn:
        me = await users.find(conn, "anne")
        assert me is not None and await preferences.of(conn, me.id) == preferences.Preferences()
    async with web.db.write() as conn:
        for i in range(preferences.FILTERS):
            await preferences.save(conn, me.id, f"x{i}" * 40, (("c", "email"),))
        await preferences.choose(conn, me.id, ["email"] * 500)
    assert "Vous avez déjà 30 filtres" in (await anne.post(f"{base}/memory", **good)).text
    async with web.db.write() as conn:  # the same name takes no more room
        await preferences.save(conn, me.id, "x0" * 40, (("c", "line"),))
        kept = await preferences.of(conn, me.id)
    assert kept.filters[0] == Saved(kept.filters[0].id, ("x0" * 40)[: preferences.NAME], (("c", "line"),))
    assert len(kept.filters) == preferences.FILTERS and len(kept.columns) == preferences.COLUMNS
