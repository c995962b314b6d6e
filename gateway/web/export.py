"""The report as a file: every recipient (or those of the view), and the lines that were not sent.

In: `GET /r/TOKEN/export.xlsx|csv` with a view's words (what is shown, in its order, with its columns), `GET
/r/TOKEN/lines.xlsx|csv`. Out: a download that starts at once and is made as it is sent, a chunk at a time, so that memory
stays flat and the pages stay quick for a million lines; two at a time, a third gets 503. Logs export_written.
"""

from __future__ import annotations

import asyncio
import re
import unicodedata
from collections.abc import AsyncIterator, Sequence

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from config.logging import log
from gateway import i18n
from gateway.figures import columns, exporting
from gateway.figures.exporting import CHUNK, Rows
from gateway.intake.loading import sentence
from gateway.sheet import Cell, Csv, Writer, Xlsx
from gateway.web import context, view
from gateway.web.context import Context
from gateway.web.grid import serving
from gateway.web.pages import problem
from gateway.web.report import find
from store import campaigns
from store.values import Campaign, NewFault


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
    rows = exporting.people(ctx.db, campaign, asked.view, chosen)
    return await _download(request, campaign, kind, "export", [one.title for one in chosen], rows)


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
    if kind not in ("xlsx", "csv"):
        raise HTTPException(404)
    return kind


async def _download(
    request: Request, campaign: Campaign, kind: str, what: str, header: Sequence[str], rows: Rows
) -> Response:
    turn: asyncio.Semaphore = request.app.state.exports
    if turn.locked():
        raise HTTPException(503)
    writer: Writer = Xlsx(campaign.name) if kind == "xlsx" else Csv()
    name = f"{_slug(campaign.name)}-{what}.{kind}"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
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
            yield piece
        yield writer.finish()
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


def _slug(name: str) -> str:
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    return re.sub(r"[^A-Za-z0-9]+", "-", plain).strip("-")[:60] or "campaign"
