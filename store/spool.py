"""The spool: mails that were accepted and not yet understood, one file each.

In: an envelope and the raw bytes. Out: a reference; `put` returns only after file and folder are on the disk, so a "250" that
follows it is a promise (RFC 5321 6.1). A file is one JSON line (the envelope) and the mail. `done` forgets a mail, `shunt`
sets one aside with the reason when reading it failed; `expire` drops what was set aside long ago. `keep` bounds what is kept
for an operator; `take_up` lets be read what a backup brought back. Raises OSError when the disk does.
"""

from __future__ import annotations

import os
import re
import secrets
import time
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import orjson

RESTORED = "restored"  # mails that a backup held, until an operator lets them be read


_HEAD = 100_000  # bytes of an envelope at most
_REF = re.compile(r"[0-9]{1,30}-[0-9a-f]{8}")


@dataclass(frozen=True, slots=True)
class Envelope:
    """How a mail came in; `kind` is campaign, single, bounce, stop, fbl, reply, forwarded, postmaster; `token` its number."""

    kind: str
    mail_from: str
    rcpt_to: tuple[str, ...]
    peer: str
    listener: str  # mx | submission | api | web
    received_at: int
    account_id: int | None = None
    login: str | None = None
    token: int | None = None
    proof: str = "login"  # how its sender was proved: login | network | dkim | spf | key
    submission: str | None = None  # what the API calls it (store.submissions)


def _fsync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _envelope(line: bytes) -> Envelope:
    fields = orjson.loads(line)
    return Envelope(**{**fields, "rcpt_to": tuple(fields["rcpt_to"])})


def mail_in(path: Path) -> bytes:
    """The mail in a file of the spool: all behind its first line, the envelope; never twice in memory."""
    with path.open("rb") as file:
        file.readline()
        return file.read()


def pieces_of(path: Path, size: int) -> Iterator[bytes]:
    """The same, `size` bytes at a time."""
    with path.open("rb") as file:
        file.readline()
        while piece := file.read(size):
            yield piece


class Spool:
    """A folder with `tmp`, `new` and `shunt`; every method blocks on the disk: call it in a thread."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._tmp, self._new, self._shunt = (folder / name for name in ("tmp", "new", "shunt"))
        for path in (self._tmp, self._new, self._shunt):
            path.mkdir(parents=True, exist_ok=True)

    def put(self, envelope: Envelope, raw: bytes) -> str:
        """Make a mail durable and return its reference; the references sort by time of arrival."""
        return self.put_pieces(envelope, (raw,))

    def put_pieces(self, envelope: Envelope, pieces: Iterable[bytes]) -> str:
        """Make a mail durable that comes in pieces, never whole in memory; what its maker raises leaves nothing behind."""
        ref = f"{time.time_ns():020d}-{secrets.token_hex(4)}"
        tmp = self._tmp / ref
        try:
            with tmp.open("xb") as file:
                file.write(orjson.dumps(asdict(envelope)) + b"\n")
                for piece in pieces:
                    file.write(piece)
                file.flush()
                os.fsync(file.fileno())
            tmp.rename(self._new / ref)
        except BaseException:
            tmp.unlink(missing_ok=True)
            raise
        _fsync(self._new)
        return ref

    def pending(self) -> list[str]:
        """References of all mails waiting to be read, oldest first."""
        return sorted(path.name for path in self._new.iterdir())

    def path(self, ref: str) -> Path:
        """The file of a waiting mail; the mail itself begins after the first line."""
        return self._new / ref

    def load(self, ref: str) -> tuple[Envelope, bytes]:
        """Envelope and raw bytes of a waiting mail."""
        with self.path(ref).open("rb") as file:
            return _envelope(file.readline()), file.read()

    def envelope(self, ref: str) -> Envelope:
        """How a waiting mail came in."""
        with self.path(ref).open("rb") as file:
            return _envelope(file.readline())

    def done(self, ref: str) -> None:
        """Forget a mail that is now a campaign, an event or an answer."""
        self.path(ref).unlink(missing_ok=True)

    def shunt(self, ref: str, why: str) -> None:
        """Set a mail aside, with the reason beside it, for an operator to look at."""
        (self._shunt / f"{ref}.txt").write_text(why, encoding="utf-8", errors="backslashreplace")
        self.path(ref).rename(self._shunt / ref)
        _fsync(self._shunt)

    def aside(self) -> list[str]:
        """References of the mails that were set aside, the newest first."""
        return sorted((path.name for path in self._shunt.iterdir() if not path.name.endswith(".txt")), reverse=True)

    def told(self, ref: str, most: int) -> tuple[Envelope, bytes, str]:
        """Envelope, first bytes and reason of a mail that was set aside; OSError or ValueError when there is none."""
        with self._of_aside(ref).open("rb") as file:
            envelope = _envelope(file.readline(_HEAD))
            raw = file.read(most)
        why = self._shunt / f"{ref}.txt"
        reason = why.read_text("utf-8", "replace") if why.is_file() else ""
        return envelope, raw, reason

    def again(self, ref: str) -> None:
        """Let a mail that was set aside be read once more."""
        path = self._of_aside(ref)
        path.rename(self._new / ref)
        (self._shunt / f"{ref}.txt").unlink(missing_ok=True)
        _fsync(self._new)

    def discard(self, ref: str) -> None:
        """Forget a mail that was set aside."""
        self._of_aside(ref).unlink()
        (self._shunt / f"{ref}.txt").unlink(missing_ok=True)

    def _of_aside(self, ref: str) -> Path:
        if not _REF.fullmatch(ref):
            raise FileNotFoundError(ref)
        return self._shunt / ref

    def keep(self, ref: str, most: int) -> None:
        """Put a mail for the operator into the folder `postmaster`, which holds the newest `most` bytes at most."""
        folder = self.folder / "postmaster"
        folder.mkdir(exist_ok=True)
        self.path(ref).rename(folder / ref)
        _fsync(folder)
        left = most
        for path in sorted(folder.iterdir(), reverse=True):
            left -= path.stat().st_size
            if left < 0:
                path.unlink(missing_ok=True)

    def expire(self, age: float, now: float) -> int:
        """Remove mails set aside or kept for the operator more than `age` seconds before `now`; returns how many files."""
        old = [
            path
            for folder in (self._shunt, self.folder / "postmaster", self.folder / RESTORED)
            if folder.is_dir()
            for path in folder.iterdir()
            if path.stat().st_mtime < now - age
        ]
        for path in old:
            path.unlink(missing_ok=True)
        return len(old)

    def take_up(self) -> int:
        """Let mails that came back from a backup be read after all; returns how many."""
        waiting = sorted((self.folder / RESTORED).glob("*"))
        for path in waiting:
            path.rename(self._new / path.name)
        if waiting:
            _fsync(self._new)
        return len(waiting)

    def sweep(self) -> int:
        """Remove what a crash left half-written (never acknowledged); returns how many files."""
        leftovers = list(self._tmp.iterdir())
        for path in leftovers:
            path.unlink(missing_ok=True)
        return len(leftovers)
