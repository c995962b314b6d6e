"""From a mail in the spool to a campaign with its acknowledgement, in five named steps.

In: references of the spool. Out: a published campaign and a notice to its sender, or an answer that says why there is
none. A mail leaves the spool only when its outcome is in the database, so a crash at any step begins it anew (a message is
one campaign however often it is read). A mail that breaks a step is set aside, its sender told; an outage of the database
or of the machine (a full disk, no process to be had) is waited for. Logs campaign_created, campaign_held,
campaign_repeated, mail_answered, mail_ignored, mail_shunted and failed.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import traceback
from collections.abc import Awaitable, Callable
from pathlib import Path
from weakref import WeakValueDictionary

from sqlalchemy.exc import DataError, DBAPIError

from config import tracing
from config.logging import log
from gateway.figures import forecasting
from gateway.intake import advising, alignment, faulty, filing, journal, judge, single
from gateway.intake.desk import Desk, wipe
from gateway.intake.domains import without_mail
from gateway.intake.loading import DUE, Plan, copy_again, load
from gateway.intake.work import Work
from gateway.letters import acknowledge, answers, notice, proofs
from gateway.letters import talks as conversations
from gateway.letters.talks import Correction
from gateway.reading.readers import Unread
from gateway.returns import stops
from store import accounts, campaigns, forecasts, links, talks
from store.engine import now_ms
from store.spool import Envelope, mail_in
from store.values import Campaign, NewCampaign


class Intake:
    """Takes mails of kind campaign, reply and forwarded, one call each; safe to run several at once."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        # the same message twice at once waits for its first reading; a lock lives as long as somebody waits for it
        self._turns: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def take(self, ref: str) -> None:
        """Carry one mail to its end; DBAPIError and OSError pass in an outage (the mail stays and is tried again)."""
        desk = self._desk
        envelope = await asyncio.to_thread(desk.spool.envelope, ref)
        try:
            if envelope.kind == "single":
                await single.take(desk, ref, envelope, await self._mail(ref))
            elif envelope.kind == "forwarded":
                await stops.take(desk, envelope, await self._mail(ref), ref)
            elif envelope.kind == "reply":
                correction = await conversations.take(desk, envelope, await self._mail(ref), ref)
                if correction is not None:
                    await self._correct(ref, envelope, correction)
            else:
                await self._campaign(ref, envelope, desk.spool.path(ref))
        except Exception as error:
            if isinstance(error, DBAPIError | OSError) and not isinstance(error, DataError):
                raise  # an outage, which says nothing about the mail
            await self._set_aside(ref, envelope, error)
            return
        await asyncio.to_thread(desk.spool.done, ref)

    async def _mail(self, ref: str) -> bytes:
        return await asyncio.to_thread(mail_in, self._desk.spool.path(ref))

    async def _set_aside(self, ref: str, envelope: Envelope, error: Exception) -> None:
        """SPEC 1: a mail that breaks us is never lost, and its sender is told (before the mail leaves our sight)."""
        why = str(error) if isinstance(error, Unread) else "".join(traceback.format_exception(error))
        log("mail_shunted", ref=ref, kind=envelope.kind, error=error)
        try:
            await answers.shunted(self._desk, envelope, await self._mail(ref), ref)
        except DBAPIError:
            raise
        except Exception as broken:
            log("failed", what="answer", error=broken)
        await journal.submitted(self._desk, envelope, None, {"code": "shunted", "ref": ref})
        await asyncio.to_thread(self._desk.spool.shunt, ref, why)

    async def _correct(self, ref: str, envelope: Envelope, correction: Correction) -> None:
        """Read a held mail anew, with the list or the Config of the reply in the place of its own."""
        desk = self._desk
        copy = desk.spool.folder / "tmp" / f"{ref}.source"
        try:
            async with desk.database.read() as conn:
                source = b"\n" + await campaigns.source(conn, correction.campaign.blob_id)
            await asyncio.to_thread(copy.write_bytes, source)  # a first line stands in for the envelope
            del source
            await self._campaign(ref, envelope, copy, correction)
        finally:
            await asyncio.to_thread(copy.unlink, missing_ok=True)

    async def _campaign(self, ref: str, envelope: Envelope, path: Path, correction: Correction | None = None) -> None:
        desk = self._desk
        async with desk.database.read() as conn:
            account = await accounts.get_account(conn, envelope.account_id or 0)
        request = judge.request(desk, account, envelope, str(path))
        if correction is not None:
            request["reply"] = str(desk.spool.path(ref))
        size = (await asyncio.to_thread(path.stat)).st_size
        async with contextlib.aclosing(desk.readers.ask(request, size)) as found:  # type: ignore[type-var]
            work = Work(ref, envelope, path, found, account=account, turns=self._turns, correction=correction)
            way = tracing.Way(ref, envelope.received_at)
            for step in STEPS:
                with way.step(step.__name__):
                    await step(desk, work)
                if work.answer is not None:
                    await _drain(work)
                    await answers.refuse(desk, ref, work.account, work.summary, work.answer)
                    await journal.submitted(desk, envelope, None, work.answer)
                    way.end(None, str(work.answer["code"]))
                    return
            await journal.submitted(desk, envelope, work.campaign, None)
            way.end(work.campaign.id if work.campaign else None)


