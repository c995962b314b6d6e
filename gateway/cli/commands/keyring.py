"""`key rotate`: a new secret for tokens or suppressions, while the gateway stands still.

In: the parsed command line. Out: one line that says the new key's id. The gateway must not run on the data folder: its
processes read the rings when they start, and one that has not seen the new key would refuse what another has signed.
Raises KeysError or ServeError with one sentence.
"""

from __future__ import annotations

import argparse
import os

from config import keys
from gateway.cli.commands.database import settings_of
from gateway.processes.supervisor import take_lock


def rotate(found: argparse.Namespace) -> None:
    """Put a new secret in force and print its id."""
    data = settings_of(found).gateway.data_dir
    lock = take_lock(data)
    try:
        print(f"key {keys.rotate(data, found.ring)} of ring {found.ring} is in force; back up {data / 'keys'} now")
    finally:
        os.close(lock)
