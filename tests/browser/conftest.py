"""A site and a browser for the tests of one file; what they need is imported by those who ask, since it may be missing."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from browsing import Site
    from playwright.sync_api import Browser


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    from browsing import pages

    with pages(tmp_path_factory.mktemp("web")) as found:
        yield found


@pytest.fixture(scope="module")
def browser(site: Site) -> Iterator[Browser]:  # after the site: playwright keeps a loop running in this thread
    from browsing import chromium

    with chromium() as found:
        yield found
