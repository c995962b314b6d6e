"""What every table of the settings is made of.

In: values as TOML or the environment give them. Out: an immutable section; `host:port` cut in two. Raises ValueError, which
becomes a ConfigError with one sentence.
"""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Section(BaseModel):
    """A table of the settings file: immutable, unknown keys refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def hostports(values: list[str]) -> list[str]:
    """Return a list of `host:port` as it is; ValueError when one is none."""
    for value in values:
        host, _, port = value.rpartition(":")
        if not host or not port.isdigit() or not 0 < int(port) < 65536:
            raise ValueError(f"{value!r} must read host:port")
    return values


def split_hostport(value: str) -> tuple[str, int]:
    """Cut `host:port` (or `[v6]:port`) in two; the value was checked when the settings were read."""
    host, _, port = value.rpartition(":")
    return host.strip("[]"), int(port)
