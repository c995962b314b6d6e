"""Values that the tests of the store share."""

from __future__ import annotations

from store.suppressions import SuppressionKeys

NOW = 1_790_000_000_000
KEYS = SuppressionKeys({1: b"k" * 32}, 1)
