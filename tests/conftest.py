"""A migrated database for each test, and the smallest campaign in it."""

from __future__ import annotations

import gc
import itertools
import os
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path

import compiled_once
import empty_tables
import hypothesis
import light_hashes  # noqa: F401  # before whatever hashes
import pytest
from forking import pytest_addoption, pytest_runtestloop  # noqa: F401  # hooks of pytest
from store_helpers import NOW

from store import accounts, campaigns
from store.engine import Database
from store.values import Campaign, NewCampaign, NewFault, NewRecipient, Tracked

# The same examples on every machine and run: a commit is not judged by chance. `make check` tries a quarter of them (those of
# tests that state no number), `make fuzz` looks for new ones.
hypothesis.settings.register_profile("repeatable", derandomize=True, deadline=None)
hypothesis.settings.register_profile("quick", max_examples=25, derandomize=True, deadline=None)
hypothesis.settings.register_profile("search", max_examples=20_000, deadline=None)
hypothesis.settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "repeatable"))


gc.disable()  # until everything is imported, which stays: the collector need not look through it again and again
LONG = ("browser", "peers", "store")


def pytest_collection_finish() -> None:
    """From here on what tests leave is collected."""
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)
    gc.enable()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Long files come first, beside each that computes one that waits: processes that share the files end together."""
    files = list(dict.fromkeys(item.path for item in items))
    waiting = [file for file in files if file.parent.name == "crash"]
    busy = [file for file in files if file.parent.name in LONG]
    first = [file for pair in itertools.zip_longest(waiting, busy) for file in pair if file]
    place = {file: number for number, file in enumerate(first)}
    items.sort(key=lambda item: place.get(item.path, len(first)))


@pytest.fixture(scope="session", autouse=True)
def tables(tmp_path_factory: pytest.TempPathFactory) -> Iterator[empty_tables.Tables]:
    """Statements are compiled and tables are made once a test process, not once a database."""
    made = empty_tables.Tables(tmp_path_factory.mktemp("db"))
    with compiled_once.shared(), pytest.MonkeyPatch.context() as patch:
        made.share(patch)
        yield made


@pytest.fixture
def migrated(tables: empty_tables.Tables) -> Path:
    return tables.path()


@pytest.fixture
async def db(migrated: Path, tmp_path: Path) -> AsyncIterator[Database]:
    path = tmp_path / "m2c.db"
    shutil.copy(migrated, path)
    database = Database.open(f"sqlite+aiosqlite:///{path}")
    yield database
    await database.close()


MakeCampaign = Callable[..., Awaitable[Campaign]]


@pytest.fixture
async def make(db: Database) -> MakeCampaign:
    """Make a published campaign with that many recipients: `await make(5, send_at=…, held=…)`."""
    numbers = iter(range(1, 1_000))

    async def make_campaign(
        people: int = 3, *, send_at: int | None = None, held: tuple[dict[str, str], ...] = (), faults: int = 0
    ) -> Campaign:
        n = next(numbers)
        async with db.write() as conn:
            account = await accounts.find_account(conn, "acme")
            account_id = account.id if account else await accounts.create_account(
                conn, "acme", "ACME SAS", "1 rue de la Paix", "fr", "Europe/Paris", NOW
            )  # fmt: skip
            sender = await accounts.declare_sender(conn, account_id, "contact@acme.test", "ACME", NOW, NOW)
            new = NewCampaign(
                account_id, sender, "Offre", "Offre", "ACME", "contact@acme.test", "contact@acme.test", f"<{n}@acme>",
                f"key{n}", "fr", "Europe/Paris", ("Email", "Nom"), 0, {"bulk": True}, held, send_at, NOW,
            )  # fmt: skip
            campaign_id = await campaigns.begin(conn, new, b"source")
            assert isinstance(campaign_id, int)
            rows = [
                NewRecipient(
                    i + 2, 0, f"p{i}@dest.test", f"p{i}@dest.test", "", (f"p{i}@dest.test", f"N{i}"), Tracked.FULL
                )
                for i in range(people)
            ]
            bad = [
                NewFault(people + 2 + i, 0, "x", "syntax" if i else "duplicate", "2", ("x", "")) for i in range(faults)
            ]
            await campaigns.add_rows(conn, campaign_id, rows, bad, send_at or NOW)
        async with db.write() as conn:
            return await campaigns.publish(conn, campaign_id, f"token{n}", NOW)

    return make_campaign
