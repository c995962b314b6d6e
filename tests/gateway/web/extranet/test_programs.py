"""Clés API and Webhooks: made, shown once, tried, ended; for admins, and nobody reaches another account's."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from api_kit import Api, api_over
from hook_kit import Endpoint, endpoint
from visitor import PASSWORD, Visitor, user

from gateway.hooks import dispatcher
from gateway.hooks.dispatcher import Dispatcher
from store import api_keys, hook_answers, hook_queue, webhooks
from store.engine import Database, now_ms

OWN = {"allow_networks": ["127.0.0.0/8"], "allow_http": True, "retry": "1s, 2s*"}
KEYS, HOOKS = "/x/cles", "/x/webhooks"
WHOLE = re.compile(r"m2c_[a-z2-9]{12}_[a-z2-9]{48}")
FORM = [
    ("from", None, b"anne@acme.test"),
    ("subject", None, b"Rentree"),
    ("text", None, b"Bonjour"),
    ("liste", "l.csv", b"Email\na@d.test\n"),
]


@dataclass
class Office:
    api: Api
    place: Endpoint
    anne: Visitor
    sam: Visitor  # sends
    bob: Visitor  # of another account

    async def hook(self, *words: str) -> int:
        """A webhook to the endpoint; its id."""
        async with self.api.db.write() as conn:
            made = await webhooks.add(conn, self.api.account, self.place.url, words or ["delivered"], 1, "", now_ms())
        assert made is not None
        return made.id


@pytest.fixture
async def office(db: Database, tmp_path: Path) -> AsyncIterator[Office]:
    async with api_over(db, tmp_path, webhooks=OWN) as api, endpoint() as place:
        visitors = []
        for login, role, account in (
            ("anne", "admin", api.account),
            ("sam", "send", api.account),
            ("bob", "admin", api.other),
        ):
            await user(db, login, role, account)
            visitors.append(Visitor(api.reader))
            await visitors[-1].enter(login)
        yield Office(api, place, *visitors)


async def test_a_key_is_shown_once_works_and_ends_at_once(office: Office) -> None:
    assert (await office.sam.get(KEYS)).status == 403
    asked = {"label": "Boutique <3", "scope": "read", "life": "90"}
    wrong = await office.anne.send(KEYS, f"{KEYS}/creer", **asked, current="pas le bon")
    assert wrong.status == 422 and "Boutique &lt;3" in wrong.text and WHOLE.search(wrong.text) is None
    made = await office.anne.send(KEYS, f"{KEYS}/creer", **asked, current=PASSWORD)
    text = WHOLE.search(made.text)
    assert text is not None
    async with office.api.db.read() as conn:
        key = await api_keys.find(conn, text[0])
    assert key is not None and (key.label, key.scopes, key.made_by) == ("Boutique <3", {"read"}, "anne")
    assert key.account_id == office.api.account and key.expires_at == pytest.approx(
        now_ms() + 90 * 86_400_000, abs=60_000
    )
    later = (await office.anne.get(KEYS)).text
    assert WHOLE.search(later) is None and key.public in later and "jamais utilisée" in later
    assert key.public not in (await office.bob.get(KEYS)).text
    office_key = {"key": key.public}
    assert (await office.anne.post(f"{KEYS}/revoquer", **office_key)).status == 403, "a form that is not ours"
    own = await office.bob.send(KEYS, f"{KEYS}/creer", label="x", scope="read", current=PASSWORD)
    assert own.status == 200
    await office.bob.send(KEYS, f"{KEYS}/revoquer", **office_key)
    async with office.api.db.read() as conn:
        assert (kept := await api_keys.find(conn, text[0])) is not None and kept.works(now_ms()), "not theirs to end"
    done = await office.anne.send(KEYS, f"{KEYS}/revoquer", **office_key)
    assert done.headers["location"] == f"{KEYS}?done=revoked"
    async with office.api.db.read() as conn:
        assert (ended := await api_keys.find(conn, text[0])) is not None and not ended.works(now_ms())
    assert ended.revoked_by == "anne" and "révoquée le" in (await office.anne.get(KEYS)).text


@pytest.mark.parametrize(
    ("fields", "said"),
    [({"label": " ", "scope": "read"}, "à quoi servira"), ({"label": "x"}, "au moins une chose"),
     ({"label": "x", "scope": "root"}, "au moins une chose")],
)  # fmt: skip
async def test_a_key_has_a_name_and_scopes(office: Office, fields: dict[str, str], said: str) -> None:
    answer = await office.anne.send(KEYS, f"{KEYS}/creer", **fields, current=PASSWORD)
    assert answer.status == 422 and said in answer.text
    async with office.api.db.read() as conn:
        assert not [one for one in await api_keys.list_of(conn, office.api.account) if one.made_by]


@pytest.mark.parametrize(
    ("url", "event", "said"),
    [("https://10.0.0.1/x", "delivered", "joignable depuis Internet"), ("ftp://d.test/x", "delivered", "adresse de webhook"),
     ("https://d.test/x", "", "au moins un événement"), ("https://d.test/a b", "opened", "adresse de webhook")],
)  # fmt: skip
async def test_a_webhook_that_cannot_be_is_refused_and_kept_in_the_form(
    office: Office, url: str, event: str, said: str
) -> None:
    answer = await office.anne.send(HOOKS, f"{HOOKS}/ajouter", url=url, event=event)
    assert answer.status == 422 and said in answer.text and f'value="{url}"' in answer.text
    async with office.api.db.read() as conn:
        assert await webhooks.list_of(conn, office.api.account) == []


async def test_a_test_event_is_signed_and_its_answer_shown(office: Office) -> None:
    made = await office.anne.send(HOOKS, f"{HOOKS}/ajouter", url=office.place.url, event="delivered", label="Boutique")
    secret = re.search(r"whsec_[\w+/=]+", made.text)
    assert secret is not None
    async with office.api.db.read() as conn:
        (hook,) = await webhooks.list_of(conn, office.api.account)
    place = f"{HOOKS}/{hook.id}"
    assert (await office.bob.get(place)).status == 404 and (await office.sam.get(place)).status == 403
    assert secret[0] not in (await office.anne.get(place)).text
    done = await office.anne.send(place, f"{place}/essai")
    assert done.headers["location"] == f"{place}?done=tested"
    assert "Essai envoyé. Reçu (HTTP 200)" in (await office.anne.get(f"{place}?done=tested")).text
    (told,) = office.place.told
    assert told.document["type"] == "test" and told.signed_by(secret[0])
    assert (await office.anne.send(place, f"{place}/essai")).headers["location"].endswith("doubt=soon")
    assert len(office.place.told) == 1
    other = await office.anne.send(place, f"{place}/secret")
    fresh = re.search(r"whsec_[\w+/=]+", other.text)
    assert fresh is not None and fresh[0] != secret[0] and "ancien secret signe aussi" in other.text


async def test_what_was_refused_is_shown_and_told_again(office: Office) -> None:
    number = await office.hook("campaign.created")
    place = f"{HOOKS}/{number}"
    assert (await office.api.form("/api/v1/campaigns", FORM))[0] == 202
    await office.api.intake()
    office.place.status = lambda _: 500
    client, resolver = dispatcher.client(office.api.desk)
    teller = Dispatcher(office.api.desk, client)
    assert not await teller.round(number)
    async with office.api.db.write() as conn:
        assert await hook_queue.expire(conn, now_ms() + 1, now_ms()) == 1
    shown = (await office.anne.get(place)).text
    assert "Refusé (HTTP 500)" in shown and "1 événement mis de côté" in shown and "Rentree" in shown
    office.place.status = lambda _: 200
    done = await office.anne.send(place, f"{place}/rejouer")
    assert done.headers["location"].endswith("done=replayed")
    await office.anne.send(place, f"{place}/marche", tell="off")
    assert "Désactivé à votre demande" in (await office.anne.get(place)).text
    await office.anne.send(place, f"{place}/marche", tell="on")
    assert await teller.round(number)
    await resolver.close()
    assert [one[0] for one in office.place.events][-1] == "campaign.created"
    async with office.api.db.read() as conn:
        answers = await hook_answers.last(conn, number)
    assert [(one.status, one.word) for one in answers] == [(200, "campaign.created"), (500, "campaign.created")]


async def test_changed_and_deleted(office: Office) -> None:
    number = await office.hook()
    place = f"{HOOKS}/{number}"
    await office.anne.send(
        place, f"{place}/modifier", url="https://d.test/neu", event="clicked", batch="50", label="Neu"
    )
    async with office.api.db.read() as conn:
        hook = await webhooks.get(conn, number)
    assert hook is not None and (hook.url, hook.words, hook.batch) == ("https://d.test/neu", ["clicked"], 50)
    async with office.api.db.write() as conn:
        some = [hook_answers.Answer(n, 5, 200, "", "delivered", 1) for n in range(hook_answers.KEPT + 7)]
        await hook_answers.note(conn, number, some)
        assert [one.at for one in await hook_answers.last(conn, number)] == list(range(36, 6, -1))
    assert (await office.anne.send(place, f"{place}/supprimer")).headers["location"] == f"{HOOKS}?done=removed"
    assert (await office.anne.get(place)).status == 404
