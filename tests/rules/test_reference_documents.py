"""Commands, settings, statuses, faults, reasons, events of the log: their documents are made from the program."""

from __future__ import annotations

import pytest

from scripts.reference_docs import DOCS, documents


@pytest.mark.parametrize("name", sorted(documents()))
def test_a_generated_document_is_up_to_date(name: str) -> None:
    if documents()[name] != (DOCS / name).read_text("utf-8"):
        pytest.fail(f"docs/{name} has grown old: run `make fmt` (python scripts/reference_docs.py)", False)
