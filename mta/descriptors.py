"""File descriptors of a sender: each connection is one, and the system's first answer is often 1,024 for all.

In: connections wanted. Out: how many there may be, after the process has allowed itself as many files as the system lets it
have. Nothing is raised; logs nothing.
"""

from __future__ import annotations

import contextlib
import resource

SPARE = 256  # descriptors for the database, DNS, slots, pipes and logs


def connections(wanted: int) -> int:
    """So many connections, or as many as the process may have files for; at least 20."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = wanted + SPARE
    if soft != resource.RLIM_INFINITY and soft < needed:
        most = needed if hard == resource.RLIM_INFINITY else min(needed, hard)
        with contextlib.suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
            soft = most
    return wanted if soft == resource.RLIM_INFINITY else max(20, min(wanted, soft - SPARE))
