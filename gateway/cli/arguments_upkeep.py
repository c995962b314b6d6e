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
    _doctor(commands, add)
    _watching(commands, add)
    _backups(commands, add)
    actions = group("db", "the database")
    add(actions, "upgrade", "upkeep:upgrade", "bring the tables to the newest version")
    explain = add(
        commands, "explain", "explain:explain", "tell what the gateway makes of mails, lists and Config files"
    )
    explain.add_argument("files", nargs="+", metavar="FILE")
    add(commands, "settings", "upkeep:settings", "print every setting with its description and default")


def _doctor(commands: Any, add: Add) -> None:
    doctor = add(commands, "doctor", "doctor:doctor", "tell what is wrong and what to do (exit status 0, 1, 2)")
    doctor.add_argument("--json", action="store_true", help="one JSON object, for programs")
    doctor.add_argument("--quiet", action="store_true", help="only what presses: warnings and worse")
    doctor.add_argument("--offline", action="store_true", help="ask nobody but this machine and the database")
    doctor.add_argument("--deep", action="store_true", help="read a large SQLite file through, too")
    doctor.add_argument("--lang", choices=("fr", "en"), help="(default: gateway.locale)")


def _watching(commands: Any, add: Add) -> None:
    top = add(commands, "top", "top:top", "watch the gateway at work: queue, rates, senders, pauses")
    top.add_argument("--once", action="store_true", help="show it once and end (also without a terminal)")
    top.add_argument("--every", type=float, default=2.0, metavar="SECONDS", help="between two looks (default: 2)")
    trace = add(commands, "trace", "trace:trace", "tell every attempt to write to an address, in words")
    trace.add_argument("address", metavar="ADDRESS|N", help="an address, or the number of a recipient in the log")
    trace.add_argument("--account", metavar="NAME", help="of one account only (default: of all)")
    trace.add_argument("--campaign", type=int, metavar="ID", help="of one campaign only")
    trace.add_argument("--lang", choices=("fr", "en"), help="(default: gateway.locale)")


def _backups(commands: Any, add: Add) -> None:
    backup = add(commands, "backup", "backup:take", "write everything into one file, while the gateway works")
    backup.add_argument("target", metavar="DIR|FILE", help="a folder (the file's name is the date) or a new file")
    backup.add_argument("--keep", metavar="TIME", help="remove backups in DIR that are older, for example 14d")
    restore = add(commands, "restore", "backup:restore", "bring a gateway back from a backup, every campaign paused")
    restore.add_argument("file", metavar="FILE")
    restore.add_argument("--dir", required=True, metavar="DIR", help="new or empty folder")
