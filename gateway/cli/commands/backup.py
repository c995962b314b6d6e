"""`backup` and `restore`: one file that holds everything, and the way back.

In: the parsed command line. Out: lines that say what was done and what to do next. Raises Failure, ArchiveError, CopyError or
Occupied with one sentence.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import os
from datetime import UTC, datetime
from pathlib import Path

from config.durations import milliseconds
from gateway.backup import restoring, taking
from gateway.cli.commands.database import settings_of
from gateway.cli.failure import Failure


def take(found: argparse.Namespace) -> None:
    """Write a backup while the gateway works."""
    settings, target = settings_of(found), Path(found.target)
    if not settings.gateway.data_dir.is_dir():
        raise Failure(f"no data folder at {settings.gateway.data_dir}: name the settings with --config")
    if not target.parent.is_dir():
        raise Failure(f"no folder {target.parent}")
    try:
        keep = milliseconds(found.keep) / 1000 if found.keep else None
    except ValueError as error:
        raise Failure(str(error)) from error
    named = found.config or os.environ.get("MAIL2CAMPAIGN_CONFIG") or "mail2campaign.toml"
    done = taking.take(settings, Path(named), target, importlib.metadata.version("mail2campaign"), keep)
    print(f"{done.path}: {done.size / 1e6:.1f} MB in {done.seconds:.1f} s, read back and compared")
    for path in done.apart:
        print(f"not in it, since it is outside the data folder: {path}")
    print("It holds the keys and people's addresses: keep it as safe as the gateway, and no longer than 30 days.")


def restore(found: argparse.Namespace) -> None:
    """Bring a gateway back into a new folder, with every campaign paused."""
    backup = Path(found.file)
    if not backup.is_file():
        raise Failure(f"no file {backup}")
    done = restoring.restore(backup, Path(found.dir))
    config = Path(found.dir) / restoring.FILE
    at = datetime.fromtimestamp(done.at, UTC)
    campaigns, people = done.halted.campaigns, done.halted.recipients
    print(f"{config} is back, as of {at:%Y-%m-%d %H:%M:%S} UTC; what happened later is not known here")
    print(f"paused: {campaigns} campaign{'s' * (campaigns != 1)} with {people} recipient{'s' * (people != 1)} waiting")
    if done.mails:
        print(f"set aside: {done.mails} mail{'s' * (done.mails != 1)} that had not been read, in spool/restored")
    print("Recipients who got their mail after the backup would get it again. Once you have looked:")
    print(f"  mail2campaign --config {config} serve")
    print(f"  mail2campaign --config {config} campaign list, then campaign resume ID (or --all), or campaign stop ID")