async def parse(_desk: Desk, work: Work) -> None:
    """Have the mail read up to its summary."""
    work.summary = await anext(work.answers)
    if work.correction is not None:  # the same reply read again is the same campaign, another one is not
        named = f"{work.summary['message_key']} {work.correction.message_id or work.ref}"
        work.summary["message_key"] = hashlib.sha256(named.encode()).hexdigest()
        work.summary["message_id"] = work.correction.message_id


async def authorise(desk: Desk, work: Work) -> None:
    """Find the sender on whose behalf the mail goes out, that of Config if it names one."""
    if work.account is None or work.account.suspended:
        work.answer = {"code": "suspended"}
        return
    async with desk.database.read() as conn:
        author = await accounts.find_sender(conn, work.summary["from_address"])
        chosen = await accounts.find_sender(conn, work.summary["choices"]["from_address"])
        senders = await accounts.list_senders(conn, work.account.id)
        work.habit = await talks.validates(conn, work.account.id)
    if author is None or author.account_id != work.account.id:
        work.answer = {"code": "undeclared"}  # it was declared when the mail came in
        return
    work.sender = author
    work.held += judge.strangers(desk, work.summary["choices"], senders)
    work.readers = judge.readers(desk, work.summary["choices"], senders)
    if chosen is None or chosen.account_id != work.account.id:
        work.held.append({"code": "sender_undeclared", "text": work.summary["choices"]["from_address"]})
    else:
        work.sender = chosen


async def validate(desk: Desk, work: Work) -> None:
    """Decide whether there is a campaign, whether it is held, and which domains take no mail."""
    summary = work.summary
    if summary["refused"] is not None:
        work.answer = summary["refused"]
        return
    assert work.account is not None  # authorise came before
    work.held += [*summary["held"], *judge.held(work.account, summary["choices"])]
    if judge.waits(summary["choices"], work.envelope, work.habit):
        work.held.append(talks.VALIDATION)
    work.held += judge.late(summary["choices"], work.envelope.received_at, now_ms())
    assert work.sender is not None
    work.dead, work.told = await asyncio.gather(
        without_mail(desk.resolver, summary["domains"], tuple(desk.settings.delivery.routes)),
        advising.ask(desk, summary, work.sender.address),
    )


async def create(desk: Desk, work: Work) -> None:
    """Write the campaign and its rows, then make them exist at once, together with the acknowledgement."""
    assert work.account is not None
    assert work.sender is not None
    new = judge.campaign(desk, work.account, work.sender, work.summary, work.held, now_ms())
    key = f"{new.account_id} {new.message_key}"
    turn = work.turns.setdefault(key, asyncio.Lock())
    async with turn:  # the same message twice at once: the second finds the first's campaign whole
        async with desk.database.write() as conn:
            begun = await campaigns.begin(conn, new, work.path)
        if isinstance(begun, campaigns.Existing):
            # an outage in the midst of its lines left it behind; a campaign that exists is not touched
            await wipe(desk.database, begun.campaign_id)
            async with desk.database.write() as conn:
                begun = await campaigns.begin(conn, new, work.path)
        if isinstance(begun, campaigns.Existing):
            await _repeat(desk, work, begun.campaign_id)
        else:
            await _new(desk, work, new, begun)
    await _drain(work)


async def _drain(work: Work) -> None:
    """Read to the end what is left: the reading process goes back to the pool, which later steps need too."""
    async for _ in work.answers:
        pass


async def _new(desk: Desk, work: Work, new: NewCampaign, begun: int) -> None:
    try:
        await _fill(desk, work, new, begun)
        if work.campaign is not None:
            await _reveal(desk, work, work.campaign)
        if work.answer is not None:
            await wipe(desk.database, begun)
    except BaseException:
        await wipe(desk.database, begun)
        raise


