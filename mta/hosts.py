"""Under which names the mails of each account go out right now: its own host where that works, else the gateway's.

In: rows of store.hosts. Out: a `House` for one campaign; `look` tells whether anything changed, so that campaigns are
compiled anew. Raises what the database raises.
"""

from __future__ import annotations

from dataclasses import replace

from config.urls import at_host
from mta.plates import House
from store import hosts
from store.engine import Database
from store.values import Campaign


class Hosts:
    """One a sender process."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._working: dict[int, tuple[str, str]] = {}

    async def look(self) -> bool:
        """Read what works; True when it is other than before."""
        async with self._database.read() as conn:
            found = await hosts.working(conn)
        changed, self._working = found != self._working, found
        return changed

    def at(self, house: House, campaign: Campaign) -> House:
        """The house as a campaign shows it; its bounces go to the host that it began with, or to the gateway."""
        links, bounces = self._working.get(campaign.account_id, ("", ""))
        if links:
            house = replace(house, public_url=at_host(house.public_url, links))
        return replace(house, bounces=bounces) if bounces and bounces == campaign.options.get("bounces") else house
