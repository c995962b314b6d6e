"""`POST /campaigns`: a message comes in as it would by mail, and takes the same way.

In: a multipart form: `message` (a raw RFC 5322 file) or `subject`, `from`, `text`, `html` and `file`s; `liste`, `config`.
Large parts go to the disk as they come. Out: 202 once the mail is in the spool, fsynced; intake reads it within seconds, and
`GET /campaigns/ID` tells what became of it. The From must be a sender of the key's account. Logs mail_accepted.
"""

from __future__ import annotations

import asyncio
import hashlib
import secrets
import shutil
from base64 import b32encode
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from email.utils import format_datetime
from io import BytesIO
from pathlib import PurePath
from typing import BinaryIO

from starlette.datastructures import FormData, UploadFile
from starlette.responses import Response

from config.logging import log
from gateway.api.handlers.telling import at, links
from gateway.api.models.campaigns import Accepted
from gateway.api.models.common import when
from gateway.api.once import fingerprint, once, word
from gateway.api.operation import Call, Reply
from gateway.api.problems import Problem, one
from gateway.api.serving import written
from gateway.api.wrapping import Fields, Unfit, Upload, fields, head_of, raw
from gateway.intake.bell import ring
from gateway.intake.desk import Desk
from gateway.smtp.senders import Refusal, author, prove
from parsers.address import parse
from parsers.headers import read_fields
from store import submissions
from store.accounts import Login
from store.engine import now_ms
from store.spool import Envelope

WAIT = 600.0  # seconds in which a whole form must come
_FIELDS = ("message", "subject", "from", "text", "html", "liste", "config", "file")
_MANY = 50
_PART = 5_000_000  # bytes of a field that is no file
_STEP = 1 << 20


@dataclass(frozen=True, slots=True)
class Parts:
    """A form, sorted."""

    message: BinaryIO | None
    words: dict[str, str]
    beside: tuple[Upload, ...]  # the list and Config
    files: tuple[Upload, ...]


async def submit(call: Call) -> Response:
    """Take a message."""
    turn: asyncio.Semaphore = call.request.app.state.api_uploads
    if turn.locked():
        raise Problem(503, headers={"Retry-After": "5"})
    if not call.request.headers.get("content-type", "").lower().startswith("multipart/form-data"):
        raise Problem(415, expected="multipart/form-data", headers={"Accept": "multipart/form-data"})
    async with turn:
        async with asyncio.timeout(WAIT):
            form = await call.request.form(max_files=_MANY, max_fields=_MANY, max_part_size=_PART)
        try:
            parts = _sorted(call, form)
            content = await asyncio.to_thread(_digest, form)
            return await once(call, fingerprint(call, content), lambda: _taken(call, parts, content))
        finally:
            await form.close()


def _sorted(call: Call, form: FormData) -> Parts:
    words: dict[str, str] = {}
    uploads: dict[str, list[Upload]] = {}
    for name, value in form.multi_items():
        if name not in _FIELDS:
            raise one(422, "form_unknown", f"/{name[:50]}", call.locale, name=name[:50])
        if name != "file" and (name in words or name in uploads):
            raise one(422, "form_twice", f"/{name}", call.locale, name=name)
        if isinstance(value, UploadFile):
            kind = (value.content_type or "").partition(";")[0].strip().lower()
            uploads.setdefault(name, []).append(Upload(value.filename or "", kind, value.file))
        elif name in ("message", "liste", "config", "file"):
            uploads.setdefault(name, []).append(Upload("", "text/plain", BytesIO(value.encode("utf-8", "replace"))))
        else:
            words[name] = value
    for name in set(uploads) & {"subject", "from", "text", "html"}:
        words[name] = _word(call, name, uploads.pop(name)[0].file)
    message = uploads.pop("message", [None])[0]
    _complete(call, words, message, uploads)
    beside = [Upload(f"{stem}{_ending(one.name)}", one.content_type, one.file)
              for name, stem in (("liste", "LISTE"), ("config", "Config")) for one in uploads.get(name, ())]  # fmt: skip
    files = tuple(Upload(one.name or "file", one.content_type, one.file) for one in uploads.get("file", ()))
    return Parts(message.file if message else None, words, tuple(beside), files)


