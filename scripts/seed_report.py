"""Fill a data folder with a lifelike campaign, for looking at the report and for tests of the pages.

In: `python scripts/seed_report.py FOLDER [RECIPIENTS] [share tried, 0..1]`. Out: the folder with keys and database, and
the campaign's report token on standard output. Everything is written by the store's own verbs, with a fixed seed.
"""

from __future__ import annotations

import asyncio
import random
import struct
import sys
import zlib
from collections.abc import Sequence
from email.message import EmailMessage
from email.policy import SMTP
from pathlib import Path
from typing import Any

from config import keys
from gateway.letters.previews import KEYS, signer
from gateway.returns.judging import counted
from mail.spec import Spec
from mail.template import Compiled, compile_mail
from parsers import mime, submission
from parsers.tokens import Keyring, Purpose, sign
from store import accounts, campaigns, complaints, control, events, forecasts, hits, jobs
from store.engine import Database, now_ms
from store.states import Event
from store.suppressions import SuppressionKeys
from store.values import Change, NewCampaign, NewFault, NewRecipient, Tracked

SECRET = b"a secret of the seeded report"
PAGE = Path(__file__).with_name("seed_newsletter.html")
SUBJECT = "Offre de rentrée : 20 % sur tout le catalogue"
WARM = (18, 5, 40, 8, 5, 6, 4)  # how much each link of the page is clicked: the banner, the catalogue, the button …
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
AGENTS = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:128.0) Gecko/20100101 Thunderbird/128.4.0",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0 Safari/537.36",
    "Mozilla/5.0 (Linux; Android 14; SM-S918B) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0 Mobile Safari/537.36",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0 Safari/537.36 Edg/130.0",
    "Mozilla/5.0 (iPad; CPU OS 17_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148",
    "Mozilla/4.0 (compatible; MSIE 7.0; Windows NT 10.0; WOW64; Trident/7.0; Microsoft Outlook 16.0.17328; ms-office)",
)
PROXY = "Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko Firefox/11.0 (via ggpht.com GoogleImageProxy)"


