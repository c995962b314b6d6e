"""Bringing a gateway back from a backup, into a new folder and an empty database.

In: a backup and a folder. Out: the folder as it was, runnable, with every campaign paused: what was sent after the backup is
not known here, so nothing leaves before an operator says so (`campaign resume`). Mails that were waiting to be read stand in
`spool/restored` until then, since a campaign in them may have been sent already. The settings file is put in its place last.
Raises ArchiveError, CopyError, or Taken: a restore overwrites nothing.
"""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

from config.settings import Settings, load
from gateway.backup.archive import unpack
from store import copying, restored
from store.control import Halted
from store.engine import Database, now_ms
from store.spool import RESTORED

FILE = "mail2campaign.toml"


class Occupied(Exception):
    """There is something where the gateway would be restored to; the text says what."""


@dataclass(frozen=True, slots=True)
class Restored:
    """`at` is when the backup was taken (UNIX seconds); `mails` wait in spool/restored."""

    settings: Settings
    at: float
    halted: Halted
    mails: int


def restore(backup: Path, folder: Path) -> Restored:
    """Bring back what `backup` holds."""
    if folder.exists() and any(folder.iterdir()):
        raise Occupied(f"{folder} is not empty: a restore needs a new or empty folder")
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = folder / f".{FILE}.new"
    with tempfile.TemporaryDirectory(prefix=".restore-", dir=folder) as place:
        work = Path(place)
        manifest = unpack(backup, work)
        written = work / "settings" / FILE
        draft.write_bytes(written.read_bytes() if written.is_file() else b"")
        settings = load(draft)
        data = settings.gateway.data_dir
        if data.exists() and any(data.iterdir()):
            raise Occupied(f"{data} is not empty: a restore needs a new or empty folder")
        _place(work, data)
        halted = asyncio.run(_database(settings, work / "database", manifest["database"]))
    mails = sum(1 for _ in (data / "spool" / RESTORED).iterdir())
    draft.replace(folder / FILE)
    return Restored(settings, float(manifest["at"]), halted, mails)


def _place(work: Path, data: Path) -> None:
    data.mkdir(mode=0o700, parents=True, exist_ok=True)
    for source, target in ((work / "data", data), (work / "spool", data / "spool")):
        if source.is_dir():
            shutil.copytree(source, target, dirs_exist_ok=True)
    spool = data / "spool"
    (spool / RESTORED).mkdir(parents=True, exist_ok=True)
    if (spool / "new").is_dir():
        for path in (spool / "new").iterdir():
            path.rename(spool / RESTORED / path.name)


async def _database(settings: Settings, folder: Path, said: dict[str, object]) -> Halted:
    await copying.bring(settings.database_url, folder, said, settings.database)
    database = Database.open(settings.database_url, settings.database)
    try:
        async with database.write() as conn:
            return await restored.halt(conn, now_ms())
    finally:
        await database.close()
