"""A list of a million as it lies in the database at the end of a campaign, written straight into its tables.

In: an open and migrated database, and how many. Out: the campaign's id and its report's token. Statuses, dates and clicks are
spread by a fixed seed as those of a real campaign are (two thirds unopened, a tenth bounced, one in fifteen clicked).
"""

from __future__ import annotations

import random

import orjson
from seed_report import FIRMS, FIRST, LAST
from sqlalchemy import insert, update

from parsers.provider_domains import DOMAINS
from store import accounts, campaigns, rows, searched
from store.engine import Database, now_ms
from store.states import Status
from store.tables import campaigns as campaigns_table
from store.tables import recipients, tallies
from store.values import NewCampaign, Tracked

CHUNK = 5_000
WORD = "m" * 43
COLUMNS = ("RS", "Nom", "Prénom", "Tél", "Email")
_NAMES = (
    "campaign_id", "line", "part", "address", "name", "fields", "tracked", "status", "attempts", "last_at", "delivered_at",
    "opened_at", "clicked_at", "unsubscribed_at", "clicks", "reply", "folded",
)  # fmt: skip
_LIVES = (
    [Status.DELIVERED] * 56 + [Status.OPENED] * 24 + [Status.CLICKED] * 7 + [Status.CANCELLED] * 6 + [Status.ERROR] * 2
    + [Status.DEFERRED] * 2 + [Status.AWAITING, Status.UNSUBSCRIBED, Status.QUEUED]
)  # fmt: skip
_HOSTS = [domain for domains in DOMAINS.values() for domain in domains] + [f"entreprise{i}.fr" for i in range(400)]


async def fill(db: Database, count: int) -> tuple[int, str]:
    """Make one campaign of `count` recipients, finished."""
    now, dice = now_ms(), random.Random(17)
    begun = now - 30 * 3_600_000
    async with db.write() as conn:
        account = await accounts.create_account(conn, "Société A", "", "", "fr", "Europe/Paris", begun)
        sender = await accounts.declare_sender(conn, account, "contact@societe-a.test", "Société A", begun, begun)
        new = NewCampaign(
            account, sender, "Un million", "Un million", "Société A", "contact@societe-a.test", "", "<m@societe-a.test>",
            "million", "fr", "Europe/Paris", COLUMNS, 4, {}, (), None, begun,
        )  # fmt: skip
        campaign = await campaigns.begin(conn, new, b"Subject: a million\r\n\r\n")
        assert isinstance(campaign, int)
    counts = dict.fromkeys(Status, 0)
    for start in range(0, count, CHUNK):
        made = [_row(dice, campaign, i, count, begun) for i in range(start, min(start + CHUNK, count))]
        for one in made:
            counts[Status(one[7])] += 1
        async with db.write() as conn:
            await rows.insert(conn, recipients, _NAMES, made)
    async with db.write() as conn:
        await campaigns.publish(conn, campaign, WORD, now)
        for status, n in counts.items():
            mine = tallies.c.campaign_id == campaign, tallies.c.name == f"status:{int(status)}"
            if not (await conn.execute(update(tallies).where(*mine).values(n=n))).rowcount:
                await conn.execute(insert(tallies).values(campaign_id=campaign, name=f"status:{int(status)}", n=n))
        done = update(campaigns_table).where(campaigns_table.c.id == campaign)
        await conn.execute(done.values(state="finished", finished_at=now, recipients=count, lines=count))
    return campaign, WORD


def _row(dice: random.Random, campaign: int, i: int, count: int, begun: int) -> tuple[object, ...]:
    first, last, status = dice.choice(FIRST), dice.choice(LAST), dice.choice(_LIVES)
    address = f"{first[0].lower()}.{'martin' if i % 3 else 'durand'}{i}@{dice.choice(_HOSTS)}"
    firm = f"{dice.choice(FIRMS)} {dice.randrange(3000)}"
    line = [firm, last, first, f"06{dice.randrange(10**8):08d}", address]
    fields = orjson.dumps(line).decode()
    at = begun + int(i / count * 20 * 3_600_000)
    delivered = at if status >= Status.DELIVERED else None
    opened = at + dice.randrange(10 * 3_600_000) if status >= Status.OPENED else None
    clicks = dice.choice((1, 1, 1, 2, 3, 5)) if status is Status.CLICKED else 0
    clicked = opened + 60_000 if opened and clicks else None
    left = opened if status is Status.UNSUBSCRIBED else None
    reply = "550 5.1.1 Adresse inconnue OFR_416" if status is Status.CANCELLED else "250 2.0.0 Ok: queued as 4F1B2C"
    last_at = None if status is Status.QUEUED else clicked or opened or at
    return (
        campaign, i + 2, 0, address, f"{first} {last}", fields, int(Tracked.FULL), int(status),
        int(status is not Status.QUEUED), last_at, delivered, opened, clicked, left, clicks, reply,
        searched.copy(address, line, fields),
    )  # fmt: skip
