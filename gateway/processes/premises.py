"""What must hold before a gateway starts: the data folder is ours alone, the database up to date, no key missing.

In: the settings, an open database. Out: the lock's descriptor, which the children inherit. Raises ServeError with one
sentence.
"""

from __future__ import annotations

import fcntl
import os
import time
from pathlib import Path

from config import keys, warmup
from config.host import host_id
from config.settings import Settings
from store import jobs, key_ids
from store.engine import Database, now_ms

PATIENCE = 5.0  # seconds to wait for the children of a supervisor that was killed


class ServeError(Exception):
    """The gateway cannot start; the text says why."""


def take_lock(data_dir: Path) -> int:
    """Lock the data folder for this process and its children; ServeError when another gateway has it."""
    data_dir.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(data_dir / "serve.lock", os.O_RDWR | os.O_CREAT, 0o600)
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return descriptor
        except BlockingIOError:
            if time.monotonic() > deadline:
                os.close(descriptor)
                raise ServeError(f"another gateway is running on {data_dir}") from None
            time.sleep(0.1)


async def prepare(settings: Settings, db: Database) -> None:
    """Bring the database up to date, check that no key is missing, and free what dead senders held."""
    try:
        warmup.load(settings.warmup_file)
    except ValueError as error:
        raise ServeError(str(error)) from error
    await db.migrate()
    for ring in keys.RINGS:
        secrets, _current = keys.load_keyring(settings.gateway.data_dir, ring)
        async with db.write() as conn:
            missing = await key_ids.register(conn, ring, secrets)
        if missing:
            raise ServeError(f"keys {missing} of ring {ring!r} are missing or changed: restore them from the backup")
    async with db.write() as conn:
        await jobs.retire_process(conn, host_id(settings.gateway.data_dir), None, now_ms())
