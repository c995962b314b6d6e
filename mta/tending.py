"""What is done to the lines of a pool between mails: new terms and pauses, tokens that are wanted, and surplus given back.

In: a pool. Out: its lines changed, mails handed back through its hooks with the time that they have to wait. Called some
times a second, never for a mail. Nothing is raised.
"""

from __future__ import annotations

from collections import Counter

from mta.claims import Claims
from mta.lines import KEEP, Line
from mta.pool import Pool

FARTHEST = 3_600.0  # seconds that surplus mails wait at most; a million of them cost a lease each in that time
_NEAREST = 5.0  # seconds that they wait at least
_UNPROVEN = 60.0  # seconds that the surplus of a site waits which has not answered a mail yet
_SLOWEST = 1.0  # mails a second that a site is taken to take at least, when the wait is worked out
# where only the site's pace is known it may have been ours, and may change: so many seconds at most, more of them only
# where so many mails are put off that taking them up again would cost more than SOON_COST leases a second
_SOON, _LESS_SOON = 30.0, 600.0
_SOON_COST = 50.0
_NO_SLOT = 5.0  # seconds without a connection after which other processes may have the mails of a line


def revise(pool: Pool) -> None:
    """Providers, slow-downs or pauses have changed: let every line know."""
    for line in list(pool.lines.values()):
        before = line.terms
        line.terms = pool.terms(line.way)
        if line.terms != before:
            line.throttle.bound(line.terms.connections)
            line.meter = pool.meter(line.terms)
            pool.fleet.shrink(line)
        shut = pool.shut(line)
        if shut > 0 and (line.waiting or line.connections):
            line.throttle.restart()  # afterwards it begins with one connection
            pool.later(pool.empty(line), shut)
            pool.fleet.shut(line)


def want(pool: Pool, claims: Claims) -> None:
    """Tell the meters how many mails wait for tokens, and forget those that no line needs."""
    waiting: Counter[str] = Counter()
    for line in pool.lines.values():
        if line.meter is not None:
            waiting[line.meter.key] += len(line.waiting)
    for key, meter in claims.meters.items():
        meter.wanted = waiting[key]
    claims.forget(set(waiting))


def idle(pool: Pool) -> int:
    """Mails that wait for slow sites, and will not leave soon."""
    now = pool.now()
    return sum(line.surplus(now, keep=1) for line in pool.lines.values() if len(line.waiting) > 1)


def relieve(pool: Pool, most: int) -> int:
    """Give back the mails that will not leave soon, so that there is room for others; returns how many.

    A line keeps what it sends within seconds, and each a few, fewer when more than `most` wait. What is given back is due
    when its turn may be, at the speed that the line shows.
    """
    now, keep = pool.now(), KEEP
    if pool.waiting > most:
        slow = sum(1 for line in pool.lines.values() if line.surplus(now, keep=1))
        keep = max(1, min(KEEP, most // 2 // max(1, slow)))
    return sum(_give_back(pool, line, now, line.surplus(now, keep)) for line in pool.lines.values())


def put_off(pool: Pool, quiet_for: float, wait: float) -> None:
    """Give back, for a time, the mails of lines where nothing has moved for so many seconds."""
    for line in pool.lines.values():
        if line.waiting and line.moved_at < pool.now() - quiet_for:
            pool.later(pool.empty(line), wait)


def _soon(lately: float) -> float:
    """The longest wait of mails of which so many were put off in the last minute or so."""
    return min(_LESS_SOON, max(_SOON, lately / _SOON_COST))


def _give_back(pool: Pool, line: Line, now: float, surplus: int) -> int:
    if surplus <= 0:
        return 0
    gone = line.waiting.cut(len(line.waiting) - surplus)
    pool.waiting -= len(gone)
    step, most = 1 / max(line.speed, _SLOWEST), _soon(line.put_off.add(len(gone), now))
    if line.meter is not None:
        step, most = 3600 / line.terms.per_hour, FARTHEST
    elif not line.proven:
        step = _UNPROVEN / len(gone)
    if not line.connections and line.no_slot_until:
        step = _NO_SLOT / len(gone)  # another process has the connections, and may have the mails
    due = max(line.put_off_until, now + _NEAREST)
    for parcel in gone:
        due += step
        pool.hooks.later(parcel, min(most, due - now))
    line.put_off_until = min(due, now + most)
    return len(gone)
