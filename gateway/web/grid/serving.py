"""How a request comes to the table's values, for every page that shows it.

In: a request whose campaign was found, and an open connection. Out: the `Query`, what was `Seen`, and the template's values.
Raises what the database raises; logs nothing.
"""

from __future__ import annotations

import asyncio
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import replace
from typing import Any

from starlette.requests import Request

from gateway.web import access, context, guard
from gateway.web.grid import asked, listing, looking, remembered
from gateway.web.grid.asked import Query
from gateway.web.grid.looking import Seen
from store.values import Campaign, Ledger


def turn(request: Request) -> AbstractAsyncContextManager[None]:
    """Waited for before a connection is taken: searches in a queue must not hold those that clicks need."""
    heavy: asyncio.Semaphore = request.app.state.heavy
    return heavy if asked.is_heavy(request.query_params) else nullcontext()


def query(request: Request, campaign: Campaign) -> Query:
    """What is asked for."""
    return asked.read(access.base(request), campaign, request.query_params.multi_items())


async def see(request: Request, conn: Any, campaign: Campaign, ledger: Ledger) -> tuple[Query, Seen]:
    """What is asked for, and what there is of it."""
    wanted = query(request, campaign)
    seen = await looking.see(conn, campaign.id, ledger, wanted, request.app.state.sorter)
    return wanted, replace(seen, remembered=await remembered.of(request, conn))


def values(request: Request, campaign: Campaign, ledger: Ledger, wanted: Query, seen: Seen) -> dict[str, Any]:
    """What the table is drawn from."""
    found = listing.values(campaign, ledger, wanted, seen, context.language(request, campaign.locale))
    secret = access.of(request).secret
    return found | {
        "export_proof": guard.proof(secret, "exports"),
        "memory_proof": guard.proof(secret, remembered.FORM),
    }
