"""Complaint rates by provider, kept up as mails are delivered and complaints come in.

In: the desk. Out: counters (store.complaints), a bounded step a turn; reading and naming hosts leave the write transaction
short. Raises what the database raises.
"""

from __future__ import annotations

from gateway.intake.desk import Desk
from gateway.intake.destinations import watch
from store import complaints
from store.engine import now_ms

STEPS = 20  # chunks of the histories a turn


async def count(desk: Desk) -> None:
    """Count what happened since the last turn."""
    providers = watch(desk.settings.providers_file).current()
    for _ in range(STEPS):
        async with desk.database.read() as conn:
            news, last, more = await complaints.unread(conn, now_ms())
        if not more:
            return
        names = {host: providers.of([host]) for host in {one.host for one in news} if host}
        keys = {host: provider.key if provider.mx else "" for host, provider in names.items()}
        async with desk.database.write() as conn:
            await complaints.count(conn, news, keys, last)
