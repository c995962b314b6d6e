"""What the machine offers: room and speed of the disk, who may read the secrets, the last backup, whether the gateway runs.

In: the settings and an instant (UNIX seconds). Out: findings. Nothing is raised: a folder that is not there is a finding.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import statistics
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

from config.durations import milliseconds
from config.settings import Settings
from gateway.backup import taking
from gateway.doctor.finding import Finding, advice, critical, ok, warning

_SLOW = 0.05  # seconds of an fsync above which acknowledging mail becomes slow
_LOW = 5  # times [smtp] min_free_disk
_OLD_MAIL = 300.0  # seconds after which a mail in the spool should have been read
_LOCAL = ("localhost", "test", "example", "invalid", "local")


def settings(found: Settings) -> list[Finding]:
    """What the settings themselves tell."""
    gateway = found.gateway
    url = urlsplit(gateway.url)
    told = []
    if gateway.domain.rpartition(".")[2] in _LOCAL:
        told.append(advice("domain_local", domain=gateway.domain))
    if url.scheme != "https":
        told.append(warning("public_url_http", url=gateway.url))
    if not gateway.operator:
        told.append(warning("operator_missing"))
    return told or [ok("settings_ok", domain=gateway.domain)]


def disk(data: Path, least: int) -> list[Finding]:
    """Room on the disk of the data folder, and how long one fsync takes there."""
    try:
        free = shutil.disk_usage(data).free
        slow = _fsync(data)
    except OSError as error:
        return [critical("folder_missing", folder=data, why=error.strerror or str(error))]
    size = round(free / 1e9, 1)
    room = critical if free < least else warning if free < _LOW * least else ok
    told = [room("disk_ok" if room is ok else "disk_low", folder=data, free=size, least=round(least / 1e9, 1))]
    speed = warning if slow > _SLOW else ok
    return [*told, speed("fsync_slow" if speed is warning else "fsync_ok", folder=data, ms=round(slow * 1000, 1))]


def _fsync(folder: Path) -> float:
    times = []
    with tempfile.TemporaryFile(dir=folder) as file:
        for _ in range(7):
            file.write(b"x" * 4096)
            file.flush()
            began = time.perf_counter()
            os.fsync(file.fileno())
            times.append(time.perf_counter() - began)
    return statistics.median(times)


def secrets(data: Path) -> list[Finding]:
    """Who else may read the keys and the addresses."""
    told = []
    if data.stat().st_mode & 0o007:
        told.append(warning("folder_open", folder=data))
    for path in sorted((data / "keys").rglob("*")):
        if path.is_file() and path.stat().st_mode & 0o077:
            told.append(critical("key_open", file=path))
    return told or [ok("secrets_ok", folder=data)]


def backup(data: Path, age: str, now: float) -> list[Finding]:
    """How old the last backup is."""
    last = taking.last(data)
    if last is None:
        return [warning("backup_never")]
    at = float(last["at"])
    date = f"{datetime.fromtimestamp(at, UTC):%Y-%m-%d %H:%M} UTC"
    if now - at > milliseconds(age) / 1000:
        return [warning("backup_old", date=date, path=last["path"], age=age)]
    return [ok("backup_ok", date=date, path=last["path"])]


def running(data: Path) -> bool:
    """Whether a gateway has the data folder's lock."""
    try:
        handle = os.open(data / "serve.lock", os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(handle)
    return False


def spool(data: Path, now: float) -> list[Finding]:
    """Mails that wait to be read, those that could not be, and those that a backup brought back."""
    folder = data / "spool"
    told = []
    waiting = _mails(folder / "new")
    old = [path for path in waiting if now - _time(path) > _OLD_MAIL]
    if old:
        minutes = int((now - min(_time(path) for path in old)) / 60)
        told.append(warning("spool_waiting", n=len(old), minutes=minutes))
    aside = [path for path in _mails(folder / "shunt") if path.suffix != ".txt"]
    if aside:
        told.append(warning("spool_shunted", n=len(aside), folder=folder / "shunt"))
    if back := _mails(folder / "restored"):
        told.append(warning("spool_restored", n=len(back)))
    return told or [ok("spool_ok", n=len(waiting))]


def _mails(folder: Path) -> list[Path]:
    return list(folder.iterdir()) if folder.is_dir() else []


def _time(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return time.time()
