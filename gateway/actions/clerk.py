"""Carries out what waits to be done with campaigns: asks for confirmations, mails links and lists, makes campaigns anew.

In: the desk, and an event that ends it. Out: actions ended, each with its letter in one transaction, so that a crash
repeats nothing that was told and forgets nothing that was asked. Two lanes, so that a million lines keep no link from
being mailed. An outage is waited for; an action that breaks us is refused and its history says so. Logs failed and
campaign_changed.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from sqlalchemy.exc import DataError, DBAPIError

from config.logging import log
from gateway.actions import lines, making
from gateway.actions.author import author
from gateway.intake import alignment
from gateway.intake.alignment import Way
from gateway.intake.desk import Desk
from gateway.letters import acting, notice
from gateway.sheet import Xlsx
from store import accounts, actions, campaigns, links, replays, rulings
from store.actions import Action, Power, Stage
from store.engine import now_ms
from store.replays import Change
from store.values import Campaign

TURN_S = 0.5
DAY = 86_400_000
FILE = 15_000_000  # bytes of a workbook that most mail servers still take
QUICK, SLOW = (Power.SHARE, Power.RENEW), (Power.REPLAY, Power.MODIFY, Power.EXTRACT)


class Clerk:
    """Both lanes."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def run(self, stop: asyncio.Event) -> None:
        """Work until `stop` is set; what is under way is finished or begun anew at the next start."""
        async with asyncio.TaskGroup() as group:
            lanes = [group.create_task(self._lane(turn)) for turn in (self.quick, self.slow)]
            await stop.wait()
            for lane in lanes:
                lane.cancel()

    async def _lane(self, turn: Callable[[], Awaitable[object]]) -> None:
        while True:
            try:
                await turn()
            except (DBAPIError, OSError) as error:
                log("failed", what="actions", error=error)
                await asyncio.sleep(10 * TURN_S)
            await asyncio.sleep(TURN_S)

    async def quick(self) -> None:
        """Letters: ask for confirmations, mail links, and end what nobody confirmed."""
        desk, now = self._desk, now_ms()
        async with desk.database.read() as conn:
            waiting = await actions.unasked(conn, now)
            late = await actions.late(conn, now)
        if late:
            async with desk.database.write() as conn:
                await actions.expire(conn, now)
        for action in waiting:
            await self._ask(action)
        await self._ready(QUICK)

    async def slow(self) -> None:
        """What reads or writes whole lists."""
        await self._ready(SLOW)

    async def _ready(self, powers: tuple[Power, ...]) -> None:
        async with self._desk.database.read() as conn:
            waiting = await actions.ready(conn, powers)
        for action in waiting:
            try:
                await self._carry_out(action)
            except Exception as error:
                if isinstance(error, DBAPIError | OSError) and not isinstance(error, DataError):
                    raise  # an outage, which says nothing about the action
                log("failed", what=f"action {action.id}", error=error)
                await making.refuse(self._desk, action, {"why": "failed"})

    async def _carry_out(self, action: Action) -> None:
        match action.power:
            case Power.SHARE:
                await self._share(action)
            case Power.RENEW:
                await self._renew(action)
            case Power.EXTRACT:
                await self._extract(action)
            case Power.MODIFY if "list" not in action.wish:
                await self._modify(action)
            case _:
                await making.make(self._desk, action)

    async def _known(self, action: Action) -> tuple[Campaign, str] | None:
        async with self._desk.database.read() as conn:
            campaign = await campaigns.get(conn, action.campaign_id)
            if campaign is None or campaign.erased_at is not None:
                return None
            return campaign, await author(conn, campaign)

    async def _ask(self, action: Action) -> None:
        known = await self._known(action)
        if known is None:
            return
        letter = acting.confirm(self._desk, action, *known)
        raw = await notice.built(self._desk, letter)
        async with self._desk.database.write() as conn:
            if await actions.told(conn, action.id, now_ms()):
                await notice.queue(conn, letter, raw)

    async def _share(self, action: Action) -> None:
        desk, known = self._desk, await self._known(action)
        if known is None:
            await making.refuse(desk, action, {"why": "gone"})
            return
        campaign, sender = known
        now = now_ms()
        until = now + int(action.wish["days"]) * DAY
        async with desk.database.read() as conn:
            serial = await links.following(conn, campaign.id)
        token = campaigns.report_token(desk.report_secret, campaign.id, serial)
        letter = acting.share(desk, action, campaign, sender, token, until)
        raw = await notice.built(desk, letter)
        address = str(action.wish["address"])
        async with desk.database.write() as conn:
            if await links.following(conn, campaign.id) != serial:
                return  # another link took the serial: the next turn
            outcome = {"to": address, "serial": serial}
            if await actions.finish(conn, action.id, Stage.DONE, outcome, now):
                await links.add(conn, desk.report_secret, campaign.id, address, now, until)
                await notice.queue(conn, letter, raw)
        log("campaign_changed", campaign=campaign.id, state=action.power.value, by=action.via)

    async def _renew(self, action: Action) -> None:
        """The author's link ends in the transaction that queues the letter with the new one."""
        desk, known = self._desk, await self._known(action)
        if known is None:
            await making.refuse(desk, action, {"why": "gone"})
            return
        campaign, sender = known
        token = campaigns.report_token(desk.report_secret, campaign.id, 0, campaign.link_round + 1)
        letter = acting.renewed(desk, campaign, sender, token)
        raw, now = await notice.built(desk, letter), now_ms()
        async with desk.database.write() as conn:
            if await actions.finish(conn, action.id, Stage.DONE, {"to": sender}, now):
                if await links.renew(conn, desk.report_secret, campaign, sender, now) != token:
                    raise RuntimeError("another link took its place meanwhile")  # nothing is written
                await notice.queue(conn, letter, raw)
        log("campaign_changed", campaign=campaign.id, state=action.power.value, by=action.via)

    async def _extract(self, action: Action) -> None:
        desk, known = self._desk, await self._known(action)
        if known is None:
            await making.refuse(desk, action, {"why": "gone"})
            return
        campaign, sender = known
        book, pieces, count, size = Xlsx("LISTE"), list[bytes](), 0, 0
        pieces.append(book.start(campaign.columns))
        async for some in lines.people_shown(desk, campaign, action.wish):
            pieces.append(await asyncio.to_thread(book.rows, [one.values for one in some]))
            count, size = count + len(some), size + len(pieces[-1])
            if size > FILE:
                await making.refuse(desk, action, {"why": "big"})
                return
        if not count:
            await making.refuse(desk, action, {"why": "nobody"})
            return
        pieces.append(book.finish())
        letter = acting.extract(action, campaign, sender, b"".join(pieces), count)
        raw = await notice.built(desk, letter)
        async with desk.database.write() as conn:
            if await actions.finish(conn, action.id, Stage.DONE, {"to": sender, "n": count}, now_ms()):
                await notice.queue(conn, letter, raw)
        log("campaign_changed", campaign=campaign.id, state=action.power.value, by=action.via)

    async def _modify(self, action: Action) -> None:
        """A new sender: how its mails go out is asked of DNS first."""
        desk, wish, now = self._desk, action.wish, now_ms()
        async with desk.database.read() as conn:
            campaign = await campaigns.get(conn, action.campaign_id)
            sender = await accounts.find_sender(conn, str(wish["sender"]))
            rules = await rulings.rules_of(conn, action.account_id)
        if campaign is None or sender is None or sender.account_id != action.account_id:
            await making.refuse(desk, action, {"why": "undeclared"})
            return
        told = await alignment.look(desk.resolver, desk.signers, sender.address)
        way = alignment.way(told, campaign.recipients, rules.unaligned_held)
        if way is Way.HELD:
            await making.refuse(desk, action, {"why": "unaligned"})
            return
        at = wish.get("send_at")
        new = Change(None if at is None else max(int(at), now), wish.get("subject"), sender, way is Way.VIA)
        async with desk.database.write() as conn:
            done = await replays.change(conn, campaign.id, new, now)
            stage, outcome = (Stage.DONE, {}) if done else (Stage.REFUSED, {"why": "over"})
            await actions.finish(conn, action.id, stage, outcome, now)
        if done:
            log("campaign_changed", campaign=campaign.id, state=action.power.value, by=action.via)
