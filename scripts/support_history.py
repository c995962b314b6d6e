"""Years of campaigns written straight into PostgreSQL: many of mixed sizes that have ended, and some that are being sent.

In: an open and migrated PostgreSQL database, and how many recipients it shall have. Out: campaigns with recipients,
histories, counters, curves, bad lines and suppressions that add up as real ones do, each made by a dozen statements on the
server. A recipient has 1.5 events: an attempt, opens of a third, clicks of one in thirteen, robots at one in twenty-five.
Rows are written once, in their last state: in a database in service their pages have some more air. Raises what the database
raises.
"""

from __future__ import annotations

import sys
import time

from seed_report import FIRMS, FIRST, LAST, newsletter
from sqlalchemy import func, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection

from parsers.provider_domains import DOMAINS
from store import accounts, campaigns
from store.engine import Database, now_ms
from store.tables import campaigns as campaigns_table
from store.tables import senders
from store.values import CampaignState, NewCampaign

ACCOUNTS = 20
SIZES = (20_000, 500, 2_000, 5_000, 12_000, 80_000, 8_000, 3_000, 30_000, 150_000)  # of ten campaigns in turn
PEOPLE = 1_000_000  # that are written to again and again
COLUMNS = ("RS", "Nom", "Prénom", "Tél", "Email")
DAY = 86_400_000
_HOSTS = [domain for domains in DOMAINS.values() for domain in domains] + [f"entreprise{i}.fr" for i in range(400)]
_ACCENTS = ("éèêëàâîïôçûüñí", "eeeeaaiiocuuni")


def _array(words: tuple[str, ...] | list[str]) -> str:
    return "ARRAY[" + ", ".join("'" + word.replace("'", "''") + "'" for word in words) + "]"


