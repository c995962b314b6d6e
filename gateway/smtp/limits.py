"""What strangers may use up: connections, messages a minute, bytes in memory, disk, wrong passwords.

In an IPv6 network of 64 bits, which is what one customer gets, all addresses count as one.
In: the [smtp] settings and a monotonic clock in seconds. Out: yes or no, counted in one process for all its ports.
Nothing here waits, raises or logs; every table is bounded.
"""

from __future__ import annotations

import os
from collections import OrderedDict
from collections.abc import Callable
from functools import lru_cache
from ipaddress import IPv4Address, ip_address, ip_network
from pathlib import Path

from config.settings import Smtp

MAX_REMEMBERED = 10_000
FAILED_LOGINS = 10
FAILED_WINDOW_S = 600.0
FAILED_NAMES = 50  # wrong passwords of one login from all addresses; then it opens to familiar ones only
FAILED_NAMES_WINDOW_S = 3_600.0
FORGERIES = 30  # mails of one peer whose sender was not proved, within FORGERIES_WINDOW_S; then it waits
FORGERIES_WINDOW_S = 600.0


@lru_cache(maxsize=MAX_REMEMBERED)
def stranger(peer: str) -> str:
    """Who is counted: an IPv4 address, or the /64 of an IPv6 one; anything else as it is."""
    try:
        address = ip_address(peer.partition("%")[0])
    except ValueError:
        return peer
    if isinstance(address, IPv4Address):
        return peer
    return str(address.ipv4_mapped or ip_network((int(address), 64), strict=False))


class Pace:
    """At most `limit` events of one key within a window of `window` seconds (fixed windows, oldest keys forgotten)."""

    def __init__(self, limit: int, window: float, clock: Callable[[], float]) -> None:
        self._limit, self._window, self._clock = limit, window, clock
        self._seen: OrderedDict[str, tuple[float, int]] = OrderedDict()

    def spent(self, key: str) -> bool:
        """True when the key has used up its window."""
        start, count = self._seen.get(stranger(key), (0.0, 0))
        return count >= self._limit and self._clock() - start < self._window

    def count(self, key: str) -> None:
        """Note one event of the key."""
        now, key = self._clock(), stranger(key)
        start, count = self._seen.pop(key, (now, 0))
        self._seen[key] = (now, 1) if now - start >= self._window else (start, count + 1)
        if len(self._seen) > MAX_REMEMBERED:
            self._seen.popitem(last=False)


class Familiar:
    """Addresses from which a login was right before; the oldest are forgotten."""

    def __init__(self) -> None:
        self._seen: OrderedDict[tuple[str, str], None] = OrderedDict()

    def __contains__(self, pair: tuple[str, str]) -> bool:
        return (pair[0], stranger(pair[1])) in self._seen

    def add(self, name: str, peer: str) -> None:
        """Remember that this login was right from this address."""
        self._seen[name, stranger(peer)] = None
        self._seen.move_to_end((name, stranger(peer)))
        if len(self._seen) > MAX_REMEMBERED:
            self._seen.popitem(last=False)


class Limits:
    """The shared counters of all listening ports."""

    def __init__(self, smtp: Smtp, spool: Path, clock: Callable[[], float]) -> None:
        self.smtp, self.spool = smtp, spool
        self.held_bytes = 0
        self.messages = Pace(smtp.messages_per_minute_per_ip, 60.0, clock)
        self.failures = Pace(FAILED_LOGINS, FAILED_WINDOW_S, clock)
        self.names = Pace(FAILED_NAMES, FAILED_NAMES_WINDOW_S, clock)
        self.familiar = Familiar()
        self.forgeries = Pace(FORGERIES, FORGERIES_WINDOW_S, clock)
        self._strangers = 0  # bytes held by mails of peers that nobody vouches for
        self._peers: dict[str, int] = {}
        self._connections = 0

    def enter(self, peer: str) -> bool:
        """Count a connection in; False when there are too many in all or from this address."""
        peer = stranger(peer)
        mine = self._peers.get(peer, 0)
        if mine >= self.smtp.max_connections_per_ip or self._connections >= self.smtp.max_connections:
            return False
        self._peers[peer] = mine + 1
        self._connections += 1
        return True

    def leave(self, peer: str) -> None:
        """Count a connection out that was counted in."""
        self._connections -= 1
        peer = stranger(peer)
        left = self._peers.get(peer, 0) - 1
        if left > 0:
            self._peers[peer] = left
        else:
            self._peers.pop(peer, None)

    def reserve(self, size: int, *, stranger: bool = False) -> bool:
        """Take bytes of the memory budget, half of which no stranger gets; False (and nothing taken) when it is spent."""
        if self.held_bytes + size > self.smtp.memory_budget:
            return False
        if stranger:
            if self._strangers + size > self.smtp.memory_budget // 2:
                return False
            self._strangers += size
        self.held_bytes += size
        return True

    def give_back(self, size: int, *, stranger: bool = False) -> None:
        """Return bytes that were reserved."""
        self.held_bytes -= size
        if stranger:
            self._strangers -= size

    def disk_has_room(self, size: int) -> bool:
        """True when `size` more bytes leave min_free_disk free where the spool lies."""
        stat = os.statvfs(self.spool)
        return stat.f_bavail * stat.f_frsize - size >= self.smtp.min_free_disk