def banner() -> bytes:
    """A PNG of 600 x 150: a blue that turns violet."""
    rows = b"".join(
        b"\0" + b"".join(bytes((18 + x // 8, 76 + y // 6, 138 + (x + y) // 9)) for x in range(600)) for y in range(150)
    )

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", 600, 150, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows, 9)) + chunk(b"IEND", b"")


def newsletter() -> bytes:
    """The message that the user sent: HTML with a picture inside."""
    mail = EmailMessage(policy=SMTP)
    mail["Subject"], mail["From"], mail["To"] = SUBJECT, "Société A <contact@societe-a.test>", "mail@gateway.test"
    mail.set_content(PAGE.read_text("utf-8"), "html", "utf-8", cte="base64")
    mail.add_related(banner(), "image", "png", cid="<banniere>", filename="banniere.png")
    return mail.as_bytes()


def links(source: bytes, columns: tuple[str, ...]) -> tuple[dict[str, Any], ...]:
    """The links of the message, as intake finds them."""
    message = mime.read(source)
    spec = Spec(
        0, "gateway.test", "http://gateway.test", SUBJECT, "", "a@b.test", None, True, True, "fr", "", "", "", ""
    )
    made = compile_mail(message, submission.split(message), spec, columns, KEYS, signer())
    assert isinstance(made, Compiled)
    names = ("index", "part", "target", "merged", "label")
    return tuple({name: getattr(one, name) for name in names} for one in made.links)


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


async def seed(
    db: Database, count: int, share: float = 1.0, name: str = "Offre de rentrée 2026", hours: float = 3.0
) -> tuple[int, str]:
    """Make one campaign that began `hours` ago and let `share` of its recipients live; returns its id and report token."""
    now = now_ms()
    begun = now - int(hours * HOUR)
    async with db.write() as conn:
        account = await accounts.find_account(conn, "Société A")
        account_id = account.id if account else await accounts.create_account(
            conn, "Société A", "Société A SARL", "1 rue Haute, 75001 Paris", "fr", "Europe/Paris", begun
        )  # fmt: skip
        sender = await accounts.declare_sender(
            conn, account_id, f"contact{begun}@societe-a.test", "Société A", begun, begun
        )
        source, columns = newsletter(), ("RS", "Nom", "Prénom", "Tél", "Email")
        new = NewCampaign(
            account_id, sender, SUBJECT, name, "Société A",
            "contact@societe-a.test", "", "<seed@societe-a.test>", f"seed {begun}", "fr", "Europe/Paris",
            columns, 4, {"footer_name": "Société A SARL", "footer_address": "1 rue Haute, 75001 Paris"}, (), None, begun,
            links(source, columns),
        )  # fmt: skip
        campaign = await campaigns.begin(conn, new, source)
        assert isinstance(campaign, int)
    everybody = people(count)
    for start in range(0, count, CHUNK):
        async with db.write() as conn:
            await campaigns.add_rows(conn, campaign, everybody[start : start + CHUNK], [], begun)
    token = campaigns.report_token(SECRET, campaign)
    async with db.write() as conn:
        await campaigns.add_rows(conn, campaign, [], faults(count + 2, begun), begun)
        await campaigns.publish(conn, campaign, token, now)
    await live(db, campaign, int(count * share), begun, hours / 3)
    await expect(db, campaign, count, share, now)
    async with db.write() as conn:
        await control.finish_done(conn, now)
    return campaign, token


async def live(db: Database, campaign: int, tried: int, begun: int, slow: float) -> None:
    """Let `tried` due recipients be attempted, and people open, click and leave."""
    dice, suppression = random.Random(11), SuppressionKeys({1: b"k" * 32}, 1)
    async with db.write() as conn:
        worker = await jobs.join(conn, "seed", 1, now_ms())
        found = await campaigns.get(conn, campaign)
    assert found is not None
    zones = [int(link["index"]) for link in found.links if link["part"] == "html"]
    done = 0
    while done < tried:
        async with db.write() as conn:
            leased = await jobs.lease(conn, worker, now_ms(), {campaign: min(500, tried - done)})
            changes: list[Change] = []
            for i, job in enumerate(leased, done):
                changes += life(
                    dice, job.id, worker, begun + int(i / max(tried, 1) * 0.6 * HOUR * slow), i, zones, slow
                )
            await events.apply(conn, changes, suppression)
            readers = {job.id: hits.Reader(campaign, None) for job in leased}
            read = [change for change in changes if change.event in (Event.OPEN, Event.CLICK)]
            await hits.count(conn, *counted(read, readers, set()))
        if not leased:
            return
        done += len(leased)


async def expect(db: Database, campaign: int, count: int, share: float, now: int) -> None:
    """What the forecaster would have written down: the recipients by provider, and an end."""
    keys_ = ("orange", "free", "laposte", "", "sfr", "")
    async with db.read() as conn:
        ledger = await campaigns.ledger(conn, campaign)
        waiting = await forecasts.by_domain(conn, campaign, count)
    assert ledger is not None
    remaining: dict[str, tuple[int, int]] = {}
    for domain, key in zip(DOMAINS, keys_, strict=True):
        fresh = sum(one.fresh for one in waiting if one.domain == domain)
        before = remaining.get(key, (0, 0))
        remaining[key] = before[0] + count // len(DOMAINS), before[1] + fresh
    taken = [
        complaints.Told(campaign, domain, now, False) for domain in DOMAINS for _ in range(int(count * share * 0.15))
    ]
    async with db.write() as conn:
        await complaints.count(conn, taken, dict(zip(DOMAINS, keys_, strict=True)), 0)
    row = forecasts.Row(campaign, now, now + 22 * HOUR, "connections", "orange", count, remaining)
    async with db.write() as conn:
        await forecasts.save(conn, row)


def life(
    dice: random.Random, who: int, worker: int, at: int, i: int, zones: Sequence[int], slow: float
) -> list[Change]:
    """The story of one recipient."""
    mx = {"host": f"mx{i % 3 + 1}.orange.test", "ip": f"192.0.2.{i % 200 + 1}", "local": "198.51.100.7"}
    talk: dict[str, Any] = {**mx, "tls": "TLSv1.3 TLS_AES_256_GCM_SHA384", "stage": "dot"}
    luck = dice.random()
    if luck < 0.02:
        detail = {**talk, "reply": "554 5.7.1 Message refused by policy", "code": 554, "class": "policy"}
        return [Change(who, Event.REFUSED, at, worker, None, detail)]
    if luck < 0.05:  # below the share at which a campaign pauses itself
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
    return story if i % 50 == 49 else story + people_do(dice, who, at, zones, slow)


def people_do(dice: random.Random, who: int, at: int, zones: Sequence[int], slow: float) -> list[Change]:
    """What a tracked reader does, and the robots before."""
    story = []
    if dice.random() < 0.06:
        story.append(Change(who, Event.OPEN, at + 2000, detail={"agent": PROXY, "why": "proxy"}, machine=True))
    if dice.random() < 0.44:
        at += int(min(dice.expovariate(1 / (0.6 * HOUR)), 2.2 * HOUR) * slow)
        agent = dice.choices(AGENTS, (9, 5, 4, 6, 2, 1, 3))[0]
        story.append(Change(who, Event.OPEN, at, detail={"agent": agent}))
        if dice.random() < 0.28:
            for _ in range(dice.choice((1, 1, 2))):
                at += 40_000
                link = dice.choices(zones, WARM[: len(zones)])[0]
                story.append(Change(who, Event.CLICK, at, detail={"agent": agent, "link": link}))
        if dice.random() < 0.014:
            story.append(Change(who, Event.UNSUBSCRIBE, at + 90_000, detail={"way": "page"}))
        elif dice.random() < 0.003:
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
