"""The gateway's end of LISTE_corrigee.xlsx: where the lines of a mail wait, and the workbook made of them (SPEC 2).

In: the reference of a mail whose lines were kept while it was loaded. Out: the file and the sentence that presents it; a
workbook that cannot be made is said, not fatal. The reading process writes it (gateway.corrected). Logs failed.
"""

from __future__ import annotations

import asyncio
import contextlib
from pathlib import Path

from config.logging import log
from gateway.i18n import text
from gateway.intake.corrected import ALL_LINES, NAME
from gateway.intake.desk import Desk
from gateway.letters import notice
from gateway.reading.readers import Unread
from mail.system import File

MAX_FILE = 15_000_000  # bytes of a workbook that most mail servers still take


def copy_of(desk: Desk, ref: str) -> Path:
    """Where the lines of a mail are kept until its acknowledgement is written; swept after a crash."""
    return desk.spool.folder / "tmp" / f"{ref}.lines"


async def corrected(
    desk: Desk, ref: str, locale: str, columns: tuple[str, ...], lines: int, good: int
) -> tuple[File | None, str]:
    """LISTE_corrigee.xlsx with the sentence that presents it; nothing when no line had a fault."""
    copy, out = copy_of(desk, ref), copy_of(desk, ref).with_suffix(".xlsx")
    try:
        if lines == good or not copy.exists():
            return None, ""
        request = {
            "do": "corrected",
            "path": str(copy),
            "out": str(out),
            "columns": columns,
            "only_faults": lines > ALL_LINES,
            "line_title": text(locale, "ack.line"),
            "fault_title": text(locale, "ack.fault"),
        }
        async with contextlib.aclosing(desk.readers.ask(request, copy.stat().st_size)) as answers:  # type: ignore[type-var]
            async for _ in answers:
                pass
        data = await asyncio.to_thread(out.read_bytes)
        if len(data) > MAX_FILE:
            return None, text(locale, "ack.corrected_missing")
        key = "ack.corrected_only" if lines > ALL_LINES else "ack.corrected"
        return File(NAME, notice.XLSX, data), text(locale, key, file=NAME)
    except (Unread, OSError) as error:
        log("failed", what="corrected", error=error)
        return None, text(locale, "ack.corrected_missing")
    finally:
        copy.unlink(missing_ok=True)
        out.unlink(missing_ok=True)
