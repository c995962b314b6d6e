"""Passerelle: what operators see and do over all accounts, and that nobody else does."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from api_kit import Api, api_over
from visitor import Visitor, hidden, user

from store import accounts, campaigns, house, pauses, quotas, sources, talks, users
from store.engine import Database, now_ms
from store.pauses import Pause
from store.sources import Source, State
from store.spool import Envelope
from store.values import CampaignState, NewCampaign, NewRecipient, Tracked

BASE = "/x/passerelle"
PAGES = ("files", "adresses", "comptes", "examen")


@dataclass
class House:
    api: Api
    olga: Visitor
    campaign: int


@pytest.fixture
async def made(db: Database, tmp_path: Path) -> AsyncIterator[House]:
    async with api_over(db, tmp_path) as api:
        number = await user(db, "olga", "read", api.other, operator=True)
        olga, now = Visitor(api.reader), now_ms()
        async with db.write() as conn:
            await users.set_locale(conn, number, "fr")
            [sender] = await accounts.list_senders(conn, api.account)
            new = NewCampaign(
                api.account, sender.id, "Piscine", "Piscine", "Anne", "anne@acme.test", "", "<1@x>", "key", "fr",
                "Europe/Paris", ("Email",), 0, {}, (talks.VALIDATION,), None, now,
            )  # fmt: skip
            number = await campaigns.begin(conn, new, b"source")
            assert isinstance(number, int)
            people = [NewRecipient(n, 0, f"p{n}@big.test", f"p{n}", "", ("x",), Tracked.NONE) for n in range(3)]
            await campaigns.add_rows(conn, number, people, [], now)
            await campaigns.publish(conn, number, "w" * 43, now)
            await talks.begin(conn, number, "anne@acme.test", ())
        await olga.enter("olga")
        yield House(api, olga, number)


async def state(made: House) -> CampaignState:
    async with made.api.db.read() as conn:
        found = await campaigns.get(conn, made.campaign)
    assert found is not None
    return found.state


async def test_nobody_else_gets_in(made: House) -> None:
    await user(made.api.db, "anne", "admin", made.api.account)
    anne = Visitor(made.api.reader)
    await anne.enter("anne")
    proof = hidden((await anne.get("/x/compte")).text)
    for page in PAGES:
        assert (await anne.get(f"{BASE}/{page}")).status == 403
        assert (await made.olga.get(f"{BASE}/{page}")).status == 200
    for path in ("files/tout-arreter", "adresses", "comptes/suspendre", "examen/liberer", "examen/relire"):
        assert (await anne.post(f"{BASE}/{path}", **proof, id=str(made.campaign))).status == 403
        assert (await made.olga.post(f"{BASE}/{path}", proof="0" * 32, id=str(made.campaign))).status == 403
    assert "passerelle" not in (await anne.get("/x/campagnes")).text
    assert await state(made) is CampaignState.HELD


async def test_a_held_campaign_is_let_go_once(made: House) -> None:
    page = await made.olga.get(f"{BASE}/examen")
    assert "Piscine" in page.text and "acme" in page.text and "1 campagne retenue" in page.text
    form = hidden(page.text, f"{BASE}/examen/liberer")
    assert (await made.olga.post(f"{BASE}/examen/liberer", **form)).headers["location"].endswith("done=released")
    assert await state(made) is CampaignState.SENDING
    assert (await made.olga.post(f"{BASE}/examen/liberer", **form)).headers["location"].endswith("done=not_released")


async def test_a_mail_that_was_set_aside_is_looked_at_read_again_or_dropped(made: House) -> None:
    spool, envelope = (
        made.api.desk.spool,
        Envelope("campaign", "a@acme.test", ("mail@gateway.test",), "", "mx", now_ms()),
    )
    first, second = (spool.put(envelope, b"Subject: <script>\r\n\r\nBody") for _ in range(2))
    for ref in (first, second):
        spool.shunt(ref, "Traceback\nValueError: broken <list>")
    page = await made.olga.get(f"{BASE}/examen")
    assert "2 messages mis de côté" in page.text and "ValueError: broken &lt;list&gt;" in page.text
    look = await made.olga.get(f"{BASE}/examen/{first}")
    assert "&lt;script&gt;" in look.text and "<script>" not in look.text and "Traceback" in look.text
    assert (await made.olga.get(f"{BASE}/examen/../tmp")).status == 404
    assert (await made.olga.get(f"{BASE}/examen/nothing")).status == 404
    form = hidden(look.text, f"{BASE}/examen/relire")
    assert (await made.olga.post(f"{BASE}/examen/relire", **form)).status == 303
    assert spool.pending() == [first] and spool.aside() == [second] and spool.load(first)[0] == envelope
    assert (await made.olga.post(f"{BASE}/examen/jeter", **form | {"ref": "../new/x"})).status == 404
    assert (await made.olga.post(f"{BASE}/examen/jeter", **form | {"ref": second})).status == 303
    assert spool.aside() == [] and not list((spool.folder / "shunt").iterdir())


async def test_an_account_is_suspended_bounded_and_freed(made: House) -> None:
    page = await made.olga.get(f"{BASE}/comptes")
    assert "ACME SAS" in page.text and "2 comptes" in page.text
    form = hidden(page.text, f"{BASE}/comptes/suspendre") | {"id": str(made.api.account)}
    await made.olga.post(f"{BASE}/comptes/suspendre", **form)
    await made.olga.post(f"{BASE}/comptes/quota", **form, per_day="2 500")
    assert (await made.olga.post(f"{BASE}/comptes/quota", **form, per_day="many")).status == 422
    async with made.api.db.read() as conn:
        one = next(one for one in await house.owners(conn, now_ms()) if one.id == made.api.account)
    assert (one.suspended, one.per_day, one.campaigns) == (True, 2500, 1)
    await made.olga.post(f"{BASE}/comptes/retablir", **form)
    await made.olga.post(f"{BASE}/comptes/quota", **form, per_day="")
    async with made.api.db.read() as conn:
        account = await accounts.get_account(conn, made.api.account)
        assert account is not None and not account.suspended
        assert await quotas.quota(conn, made.api.account, 50, now_ms()) == 50
    assert (await made.olga.post(f"{BASE}/comptes/suspendre", **form | {"id": "999"})).status == 404


async def test_queues_by_age_pauses_and_the_big_switch(made: House) -> None:
    page = await made.olga.get(f"{BASE}/examen")
    await made.olga.post(f"{BASE}/examen/liberer", **hidden(page.text, f"{BASE}/examen/liberer"))
    async with made.api.db.write() as conn:
        await pauses.set(conn, [Pause("mx.big.test", 0, now_ms() + 600_000, "rate", reply="450 slow")], now_ms())
    page = await made.olga.get(f"{BASE}/files")
    assert "big.test" in page.text and "3 destinataires en file" in page.text and "450 slow" in page.text
    form = hidden(page.text, f"{BASE}/files/reprendre")
    await made.olga.post(f"{BASE}/files/reprendre", **form)
    assert "450 slow" not in (await made.olga.get(f"{BASE}/files")).text
    await made.olga.post(f"{BASE}/files/tout-arreter", **form)
    assert await state(made) is CampaignState.PAUSED
    await made.olga.post(f"{BASE}/files/tout-reprendre", **form)
    assert await state(made) is CampaignState.SENDING
    report = (await made.olga.get(f"/x/campagnes/{made.campaign}")).text
    for said in ("Mise en pause", "Reprise de l&#39;envoi", "olga (administrateur de la passerelle)"):
        assert said in report.partition("Historique des actions")[2], said
    assert "avec toutes les campagnes de la passerelle" in report


async def test_transactional_mail_is_granted_bounded_and_taken_back(made: House) -> None:
    place = f"{BASE}/comptes/{made.api.account}"
    page = (await made.olga.get(place)).text
    assert "Non accordés" in page and (await made.olga.get(f"{BASE}/comptes/999")).status == 404
    form = hidden(page, f"{BASE}/comptes/droits")
    for said in ({"per_hour": "lots"}, {"per_hour": "0"}, {"per_hour": "", "single": "yes"}):
        assert (await made.olga.post(f"{BASE}/comptes/droits", **form, **said)).status == 422
    done = await made.olga.post(f"{BASE}/comptes/droits", **form, per_hour="1 500", single="yes")
    assert done.headers["location"] == f"{place}?done=rights"
    assert "par heure" in (await made.olga.get(place)).text
    async with made.api.db.read() as conn:
        account = await accounts.get_account(conn, made.api.account)
    assert account is not None and (account.transactional_per_hour, account.single) == (1500, True)
    await made.olga.post(f"{BASE}/comptes/droits", **form, per_hour="")
    async with made.api.db.read() as conn:
        account = await accounts.get_account(conn, made.api.account)
    assert account is not None and (account.transactional_per_hour, account.single) == (None, False)


async def test_an_address_goes_through_its_calendar(made: House) -> None:
    assert "Aucune adresse" in (await made.olga.get(f"{BASE}/adresses")).text
    async with made.api.db.write() as conn:
        await sources.add(conn, Source(0, "192.0.2.7", "out1.gateway.test", "shared", "", State.READY), now_ms())
    page = f"{BASE}/adresses"
    form = hidden((await made.olga.get(page)).text, page)

    async def now(act: str) -> tuple[str, int]:
        await made.olga.post(page, **form, act=act)
        async with made.api.db.read() as conn:
            found = await sources.find(conn, "192.0.2.7")
        assert found is not None
        return found.state, found.step

    assert await now("thaw") == (State.READY, 0)  # nothing to thaw
    assert await now("start") == (State.WARMING, 0)
    shown = (await made.olga.get(page)).text
    assert "Jour 1 du rodage" in shown and '<circle class="x-dot" cx="0.0"' in shown
    assert await now("skip") == (State.WARMING, 1)
    assert await now("freeze") == (State.FROZEN, 1)
    assert await now("thaw") == (State.WARMING, 1)
    assert (await now("end"))[0] == State.READY
    assert (await now("off"))[0] == State.OFF
    assert (await made.olga.post(page, **form | {"address": "192.0.2.8"}, act="off")).status == 404
