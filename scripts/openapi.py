#!/usr/bin/env python3
"""Write docs/openapi.json, the description of the API, from the operations and models that serve it."""

from __future__ import annotations

from pathlib import Path

import orjson

from gateway.api.openapi import document

FILE = Path(__file__).resolve().parents[1] / "docs" / "openapi.json"


def text() -> bytes:
    """The description as the file holds it."""
    return orjson.dumps(document(), option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS) + b"\n"


if __name__ == "__main__":
    FILE.write_bytes(text())
