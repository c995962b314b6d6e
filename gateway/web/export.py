"""The report as a file: every recipient (or those of the view), and the lines that were not sent.

In: `GET /r/TOKEN/export.xlsx|xls|csv` with a view's words (what is shown, in its order, with its columns), `GET
/r/TOKEN/lines.xlsx|xls|csv`. Out: a download that is made as it is sent, a chunk at a time, so that memory stays flat and the
pages stay quick for a million lines (a .xls waits in temporary files first); two at a time, a third gets 503, and more than a
.xls can hold 422. Logs export_written.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from config.logging import log
from gateway import i18n, sheet_xls
from gateway.figures import columns, exporting
from gateway.figures.exporting import CHUNK, Rows
from gateway.intake.loading import sentence
from gateway.sheet import Cell, Writer
from gateway.web import context, view
from gateway.web.context import Context
from gateway.web.exports import files
from gateway.web.grid import serving
from gateway.web.grid.asked import Query
from gateway.web.pages import problem
from gateway.web.report import find
from store import campaigns, grid
from store.values import Campaign, NewFault

COUNTED = 5_000  # recipients counted at once


async def recipients(request: Request) -> Response:
    """The recipients of the view with the columns that it names; without any, all that is known of each."""
    ctx, kind = context.of(request), _kind(request)
    async with ctx.db.read() as conn:
        campaign = await find(request, conn)
    locale = context.language(request, campaign.locale)
    asked = serving.query(request, campaign)
    if asked.fault:
        return problem(locale, 400, "filter.fault")
    chosen = columns.chosen(campaign, locale, asked.columns or columns.whole(campaign))
    if kind == "xls" and (why := await _too_much(ctx, campaign, asked, len(chosen))):
        return problem(locale, 422, f"export.{why}")
    rows = exporting.people(ctx.db, campaign, asked.view, chosen)
    return await _download(request, campaign, kind, "export", [one.title for one in chosen], rows)


async def _too_much(ctx: Context, campaign: Campaign, asked: Query, width: int) -> str:
    """Why this view does not fit a .xls; a filter is counted through, for the answer must be known before it begins."""
    if campaign.recipients <= sheet_xls.MOST:
        return files.fits("xls", 0, width)
    rows, after = 0, None
    while rows <= sheet_xls.MOST:
        page = await grid.listed(ctx.db, campaign.id, asked.view, COUNTED, after)
        rows, after = rows + len(page.rows), page.next
        if after is None:
            break
    return files.fits("xls", rows, width)


async def lines(request: Request) -> Response:
    """The lines that are no recipients, with their reasons."""
    ctx, kind = context.of(request), _kind(request)
    async with ctx.db.read() as conn:
        campaign = await find(request, conn)
    locale = context.language(request, campaign.locale)
    header = [i18n.text(locale, f"faults.{key}") for key in ("line", "address", "reason")]
    header += [campaign.columns[i] for i in columns.own(campaign)]
    return await _download(request, campaign, kind, "lines", header, _faults(ctx, campaign, locale))


def _kind(request: Request) -> str:
    kind = str(request.path_params["kind"])
    if kind not in files.KINDS:
        raise HTTPException(404)
    return kind


async def _download(
    request: Request, campaign: Campaign, kind: str, what: str, header: Sequence[str], rows: Rows
) -> Response:
    turn: asyncio.Semaphore = request.app.state.exports
    if turn.locked():
        raise HTTPException(503)
    writer = files.writer(kind, campaign.name)
    headers = {"Content-Disposition": f'attachment; filename="{files.name(campaign, what, kind)}"'}
    return StreamingResponse(_file(turn, campaign, writer, header, rows), 200, headers, writer.media_type)


async def _file(
    turn: asyncio.Semaphore, campaign: Campaign, writer: Writer, header: Sequence[str], rows: Rows
) -> AsyncIterator[bytes]:
    count = size = 0
    async with turn:  # taken here and not before: a reader who leaves at once never holds it
        yield writer.start(header)
        async for chunk in rows:
            piece = await asyncio.to_thread(writer.rows, chunk)
            count, size = count + len(chunk), size + len(piece)
            if piece:
                yield piece
        for piece in files.ending(writer):
            size += len(piece)
            yield piece
    log("export_written", campaign=campaign.id, rows=count, bytes=size)


async def _faults(ctx: Context, campaign: Campaign, locale: str) -> Rows:
    async with ctx.db.read() as conn:
        faults = await campaigns.faults_of(conn, campaign.id)
    for start in range(0, len(faults), CHUNK):
        yield [_fault(campaign, locale, fault) for fault in faults[start : start + CHUNK]]


def _fault(campaign: Campaign, locale: str, fault: NewFault) -> list[Cell]:
    own = [fault.values[i] if i < len(fault.values) else "" for i in columns.own(campaign)]
    return [_line(fault), fault.address, sentence(locale, campaign.timezone, fault.kind, fault.detail), *own]


def _line(row: NewFault) -> Cell:
    return view.line_label(row) if row.part else row.line
