"""The file of a backup: a gzipped tar whose last member is a manifest with the size and SHA-256 of all others.

In: files and their names inside. Out: a file readable by its owner only, whole or not there: it is written beside its place,
read back and compared, and renamed. `check` reads a whole backup and returns its manifest; `unpack` puts its members into an
empty folder. Raises ArchiveError with one sentence for a file that is no backup, cut off, damaged or of a later version.
"""

from __future__ import annotations

import fcntl
import hashlib
import io
import json
import os
import tarfile
import time
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path, PurePosixPath
from typing import IO, Any

FORMAT = 1
MANIFEST = "manifest.json"
PART = ".mail2campaign-part-"
_BLOCK = 1 << 20
_LARGEST_MANIFEST = 64_000_000


class ArchiveError(Exception):
    """The backup cannot be used; the text says why."""


class Writer:
    """One backup being written; made by `writing`."""

    def __init__(self, out: IO[bytes]) -> None:
        self._tar = tarfile.open(fileobj=out, mode="w:gz", compresslevel=3, format=tarfile.PAX_FORMAT)  # noqa: SIM115 closed by end
        self.files: dict[str, dict[str, Any]] = {}

    def add(self, path: Path, name: str) -> None:
        """Put a file into the backup; one that is gone meanwhile is passed over."""
        try:
            source = path.open("rb")
        except FileNotFoundError:
            return
        with source:
            size = os.fstat(source.fileno()).st_size
            counted = _Counted(source, size)
            self._tar.addfile(_info(name, size), counted)
            self.files[name] = {"size": size, "sha256": counted.digest.hexdigest()}

    def end(self, manifest: Mapping[str, Any]) -> None:
        """Write the manifest and close."""
        said = json.dumps({"format": FORMAT, **manifest, "files": self.files}, ensure_ascii=False, indent=1).encode()
        self._tar.addfile(_info(MANIFEST, len(said)), io.BytesIO(said))
        self._tar.close()


class _Counted(io.RawIOBase):
    """A file as its size was when it was opened: one that grows is cut, one that shrinks is an error of tarfile's."""

    def __init__(self, source: IO[bytes], size: int) -> None:
        self._source, self._left, self.digest = source, size, hashlib.sha256()

    def read(self, size: int = -1) -> bytes:
        block = self._source.read(min(self._left, size if size >= 0 else self._left))
        self._left -= len(block)
        self.digest.update(block)
        return block


def _info(name: str, size: int) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.size, info.mode, info.mtime = size, 0o600, int(time.time())
    return info


@contextmanager
def writing(target: Path) -> Iterator[Writer]:
    """Write a backup at `target`; it appears there when the block has ended and what was written could be read back."""
    _sweep(target.parent)
    part = target.with_name(f"{PART}{os.getpid()}")
    handle = os.open(part, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
    fcntl.flock(handle, fcntl.LOCK_EX)  # whoever finds a part without a lock knows that its writer was killed
    try:
        with os.fdopen(handle, "wb") as out:
            writer = Writer(out)
            yield writer
            out.flush()
            os.fsync(out.fileno())
            check(part)
            part.replace(target)
        folder = os.open(target.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    except BaseException:
        part.unlink(missing_ok=True)
        raise


def _sweep(folder: Path) -> None:
    for path in folder.glob(f"{PART}*"):
        with suppress(OSError), path.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            path.unlink()


def check(path: Path) -> dict[str, Any]:
    """Read a backup to its end, compare every member with the manifest, and return that."""
    return _read(path, None)


def unpack(path: Path, folder: Path) -> dict[str, Any]:
    """Check a backup and put its members below `folder`, each readable by its owner only; returns the manifest."""
    return _read(path, folder)


def _read(path: Path, folder: Path | None) -> dict[str, Any]:
    found: dict[str, dict[str, Any]] = {}
    manifest: dict[str, Any] | None = None
    try:
        with tarfile.open(path, "r|gz") as tar:
            for member in tar:
                source = tar.extractfile(member) if member.isreg() else None
                if source is None or not _safe(member.name):
                    raise ArchiveError(f"{path} holds {member.name!r}, which no backup of ours does")
                if member.name == MANIFEST:
                    manifest = json.loads(source.read(_LARGEST_MANIFEST))
                else:
                    found[member.name] = _member(source, None if folder is None else folder / member.name)
    except (tarfile.TarError, EOFError, zlib.error, ValueError) as error:
        raise ArchiveError(f"{path} is no whole backup: {error}") from error
    except OSError as error:
        if error.errno is not None:
            raise
        raise ArchiveError(f"{path} is no backup: {error}") from error  # gzip's own
    if manifest is None:
        raise ArchiveError(f"{path} is no whole backup: its manifest is missing")
    if manifest.get("format") != FORMAT:
        raise ArchiveError(f"{path} was made by another version: format {manifest.get('format')}")
    if found != manifest["files"]:
        raise ArchiveError(f"{path} is damaged: its members are not those of its manifest")
    return manifest


def _safe(name: str) -> bool:
    pure = PurePosixPath(name)
    return not pure.is_absolute() and ".." not in pure.parts and "\0" not in name


def _member(source: IO[bytes], target: Path | None) -> dict[str, Any]:
    digest, size, out = hashlib.sha256(), 0, None
    if target is not None:
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        out = os.fdopen(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb")
    try:
        while block := source.read(_BLOCK):
            digest.update(block)
            size += len(block)
            if out is not None:
                out.write(block)
        if out is not None:
            out.flush()
            os.fsync(out.fileno())
    finally:
        if out is not None:
            out.close()
    return {"size": size, "sha256": digest.hexdigest()}
