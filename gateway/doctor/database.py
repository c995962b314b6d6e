"""What the database tells: its version and tables, locks, damage, the keys it needs, the queue, pauses and warm-up.

In: an open database, the settings, whether the gateway runs, an instant (UTC ms). Out: findings. A database that does not
answer is one critical finding. Nothing is raised.
"""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

from config import keys
from config.settings import Settings
from gateway.doctor.finding import Finding, advice, critical, ok, warning
from store import health, pauses, sources, versions
from store.engine import Database
from store.pauses import Kind
from store.sources import Source, State

_BUSY = 1.0  # seconds that a writer should never wait
_MOST = 10.0
_CLOCK = 2_000  # ms
_LATE, _VERY_LATE = 15 * 60_000, 2 * 3_600_000
_DEEP = 2_000_000_000  # bytes of a SQLite file up to which it is read through unasked


async def check(database: Database, settings: Settings, running: bool, deep: bool, now: int) -> list[Finding]:
    """Look at all of it."""
    try:
        async with asyncio.timeout(30):
            told = await _tables(database)
            if any(one.code in ("database_empty", "database_behind", "database_newer") for one in told):
                return told
            told += await _locks(database)
            told += await _queue(database, running, now)
            told += await _halted(database, now)
            told += _keys(settings)
    except TimeoutError:
        return [critical("database_silent", why="30 s")]
    except Exception as error:  # whatever keeps it from answering
        return [critical("database_silent", why=" ".join(str(error).split())[:300])]
    return told + await _whole(database, settings, deep)


async def addresses(database: Database) -> list[Source]:
    """The local addresses that mail leaves from; none where the database does not tell."""
    try:
        async with asyncio.timeout(10), database.read() as conn:
            return [one for one in await sources.every(conn) if one.state is not State.OFF]
    except Exception:  # told by `check`
        return []


async def _tables(database: Database) -> list[Finding]:
    async with database.read() as conn:
        name, theirs = await health.version(conn), await health.clock(conn)
        at = int(datetime.now(UTC).timestamp() * 1000)
        try:
            current, newest = await versions.heads(conn)
        except Exception:  # no table of versions
            return [critical("database_empty", database=name)]
    told = []
    if current < newest:
        told.append(critical("database_behind", database=name, current=current, newest=newest))
    elif current != newest:
        told.append(critical("database_newer", database=name, current=current, newest=newest))
    else:
        told.append(ok("database_ok", database=name, current=current))
    if theirs is not None and abs(theirs - at) > _CLOCK:
        told.append(warning("database_clock", seconds=round(abs(theirs - at) / 1000, 1)))
    return told


async def _locks(database: Database) -> list[Finding]:
    waited = await health.patience(database, _MOST)
    if waited >= _MOST:
        return [critical("database_locked", seconds=f"{waited:.0f}")]
    busy = warning if waited > _BUSY else ok
    return [busy("database_busy" if busy is warning else "database_free", ms=f"{waited * 1000:.0f}")]


async def _queue(database: Database, running: bool, now: int) -> list[Finding]:
    async with database.read() as conn:
        found = await health.queue(conn, now)
    told = [ok("serve_runs", senders=found.senders)] if running and found.senders else []
    if not running:
        told.append((critical if found.waiting or found.notices else warning)("serve_stands", n=found.waiting))
    elif not found.senders:
        told.append(critical("senders_none"))
    late = max(found.late, found.notices_late)
    if late > _LATE:
        grave = critical if late > _VERY_LATE else warning
        told.append(grave("queue_late", n=found.waiting, minutes=late // 60_000))
    else:
        told.append(ok("queue_ok", n=found.waiting))
    if paused := found.campaigns.get("paused", 0):
        told.append(advice("campaigns_paused", n=paused))
    return told


async def _halted(database: Database, now: int) -> list[Finding]:
    async with database.read() as conn:
        halted, found = await pauses.active(conn, now), await sources.every(conn)
    told = []
    for one in halted:
        until = f"{datetime.fromtimestamp(one.until / 1000, UTC):%Y-%m-%d %H:%M} UTC"
        if one.kind is Kind.PAUSE:
            site = one.site or "*"
            told.append(warning("site_paused", site=site, until=until, reason=one.reason, reply=one.reply[:160] or "–"))
    for source in found:
        if source.state is State.WARMING:
            told.append(ok("source_warming", address=source.address, step=source.step + 1))
        elif source.state is State.FROZEN:
            told.append(warning("source_frozen", address=source.address, step=source.step + 1))
    return told or [ok("pauses_none")]


def _keys(settings: Settings) -> list[Finding]:
    try:
        for ring in keys.RINGS:
            keys.load_keyring(settings.gateway.data_dir, ring)
    except keys.KeysError as error:
        return [critical("keys_missing", why=str(error))]
    if not keys.dkim_keys(settings.gateway.data_dir):
        return [critical("keys_missing", why="DKIM")]
    return [ok("keys_ok")]


async def _whole(database: Database, settings: Settings, deep: bool) -> list[Finding]:
    if not database.sqlite:
        return []
    try:
        size = (settings.gateway.data_dir / "mail2campaign.db").stat().st_size
    except OSError:
        size = 0
    if size > _DEEP and not deep:
        return [advice("database_unread", size=round(size / 1e9, 1))]
    try:
        async with database.read() as conn:
            damaged = await health.damage(conn)
    except Exception as error:
        damaged = " ".join(str(error).split())[:300]
    return [critical("database_damaged", why=damaged) if damaged else ok("database_whole")]