# of 1,000: 600 delivered, 240 opened, 70 clicked, 8 left, 1 complained, 81 refused for good
_STATUS = (
    "CASE WHEN luck < 600 THEN 6 WHEN luck < 840 THEN 7 WHEN luck < 910 THEN 8 WHEN luck < 918 THEN 9"
    " WHEN luck < 919 THEN 10 ELSE 4 END"
)
_PEOPLE = f"""
WITH numbers AS MATERIALIZED (
  SELECT i, (CAST(:campaign AS bigint) * 7919 + i) % {PEOPLE} AS person, h % 1000 AS luck, h / 1000 AS later,
    CAST(:begun AS bigint) + CAST(i AS bigint) * 10800000 / :count AS at
  FROM generate_series(1, :count) AS i,
    LATERAL (SELECT hashint8(i + CAST(:campaign AS bigint) * 1000003) & 2147483647 AS h) AS dice
), named AS MATERIALIZED (
  SELECT *, {_STATUS} AS status, ({_array(FIRST)})[1 + person % {len(FIRST)}] AS first,
    ({_array(LAST)})[1 + person / 14 % {len(LAST)}] AS last,
    ({_array(FIRMS)})[1 + person % {len(FIRMS)}] || ' ' || person % 3000 AS firm,
    CASE WHEN person % 3 = 0 THEN 'm.durand' ELSE 'm.martin' END || person || '@'
      || ({_array(_HOSTS)})[1 + person % {len(_HOSTS)}] AS address
  FROM numbers
), told AS MATERIALIZED (
  SELECT *, '["' || firm || '","' || last || '","' || first || '","06' || lpad((later % 100000000)::text, 8, '0') || '","'
    || address || '"]' AS fields,
    CASE WHEN status BETWEEN 7 AND 10 THEN at + 60000 + later * 17 END AS opened
  FROM named
)
INSERT INTO recipients (campaign_id, line, part, address, name, fields, tracked, status, attempts, first_attempt_at, last_at,
  delivered_at, bounced_at, opened_at, clicked_at, unsubscribed_at, complained_at, clicks, reply, folded, next_attempt_at)
SELECT :campaign, i + 1, 0, address, first || ' ' || last, fields, 1, CASE WHEN :live THEN 0 ELSE status END,
  CASE WHEN :live THEN 0 ELSE 1 END, CASE WHEN NOT :live THEN at END, CASE WHEN NOT :live THEN coalesce(opened, at) END,
  CASE WHEN status <> 4 AND NOT :live THEN at END, CASE WHEN status = 4 AND NOT :live THEN at END,
  CASE WHEN NOT :live THEN opened END, CASE WHEN status = 8 AND NOT :live THEN opened + 40000 END,
  CASE WHEN status = 9 AND NOT :live THEN opened END, CASE WHEN status = 10 AND NOT :live THEN opened END,
  CASE WHEN status = 8 AND NOT :live THEN 1 + later % 3 ELSE 0 END,
  CASE WHEN :live THEN '' WHEN status = 4 THEN '550 5.1.1 Adresse inconnue OFR_416'
    ELSE '250 2.0.0 Ok: queued as ' || upper(to_hex(later)) END,
  CASE WHEN octet_length(fields) <> length(fields)
    THEN '["",' || substr(translate(lower(fields), '{_ACCENTS[0]}', '{_ACCENTS[1]}'), 2) END,
  CASE WHEN :live THEN at END
FROM told ORDER BY i
"""
_BAD = """
INSERT INTO faults (campaign_id, line, part, address, kind, detail, fields)
SELECT :campaign, CAST(:count AS integer) + 1 + i, 0, 'jean.dupont' || i || '@',
  CASE i % 4 WHEN 0 THEN 'duplicate' WHEN 1 THEN 'suppressed' ELSE 'syntax' END,
  CASE i % 4 WHEN 0 THEN '3' WHEN 1 THEN 'unsubscribe 1750000000000' ELSE '' END, '["Atelier","Petit","Zoé","",""]'
FROM generate_series(1, CAST(:count AS integer) / 100) AS i
"""
_TALK = (
    """'{"host":"mx' || id % 3 || '.orange.test","ip":"192.0.2.' || id % 200 || '","local":"198.51.100.7","tls":"TLSv1.3"""
    """ TLS_AES_256_GCM_SHA384","stage":"dot","reply":"' || reply || '","code":' || CASE status WHEN 4 THEN '550,"class":"""
    """"unknown_user"}' ELSE '250,"class":"accepted"}' END"""
)
_AGENT = (
    """'{"agent":"Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko)"""
)
_MINE = "FROM recipients WHERE campaign_id = :campaign"
_AFTER = (
    f"""INSERT INTO events (recipient_id, campaign_id, at, kind, machine, detail)
SELECT id, campaign_id, first_attempt_at, CASE status WHEN 4 THEN 4 ELSE 0 END, false, {_TALK} {_MINE} ORDER BY id""",
    f"""INSERT INTO events (recipient_id, campaign_id, at, kind, machine, detail)
SELECT id, campaign_id, at, kind, machine, detail FROM (
  SELECT id, campaign_id, opened_at AS at, 9 AS kind, false AS machine, {_AGENT}"}}' AS detail {_MINE}
    AND opened_at IS NOT NULL
  UNION ALL SELECT id, campaign_id, delivered_at + 2000, 9, true, {_AGENT}","why":"proxy"}}' {_MINE}
    AND status <> 4 AND line % 25 = 0
  UNION ALL SELECT id, campaign_id, clicked_at + n * 30000, 10, false, {_AGENT}","link":' || n || '}}'
    FROM recipients, LATERAL generate_series(1, clicks) AS n WHERE campaign_id = :campaign AND clicks > 0
  UNION ALL SELECT id, campaign_id, unsubscribed_at, 11, false, '{{"way":"page"}}' {_MINE} AND status = 9
  UNION ALL SELECT id, campaign_id, complained_at, 12, false, '{{"source":"arf"}}' {_MINE} AND status = 10
) AS told ORDER BY at""",
    f"""INSERT INTO tallies (campaign_id, name, n) SELECT campaign_id, 'status:' || status, count(*) {_MINE}
GROUP BY campaign_id, status ON CONFLICT (campaign_id, name) DO UPDATE SET n = excluded.n""",
    f"""INSERT INTO tallies (campaign_id, name, n) SELECT campaign_id, name, n FROM (
  SELECT campaign_id, count(*) AS sent, count(opened_at) AS opened, count(clicked_at) AS clicked, sum(clicks) AS clicks,
    count(unsubscribed_at) AS unsubscribed, count(complained_at) AS complained, count(bounced_at) AS hard,
    count(*) FILTER (WHERE status <> 4 AND line % 25 = 0) AS machine {_MINE} GROUP BY campaign_id
) AS one, LATERAL (VALUES ('sent', sent), ('opened', opened), ('clicked', clicked), ('clicks', clicks),
  ('unsubscribed', unsubscribed), ('complained', complained), ('hard', hard), ('machine_open', machine)) AS told(name, n)""",
    f"""INSERT INTO curves (campaign_id, slot, name, n) SELECT campaign_id, at - at % 60000, name, count(*) FROM (
  SELECT campaign_id, delivered_at AS at, 'delivered' AS name {_MINE} AND delivered_at IS NOT NULL
  UNION ALL SELECT campaign_id, opened_at, 'opened' {_MINE} AND opened_at IS NOT NULL
  UNION ALL SELECT campaign_id, clicked_at, 'clicked' {_MINE} AND clicked_at IS NOT NULL
) AS points GROUP BY 1, 2, 3""",
    """INSERT INTO agent_counts (campaign_id, kind, system, form, client, n)
SELECT :campaign, kind, system, form, client, kind * 7
FROM unnest(ARRAY[9, 10]) AS kind, unnest(ARRAY['iOS', 'Windows', 'Android', 'macOS']) AS system,
  unnest(ARRAY['phone', 'computer']) AS form, unnest(ARRAY['Mail', 'Outlook', 'Chrome']) AS client""",
    """INSERT INTO link_counts (campaign_id, link, name, n) SELECT :campaign, link, name, 11 * link
FROM generate_series(1, 10) AS link, unnest(ARRAY['clicks', 'people', 'machine']) AS name""",
    """INSERT INTO provider_days (campaign_id, provider, day, delivered, complained)
SELECT :campaign, provider, CAST(:begun AS bigint) / 86400000, 500, 1
FROM unnest(ARRAY['orange', 'free', 'sfr', '']) AS provider""",
    f"""INSERT INTO suppressions (account_id, key, address, reason, at, campaign_id)
SELECT :account, '\\x01'::bytea || sha256(convert_to(address, 'UTF8')), address,
  CASE status WHEN 4 THEN 'hard_bounce' WHEN 9 THEN 'unsubscribe' ELSE 'complaint' END, last_at, campaign_id {_MINE}
  AND (status IN (9, 10) OR status = 4 AND line % 3 = 0) ON CONFLICT (account_id, key) DO NOTHING""",
    "INSERT INTO revisions (name, n) SELECT 'provider_days', max(id) FROM events"
    " ON CONFLICT (name) DO UPDATE SET n = excluded.n",
)


