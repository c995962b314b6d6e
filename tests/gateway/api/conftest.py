"""The API for each test."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from api_kit import Api, api_over

from store.engine import Database


@pytest.fixture
async def api(db: Database, tmp_path: Path) -> AsyncIterator[Api]:
    async with api_over(db, tmp_path) as made:
        yield made
