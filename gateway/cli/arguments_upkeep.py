"""What can be typed to look after a gateway: its database, backups, and what it would make of a file.

In: how gateway.cli.arguments adds a command and a group. Out: nothing; the commands are there.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Any

Add = Callable[..., argparse.ArgumentParser]
Group = Callable[[str, str], Any]


def arguments(commands: Any, add: Add, group: Group) -> None:
    """Add the commands of upkeep."""
    _backups(commands, add)
    actions = group("db", "the database")
    add(actions, "upgrade", "upkeep:upgrade", "bring the tables to the newest version")
    explain = add(
        commands, "explain", "explain:explain", "tell what the gateway makes of mails, lists and Config files"
    )
    explain.add_argument("files", nargs="+", metavar="FILE")
    add(commands, "settings", "upkeep:settings", "print every setting with its description and default")


def _backups(commands: Any, add: Add) -> None:
    backup = add(commands, "backup", "backup:take", "write everything into one file, while the gateway works")
    backup.add_argument("target", metavar="DIR|FILE", help="a folder (the file's name is the date) or a new file")
    backup.add_argument("--keep", metavar="TIME", help="remove backups in DIR that are older, for example 14d")
    restore = add(commands, "restore", "backup:restore", "bring a gateway back from a backup, every campaign paused")
    restore.add_argument("file", metavar="FILE")
    restore.add_argument("--dir", required=True, metavar="DIR", help="new or empty folder")
