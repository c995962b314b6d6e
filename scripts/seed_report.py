"""Fill a data folder with a lifelike campaign, for looking at the report and for tests of the pages.

In: `python scripts/seed_report.py FOLDER [RECIPIENTS] [share tried, 0..1]`. Out: the folder with keys and database, and
the campaign's report token on standard output. Everything is written by the store's own verbs, with a fixed seed.
"""

from __future__ import annotations

import asyncio
import random
import sys
from pathlib import Path
from typing import Any

from config import keys
from parsers.tokens import Keyring, Purpose, sign
from store import accounts, campaigns, control, events, jobs
from store.engine import Database, now_ms
from store.states import Event
from store.suppressions import SuppressionKeys
from store.values import Change, NewCampaign, NewFault, NewRecipient, Tracked

SECRET = b"a secret of the seeded report"
HOUR = 3_600_000
DAY = 24 * HOUR
CHUNK = 2_000
FIRST = (
    "Marie",
    "Chloé",
    "Jean",
    "Luc",
    "Zoé",
    "Hugo",
    "Inès",
    "Émile",
    "Léa",
    "Noël",
    "Anaïs",
    "Théo",
    "Agnès",
    "Guy",
)
LAST = ("Martin", "Bernard", "Dubois", "Lefèvre", "García", "Moreau", "Petit", "D'Hôtel", "Roux", "Fournier", "Noël")
FIRMS = ("Boulangerie du Marché", "Atelier Lumière", "Garage Dupont", "Fleurs & Cie", "Mairie de Saint-Étienne")
DOMAINS = ("orange.test", "free.test", "laposte.test", "entreprise.test", "sfr.test", "mairie.test")
LINKS = ("https://www.societe-a.test/catalogue?ref=rentree#nouveautes", "https://www.societe-a.test/contact")
AGENTS = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:128.0) Gecko/20100101 Thunderbird/128.4.0",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0 Safari/537.36",
    "Mozilla/5.0 (Linux; Android 14; SM-S918B) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0 Mobile Safari/537.36",
)
PROXY = "Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko Firefox/11.0 (via ggpht.com GoogleImageProxy)"


def people(count: int) -> list[NewRecipient]:
    """Recipients with a company, a name and a telephone number."""
    dice, found = random.Random(7), []
    for i in range(count):
        first, last = dice.choice(FIRST), dice.choice(LAST)
        address = f"{first[0].lower().replace('é', 'e')}.{'martin' if i % 3 else 'durand'}{i}@{dice.choice(DOMAINS)}"
        fields = (dice.choice(FIRMS), last, first, f"06{dice.randrange(10**8):08d}", address)
        tracked = Tracked.NONE if i % 50 == 49 else Tracked.FULL
        found.append(NewRecipient(i + 2, 0, address, address, f"{first} {last}", fields, tracked))
    return found


def faults(start: int, begun: int) -> list[NewFault]:
    """Lines of every kind that are no recipients."""
    left, dead = f"unsubscribe {begun - 40 * DAY}", f"hard_bounce {begun - 9 * DAY}"
    kinds = (
        ("jean.dupont@", "syntax", ""), ("", "empty", ""), ("m.martin1@orange.test", "duplicate", "3"),
        ("marie@[192.0.2.1]", "literal", ""), ("p.petit@free.test", "suppressed", left),
        ("contact chez mairie.test", "syntax", ""), ("z.roux@nulle-part.test", "no_mail", "nxdomain"),
        ("m.martin2@orange.test", "duplicate", "4"), ("a.noel@sfr.test", "suppressed", dead),
    )  # fmt: skip
    rows = enumerate(kinds, start)
    return [NewFault(i, 0, a, k, d, ("Atelier Lumière", "Petit", "Zoé", "", a)) for i, (a, k, d) in rows]


async def seed(db: Database, count: int, share: float = 1.0, name: str = "Offre de rentrée 2026") -> tuple[int, str]:
    """Make one campaign and let `share` of its recipients live; returns its id and its report token."""
    now = now_ms()
    begun = now - 3 * HOUR
    async with db.write() as conn:
        account = await accounts.find_account(conn, "Société A")
        account_id = account.id if account else await accounts.create_account(
            conn, "Société A", "Société A SARL", "1 rue Haute, 75001 Paris", "fr", "Europe/Paris", begun
        )  # fmt: skip
        sender = await accounts.declare_sender(
            conn, account_id, f"contact{begun}@societe-a.test", "Société A", begun, begun
        )
        links = tuple({"index": i, "part": "html", "target": target, "merged": False} for i, target in enumerate(LINKS))
        new = NewCampaign(
            account_id, sender, "Offre de rentrée : 20 % sur tout le catalogue", name, "Société A",
            "contact@societe-a.test", "", "<seed@societe-a.test>", f"seed {begun}", "fr", "Europe/Paris",
            ("RS", "Nom", "Prénom", "Tél", "Email"), 4, {}, (), None, begun, links,
        )  # fmt: skip
        campaign = await campaigns.begin(conn, new, b"Subject: seeded\r\n\r\n")
        assert isinstance(campaign, int)
    everybody = people(count)
    for start in range(0, count, CHUNK):
        async with db.write() as conn:
            await campaigns.add_rows(conn, campaign, everybody[start : start + CHUNK], [], begun)
    token = campaigns.report_token(SECRET, campaign)
    async with db.write() as conn:
        await campaigns.add_rows(conn, campaign, [], faults(count + 2, begun), begun)
        await campaigns.publish(conn, campaign, token, now)
    await live(db, campaign, int(count * share), begun)
    async with db.write() as conn:
        await control.finish_done(conn, now)
    return campaign, token