async def prepare(db: Database) -> None:
    """The accounts, each with a sender."""
    async with db.write() as conn:
        for number in range(1, ACCOUNTS + 1):
            account = await accounts.create_account(conn, f"Société {number}", "", "", "fr", "Europe/Paris", 0)
            await accounts.declare_sender(conn, account, f"contact@societe{number}.test", f"Société {number}", 0, 0)


async def extend(db: Database, recipients: int) -> int:
    """Add ended campaigns until there are so many recipients; returns how many campaigns there are."""
    begun = told = time.monotonic()
    while True:
        async with db.read() as conn:
            total = func.coalesce(func.sum(campaigns_table.c.recipients), 0)
            so_far, number = (await conn.execute(select(total, func.count(campaigns_table.c.id)))).one()
        if so_far >= recipients:
            return int(number)
        await campaign(db, min(SIZES[number % len(SIZES)], recipients - int(so_far)))
        if time.monotonic() - told > 30:
            told = time.monotonic()
            print(f"{int(so_far):,} recipients, {told - begun:.0f} s", file=sys.stderr, flush=True)


async def people(db: Database) -> int:
    """How many recipients there are, of all campaigns whose people are not erased."""
    async with db.read() as conn:
        kept = select(func.sum(campaigns_table.c.recipients)).where(campaigns_table.c.erased_at.is_(None))
        return int(await conn.scalar(kept) or 0)


async def campaign(db: Database, size: int, *, live: bool = False) -> int:
    """One campaign: over, or with all its recipients due now; returns its id."""
    async with db.write() as conn:
        await conn.execute(text("SET LOCAL synchronous_commit = off"))
        await conn.execute(text("SET LOCAL session_replication_role = replica"))  # keys fit: let nobody look each up
        made = await _begin(conn, live)
        values = {"campaign": made.id, "count": size, "begun": made.created_at}
        await conn.execute(text(_PEOPLE), values | {"live": live})
        await conn.execute(text(_BAD), {"campaign": made.id, "count": size})
        await campaigns.publish(conn, made.id, word(made.id), now_ms())
        if live:
            return made.id
        told = values | {"account": made.account_id}
        for statement in _AFTER:
            query = text(statement)
            await conn.execute(query, {name: told[name] for name in query._bindparams})
        over = update(campaigns_table).where(campaigns_table.c.id == made.id)
        ended = made.created_at + DAY // 6
        await conn.execute(over.values(state=CampaignState.FINISHED, started_at=made.created_at, finished_at=ended))
        empty = text("UPDATE tallies SET n = 0 WHERE campaign_id = :campaign AND name = 'status:0'")
        await conn.execute(empty, {"campaign": made.id})
    return made.id


async def vacuum(db: Database) -> None:
    """Do what the server's own autovacuum would, so that no measurement waits for it."""
    async with db._writer.connect() as conn:
        free = await conn.execution_options(isolation_level="AUTOCOMMIT")
        await free.exec_driver_sql("SET statement_timeout = 0")
        await free.exec_driver_sql("VACUUM (ANALYZE)")
        await free.exec_driver_sql("CHECKPOINT")


def word(campaign_id: int) -> str:
    """The secret word of a campaign's report."""
    return f"{campaign_id:043d}"


async def _begin(conn: AsyncConnection, live: bool) -> campaigns.Campaign:
    number = int(await conn.scalar(select(func.coalesce(func.max(campaigns_table.c.id), 0))) or 0) + 1
    account = 1 + number % ACCOUNTS
    sender = await conn.scalar(select(senders.c.id).where(senders.c.account_id == account))
    at = now_ms() - (3 * 3_600_000 if live else 300 * DAY - number * DAY // 2)
    new = NewCampaign(
        account, int(sender or 0), f"Lettre {number}", f"Lettre {number}", "Société", f"contact@societe{account}.test", "",
        f"<{number}@societe.test>", f"history {number}", "fr", "Europe/Paris", COLUMNS, 4, {}, (), None, at,
    )  # fmt: skip
    made = await campaigns.begin(conn, new, newsletter())
    assert isinstance(made, int)
    found = await campaigns.get(conn, made)
    assert found is not None
    return found
