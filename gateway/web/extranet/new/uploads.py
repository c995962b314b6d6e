"""Files of a new campaign on their way to the disk: bounded, a few forms at once, while there is room.

In: requests with multipart forms. Out: their fields and files; what is known of a file that was kept. Raises
HTTPException 403 for a form that is not ours, 408, 413 and 503. Logs nothing.
"""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from starlette.datastructures import FormData, UploadFile
from starlette.exceptions import HTTPException
from starlette.requests import Request

from gateway.api.wrapping import Unfit, head_of
from gateway.intake.desk import Desk
from gateway.web import context, guard
from gateway.web.extranet.gate import Session
from gateway.web.extranet.new.shelf import Shelf
from parsers.headers import first, read_fields, text

WAIT = 600.0  # seconds in which a whole form must come
FILES, PART = 30, 5_000_000
AT_ONCE = 4


@asynccontextmanager
async def uploaded(request: Request, session: Session) -> AsyncIterator[FormData]:
    """The fields and files of a form of ours; a few of them come at once."""
    turn: asyncio.Semaphore = request.app.state.uploads
    if turn.locked():
        raise HTTPException(503)
    async with turn:
        try:
            async with asyncio.timeout(WAIT):
                form = await request.form(max_files=FILES, max_fields=60, max_part_size=PART)
        except TimeoutError as error:
            raise HTTPException(408) from error
        try:
            if not guard.ours(request, form, session.word, "new", context.of(request).url):
                raise HTTPException(403)
            yield form
        finally:
            await form.close()


def desk_of(request: Request) -> Desk:
    """The desk of the web process; 503 where there is none."""
    desk = context.of(request).desk
    if desk is None:
        raise HTTPException(503)
    return desk


def shelf_of(request: Request, number: int) -> Shelf:
    """Where the files of a draft lie."""
    return Shelf(desk_of(request).settings.gateway.data_dir, number)


async def kept(request: Request, shelf: Shelf, fields: dict[str, Any], upload: UploadFile) -> dict[str, Any]:
    """Put an upload on the shelf, within the bound of a whole message and while the disk has room."""
    smtp = desk_of(request).settings.smtp
    sizes = [one["size"] for one in (*fields.get("files", ()), fields.get("eml"), fields.get("liste")) if one]
    size = upload.size or 0
    if sum(sizes) + size > smtp.max_message:
        raise HTTPException(413)
    free = await asyncio.to_thread(lambda: shutil.disk_usage(desk_of(request).settings.gateway.data_dir).free)
    if free < smtp.min_free_disk + 3 * size:
        raise HTTPException(503)
    return await asyncio.to_thread(shelf.put, upload.file, upload.filename or "", upload.content_type or "")


async def message(request: Request, shelf: Shelf, fields: dict[str, Any], upload: UploadFile) -> str:
    """Keep an uploaded message; returns what is wrong with it."""
    try:
        head = await asyncio.to_thread(head_of, upload.file)
    except Unfit:
        return "eml"
    if fields.get("eml"):
        await asyncio.to_thread(shelf.drop, fields["eml"])
    fields["eml"] = await kept(request, shelf, fields | {"eml": None}, upload)
    fields["eml_subject"] = text(first(read_fields(head)[0], "subject"))[:500]
    fields["source"] = "eml"
    return ""