async def live(db: Database, campaign: int, tried: int, begun: int) -> None:
    """Let `tried` due recipients be attempted, and people open, click and leave."""
    dice, suppression = random.Random(11), SuppressionKeys({1: b"k" * 32}, 1)
    async with db.write() as conn:
        worker = await jobs.join(conn, "seed", 1, now_ms())
    done = 0
    while done < tried:
        async with db.write() as conn:
            leased = await jobs.lease(conn, worker, now_ms(), {campaign: min(500, tried - done)})
            changes: list[Change] = []
            for i, job in enumerate(leased, done):
                changes += life(dice, job.id, worker, begun + int(i / max(tried, 1) * 0.6 * HOUR), i)
            await events.apply(conn, changes, suppression)
        if not leased:
            return
        done += len(leased)


def life(dice: random.Random, who: int, worker: int, at: int, i: int) -> list[Change]:
    """The story of one recipient."""
    mx = {"host": f"mx{i % 3 + 1}.orange.test", "ip": f"192.0.2.{i % 200 + 1}", "local": "198.51.100.7"}
    talk: dict[str, Any] = {**mx, "tls": "TLSv1.3 TLS_AES_256_GCM_SHA384", "stage": "dot"}
    luck = dice.random()
    if luck < 0.05:
        reply = "550 5.1.1 <...>: Adresse d au moins un destinataire invalide. Invalid recipient. OFR_416 [416]"
        detail = {**talk, "stage": "rcpt", "reply": reply, "code": 550, "class": "unknown_user"}
        return [Change(who, Event.REFUSED, at, worker, None, detail, suppress="hard_bounce")]
    if luck < 0.075:
        detail = {**talk, "reply": "452 4.2.2 Mailbox full", "code": 452, "class": "mailbox_full"}
        return [Change(who, Event.MAILBOX_TEMPFAILED, at, worker, now_ms() + HOUR, detail)]
    if luck < 0.1:
        detail = {**talk, "reply": "450 4.7.1 Greylisted, try again in 5 minutes", "code": 450, "class": "greylisted"}
        return [Change(who, Event.TEMPFAILED, at, worker, now_ms() + HOUR, detail)]
    if luck < 0.11:
        detail = {**mx, "tls": "", "stage": "connect", "reply": "connection timed out", "code": 0, "class": "timeout"}
        return [Change(who, Event.UNANSWERED, at, worker, now_ms() + 4 * HOUR, detail)]
    detail = {**talk, "reply": f"250 2.0.0 Ok: queued as {who:08X}", "code": 250, "class": "accepted"}
    story = [Change(who, Event.ACCEPTED, at, worker, None, detail)]
    return story if i % 50 == 49 else story + people_do(dice, who, at)


def people_do(dice: random.Random, who: int, at: int) -> list[Change]:
    """What a tracked reader does, and the robots before."""
    story = []
    if dice.random() < 0.06:
        story.append(Change(who, Event.OPEN, at + 2000, detail={"agent": PROXY, "why": "proxy"}, machine=True))
    if dice.random() < 0.44:
        at += int(min(dice.expovariate(1 / (0.6 * HOUR)), 2.2 * HOUR))
        agent = dice.choice(AGENTS)
        story.append(Change(who, Event.OPEN, at, detail={"agent": agent}))
        if dice.random() < 0.28:
            for _ in range(dice.choice((1, 1, 2))):
                at += 40_000
                story.append(Change(who, Event.CLICK, at, detail={"agent": agent, "link": dice.randrange(2)}))
        if dice.random() < 0.014:
            story.append(Change(who, Event.UNSUBSCRIBE, at + 90_000, detail={"way": "page"}))
        elif dice.random() < 0.004:
            story.append(Change(who, Event.COMPLAIN, at + 120_000, detail={"source": "arf"}))
    return story


async def main(folder: Path, count: int, share: float) -> None:
    keys.create(folder, "gateway.test")
    db = Database.open(f"sqlite+aiosqlite:///{folder / 'mail2campaign.db'}")
    await db.migrate()
    try:
        _, token = await seed(db, count, share)
    finally:
        await db.close()
    ring = Keyring(*keys.load_keyring(folder, "tokens"))
    print(f"/r/{token}\n/u/{sign(ring, Purpose.UNSUBSCRIBE, 3)}\n/c/{sign(ring, Purpose.CLICK, 3, 0)}")


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), int(sys.argv[2]), float((*sys.argv[3:], "1")[0])))
