"""Where the files of drafts lie: a folder a draft under `drafts` of the data folder.

In: uploads as they came (starlette keeps large ones on the disk), names. Out: files on the disk and what is known of
them: {"file": name on the disk, "name": as its author named it, "size": bytes, "type": MIME type}. Every method blocks
on the disk: call it in a thread. Raises OSError when the disk does.
"""

from __future__ import annotations

import re
import secrets
import shutil
from pathlib import Path, PurePath
from typing import Any, BinaryIO

from parsers.names import is_config, is_liste

_STEP = 1 << 20
_TYPE = re.compile(r"[a-z0-9!#$&^_.+-]{1,60}/[a-z0-9!#$&^_.+-]{1,60}")


class Shelf:
    """The folder of one draft."""

    def __init__(self, data: Path, number: int) -> None:
        self.folder = data / "drafts" / str(number)

    def put(self, file: BinaryIO, name: str, kind: str) -> dict[str, Any]:
        """Keep an upload and tell what it is."""
        self.folder.mkdir(parents=True, exist_ok=True)
        place = secrets.token_hex(8)
        size = 0
        file.seek(0)
        with (self.folder / place).open("xb") as kept:
            while piece := file.read(_STEP):
                kept.write(piece)
                size += len(piece)
        plain = kind.partition(";")[0].strip().lower()
        sort = plain if _TYPE.fullmatch(plain) else "application/octet-stream"
        return {"file": place, "name": called(name), "size": size, "type": sort}

    def open(self, known: dict[str, Any]) -> BinaryIO:
        """Read a file."""
        return (self.folder / PurePath(known["file"]).name).open("rb")

    def drop(self, known: dict[str, Any]) -> None:
        """Remove a file."""
        (self.folder / PurePath(known["file"]).name).unlink(missing_ok=True)

    def remove(self) -> None:
        """Remove all of it."""
        shutil.rmtree(self.folder, ignore_errors=True)


def called(name: str) -> str:
    """The name of an upload without folders and control characters."""
    last = PurePath(name.replace("\\", "/")).name
    return "".join(char for char in last if char.isprintable())[:150] or "fichier"


def reserved(name: str) -> bool:
    """Whether a file would be taken for the list or for Config."""
    return is_liste(name) or is_config(name)


def ending(name: str) -> str:
    """The ending of an uploaded list, for people; its kind is told by its content."""
    found = PurePath(name).suffix.lower()
    return found if found[1:].isascii() and found[1:].isalnum() and len(found) <= 6 else ".txt"
