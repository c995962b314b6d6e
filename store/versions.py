"""Which version the tables have, and which one this program wants.

In: a connection. Out: both, as the migrations are numbered: their files follow each other. Raises what the database raises,
also for one that has no tables yet.
"""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

MIGRATIONS = Path(__file__).parent / "migrations"


async def heads(conn: AsyncConnection) -> tuple[str, str]:
    """The version of the tables, and the newest one that this program knows."""
    newest = max(path.stem.partition("_")[0] for path in (MIGRATIONS / "versions").glob("[0-9]*.py"))
    return str(await conn.scalar(text("SELECT version_num FROM alembic_version")) or ""), newest
