"""What the endpoints of webhooks answered lately, so that whoever looks after one sees how it fares.

In: an open connection, a webhook's id, answers. Out: the same, newest first. The last KEPT of a webhook are kept; none holds
anything of what was told. Raises only what the database raises.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass

from sqlalchemy import delete, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from store.tables_hooks import hook_answers, webhooks

KEPT = 30
TEST = "test"  # the word of a request that tells no event


@dataclass(frozen=True, slots=True)
class Answer:
    """One request: when (UTC ms) and how long (ms), HTTP's status or why there was none, what was told."""

    at: int
    took: int
    status: int | None
    why: str
    word: str
    events: int

    @property
    def good(self) -> bool:
        """Whether the endpoint took it."""
        return self.status is not None and 200 <= self.status < 300


async def note(conn: AsyncConnection, webhook_id: int, some: Sequence[Answer]) -> None:
    """Remember answers, oldest first, and forget those that are too many; nothing for a webhook that is gone meanwhile."""
    there = select(webhooks.c.id).where(webhooks.c.id == webhook_id)
    if not some or await conn.scalar(there) is None:
        return
    await conn.execute(insert(hook_answers), [{"webhook_id": webhook_id, **asdict(one)} for one in some])
    mine = hook_answers.c.webhook_id == webhook_id
    last = select(hook_answers.c.id).where(mine).order_by(hook_answers.c.id.desc()).offset(KEPT).limit(1)
    await conn.execute(delete(hook_answers).where(mine, hook_answers.c.id <= last.scalar_subquery()))


async def last(conn: AsyncConnection, webhook_id: int) -> list[Answer]:
    """What is remembered of a webhook, the newest first."""
    query = select(hook_answers).where(hook_answers.c.webhook_id == webhook_id).order_by(hook_answers.c.id.desc())
    return [Answer(*(row._mapping[name] for name in Answer.__slots__)) for row in await conn.execute(query)]
