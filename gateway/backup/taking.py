"""Taking a backup of a gateway that goes on working.

In: the settings, their file, and where the backup goes. Out: one file with the settings, the keys, the certificate, the spool
and a consistent copy of the database. The spool is looked at in the moment that the database's copy shows, and links to its
mails keep them: a mail that got its 250 before that moment is in one of the two. DATA/backup.json says when the last backup
was taken (`doctor` reads it). Raises ArchiveError, CopyError, or OSError.
"""

from __future__ import annotations

import asyncio
import fcntl
import json
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from config.keys import write_private
from config.settings import Settings
from gateway.backup.archive import PART, writing
from store import copying

NOTE = "backup.json"
PREFIX = "mail2campaign-"
SUFFIX = ".tar.gz"
_DAY = 86_400.0
# in DATA, but no part of a backup: what is copied in another way, and what belongs to processes that run
_APART = frozenset({"spool", "metrics", "serve.lock", NOTE})
_WORK = ".backup-"
_SPOOL = ("new", "shunt", "postmaster", "restored")


@dataclass(frozen=True, slots=True)
class Taken:
    """`apart` are files that the settings name outside the data folder: they are not in the backup."""

    path: Path
    size: int
    seconds: float
    mails: int
    apart: tuple[Path, ...]


def take(settings: Settings, file: Path | None, target: Path, version: str, keep: float | None = None) -> Taken:
    """Write a backup to `target`, or into it where it is a folder; `keep` removes those there that are older (seconds)."""
    began, at = time.monotonic(), time.time()
    data = settings.gateway.data_dir
    folder = target if target.is_dir() else None
    if folder is not None:
        target = folder / f"{PREFIX}{time.strftime('%Y%m%d-%H%M%S', time.gmtime(at))}Z{SUFFIX}"
    if target.exists():
        raise FileExistsError(17, os.strerror(17), str(target))
    with _alone(data), tempfile.TemporaryDirectory(prefix=_WORK, dir=data) as place, writing(target) as out:
        aside, copy = Path(place) / "spool", Path(place) / "database"
        copy.mkdir(mode=0o700)
        moment = partial(_hold, data / "spool", aside)
        said = asyncio.run(copying.take(settings.database_url, copy, moment, settings.database))
        for path, name in [*_files(copy, "database"), *_files(aside, "spool"), *_of_data(data, settings, target)]:
            out.add(path, name)
        if file is not None and file.is_file():
            out.add(file, "settings/mail2campaign.toml")
        out.end(_manifest(settings, said, at, version))
        mails = sum(1 for name in out.files if name.startswith("spool/new/"))
    size = target.stat().st_size
    write_private(data / NOTE, json.dumps({"at": at, "path": str(target), "size": size}).encode() + b"\n")
    if folder is not None and keep is not None:
        _expire(folder, at - keep, target)
    return Taken(target, size, time.monotonic() - began, mails, tuple(_outside(settings)))


@contextmanager
def _alone(data: Path) -> Iterator[None]:
    """One backup at a time; what one that was killed left behind is removed."""
    handle = os.open(data / ".backup.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        for left in data.glob(f"{_WORK}*"):
            shutil.rmtree(left)
        yield
    finally:
        os.close(handle)


def last(data: Path) -> dict[str, Any] | None:
    """When and where the last backup was taken; None when never."""
    try:
        return dict(json.loads((data / NOTE).read_text("utf-8")))
    except (OSError, ValueError):
        return None


def _manifest(settings: Settings, database: dict[str, Any], at: float, version: str) -> dict[str, Any]:
    return {"version": version, "domain": settings.gateway.domain, "at": at, "database": database}


def _hold(spool: Path, aside: Path) -> None:
    """Link every mail of the spool: it stays there for us whoever takes it away meanwhile."""
    for name in _SPOOL:
        (aside / name).mkdir(parents=True)
        if (spool / name).is_dir():
            for path in sorted((spool / name).iterdir()):
                try:
                    os.link(path, aside / name / path.name)
                except FileNotFoundError:
                    continue
                except OSError:  # a file system without links
                    shutil.copy(path, aside / name / path.name)


def _files(folder: Path, inside: str) -> Iterator[tuple[Path, str]]:
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            yield path, f"{inside}/{path.relative_to(folder).as_posix()}"


def _of_data(data: Path, settings: Settings, target: Path) -> Iterator[tuple[Path, str]]:
    database = copying.sqlite_file(settings.database_url)
    apart = {data / name for name in _APART}
    if database is not None:
        apart |= {database.with_name(database.name + end) for end in ("", "-wal", "-shm", "-journal", ".turn")}
    for path, name in _files(data, "data"):
        hidden = any(part.startswith((".", PART)) for part in path.relative_to(data).parts)
        backup = path == target or (path.name.startswith(PREFIX) and path.name.endswith(SUFFIX))
        if not hidden and not backup and not apart & {path, *path.parents}:
            yield path, name


def _outside(settings: Settings) -> Iterator[Path]:
    named = (
        settings.smtp.tls_certificate, settings.smtp.tls_key, settings.tls.ca_file, settings.acme.ca_file,
        settings.delivery.providers, settings.delivery.warmup,
    )  # fmt: skip
    for path in named:
        if path is not None and not path.is_relative_to(settings.gateway.data_dir):
            yield path


def _expire(folder: Path, before: float, newest: Path) -> None:
    for path in folder.glob(f"{PREFIX}*{SUFFIX}"):
        if path != newest and path.stat().st_mtime < before:
            path.unlink()
