"""Files to download: the page behind a link in a mail, and the file itself.

In: `GET|HEAD /f/TOKEN` (name, size, a button) and `GET|HEAD /f/TOKEN/file`. The token names a campaign and the number of
a file, or a recipient and the place of a file in their own PJ cell: who gets what is looked up at every request, so no
token ever leads to another person's document. Out: the bytes as they were attached, as a download and never as a page
(attachment, nosniff, sandbox, no cookie), whole or one range of it (RFC 9110 section 14). Unknown tokens give 404, files
that were taken off 410. A reader who takes nothing for TAKE seconds is let go; AT_ONCE at a time, then 503.
"""

from __future__ import annotations

import asyncio
import re
import unicodedata
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from gateway.i18n import day
from gateway.web import context
from gateway.web.context import Context
from gateway.web.pages import page, problem
from mail.download import kind
from parsers.documents import shelf
from parsers.executables import named_so
from parsers.tokens import Purpose, verify
from store import campaigns, files, reports
from store.engine import Database, now_ms
from store.files import PIECE, File
from store.values import Campaign, CampaignState

AT_ONCE = 100  # downloads under way; each holds one piece in memory
READ = 5.0  # seconds to wait for the database
TAKE = 60.0  # seconds in which a reader must take a piece
POLICY = "default-src 'none'; sandbox; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
_RANGE = re.compile(r"bytes=([0-9]{0,15})-([0-9]{0,15})")
# kinds that phones show at once; everything else is only bytes to us
_TYPES = {
    "PDF": "application/pdf", "PNG": "image/png", "JPG": "image/jpeg", "JPEG": "image/jpeg", "GIF": "image/gif",
    "WEBP": "image/webp", "ZIP": "application/zip", "DOC": "application/msword", "XLS": "application/vnd.ms-excel",
    "DOCX": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "XLSX": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", "PPT": "application/vnd.ms-powerpoint",
    "PPTX": "application/vnd.openxmlformats-officedocument.presentationml.presentation",
    "MP3": "audio/mpeg", "MP4": "video/mp4",
    "ODT": "application/vnd.oasis.opendocument.text", "ODS": "application/vnd.oasis.opendocument.spreadsheet",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Lost:
    """Why there is no file: the status and the words of its page."""

    status: int
    key: str = ""


async def show(request: Request) -> Response:
    """Show what there is to download."""
    ctx = context.of(request)
    campaign, file = await _find(ctx, request)
    if isinstance(file, Lost) or campaign is None:
        return _lost(request, campaign, file)
    ending, _ = kind(file.name)
    values: dict[str, Any] = {
        "file": file,
        "ending": ending,
        "until": day(_locale(request, campaign), campaign.timezone, _end(campaign, file) or now_ms() + file.keep),
        "sender": campaign.from_name or campaign.from_address,
        "href": f"/f/{request.path_params['token']}/file",
    }
    return page("file.html", _locale(request, campaign), **values)


async def send(request: Request) -> Response:
    """Hand out the file, or the range of it that was asked for."""
    ctx = context.of(request)
    campaign, file = await _find(ctx, request)
    if isinstance(file, Lost) or campaign is None:
        return _lost(request, campaign, file)
    turn: asyncio.Semaphore = request.app.state.downloads
    if turn.locked():
        return problem(_locale(request, campaign), 503)
    etag = f'"{file.sha256.hex()}"'
    headers = {
        "Content-Disposition": disposition(file.name),
        "Content-Security-Policy": POLICY,
        "Accept-Ranges": "bytes",
        "ETag": etag,
    }
    asked = request.headers.get("range", "") if request.headers.get("if-range", etag) == etag else ""
    span = wanted(asked, file.size)
    if span is None:
        return Response(status_code=416, headers={"Content-Range": f"bytes */{file.size}"})
    first, last = span
    if partial := (first, last) != (0, file.size):
        headers["Content-Range"] = f"bytes {first}-{last - 1}/{file.size}"
    headers["Content-Length"] = str(last - first)
    media = _TYPES.get(kind(file.name)[0], "application/octet-stream")
    return Download(ctx.db, turn, file.id, first, last, 206 if partial else 200, headers, media)


class Download(Response):
    """A span of a file, piece by piece as the reader takes them."""

    def __init__(
        self, db: Database, turn: asyncio.Semaphore, file_id: int, first: int, last: int, status: int,
        headers: dict[str, str], media_type: str,
    ) -> None:  # fmt: skip
        super().__init__(None, status, headers, media_type)
        self.db, self.turn, self.file_id, self.first, self.last = db, turn, file_id, first, last

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it; what cannot be read or is not taken in time ends the connection, so that a part is never a whole."""
        request = Request(scope, receive)
        async with self.turn:
            await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
            at = self.first if scope["method"] != "HEAD" else self.last
            while at < self.last:
                async with asyncio.timeout(READ), self.db.read() as conn:
                    data = await files.piece(conn, self.file_id, at // PIECE)
                if data is None or await request.is_disconnected():
                    return
                body = data[at % PIECE : at % PIECE + self.last - at]
                async with asyncio.timeout(TAKE):
                    await send({"type": "http.response.body", "body": body, "more_body": True})
                at += len(body)
            await send({"type": "http.response.body", "body": b""})


def wanted(asked: str, size: int) -> tuple[int, int] | None:
    """The span [first, last) of a Range header; the whole for what is no single range of bytes, None for one beyond it."""
    found = _RANGE.fullmatch(asked.strip())
    if found is None or not (found[1] or found[2]):
        return 0, size
    if not found[1]:
        return (max(0, size - int(found[2])), size) if int(found[2]) and size else None
    first, last = int(found[1]), min(int(found[2]) + 1, size) if found[2] else size
    if found[2] and int(found[2]) < first:
        return 0, size  # RFC 9110 section 14.1.1: invalid, to be ignored
    return (first, last) if first < size else None


def disposition(name: str) -> str:
    """The header that makes a download of a file (RFC 6266): its name for all browsers, with nothing that could mislead."""
    shown = "".join(char for char in name if unicodedata.category(char) not in ("Cf", "Cc", "Cs", "Zl", "Zp"))
    plain = unicodedata.normalize("NFKD", shown).encode("ascii", "ignore").decode()
    plain = re.sub(r"[^A-Za-z0-9 ._()+-]", "_", plain).strip(" .") or "download"
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(shown, safe='')}"


async def _find(ctx: Context, request: Request) -> tuple[Campaign | None, File | Lost]:
    token = request.path_params["token"]
    shared = verify(ctx.keyring, Purpose.FILE, token)
    own = verify(ctx.keyring, Purpose.DOCUMENT, token)
    if shared is None and own is None:
        return None, Lost(404)
    gone = Lost(410, "file.gone")
    try:
        async with asyncio.timeout(READ), ctx.db.read() as conn:
            person = await reports.person(conn, own[0]) if own else None
            if own and person is None:
                return None, gone  # erased; the token was ours
            campaign_id = person.campaign_id if person else shared[0] if shared else 0
            campaign = await campaigns.get(conn, campaign_id)
            known = await files.of_campaign(conn, campaign_id)
    except TimeoutError:
        return None, Lost(503)
    if campaign is None or campaign.state is CampaignState.LOADING:
        return None, Lost(404)
    number = _own(campaign, known, person, own[1]) if own and person else shared[1] if shared else None
    file = next((one for one in known if one.number == number), None)
    end = _end(campaign, file) if file else None
    if file is None or campaign.erased_at is not None or (end is not None and end <= now_ms()):
        return campaign, gone
    return campaign, Lost(403, "file.refused") if named_so(file.name) else file


def _own(campaign: Campaign, known: list[File], person: reports.Person, at: int) -> int | None:
    """The number of the file at a place of one person's cell."""
    column = campaign.options.get("documents")
    if column is None or column >= len(person.fields):
        return None
    found = shelf([file.name for file in known]).find(person.fields[column]).files
    return known[found[at]].number if at < len(found) else None


def _end(campaign: Campaign, file: File) -> int | None:
    """When a file is taken off; None while its campaign is not over."""
    return None if campaign.finished_at is None else campaign.finished_at + file.keep


def _locale(request: Request, campaign: Campaign) -> str:
    # the mail's own language, unless the reader asks: it is the language in which the person was written to
    return context.language(request, campaign.locale) if "lang" in request.query_params else campaign.locale


def _lost(request: Request, campaign: Campaign | None, why: File | Lost) -> Response:
    locale = _locale(request, campaign) if campaign else context.language(request, context.of(request).locale)
    return problem(locale, why.status, why.key) if isinstance(why, Lost) else problem(locale, 404)
