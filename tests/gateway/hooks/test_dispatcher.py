"""Webhooks tell what happened: signed, in order, again when refused, never what nobody may know."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import time_machine
from api_kit import Api, api_over
from hook_kit import Endpoint, endpoint
from store_helpers import KEYS

from gateway.hooks import dispatcher
from gateway.hooks.dispatcher import Dispatcher
from gateway.letters import hooks as letters
from store import campaigns, consents, control, erasing, events, hook_queue, webhooks
from store.engine import Database, now_ms
from store.states import Event
from store.values import Change

HOUR, DAY = 3_600_000, 86_400_000
FORM = [
    ("from", None, b"anne@acme.test"),
    ("subject", None, b"Hello"),
    ("text", None, b"Hello"),
    ("liste", "l.csv", b"Email;Suivi\na@d.test;oui\nb@d.test;oui\nc@d.test;non\n"),
]
OWN = {"allow_networks": ["127.0.0.0/8"], "allow_http": True, "retry": "1s, 2s*"}


@dataclass
class Hooked:
    api: Api
    place: Endpoint
    dispatcher: Dispatcher
    secret: str = ""
    id: int = 0

    async def listen(self, *events: str, batch: int = 1) -> None:
        asked = {"url": self.place.url, "events": list(events) or list(webhooks.WORDS), "batch": batch}
        status, made, _ = await self.api.ask("POST", "/api/v1/webhooks", asked)
        assert status == 201, made
        self.secret, self.id = made["secret"], made["id"]

    async def send(self) -> None:
        assert (await self.api.form("/api/v1/campaigns", FORM))[0] == 202
        await self.api.intake()

    async def happens(self, recipient: int, event: Event, **detail: object) -> None:
        async with self.api.db.write() as conn:
            await events.apply(conn, [Change(recipient, event, now_ms(), detail=detail)], KEYS)

    async def tell(self, rounds: int = 20) -> None:
        for _ in range(rounds):
            if not await self.dispatcher.round(self.id):
                return

    async def about(self) -> dict[str, object]:
        return dict((await self.api.ask("GET", f"/api/v1/webhooks/{self.id}"))[1])


@pytest.fixture
async def hooked(db: Database, tmp_path: Path) -> AsyncIterator[Hooked]:
    async with api_over(db, tmp_path, webhooks=OWN) as api, endpoint() as place:
        client, resolver = dispatcher.client(api.desk)
        yield Hooked(api, place, Dispatcher(api.desk, client))
        await resolver.close()


async def test_what_happens_is_told_signed_and_once(hooked: Hooked) -> None:
    await hooked.listen()
    await hooked.send()
    await hooked.happens(1, Event.ACCEPTED, reply="250 2.0.0 ok")
    await hooked.happens(2, Event.TEMPFAILED, reply="451 4.7.1 later")
    await hooked.happens(3, Event.REFUSED, reply="550 5.1.1 nobody")
    await hooked.tell()
    assert sorted(hooked.place.events) == [
        ("bounced", "c@d.test"), ("campaign.created", ""), ("deferred", "b@d.test"), ("delivered", "a@d.test"),
    ]  # fmt: skip
    assert all(one.signed_by(hooked.secret) for one in hooked.place.told)
    assert not any(one.signed_by("whsec_" + "A" * 44) for one in hooked.place.told)
    delivered = next(one.document for one in hooked.place.told if one.document["type"] == "delivered")
    assert delivered["data"]["recipient"]["status"] == "delivered" and delivered["data"]["detail"]["reply"].startswith(
        "250"
    )
    assert delivered["data"]["campaign"] == {"id": "1", "name": "Hello"} and delivered["timestamp"].endswith("+00:00")
    before = len(hooked.place.told)
    await hooked.tell()
    assert len(hooked.place.told) == before and (await hooked.about())["taken"] == 4


async def test_only_chosen_events_of_the_own_account_are_queued(hooked: Hooked) -> None:
    await hooked.listen("bounced")
    other = await hooked.api.new_key(account=hooked.api.other)
    assert (await hooked.api.ask("GET", "/api/v1/webhooks", key=other))[1] == {"data": []}
    assert (await hooked.api.ask("GET", f"/api/v1/webhooks/{hooked.id}", key=other))[0] == 404
    await hooked.send()
    await hooked.happens(1, Event.ACCEPTED)
    await hooked.happens(2, Event.EXPIRED)
    await hooked.tell()
    assert hooked.place.events == [("bounced", "b@d.test")]


async def test_an_event_that_is_rolled_back_is_told_to_nobody(hooked: Hooked) -> None:
    await hooked.listen()
    await hooked.send()
    with pytest.raises(RuntimeError):
        async with hooked.api.db.write() as conn:
            await events.apply(conn, [Change(1, Event.ACCEPTED, now_ms())], KEYS)
            raise RuntimeError
    await hooked.tell()
    assert hooked.place.events == [("campaign.created", "")]


async def test_machines_are_no_events(hooked: Hooked) -> None:
    await hooked.listen("opened", "clicked")
    await hooked.send()
    async with hooked.api.db.write() as conn:
        await events.apply(conn, [Change(1, Event.OPEN, now_ms(), machine=True)], KEYS)
    await hooked.tell()
    assert hooked.place.told == []


async def test_each_recipients_events_come_in_order_also_over_failures(hooked: Hooked) -> None:
    await hooked.listen("delivered", "opened", "clicked")
    await hooked.send()
    for recipient in (1, 2):
        for event in (Event.ACCEPTED, Event.OPEN, Event.CLICK):
            await hooked.happens(recipient, event)
    seen: list[str] = []

    def third_time(told: object) -> int:
        seen.append("x")
        return 200 if len(seen) % 3 == 0 else 503

    hooked.place.status = third_time
    with time_machine.travel(now_ms() / 1000 + 1) as clock:
        for _ in range(60):
            await hooked.dispatcher.round(hooked.id)
            clock.shift(20 * 60)
    hooked.place.status = lambda _: 200
    for address in ("a@d.test", "b@d.test"):
        order: list[str] = []
        for kind, who in hooked.place.events:
            if who == address and kind not in order:
                order.append(kind)
        assert order == ["delivered", "opened", "clicked"]
    about = await hooked.about()
    assert (about["waiting"], about["dead"], about["taken"]) == (0, 0, 6)


async def test_one_event_that_is_refused_holds_up_no_other_person(hooked: Hooked) -> None:
    await hooked.listen("delivered")
    await hooked.send()
    hooked.place.status = lambda told: 500 if b"a@d.test" in told.body else 200
    for recipient in (1, 2, 3):
        await hooked.happens(recipient, Event.ACCEPTED)
    await hooked.tell()
    assert sorted(hooked.place.events) == [("delivered", "b@d.test"), ("delivered", "c@d.test")]
    about = await hooked.about()
    assert about["waiting"] == 1 and about["last_error"] == "HTTP 500" and about["failing_since"] is None


async def test_after_three_days_an_event_is_set_aside_and_can_be_replayed(hooked: Hooked) -> None:
    await hooked.listen("delivered")
    await hooked.send()
    hooked.place.status = lambda told: 500 if b"a@d.test" in told.body else 200
    await hooked.happens(1, Event.ACCEPTED)
    with time_machine.travel(now_ms() / 1000 + 3 * 86_400 + 60, tick=False):
        await hooked.happens(2, Event.ACCEPTED)  # so that the endpoint is not dead altogether
        await hooked.tell()
        about = await hooked.about()
        assert about["dead"] == 1 and about["enabled"] is True
        _, page, _ = await hooked.api.ask("GET", f"/api/v1/webhooks/{hooked.id}/dead")
        [letter] = page["data"]
        assert letter["error"] == "HTTP 500" and letter["data"]["recipient"]["address"] == "a@d.test"
        hooked.place.status = lambda _: 200
        _, replayed, _ = await hooked.api.ask(
            "POST", f"/api/v1/webhooks/{hooked.id}/replay", {"events": [letter["id"]]}
        )
        assert replayed == {"replayed": 1}
        async with hooked.api.db.write() as conn:  # it is as young as a new one
            assert await hook_queue.expire(conn, now_ms() - 3 * DAY, now_ms()) == 0
        await hooked.tell()
    assert ("delivered", "a@d.test") in hooked.place.events and (await hooked.about())["dead"] == 0


@pytest.mark.costly("gateway/hooks/test_dispatcher.py::test_gone_means_gone")
async def test_an_endpoint_that_fails_for_long_is_switched_off_and_its_account_told(hooked: Hooked) -> None:
    await hooked.listen()
    await hooked.send()
    hooked.place.status = lambda _: 503
    await hooked.happens(1, Event.ACCEPTED)
    with time_machine.travel(now_ms() / 1000) as clock:
        for _ in range(100):
            await hooked.dispatcher.round(hooked.id)
            clock.shift(3_600)
            if not (await hooked.about())["enabled"]:
                break
        about = await hooked.about()
        assert about["disabled_why"] == "failing" and about["last_error"] == "HTTP 503"
        assert len(hooked.place.told) < 200  # it rests between its tries
        await hooked.happens(2, Event.ACCEPTED)  # nobody listens any more
        assert await letters.tell(hooked.api.desk) == 1 and await letters.tell(hooked.api.desk) == 0
        async with hooked.api.db.read() as conn:
            rows = (await conn.exec_driver_sql("SELECT address, raw FROM notices ORDER BY id DESC LIMIT 1")).all()
        assert rows[0].address == "anne@acme.test"
        # switched on again, it is told what waits
        hooked.place.status = lambda _: 200
        _, about, _ = await hooked.api.ask("PATCH", f"/api/v1/webhooks/{hooked.id}", {"enabled": True})
        assert about["enabled"] is True and about["failing_since"] is None
        await hooked.api.ask("POST", f"/api/v1/webhooks/{hooked.id}/replay")
        await hooked.tell()
    assert ("delivered", "a@d.test") in hooked.place.events and ("delivered", "b@d.test") not in hooked.place.events


async def test_a_redirect_leads_nowhere_and_counts_as_refused(hooked: Hooked) -> None:
    async with endpoint() as elsewhere:
        hooked.place.status, hooked.place.location = lambda _: 307, elsewhere.url
        await hooked.listen("delivered")
        await hooked.send()
        await hooked.happens(1, Event.ACCEPTED)
        await hooked.tell()
        assert len(hooked.place.told) == 1 and elsewhere.told == []
    assert (await hooked.about())["waiting"] == 1


async def test_gone_means_gone(hooked: Hooked) -> None:
    await hooked.listen()
    await hooked.send()
    hooked.place.status = lambda _: 410
    await hooked.tell()
    assert (await hooked.about())["disabled_why"] == "gone"


async def test_a_rotated_secret_signs_beside_the_old_one_for_a_day(hooked: Hooked) -> None:
    await hooked.listen("delivered")
    old = hooked.secret
    _, rotated, _ = await hooked.api.ask("POST", f"/api/v1/webhooks/{hooked.id}/rotate")
    assert rotated["secret"] != old and rotated["old_secret_until"]
    assert "secret" not in await hooked.about()
    await hooked.send()
    await hooked.happens(1, Event.ACCEPTED)
    await hooked.tell()
    assert hooked.place.told[0].signed_by(old) and hooked.place.told[0].signed_by(rotated["secret"])
    with time_machine.travel(now_ms() / 1000 + 86_401):
        await hooked.happens(2, Event.ACCEPTED)
        await hooked.tell()
    assert not hooked.place.told[1].signed_by(old) and hooked.place.told[1].signed_by(rotated["secret"])


async def test_batches_hold_several_people_and_few_requests_are_open(hooked: Hooked) -> None:
    await hooked.listen("delivered", batch=2)
    await hooked.send()
    for recipient in (1, 2, 3):
        await hooked.happens(recipient, Event.ACCEPTED)
    await hooked.tell()
    assert [one.document["type"] for one in hooked.place.told] == ["batch", "batch"]
    assert sorted(len(one.document["data"]) for one in hooked.place.told) == [1, 2]
    assert hooked.place.most_open <= dispatcher.AT_ONCE


async def test_who_refuses_meanwhile_is_told_about_no_more(hooked: Hooked) -> None:
    await hooked.listen("delivered", "opened")
    await hooked.send()
    for recipient in (1, 2):
        await hooked.happens(recipient, Event.ACCEPTED)
        await hooked.happens(recipient, Event.OPEN)
    async with hooked.api.db.write() as conn:
        word = consents.New("a@d.test", False, now_ms(), "page", personal=True)
        await consents.record(conn, hooked.api.account, [word], KEYS, now_ms())
    await hooked.tell()
    assert sorted(hooked.place.events) == [
        ("delivered", "a@d.test"), ("delivered", "b@d.test"), ("opened", "b@d.test"),
    ]  # fmt: skip
    assert (await hooked.about())["waiting"] == 0


async def test_who_is_erased_leaves_nothing_behind(hooked: Hooked) -> None:
    await hooked.listen("delivered")
    await hooked.send()
    await hooked.happens(1, Event.ACCEPTED, reply="250 for a@d.test")
    async with hooked.api.db.write() as conn:
        await erasing.blank(conn, [1], KEYS)
        assert await hook_queue.counts(conn, [hooked.id]) == {}


async def test_campaigns_tell_their_own_events(hooked: Hooked) -> None:
    await hooked.listen("campaign.created", "campaign.paused", "campaign.stopped", "campaign.finished", "campaign.held")
    await hooked.send()
    await hooked.send()
    await hooked.api.ask("POST", "/api/v1/campaigns/1/pause")
    await hooked.api.ask("POST", "/api/v1/campaigns/1/cancel")
    async with hooked.api.db.write() as conn:
        await campaigns.set_held(conn, 2, [{"code": "render"}])
    for recipient in (4, 5, 6):
        await hooked.happens(recipient, Event.ACCEPTED)
    async with hooked.api.db.write() as conn:
        await conn.exec_driver_sql("UPDATE campaigns SET state = 'sending' WHERE id = 2")
        assert await control.finish_done(conn, now_ms()) == [2]
    await hooked.tell()
    told = [(one.document["type"], one.document["data"]["campaign"]["id"]) for one in hooked.place.told]
    assert sorted(told) == [
        ("campaign.created", "1"), ("campaign.created", "2"), ("campaign.finished", "2"), ("campaign.held", "2"),
        ("campaign.paused", "1"), ("campaign.stopped", "1"),
    ]  # fmt: skip
