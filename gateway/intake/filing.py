"""The attachments of a campaign that sends links, from the reading process into the store: once a campaign.

In: the summary of a mail, which announces them, and the answers that follow it: their pieces come before the lines. Out:
rows of store.files, a piece a transaction, so that a big file keeps no sender from writing. Raises what the database and
the reading process raise.
"""

from __future__ import annotations

from base64 import b64decode
from collections.abc import AsyncIterator, Mapping
from typing import Any

from gateway.intake.desk import Desk
from store import files

DAY = 86_400_000

Answer = dict[str, Any]


async def store(
    desk: Desk, campaign_id: int, summary: Mapping[str, Any], answers: AsyncIterator[Answer], keep_days: int
) -> None:
    """Write the announced files of a campaign that is being loaded; leaves the answers at the first lines."""
    known = summary.get("files", ())
    ids: list[int] = []
    if known:
        async with desk.database.write() as conn:
            for number, file in enumerate(known):
                digest = bytes.fromhex(file["sha256"])
                ids.append(
                    await files.add(conn, campaign_id, number, file["name"], file["size"], digest, keep_days * DAY)
                )
    following = [0] * len(ids)
    for _ in range(summary.get("pieces", 0)):
        answer = await anext(answers)
        number = answer["file"]
        async with desk.database.write() as conn:
            following[number] = await files.append(conn, ids[number], following[number], b64decode(answer["data"]))
