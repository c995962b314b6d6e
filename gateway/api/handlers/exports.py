"""Files of a campaign's recipients: asked for, followed, fetched.

In: checked calls. Out: documents that tell how far a file is, and the file. The maker of the report's exports makes them, in
the background, with headings in the caller's language. Raises Problem.
"""

from __future__ import annotations

from typing import Any

from starlette.responses import FileResponse

from gateway import i18n
from gateway.api.handlers.campaigns import find
from gateway.api.handlers.recipients import query_of
from gateway.api.handlers.telling import at
from gateway.api.models.common import when
from gateway.api.models.recipients import ExportDocument, ExportQuery
from gateway.api.operation import Call, Reply
from gateway.api.problems import Problem, one
from gateway.figures import columns
from gateway.web.exports import asking, files
from gateway.web.exports.maker import Maker
from store import exports
from store.exports import Export, State
from store.values import Campaign

_AGAIN = "2"  # seconds


async def ask(call: Call) -> Reply:
    """Have a file made."""
    asked: ExportQuery = call.query
    maker, kind = _maker(call), call.path["kind"]
    async with call.ctx.db.read() as conn:
        campaign = await find(conn, call)
    strange = [key for key in asked.cols if key not in columns.everything(campaign, i18n.DEFAULT)]
    if strange:
        raise one(422, "column", "?cols", call.locale, name=strange[0])
    number = await asking.ask(call.ctx.db, campaign, kind, query_of(call, campaign, asked), call.locale)
    if number == "many":
        raise Problem(429, "exports", headers={"Retry-After": "60"})
    if isinstance(number, str):
        raise Problem(422, "export_rows" if number == "rows" else "export_columns")
    maker.wake()
    return await _told(call, campaign, number, 202)


async def show(call: Call) -> Reply:
    """How far it is."""
    async with call.ctx.db.read() as conn:
        campaign = await find(conn, call)
    return await _told(call, campaign, int(call.path["export"]), 200)


async def send(call: Call) -> FileResponse:
    """The file."""
    async with call.ctx.db.read() as conn:
        campaign = await find(conn, call)
    export, maker = await _known(call, campaign, int(call.path["export"])), _maker(call)
    if export.state is not State.READY or not maker.path(export).is_file():
        raise Problem(409, "export_state", state=export.state.value)
    name = files.name(campaign, "export", export.kind)
    return FileResponse(maker.path(export), media_type=files.MEDIA[export.kind], filename=name)


def _maker(call: Call) -> Maker:
    maker: Maker | None = call.request.app.state.maker
    if maker is None:
        raise Problem(503, headers={"Retry-After": "600"})
    return maker


async def _known(call: Call, campaign: Campaign, number: int) -> Export:
    async with call.ctx.db.read() as conn:
        found = await exports.get(conn, number)
    if found is None or found.campaign_id != campaign.id:
        raise Problem(404)
    return found


async def _told(call: Call, campaign: Campaign, number: int, status: int) -> Reply:
    export = await _known(call, campaign, number)
    url = at(call, f"/campaigns/{campaign.id}/exports/{export.id}")
    ready, failed = export.state is State.READY, export.state is State.FAILED
    state: Any = export.state.value
    document = ExportDocument(
        id=export.id,
        kind=export.kind,
        state=state,
        why=i18n.text(call.locale, f"export.why_{export.why}") if failed else "",
        rows=export.rows,
        total=export.total or None,
        size=export.size,
        created_at=when(export.created_at),
        finished_at=when(export.finished_at),
        url=url,
        file=f"{url}/file" if ready else None,
    )
    headers = {} if ready or failed else {"Retry-After": _AGAIN}
    return Reply(document, status, headers | ({"Location": url} if status == 202 else {}))
