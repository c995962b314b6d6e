"""Campaigns made from others: sent again, modified, shared, by the whole way in and the clerk."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from reading_here import ReadingHere
from sqlalchemy import select, update

from config.settings import Settings
from gateway.actions import making, verbs
from gateway.actions.clerk import Clerk
from gateway.actions.powers import Hand
from gateway.actions.verbs import Answer, Request, Verdict
from gateway.intake import steps
from gateway.intake.desk import Desk
from gateway.reading.readers import Readers
from parsers.tokens import Purpose, verify
from store import accounts, actions, campaigns, consents, links, suppressions
from store.actions import Power
from store.engine import now_ms
from store.spool import Envelope, Spool
from store.states import Status
from store.tables import campaigns as campaigns_table
from store.tables import notices, recipients, tallies
from store.values import Campaign, CampaignState, Tracked
from tests.gateway.intake.test_steps import KEYS, SIGNER, Dns, files, grid, mail, read, words
from tests.gateway.kit_intake import DOMAIN, RING, fresh_database

pytestmark = pytest.mark.asyncio(loop_scope="module")
shared: list[Readers] = []
LISTE = (
    "Email;Nom;Suivi\nmarie@rcpt.example;Durand;oui\npaul@rcpt.example;Martin;\nzoe@rcpt.example;Noël;oui\nbad@;X;\n"
    "MARIE@rcpt.example;Y;\nlea@rcpt.example;Petit;oui\n"
)
LINK = re.compile(r"https://gw\.example/([rk])/([A-Za-z0-9_-]{22,})")


@pytest_asyncio.fixture(loop_scope="module", scope="module", autouse=True)
async def readers() -> AsyncIterator[None]:
    shared[:] = [ReadingHere()]
    yield
    await shared[0].close()


@dataclass
class House:
    """A desk, its clerk, and one campaign that came by mail."""

    desk: Desk
    clerk: Clerk
    campaign: Campaign
    seen: int = 0
    asked: int = 0

    async def order(self, power: Power, wish: dict[str, Any], hand: Hand = Hand.SENDER, **more: Any) -> Answer:
        self.asked += 1
        once, number = more.pop("once", f"o{self.asked}"), more.pop("campaign", self.campaign.id)
        asked = Request(number, power, hand, "anne", once, wish, **more)
        return await verbs.order(self.desk.database, asked, now_ms())

    async def work(self) -> list[Any]:
        """Let the clerk do what waits; the letters that it wrote."""
        await self.clerk.quick()
        await self.clerk.slow()
        return await self.letters()

    async def letters(self) -> list[Any]:
        rows = await self.rows(select(notices).where(notices.c.id > self.seen).order_by(notices.c.id))
        self.seen = max([self.seen, *(row.id for row in rows)])
        return [(row.address, read(row.raw)) for row in rows]

    async def rows(self, query: Any) -> list[Any]:
        async with self.desk.database.read() as conn:
            return list(await conn.execute(query))

    async def people(self, number: int) -> dict[str, int]:
        rows = await self.rows(select(recipients).where(recipients.c.campaign_id == number))
        return {row.address: row.tracked for row in rows}

    async def figures(self, number: int) -> tuple[int, ...]:
        async with self.desk.database.read() as conn:
            found = await campaigns.ledger(conn, number)
        assert found is not None
        assert found.lines == found.invalid + found.duplicate + found.suppressed + found.recipients
        assert found.recipients == sum(found.statuses.values())
        return found.lines, found.invalid, found.duplicate, found.suppressed, found.recipients

    async def get(self, number: int) -> Campaign:
        async with self.desk.database.read() as conn:
            found = await campaigns.get(conn, number)
        assert found is not None
        return found

    async def outcome(self, answer: Answer) -> tuple[str, dict[str, Any]]:
        assert answer.action is not None
        async with self.desk.database.read() as conn:
            found = await actions.get(conn, answer.action.id)
        assert found is not None
        return found.stage.value, dict(found.outcome)

    async def end(self, **statuses: Status) -> None:
        """Let the campaign end: everybody got it, but for those named by the part before the @."""
        async with self.desk.database.write() as conn:
            for row in await conn.execute(select(recipients).where(recipients.c.campaign_id == self.campaign.id)):
                status = statuses.get(row.address.partition("@")[0], Status.DELIVERED)
                stamp = {"opened_at": 1} if status >= Status.OPENED else {}
                stamp |= {"clicked_at": 1} if status is Status.CLICKED else {}
                this = update(recipients).where(recipients.c.id == row.id)
                await conn.execute(this.values(status=int(status), next_attempt_at=None, **stamp))
            await conn.execute(tallies.delete().where(tallies.c.campaign_id == self.campaign.id))
            ended = update(campaigns_table).where(campaigns_table.c.id == self.campaign.id)
            await conn.execute(ended.values(state="finished", finished_at=now_ms(), started_at=1))


@asynccontextmanager
async def house(folder: Path, config: str = "", **head: Any) -> AsyncIterator[House]:
    settings = Settings(gateway={"domain": DOMAIN, "data_dir": folder, "public_url": "https://gw.example"})
    database, firm, _ = await fresh_database(folder)
    spool = await asyncio.to_thread(Spool, folder / "spool")
    desk = Desk(settings, database, spool, shared[0], Dns(), RING, KEYS, (SIGNER,))  # type: ignore[arg-type]
    attached = [("LISTE.csv", LISTE), *([("Config.txt", config)] if config else [])]
    envelope = Envelope("campaign", "", (f"mail@{DOMAIN}",), "", "submission", now_ms(), firm, "anne")
    ref = await asyncio.to_thread(spool.put, envelope, mail(*attached, **head))
    await steps.Intake(desk).take(ref)
    async with database.read() as conn:
        (campaign,) = await campaigns.recent(conn)
    made = House(desk, Clerk(desk), campaign)
    await made.letters()
    try:
        yield made
    finally:
        await database.close()


async def test_the_whole_list_again_is_judged_anew(tmp_path: Path) -> None:
    async with house(tmp_path) as made:
        await made.end()
        async with made.desk.database.write() as conn:
            row = {"account_id": made.campaign.account_id, "key": KEYS.hash("paul@rcpt.example"),
                   "address": "paul@rcpt.example", "reason": "unsubscribe", "at": 5, "campaign_id": None}  # fmt: skip
            await suppressions.add(conn, [row])
            refusal = consents.New("zoe@rcpt.example", False, now_ms(), "page", "non", personal=True)
            await consents.record(conn, made.campaign.account_id, [refusal], KEYS, now_ms())
        answer = await made.order(Power.REPLAY, {"to": "all", "send_at": None}, once="click")
        twice = await made.order(Power.REPLAY, {"to": "all", "send_at": None}, once="click")
        assert (answer.verdict, twice.verdict, twice.again) == (Verdict.READY, Verdict.READY, True)
        ((to, letter),) = await made.work()
        stage, outcome = await made.outcome(answer)
        assert stage == "done" and outcome["recipients"] == 3
        new = await made.get(outcome["campaign"])
        assert await made.figures(new.id) == (6, 1, 1, 1, 3)
        assert await made.people(new.id) == {
            "marie@rcpt.example": Tracked.FULL, "zoe@rcpt.example": Tracked.ANONYMOUS, "lea@rcpt.example": Tracked.FULL,
        }  # fmt: skip
        assert (new.state, new.subject, new.columns) == (
            CampaignState.SENDING,
            made.campaign.subject,
            made.campaign.columns,
        )
        assert to == "anne@firm.example" and "est renvoyée à toute la liste, tout de suite" in words(letter)
        assert (
            "Désabonné" in str(grid(files(letter)["LISTE_corrigee.xlsx"]))
            or len(grid(files(letter)["LISTE_corrigee.xlsx"])) == 7
        )
        assert await made.work() == [], "once"
        async with made.desk.database.read() as conn:
            assert len(await campaigns.recent(conn)) == 2


@pytest.mark.parametrize(
    ("target", "who"),
    [("undelivered", {"lea"}), ("unopened", {"marie"}), ("unclicked", {"marie", "zoe"})],
)
async def test_some_again(tmp_path: Path, target: str, who: set[str]) -> None:
    async with house(tmp_path) as made:
        await made.end(lea=Status.CANCELLED, zoe=Status.OPENED)  # paul is not followed one by one
        answer = await made.order(Power.REPLAY, {"to": target, "send_at": now_ms() + 3_600_000})
        await made.work()
        _, outcome = await made.outcome(answer)
        new = await made.get(outcome["campaign"])
        assert {one.partition("@")[0] for one in await made.people(new.id)} == who
        assert new.state is CampaignState.SCHEDULED and (await made.figures(new.id))[0] == len(who)


async def test_a_withdrawal_since_takes_people_out_of_what_goes_by_conduct(tmp_path: Path) -> None:
    async with house(tmp_path) as made:
        await made.end()
        async with made.desk.database.write() as conn:
            refusal = consents.New("marie@rcpt.example", False, now_ms(), "page", "non", personal=True)
            await consents.record(conn, made.campaign.account_id, [refusal], KEYS, now_ms())
        answer = await made.order(Power.REPLAY, {"to": "unopened", "send_at": None})
        await made.work()
        _, outcome = await made.outcome(answer)
        assert set(await made.people(outcome["campaign"])) == {"zoe@rcpt.example", "lea@rcpt.example"}


async def test_a_view_of_the_report_again_and_nobody(tmp_path: Path) -> None:
    async with house(tmp_path) as made:
        await made.end(lea=Status.CANCELLED)
        answer = await made.order(Power.REPLAY, {"to": "filter", "tab": "cancelled", "q": "", "send_at": None})
        none = await made.order(Power.REPLAY, {"to": "filter", "tab": "all", "q": "personne", "send_at": None})
        await made.work()
        assert set(await made.people((await made.outcome(answer))[1]["campaign"])) == {"lea@rcpt.example"}
        assert await made.outcome(none) == ("refused", {"why": "nobody"})


async def test_a_new_list_is_read_as_the_first_one(tmp_path: Path) -> None:
    async with house(tmp_path) as made:
        await made.end()
        again = {"to": "list", "send_at": None}
        other = b"Mail;Nom\nnew@rcpt.example;Neuf\nnew@rcpt.example;Double\n"
        answer = await made.order(Power.REPLAY, again, file=("clients.csv", other))
        unfit = await made.order(Power.REPLAY, again, file=("x.csv", b"Email;Ville\na@rcpt.example;Lyon\n"))
        unread = await made.order(Power.REPLAY, again, file=("x.xlsx", b"PK\x03\x04 no sheet"))
        ((_, letter),) = await made.work()
        new = await made.get((await made.outcome(answer))[1]["campaign"])
        assert new.columns == ("Mail", "Nom") and await made.figures(new.id) == (2, 0, 1, 0, 1)
        assert "LISTE_corrigee.xlsx" in files(letter)
        stage, outcome = await made.outcome(unfit)
        assert (stage, outcome["why"]) == ("refused", "held") and "Nom" in outcome["text"]
        assert (await made.outcome(unread))[1]["why"] == "list"
        async with made.desk.database.read() as conn:
            assert len(await campaigns.recent(conn)) == 2 and await campaigns.loading(conn) == []


async def test_a_scheduled_campaign_gets_another_list_date_and_subject(tmp_path: Path) -> None:
    async with house(tmp_path, "Date d'envoi : 25/12/2099 9h30") as made:
        at = now_ms() + 86_400_000
        quick = await made.order(Power.MODIFY, {"send_at": at, "subject": "Pour {{Nom}}"})
        assert quick.verdict is Verdict.DONE and (await made.get(made.campaign.id)).send_at == at
        answer = await made.order(Power.MODIFY, {"list": True}, file=("l.csv", b"Email;Nom\nn@rcpt.example;Neuf\n"))
        ((_, letter),) = await made.work()
        new = await made.get((await made.outcome(answer))[1]["campaign"])
        assert (new.state, new.send_at, new.subject, new.name) == (
            CampaignState.SCHEDULED,
            at,
            "Pour {{Nom}}",
            "Pour {{Nom}}",
        )
        assert await made.figures(new.id) == (1, 0, 0, 0, 1) and "partira avec la nouvelle liste" in words(letter)
        assert (await made.get(made.campaign.id)).state is CampaignState.REPLACED
        assert await made.figures(made.campaign.id) == (6, 1, 1, 0, 4), "the old one keeps its accounts"
        late = await made.order(Power.MODIFY, {"send_at": at + 1})
        assert late.verdict is Verdict.OVER


async def test_another_sender_of_the_account_only(tmp_path: Path) -> None:
    async with house(tmp_path, "Date d'envoi : 25/12/2099 9h30") as made:
        async with made.desk.database.write() as conn:
            await accounts.declare_sender(conn, made.campaign.account_id, "info@firm.example", "Info", 1, 1)
        foreign = await made.order(Power.MODIFY, {"sender": "bob@other.example"})
        assert foreign.verdict is Verdict.UNDECLARED
        answer = await made.order(Power.MODIFY, {"sender": "info@firm.example"})
        assert answer.verdict is Verdict.READY
        await made.work()
        got = await made.get(made.campaign.id)
        assert (got.from_name, got.from_address) == ("Info", "info@firm.example")


async def test_the_link_asks_the_declared_sender_who_confirms_once(tmp_path: Path) -> None:
    async with house(tmp_path) as made:
        await made.end()
        answer = await made.order(Power.REPLAY, {"to": "all", "send_at": None}, Hand.AUTHOR)
        assert answer.verdict is Verdict.ASKED and answer.action is not None
        ((to, letter),) = await made.work()
        assert to == "anne@firm.example" and "Rien ne sera fait sans vous" in words(letter)
        assert "campagne+" not in str(letter), "a reply decides nothing"
        found = LINK.search(words(letter))
        assert found is not None and verify(RING, Purpose.CONFIRM, found[2]) == (answer.action.id, 0)
        async with made.desk.database.read() as conn:
            assert len(await campaigns.recent(conn)) == 1
        assert (await verbs.confirm(made.desk.database, answer.action.id, now_ms())).verdict is Verdict.READY
        assert (await verbs.confirm(made.desk.database, answer.action.id, now_ms())).verdict is Verdict.SPENT
        await made.work()
        assert (await made.outcome(answer))[0] == "done"
        for _ in range(3):
            assert (await made.order(Power.RESUME, {}, Hand.AUTHOR)).verdict is Verdict.OVER
            assert (await made.order(Power.SHARE, {}, Hand.SHARED)).verdict is Verdict.FORBIDDEN
        waiting = [await made.order(Power.SHARE, {"address": "a@b.example", "days": 3}, Hand.AUTHOR) for _ in range(4)]
        assert [one.verdict for one in waiting] == [Verdict.ASKED] * 3 + [Verdict.MANY]


async def test_a_shared_link_reads_until_it_is_ended(tmp_path: Path) -> None:
    async with house(tmp_path) as made:
        answer = await made.order(Power.SHARE, {"address": "chef@elsewhere.example", "days": 7})
        ((to, letter),) = await made.work()
        found = LINK.search(words(letter))
        assert to == "chef@elsewhere.example" and found is not None
        async with made.desk.database.read() as conn:
            (link,) = await links.of(conn, made.campaign.id)
            shown = await links.find(conn, found[2], now_ms())
            assert shown is not None and shown.id == made.campaign.id
            assert await links.find(conn, found[2], now_ms() + 7 * 86_400_000) is None, "it expires"
        assert (await made.outcome(answer))[1] == {"to": to, "serial": link.serial}
        ended = await made.order(Power.REVOKE, {"serial": link.serial})
        again = await made.order(Power.REVOKE, {"serial": link.serial})
        assert (ended.verdict, again.verdict) == (Verdict.DONE, Verdict.REFUSED)
        async with made.desk.database.read() as conn:
            assert await links.find(conn, found[2], now_ms()) is None


async def test_the_author_s_link_is_replaced_and_the_old_one_opens_nothing(tmp_path: Path) -> None:
    async with house(tmp_path) as made:
        old = campaigns.report_token(made.desk.report_secret, made.campaign.id)
        for _ in range(2):  # and once more
            answer = await made.order(Power.RENEW, {})
            ((to, letter),) = await made.work()
            found = LINK.search(words(letter))
            assert found is not None and found[2] != old
            async with made.desk.database.read() as conn:
                shown = await campaigns.find_by_report_token(conn, found[2])
                assert shown is not None and shown.id == made.campaign.id
                assert found[2] == campaigns.author_token(made.desk.report_secret, shown)
                assert await campaigns.find_by_report_token(conn, old) is None
                assert await links.find(conn, old, now_ms()) is None and await links.ended(conn, old, now_ms())
                assert not await links.ended(conn, found[2], now_ms())
            assert (await made.outcome(answer))[1] == {"to": to}
            old = found[2]


async def test_the_list_of_a_view_comes_to_the_declared_sender_as_a_list(tmp_path: Path) -> None:
    async with house(tmp_path) as made:
        await made.end(lea=Status.CANCELLED)
        await made.order(Power.EXTRACT, {"tab": "delivered", "q": ""}, Hand.AUTHOR)
        ((to, letter),) = await made.work()
        assert to == "anne@firm.example" and "onglet « Délivrés »" in words(letter)
        assert [row[1] for row in grid(files(letter)["LISTE.xlsx"])] == ["Nom", "Durand", "Martin", "Noël"]


async def test_a_crash_in_the_midst_leaves_one_campaign(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with house(tmp_path) as made:
        await made.end()
        answer = await made.order(Power.REPLAY, {"to": "all", "send_at": None})

        async def cut(*_: Any) -> None:
            raise asyncio.CancelledError

        async def nothing(*_: Any) -> None:
            pass

        with monkeypatch.context() as patch:
            patch.setattr(making, "_reveal", cut)
            patch.setattr(making, "wipe", nothing)  # the process is gone
            with pytest.raises(asyncio.CancelledError):
                await made.clerk.slow()
        async with made.desk.database.read() as conn:
            assert len(await campaigns.loading(conn)) == 1 and len(await campaigns.recent(conn)) == 1
        assert len(await made.work()) == 1
        assert (await made.outcome(answer))[1]["recipients"] == 4
        async with made.desk.database.read() as conn:
            assert await campaigns.loading(conn) == [] and len(await campaigns.recent(conn)) == 2


async def test_what_is_gone_or_suspended_is_refused(tmp_path: Path) -> None:
    async with house(tmp_path) as made:
        await made.end()
        async with made.desk.database.write() as conn:
            await accounts.suspend(conn, made.campaign.account_id, True)
        answer = await made.order(Power.REPLAY, {"to": "all", "send_at": None})
        assert await made.work() == [] and await made.outcome(answer) == ("refused", {"why": "suspended"})
        async with made.desk.database.write() as conn:
            await accounts.suspend(conn, made.campaign.account_id, False)
            await conn.execute(update(campaigns_table).values(finished_at=1))
        answer = await made.order(Power.REPLAY, {"to": "all", "send_at": None})
        assert await made.work() == [] and await made.outcome(answer) == ("refused", {"why": "gone"})
