"""Whether an export can be made, and putting it into the line: the one way for the report's form and for the API.

In: the database, a campaign, a kind and a `Query`. Out: the number of the export, which is the known one where the same is
under way; or a word that says why not: `rows`, `columns` (the kind cannot hold them), `many` (too many wait). Raises what the
database raises. Logs export_asked.
"""

from __future__ import annotations

from urllib.parse import urlencode

from config.logging import log
from gateway.figures import columns, stats
from gateway.web.exports import files
from gateway.web.grid.asked import Query
from store import campaigns, exports
from store.engine import Database, now_ms
from store.values import Campaign

NOTIFIED = 50_000  # recipients from which on the author is written to


async def ask(
    db: Database, campaign: Campaign, kind: str, query: Query, locale: str, may_notify: bool = False
) -> int | str:
    """Have a file made of what a query shows."""
    async with db.read() as conn:
        ledger = await campaigns.ledger(conn, campaign.id)
    known = sum(tab.count for tab in stats.tabs(ledger) if tab.key == query.tab) if ledger else 0
    if why := files.fits(kind, 0 if query.narrowed else known, len(query.columns or columns.whole(campaign))):
        return why
    total, notify = 0 if query.narrowed else known, may_notify and known >= NOTIFIED
    async with db.write() as conn:
        words = urlencode(query.words(lang=""))
        number = await exports.add(conn, campaign.id, kind, words, locale, total, notify, now_ms())
    if number is None:
        return "many"
    log("export_asked", campaign=campaign.id, kind=kind)
    return number
