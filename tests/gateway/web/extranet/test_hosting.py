"""Compte > Domaine d'envoi: chosen by an administrator, below a proved domain, with the record to publish and its state."""

from __future__ import annotations

from pathlib import Path

from api_kit import api_over
from visitor import Visitor, user

from store import hosts
from store.engine import Database, now_ms

PAGE, HOST = "/x/domaine", "envois.acme.test"


async def test_a_host_is_chosen_looked_at_and_left(db: Database, tmp_path: Path) -> None:
    async with api_over(db, tmp_path) as api:
        people = []
        for login, role, account in (
            ("anne", "admin", api.account),
            ("rita", "read", api.account),
            ("bob", "admin", api.other),
        ):
            await user(db, login, role, account)
            people.append(Visitor(api.reader))
            await people[-1].enter(login)
        anne, rita, bob = people
        assert "Envoyer à votre propre nom" in (await anne.get(PAGE)).text
        for typed, said in (
            ("acme.test", "votre courrier"),
            ("x.other.test", "Prouvez d&#39;abord"),
            ("a b", "pas un nom"),
        ):
            refused = await anne.send(PAGE, f"{PAGE}/choisir", host=typed)
            assert refused.status == 422 and said in refused.text
        chosen = await anne.send(PAGE, f"{PAGE}/choisir", host=f"https://{HOST}/")
        assert chosen.headers["location"] == f"{PAGE}?done=chosen"
        shown = (await anne.get(PAGE)).text
        assert (
            HOST in shown
            and "CNAME" in shown
            and f'data-copy="{HOST}"' in shown
            and 'data-copy="gateway.test."' in shown
        )
        assert shown.count("À vérifier") == 2
        looked = await anne.send(PAGE, f"{PAGE}/verifier")
        assert looked.headers["location"] == f"{PAGE}?doubt=dns"  # nobody answers here
        async with db.write() as conn:
            mine = await hosts.of_account(conn, api.account)
            assert mine is not None
            await hosts.looked(conn, mine.id, "certificate", "", now_ms())
        shown = (await rita.get(PAGE)).text
        assert "pas encore de certificat" in shown and "En service" in shown and "/choisir" not in shown
        assert (await rita.post(f"{PAGE}/choisir", host="autre.acme.test")).status == 403
        assert (await anne.post(f"{PAGE}/quitter")).status == 403, "a form that is not ours"
        assert HOST not in (await bob.get(PAGE)).text
        async with db.write() as conn:
            await conn.exec_driver_sql("UPDATE senders SET address = 'bob@acme.test' WHERE address LIKE 'bob%'")
        assert "belongs to another account" in (await bob.send(PAGE, f"{PAGE}/choisir", host=HOST)).text
        async with db.write() as conn:
            for number in range(20):
                await hosts.use(conn, api.account, f"n{number}.acme.test", now_ms())
        assert "trop de noms" in (await anne.send(PAGE, f"{PAGE}/choisir", host="neuf.acme.test")).text
        assert (await anne.send(PAGE, f"{PAGE}/choisir", host=HOST)).status == 303  # one of those that it had
        left = await anne.send(PAGE, f"{PAGE}/quitter")
        assert (
            left.headers["location"] == f"{PAGE}?done=left" and HOST in (await anne.get(PAGE)).text
        )  # among the old ones
        assert (await anne.post(f"{PAGE}/verifier")).status == 403