async def _fill(desk: Desk, work: Work, new: NewCampaign, begun: int) -> None:
    assert work.account is not None and work.told is not None
    tracking = str(new.options["tracking"])
    await filing.store(desk, begun, work.summary, work.answers, new.options["files_days"])
    tests = work.summary["choices"]["test"]
    lines = proofs.only(work.answers, tests) if tests and not new.held else work.answers
    plan = Plan(
        begun, new.account_id, new.locale, new.timezone, work.account.attested, tracking, work.dead, DUE,
        judge.hygiene(work.account, work.summary["choices"]), work.summary["from_address"], new.sender_id,
    )  # fmt: skip
    tally = await load(desk, plan, lines, faulty.copy_of(desk, work.ref))
    if not tally.people:
        await wipe(desk.database, begun)
        work.answer = {"code": "no_good_line", "lines": tally.lines}
        return
    work.domains = tally.domains
    work.summary["modes"] = {mode.name: n for mode, n in tally.modes.items()}
    async with desk.database.write() as conn:
        token = campaigns.report_token(desk.report_secret, begun)
        campaign = await campaigns.prepare(conn, begun, token, now_ms())
        campaign = await alignment.settle(conn, campaign, work.told.author)
    advised = await advising.conclude(desk, work.account, campaign, work.summary, work.told, tally)
    work.campaign, work.summary["advice"] = advised


async def _reveal(desk: Desk, work: Work, campaign: Campaign) -> None:
    """One transaction: the campaign exists and its acknowledgement is queued, ahead of its first mail."""
    ahead = await forecasting.first(desk, campaign, work.domains)
    letters = await _letters(desk, work, campaign, ahead)
    async with desk.database.write() as conn:
        if work.correction is not None and not await campaigns.take_place(conn, work.correction.campaign.id):
            work.answer = {"code": "late"}  # released or replaced meanwhile: never both
            return
        await campaigns.reveal(conn, campaign)
        await advising.keep(conn, desk, campaign, work.summary)
        to, others = (work.summary["from_address"], work.readers) if letters else ("", ())
        await talks.begin(conn, campaign.id, to, others, now_ms())
        for address in others:
            await links.add(conn, desk.report_secret, campaign.id, address, now_ms())
        await forecasts.save(conn, ahead)
        sent = [await notice.queue(conn, *letter) for letter in letters]
    journal.created(work.ref, campaign)
    journal.answered(work.ref, work.envelope.account_id, sent[0] if sent else None)


async def _letters(
    desk: Desk, work: Work, campaign: Campaign, ahead: forecasts.Row | None, serial: int = 1
) -> list[tuple[notice.Letter, bytes]]:
    if work.summary["automatic"]:  # RFC 3834: a machine gets no answer
        return []
    assert work.account is not None
    made = await acknowledge.draft(desk, work.ref, work.account, campaign, work.summary, work.repeated, ahead, serial)
    return await acknowledge.letters(desk, made, () if work.repeated else work.readers)


async def _repeat(desk: Desk, work: Work, campaign_id: int) -> None:
    """The same message again (Outlook resends): the same acknowledgement, no second campaign."""
    async with desk.database.read() as conn:
        work.campaign = await campaigns.get(conn, campaign_id)
        known = await campaigns.faults_of(conn, campaign_id)
        work.summary["advice"] = await advising.kept(conn, campaign_id)
    work.repeated = True
    if known and work.campaign is not None:
        await copy_again(work.campaign, known, work.answers, faulty.copy_of(desk, work.ref))
    log("campaign_repeated", ref=work.ref, campaign=campaign_id, account=work.envelope.account_id)


async def acknowledge_again(desk: Desk, work: Work) -> None:
    """Tell the sender of a message that came again what was made of it the first time."""
    if not work.repeated or work.campaign is None:
        return  # a new campaign was acknowledged in the transaction that made it exist
    async with desk.database.read() as conn:
        ahead = (await forecasts.read(conn, [work.campaign.id])).get(work.campaign.id)
        talk = await talks.get(conn, work.campaign.id)
    letters = await _letters(desk, work, work.campaign, ahead, talk.serial if talk else 0)
    sent = None
    if letters:
        async with desk.database.write() as conn:
            sent = await notice.queue(conn, *letters[0])
    journal.answered(work.ref, work.envelope.account_id, sent)


Step = Callable[[Desk, Work], Awaitable[None]]
STEPS: tuple[Step, ...] = (parse, authorise, validate, create, acknowledge_again)
