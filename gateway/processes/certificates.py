"""A certificate that is replaced on the disk is used for the next connection, without a restart.

In: the context of the ports, the files of chain and key, an event that ends it. Out: the context serves the new pair once
both files belong together; SIGHUP looks at once, else every LOOK seconds. A pair that cannot be used changes nothing and is
told once. Nothing is raised. Logs certificate_loaded and certificate_refused.
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
import ssl
from pathlib import Path

from config.certificate import look
from config.logging import log

LOOK = 30.0  # seconds

Marks = tuple[tuple[int, int, int], ...]


async def renew(context: ssl.SSLContext, chain: Path, key: Path, stop: asyncio.Event) -> None:
    """Watch until `stop` is set."""
    now = asyncio.Event()
    with contextlib.suppress(ValueError, RuntimeError):  # not in the main thread: the clock alone looks
        asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, now.set)
    known, refused = marks(chain, key), False
    ending = asyncio.create_task(stop.wait())
    while not stop.is_set():
        asked = asyncio.create_task(now.wait())
        await asyncio.wait({ending, asked}, timeout=LOOK, return_when=asyncio.FIRST_COMPLETED)
        asked.cancel()
        now.clear()
        seen = marks(chain, key)
        if seen != known and not stop.is_set():
            known = seen
            refused = not load(context, chain, key, quiet=refused)
    ending.cancel()


def marks(chain: Path, key: Path) -> Marks:
    """What changes when a file is replaced or rewritten."""
    found = []
    for path in (chain, key):
        try:
            seen = path.stat()
            found.append((seen.st_ino, seen.st_mtime_ns, seen.st_size))
        except OSError:
            found.append((0, 0, 0))
    return tuple(found)


def load(context: ssl.SSLContext, chain: Path, key: Path, *, quiet: bool = False) -> bool:
    """Let the context serve the pair on the disk; False when it cannot be used (half of a renewal, most often)."""
    try:
        # a pair that does not belong together would leave the context without a certificate
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(chain, key)
        context.load_cert_chain(chain, key)
    except (OSError, ValueError) as error:
        if not quiet:
            log("certificate_refused", why=" ".join(str(error).split()))
        return False
    log("certificate_loaded", until=f"{look(chain).ends:%Y-%m-%d}")
    return True
