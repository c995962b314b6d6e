"""Désinscrits, Consentements, Expéditeurs: found, added, brought in and out, proved; nobody reaches another account's."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from api_kit import Api, api_over
from store_helpers import KEYS
from visitor import Visitor, hidden, user

from gateway.web.app import build
from mail.resolver import DnsTrouble
from store import consents, declared, registers, suppression_list, suppressions
from store.engine import Database, now_ms
from store.suppression_list import New

DAY = 86_400_000


@dataclass
class Office:
    api: Api
    anne: Visitor
    rita: Visitor  # only reads
    bob: Visitor  # of another account

    async def listed(self, *addresses: str) -> dict[str, str]:
        async with self.api.db.read() as conn:
            found = await suppressions.find(conn, self.api.account, list(addresses), KEYS, now_ms())
        return {address: one.reason for address, one in found.items()}

    async def put(self, address: str, reason: str) -> int:
        async with self.api.db.write() as conn:
            await suppression_list.put(conn, self.api.account, [New(address, reason, 5)], KEYS, now_ms())
            (one, *_) = await registers.suppressed(conn, self.api.account, KEYS, now_ms(), address)
        return one.id


@pytest.fixture
async def office(db: Database, tmp_path: Path) -> AsyncIterator[Office]:
    async with api_over(db, tmp_path) as api:
        people = (("anne", "admin", api.account), ("rita", "read", api.account), ("bob", "admin", api.other))
        visitors = []
        for login, role, account in people:
            await user(db, login, role, account)
            visitors.append(Visitor(api.reader))
            await visitors[-1].enter(login)
        yield Office(api, *visitors)


async def test_addresses_are_added_found_and_taken_off_with_a_reason(office: Office) -> None:
    page = "/x/desinscrits"
    assert "Personne n&#39;est sur cette liste" in (await office.anne.get(page)).text
    doubt = await office.anne.send(page, f"{page}/ajouter", addresses="ok@d.test\nnobody")
    assert (
        "n&#39;est pas une adresse" in doubt.text
        and "ok@d.test" in doubt.text
        and await office.listed("ok@d.test") == {}
    )
    done = await office.anne.send(page, f"{page}/ajouter", addresses="Zoé <zoe@d.test>, max@d.test")
    assert done.headers["location"] == f"{page}?done=added"
    again = await office.anne.send(page, f"{page}/ajouter", addresses="zoe@d.test")
    assert again.headers["location"] == f"{page}?done=known"
    shown = (await office.anne.get(f"{page}?q=ZOE")).text
    assert "zoe@d.test" in shown and "max@d.test" not in shown and "2 adresses" in shown
    assert "Aucune adresse ne correspond" in (await office.anne.get(f"{page}?q=%25")).text
    number = await office.put("gone@d.test", "hard_bounce")
    place = f"{page}/{number}/retirer"
    assert (await office.rita.get(place)).status == 403 and (await office.bob.get(place)).status == 404
    assert (await office.anne.post(place, why="x")).status == 403, "a form that is not ours"
    assert "reste au dossier" in (await office.anne.send(place, place, why=" ")).text
    assert (await office.anne.send(place, place, why="Elle a téléphoné")).headers["location"].endswith("done=removed")
    assert await office.listed("gone@d.test") == {}
    after = (await office.anne.get(page)).text
    assert "Elle a téléphoné" in after and "anne" in after
    assert (await office.anne.get(place)).status == 404


@pytest.mark.parametrize("reason", ["unsubscribe", "complaint"])
async def test_nobody_takes_back_what_a_person_asked_for(office: Office, reason: str) -> None:
    number = await office.put("lea@d.test", reason)
    place = f"/x/desinscrits/{number}/retirer"
    page = await office.anne.get(place)
    assert "a demandé elle-même" in page.text and "Oui, retirer" not in page.text
    other = await office.put("max@d.test", "manual")
    form = {"proof": await _proof(office, other), "why": "erreur"}
    assert (await office.anne.post(place, **form)).status == 403
    assert await office.listed("lea@d.test") == {"lea@d.test": reason}


async def _proof(office: Office, number: int) -> str:
    place = f"/x/desinscrits/{number}/retirer"
    return hidden((await office.anne.get(place)).text, place)["proof"]


async def test_pages_follow_one_another_and_the_export_has_all(office: Office) -> None:
    async with office.api.db.write() as conn:
        many = [New(f"p{n:03d}@d.test", "import", 5) for n in range(120)] + [New("=cmd@d.test", "manual", 5)]
        await suppression_list.put(conn, office.api.account, many, KEYS, now_ms())
        await suppression_list.put(conn, office.api.other, [New("secret@other.test", "manual", 5)], KEYS, now_ms())
    seen: set[str] = set()
    place = "/x/desinscrits"
    for count in (50, 50, 21):
        text = (await office.rita.get(place)).text
        found = set(re.findall(r"[=\w]+@d\.test", text))
        assert len(found) == count and not found & seen and "secret@" not in text
        seen |= found
        more = re.search(r'rel="next" href="([^"]+)"', text)
        place = more[1] if more else ""
    assert place == ""
    whole = (await office.rita.get("/x/desinscrits/export.csv")).text
    assert whole.count("@d.test") == 121 and "'=cmd@d.test" in whole and "secret@" not in whole
    assert (await office.rita.get("/x/desinscrits/export.csv?reason=manual")).text.count("@d.test") == 1
    assert (await office.rita.get("/x/desinscrits?before=x&reason=nothing")).status == 200


@pytest.mark.slow
async def test_a_file_is_brought_in_and_its_bad_lines_are_told(office: Office) -> None:
    page, to = "/x/desinscrits", "/x/desinscrits/import"
    await office.put("known@d.test", "manual")
    data = b"Email;Raison\nknown@d.test;\nnew@d.test;unsubscribe\nbad@;x\nnew@d.test;\n\nold@d.test;quelconque\n"
    form = hidden((await office.anne.get(page)).text, to)
    told = await office.anne.upload(to, form, [("file", "liste.csv", data)])
    assert "2 lignes prises en compte" in told.text and "1 adresse y était déjà" in told.text
    assert "1 ligne refusée" in told.text and "bad@" in told.text
    assert await office.listed("new@d.test", "old@d.test") == {"new@d.test": "unsubscribe", "old@d.test": "import"}
    unread = await office.anne.upload(to, form, [("file", "x.xlsx", b"PK\x03\x04 no sheet")])
    assert 'role="alert"' in unread.text
    assert "Choisissez d&#39;abord" in (await office.anne.upload(to, form, [])).text
    assert (await office.anne.upload(to, {"proof": "0" * 32}, [("file", "l.csv", data)])).status == 403
    assert (await office.rita.upload(to, form, [("file", "l.csv", data)])).status == 403


async def test_consents_are_written_down_with_their_wording(office: Office) -> None:
    page, to = "/x/consentements", "/x/consentements/ajouter"
    assert "Non attesté" in (await office.anne.get(page)).text
    yes = {"address": "zoe@d.test", "said": "yes", "source": "Salon", "date": "30/06/2026"}
    assert "demande le texte" in (await office.anne.send(page, to, **yes)).text
    assert "est à venir" in (await office.anne.send(page, to, **(yes | {"date": "30/06/2099", "wording": "w"}))).text
    done = await office.anne.send(page, to, **(yes | {"wording": "Puis-je vous suivre ?"}))
    assert done.headers["location"].endswith("done=agreed")
    person = (await office.rita.get(f"{page}/personne?address=Zoe@d.test")).text
    assert "Suivi accepté" in person and "Puis-je vous suivre ?" in person and "Salon" in person and "anne" in person
    assert (await office.anne.send(f"{page}/personne?address=zoe@d.test", to)).headers["location"].endswith("refused")
    assert "Suivi refusé" in (await office.anne.get(f"{page}/personne?address=zoe@d.test")).text
    assert "n&#39;est pas une adresse" in (await office.anne.get(f"{page}/personne?address=x")).text
    assert (await office.rita.post(to, said="no", address="zoe@d.test")).status == 403
    async with office.api.db.write() as conn:
        own = consents.New("max@d.test", False, now_ms() - DAY, "page", "non", personal=True)
        await consents.record(conn, office.api.account, [own], KEYS, now_ms())
    outweighed = await office.anne.send(page, to, address="max@d.test", said="yes", wording="w")
    assert outweighed.headers["location"].endswith("outweighed")
    csv = (await office.rita.get(f"{page}/export.csv")).text
    assert csv.count("zoe@d.test") == 2 and "Puis-je" in csv
    assert "zoe@" not in (await office.bob.get(page)).text + (await office.bob.get(f"{page}/export.csv")).text


@pytest.mark.slow
async def test_consents_are_brought_in_line_by_line(office: Office) -> None:
    page, to = "/x/consentements", "/x/consentements/import"
    data = (
        "Email;Consentement;Date;Texte\na@d.test;oui;01/02/2026;Voulez-vous ?\nb@d.test;non;;\nc@d.test;oui;;\n"
        "d@d.test;peut-être;;\ne@d.test;oui;01/02/2099;x\nbad@;oui;;x\n"
    ).encode()
    form = hidden((await office.anne.get(page)).text, to)
    told = await office.anne.upload(to, form, [("file", "accords.csv", data)])
    assert "2 lignes prises en compte" in told.text and "4 lignes refusées" in told.text
    async with office.api.db.read() as conn:
        stands = await consents.standing(conn, office.api.account, ["a@d.test", "b@d.test", "c@d.test"], KEYS)
    assert stands == {"a@d.test": True, "b@d.test": False}
    again = await office.anne.upload(to, form | {"wording": "Pour tous"}, [("file", "accords.csv", data)])
    assert "3 lignes prises en compte" in again.text


class Zone:
    """DNS as it is told."""

    def __init__(self) -> None:
        self.records: dict[str, tuple[str, ...]] = {}
        self.down = False

    async def texts(self, name: str) -> Any:
        return DnsTrouble("timeout") if self.down else self.records.get(name, ())


async def test_a_sender_is_declared_and_its_domain_proved_by_dns(office: Office) -> None:
    zone, ctx = Zone(), office.api.reader.app.state.context
    desk = replace(office.api.desk, resolver=zone)  # type: ignore[arg-type]
    office.anne.reader = replace(office.api.reader, app=build(replace(ctx, desk=desk)))
    page, to = "/x/expediteurs", "/x/expediteurs/ajouter"
    ours = await office.anne.send(page, to, address="a@gateway.test")
    assert "qui puisse être déclarée" in ours.text
    taken = await office.anne.send(page, to, address="bob@other.test")
    assert "appartient à un autre compte" in taken.text
    done = await office.anne.send(page, to, address="info@mairie.test", name="Mairie")
    one = done.headers["location"].partition("?")[0]
    shown = (await office.anne.get(one)).text
    assert "Attend la réponse" in shown and "À publier" in shown and "v=DMARC1" in shown
    assert (await office.rita.get(one)).status == 200 and (await office.bob.get(one)).status == 404
    assert (await office.rita.post(f"{one}/domaine")).status == 403
    await office.anne.send(one, f"{one}/domaine")
    async with office.api.db.read() as conn:
        (claimed,) = await declared.domains_of(conn, office.api.account)
    shown = (await office.anne.get(one)).text
    assert f"mail2campaign={claimed.word}" in shown and "data-copy" in shown
    assert (await office.anne.send(one, f"{one}/verifier")).headers["location"].endswith("doubt=not_there")
    zone.down = True
    assert (await office.anne.send(one, f"{one}/verifier")).headers["location"].endswith("doubt=dns")
    assert "Le DNS n&#39;a pas répondu" in (await office.anne.get(one)).text
    zone.down, zone.records["_mail2campaign.mairie.test"] = False, (f"mail2campaign={claimed.word}",)
    zone.records |= {"mairie.test": ("v=spf1 mx -all",), "_dmarc.mairie.test": ("v=DMARC1; p=reject",)}
    assert (await office.anne.send(one, f"{one}/verifier")).headers["location"].endswith("done=owned")
    shown = (await office.anne.get(one)).text
    assert "est réservé à votre compte" in shown and "Prouvée" in shown and "En place" in shown
    assert (await office.anne.send(page, to, address="voirie@mairie.test")).headers["location"].endswith("done=proved")