def _word(call: Call, name: str, file: BinaryIO) -> str:
    data = file.read(_PART + 1)
    if len(data) > _PART:
        raise Problem(413, most=_PART // 1_000_000)
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        raise one(422, "form_utf8", f"/{name}", call.locale, name=name) from error


def _complete(call: Call, words: dict[str, str], message: Upload | None, uploads: dict[str, list[Upload]]) -> None:
    if message is not None:
        extra = next((name for name in ("subject", "from", "text", "html") if name in words), None)
        if extra is not None or "file" in uploads:
            raise one(422, "form_both", f"/{extra or 'file'}", call.locale, name=extra or "file")
        return
    for name in ("from", "subject"):
        if not words.get(name, "").strip():
            raise one(422, "form_missing", f"/{name}", call.locale, name=name)
    if not (words.get("text") or words.get("html")):
        raise one(422, "form_missing", "/html", call.locale, name="html, text")
    if "liste" not in uploads:
        raise one(422, "form_missing", "/liste", call.locale, name="liste")


def _ending(name: str) -> str:
    """The ending of an uploaded list or Config, for people; its kind is told by its content."""
    ending = PurePath(name.replace("\\", "/")).suffix.lower()
    return ending if ending[1:].isascii() and ending[1:].isalnum() and len(ending) <= 6 else ".txt"


def _digest(form: FormData) -> bytes:
    found = []
    for name, value in form.multi_items():
        digest = hashlib.sha256(f"{name}\0{value.filename if isinstance(value, UploadFile) else ''}\0".encode())
        if isinstance(value, UploadFile):
            value.file.seek(0)
            while piece := value.file.read(_STEP):
                digest.update(piece)
            value.file.seek(0)
        else:
            digest.update(value.encode("utf-8", "replace"))
        found.append(digest.digest())
    return hashlib.sha256(b"".join(sorted(found))).digest()


async def _taken(call: Call, parts: Parts, content: bytes) -> Response:
    desk = call.ctx.desk
    assert desk is not None  # the web process has one
    submission_id = _id(call)
    message_id = f"<{submission_id}@{desk.domain}>"
    boundary = f"=_{content.hex()[:32]}"  # the same message is the same mail, byte for byte
    try:
        pieces, head = await asyncio.to_thread(_pieces, call, parts, boundary, message_id)
        sender = await _proved(call, head)
        return await _kept(call, desk, pieces, submission_id, sender)
    except Unfit as why:
        raise one(422, str(why), "/message", call.locale) from why


def _id(call: Call) -> str:
    """What the submission is called: made from the Idempotency-Key, where there is one, so that a second try is the same."""
    key = word(call)
    made = hashlib.sha256(f"{call.account.id} {key}".encode()).digest()[:16] if key else secrets.token_bytes(16)
    return "sub_" + b32encode(made).decode().rstrip("=").lower()


def _pieces(call: Call, parts: Parts, boundary: str, message_id: str) -> tuple[Iterator[bytes], bytes]:
    """The mail, and its header."""
    if parts.message is not None:
        return raw(parts.message, parts.beside, boundary, message_id), head_of(parts.message)
    found = parse(parts.words["from"])
    if len(found) != 1 or found[0].fault is not None:
        raise one(422, "sender", "/from", call.locale, address=parts.words["from"][:100])
    message = Fields(
        found[0].name,
        found[0].address,
        parts.words["subject"],
        parts.words.get("text") or None,
        parts.words.get("html") or None,
    )
    now = when(now_ms())
    date = format_datetime(now)
    files = (*parts.files, *parts.beside)
    made = fields(message, f"mail@{call.ctx.domain}", files, boundary, message_id, date)
    return made, f"From: <{found[0].address}>\r\n\r\n".encode()


async def _proved(call: Call, head: bytes) -> str:
    """SPEC 1: From must be a declared sender of the account; its address."""
    login = Login(call.account.id, f"key {call.caller.key.public}", "", "send")
    named, _ = await asyncio.to_thread(read_fields, head)
    async with call.ctx.db.read() as conn:
        found = await prove(conn, named, author(named) or "?", login, "key")
    if isinstance(found, Refusal):
        where = "/message" if len(named) > 1 else "/from"
        code = "automatic" if found.key == "automatic" else "sender"
        raise one(422, code, where, call.locale, address=found.address or "?")
    return found.address


async def _kept(call: Call, desk: Desk, pieces: Iterator[bytes], submission_id: str, sender: str) -> Response:
    smtp = desk.settings.smtp
    free = await asyncio.to_thread(lambda: shutil.disk_usage(desk.spool.folder).free)
    if free < smtp.min_free_disk + smtp.max_message:
        raise Problem(503, headers={"Retry-After": "60"})
    now = now_ms()
    async with call.ctx.db.write() as conn:
        await submissions.begin(conn, submission_id, call.account.id, now)
        known = await submissions.get(conn, call.account.id, submission_id)
    assert known is not None  # just begun
    if known.campaign_id is None and known.refused is None:
        peer = call.request.client.host if call.request.client else ""
        envelope = Envelope(
            "campaign",
            sender,
            (f"mail@{desk.domain}",),
            peer,
            "api",
            now,
            call.account.id,
            None,
            None,
            "key",
            submission_id,
        )
        counted = _bounded(pieces, smtp.max_message)
        ref = await asyncio.to_thread(desk.spool.put_pieces, envelope, counted)
        await asyncio.to_thread(ring, desk.spool.folder)
        log("mail_accepted", ref=ref, kind="campaign", listener="api", peer=peer, account=call.account.id, proof="key")
    made = links(call, submission_id, None)
    return written(
        Reply(Accepted(id=submission_id, links=made), 202, {"Location": at(call, f"/campaigns/{submission_id}")})
    )


def _bounded(pieces: Iterable[bytes], most: int) -> Iterator[bytes]:
    size = 0
    for piece in pieces:
        size += len(piece)
        if size > most:
            raise Problem(413, most=most // 1_000_000)
        yield piece
