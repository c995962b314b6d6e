"""A file that somebody brings into a register: read by the reading process, as every list.

In: a request of somebody who is logged in, whose form holds one file. Out: the lines in chunks, each with the columns; a
`Refusal` for what cannot be read. What is wrong with single lines is told beside them. Raises what the gate and the guard
raise.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from starlette.datastructures import FormData
from starlette.exceptions import HTTPException
from starlette.requests import Request

from gateway.i18n import has, text
from gateway.reading.readers import Unread
from gateway.web import context, guard
from gateway.web.extranet.gate import Session
from parsers.columns import canonical

SHOWN = 100  # bad lines on the page
GUARDED = ("'=", "'+", "'-")  # what our own export writes before an address that a spreadsheet would compute


@dataclass(frozen=True, slots=True)
class Bad:
    """A line that was not taken."""

    line: str
    address: str
    why: str


@dataclass(slots=True)
class Brought:
    """What became of a file."""

    name: str = ""
    refused: str = ""  # why nothing of it could be read
    added: int = 0
    known: int = 0
    bad: int = 0
    faults: list[Bad] = field(default_factory=list)

    def wrong(self, faults: Sequence[Bad]) -> None:
        """Count bad lines; the first few are shown."""
        self.bad += len(faults)
        self.faults += faults[: SHOWN - len(self.faults)]


async def form(request: Request, session: Session, what: str) -> tuple[FormData, tuple[str, bytes] | None]:
    """The fields of a form of ours and its file; 403 when the form is not ours."""
    sent, file = await guard.upload(request, "file", guard.LIST)
    if not guard.ours(request, sent, session.word, what, context.of(request).url):
        raise HTTPException(403)
    return sent, file


async def lines(
    request: Request, data: bytes, brought: Brought, locale: str
) -> AsyncIterator[tuple[Sequence[str], Sequence[dict[str, Any]]]]:
    """The columns and the lines of a file, a chunk at a time; `brought.refused` says why there are none."""
    desk = context.of(request).desk
    if desk is None:
        raise HTTPException(503)
    path = desk.spool.folder / "tmp" / f"list-{secrets.token_hex(8)}"
    asked = {"do": "list", "path": str(path), "max_lines": desk.settings.limits.list_lines}
    columns: Sequence[str] = ()
    try:
        await asyncio.to_thread(path.write_bytes, b"\n" + data)  # the reading process skips a first line
        async with contextlib.aclosing(desk.readers.ask(asked, len(data))) as answers:  # type: ignore[type-var]
            async for answer in answers:
                if answer["kind"] == "lines":
                    yield columns, answer["lines"]
                elif answer["refused"]:
                    brought.refused = unreadable(locale, answer["refused"], str(answer.get("detail", "")))
                else:
                    columns = answer["columns"]
    except Unread:
        brought.refused = text(locale, "registers.unreadable")
    finally:
        await asyncio.to_thread(path.unlink, missing_ok=True)


def unreadable(locale: str, reason: str, detail: str) -> str:
    """Why a file cannot be read."""
    key = f"unreadable.{reason}"
    return text(locale, key, detail=detail) if has(locale, key) else text(locale, "registers.unreadable")


def fault(locale: str, line: dict[str, Any]) -> Bad:
    """A line whose address is no good."""
    key = f"fault.{line['fault']}"
    why = text(locale, key, detail="") if has(locale, key) else line["fault"]
    return Bad(str(line["line"]), line["address"][:100], why)


def place(columns: Sequence[str], names: Sequence[str]) -> int | None:
    """The column that bears one of these names."""
    return next((at for at, name in enumerate(columns) if canonical(name) in names), None)


def value(line: dict[str, Any], at: int | None) -> str:
    """The cell of a line, without blanks around it."""
    values = line["values"]
    return "" if at is None or at >= len(values) else str(values[at]).strip()


def address(line: dict[str, Any]) -> str:
    """The address of a line, without what our own export wrote before it."""
    said = str(line["address"])
    return said[1:] if said.startswith(GUARDED) else said


def doubt(locale: str, line: dict[str, Any], key: str) -> Bad:
    """A line that says something which is not understood."""
    return Bad(str(line["line"]), line["address"][:100], text(locale, key))
