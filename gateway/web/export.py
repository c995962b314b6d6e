"""The report as a file: every recipient (or those of the view), and the lines that were not sent.

In: `GET /r/TOKEN/export.xlsx|csv` with the view's `tab` and `q`, `GET /r/TOKEN/lines.xlsx|csv`. Out: a download that
starts at once and is made as it is sent, CHUNK recipients at a time: read by key, written in a thread, so that memory
stays flat and the pages stay quick for a million lines; two at a time, a third gets 503. Always in the order of the
list. Logs export_written.
"""

from __future__ import annotations

import asyncio
import re
import unicodedata
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from dataclasses import replace
from datetime import datetime

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from config.logging import log
from gateway import i18n
from gateway.intake.loading import sentence
from gateway.sheet import Cell, Csv, Writer, Xlsx
from gateway.web import context, view
from gateway.web.context import Context
from gateway.web.report import find
from store import campaigns, reports
from store.values import Campaign, NewFault

CHUNK = 1_000  # recipients in memory

_Rows = AsyncIterator[Sequence[Sequence[Cell]]]


async def recipients(request: Request) -> Response:
    """Every recipient of the view with all columns of LISTE."""
    ctx, kind = context.of(request), _kind(request)
    async with ctx.db.read() as conn:
        campaign = await find(request, conn)
    locale = context.language(request, campaign.locale)
    asked = view.query("", request.query_params)
    whole = replace(asked.view, order="line", descending=False)
    rows = _people(ctx, campaign, whole, locale)
    return await _download(request, campaign, kind, "export", _header(campaign, locale), rows)


async def lines(request: Request) -> Response:
    """The lines that are no recipients, with their reasons."""
    ctx, kind = context.of(request), _kind(request)
    async with ctx.db.read() as conn:
        campaign = await find(request, conn)
    locale = context.language(request, campaign.locale)
    header = [i18n.text(locale, f"faults.{key}") for key in ("line", "address", "reason")]
    header += [name for _, name in view.columns(campaign)]
    return await _download(request, campaign, kind, "lines", header, _faults(ctx, campaign, locale))


def _kind(request: Request) -> str:
    kind = str(request.path_params["kind"])
    if kind not in ("xlsx", "csv"):
        raise HTTPException(404)
    return kind


async def _download(
    request: Request, campaign: Campaign, kind: str, what: str, header: Sequence[str], rows: _Rows
) -> Response:
    turn: asyncio.Semaphore = request.app.state.exports
    if turn.locked():
        raise HTTPException(503)
    writer: Writer = Xlsx(campaign.name) if kind == "xlsx" else Csv()
    name = f"{_slug(campaign.name)}-{what}.{kind}"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return StreamingResponse(_file(turn, campaign, writer, header, rows), 200, headers, writer.media_type)


async def _file(
    turn: asyncio.Semaphore, campaign: Campaign, writer: Writer, header: Sequence[str], rows: _Rows
) -> AsyncIterator[bytes]:
    count = size = 0
    async with turn:  # taken here and not before: a reader who leaves at once never holds it
        yield writer.start(header)
        async for chunk in rows:
            piece = await asyncio.to_thread(writer.rows, chunk)
            count, size = count + len(chunk), size + len(piece)
            yield piece
        yield writer.finish()
    log("export_written", campaign=campaign.id, rows=count, bytes=size)


async def _people(ctx: Context, campaign: Campaign, wanted: reports.View, locale: str) -> _Rows:
    after: reports.Key | None = None
    while True:
        async with ctx.db.read() as conn:
            page = await reports.page(conn, campaign.id, wanted, CHUNK, after)
        yield await asyncio.to_thread(_lines, campaign, locale, page.rows)
        after = page.next
        if after is None:
            return


async def _faults(ctx: Context, campaign: Campaign, locale: str) -> _Rows:
    async with ctx.db.read() as conn:
        faults = await campaigns.faults_of(conn, campaign.id)
    for start in range(0, len(faults), CHUNK):
        yield [_fault(campaign, locale, fault) for fault in faults[start : start + CHUNK]]


def _header(campaign: Campaign, locale: str) -> list[str]:
    first = [i18n.text(locale, f"details.{key}") for key in ("line", "status", "date", "email")]
    last = ["delivered_on", "opened_on", "clicked_on", "unsubscribed_on"]
    own = [name for _, name in view.columns(campaign)]
    figures = [i18n.text(locale, f"details.{key}") for key in ("clicks", "attempts", "reply")]
    return first + own + [i18n.text(locale, f"details.{key}") for key in last] + figures


def _lines(campaign: Campaign, locale: str, people: Iterable[reports.Person]) -> list[list[Cell]]:
    own = [i for i, _ in view.columns(campaign)]
    date = _dates(campaign)
    statuses = {status: i18n.text(locale, f"status.{status.code}") for status in reports.ALL}
    return [
        [
            _line(person),
            statuses[person.status],
            date(person.last_at),
            person.address,
            *(person.fields[i] if i < len(person.fields) else "" for i in own),
            date(person.delivered_at),
            date(person.opened_at),
            date(person.clicked_at),
            date(person.unsubscribed_at),
            person.clicks,
            person.attempts,
            person.reply,
        ]
        for person in people
    ]


def _fault(campaign: Campaign, locale: str, fault: NewFault) -> list[Cell]:
    own = [fault.values[i] if i < len(fault.values) else "" for i, _ in view.columns(campaign)]
    return [_line(fault), fault.address, sentence(locale, campaign.timezone, fault.kind, fault.detail), *own]


def _line(row: reports.Person | NewFault) -> Cell:
    return view.line_label(row) if row.part else row.line


def _dates(campaign: Campaign) -> Callable[[int | None], datetime | None]:
    def date(ms: int | None) -> datetime | None:
        return None if ms is None else i18n.local(campaign.timezone, ms).replace(tzinfo=None)

    return date


def _slug(name: str) -> str:
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    return re.sub(r"[^A-Za-z0-9]+", "-", plain).strip("-")[:60] or "campaign"
