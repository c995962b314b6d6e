"""What the rooms of the way in work with, made once at the composition root.

In: the settings. Out: one frozen `Desk`, and what several rooms do with it. Raises KeysError when a key file is missing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from config.keys import load_keyring
from config.settings import Settings
from gateway.reading.readers import Readers
from mail.dkim import Signer
from mail.keychain import Keychain
from mail.resolver import Resolver
from parsers.tokens import Keyring
from store import campaigns, suppressions
from store.engine import Database
from store.spool import Spool
from store.suppressions import SuppressionKeys


@dataclass(frozen=True, slots=True)
class Desk:
    """Everything intake, acknowledgements and returns need."""

    settings: Settings
    database: Database
    spool: Spool
    readers: Readers
    resolver: Resolver
    keyring: Keyring
    suppression: SuppressionKeys
    signers: Sequence[Signer]

    @property
    def domain(self) -> str:
        """The gateway's domain."""
        return self.settings.gateway.domain

    @property
    def report_secret(self) -> bytes:
        """The key that report links are derived from: the oldest, so that a link stays the same when keys rotate."""
        return self.keyring.keys[min(self.keyring.keys)]


def rings(settings: Settings) -> tuple[Keyring, SuppressionKeys, Sequence[Signer]]:
    """The keys of the data folder."""
    folder = settings.gateway.data_dir
    return Keyring(*load_keyring(folder, "tokens")), suppressions.load(settings), Keychain(folder)


async def wipe(database: Database, campaign_id: int) -> None:
    """Remove a campaign that was never revealed, chunk by chunk so that senders write in between."""
    more = True
    while more:
        async with database.write() as conn:
            more = await campaigns.wipe(conn, campaign_id)
