"""Which campaigns wait for their author's word."""

from typing import Any

import pytest

from gateway.intake.judge import waits
from store.spool import Envelope


@pytest.mark.parametrize(
    ("proof", "listener", "habit", "asked", "waiting"),
    [
        ("dkim", "mx", False, None, True), ("spf", "mx", False, None, True), ("dkim", "mx", False, False, True),
        ("network", "mx", False, None, False), ("network", "mx", False, True, True), ("network", "mx", True, False, True),
        ("login", "submission", False, None, False), ("login", "submission", False, True, True),
        ("login", "submission", True, None, True), ("login", "submission", True, False, False),
    ],
)  # fmt: skip
def test_validation(proof: str, listener: str, habit: bool, asked: bool | None, waiting: bool) -> None:
    envelope = Envelope("campaign", "a@b.example", (), "192.0.2.1", listener, 0, proof=proof)
    choices: dict[str, Any] = {"validation": asked, "test": []}
    assert waits(choices, envelope, habit) is waiting
    assert not waits(choices | {"test": ["a@b.example"]}, envelope, habit)  # a proof is what a word would be asked for
