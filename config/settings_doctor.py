"""The settings of what operators look at: the doctor's questions, and who may read the metrics.

In: the tables `[doctor]` and `[metrics]`. Out: two frozen sections. Raises ValueError, which becomes a ConfigError.
"""

from __future__ import annotations

from pydantic import Field, field_validator

from config.durations import milliseconds
from config.section import Section, hostports


class Doctor(Section):
    backup_age: str = Field("2d", description="A last backup that is older is a warning of `doctor`.")
    time_server: str = Field("", description="host:port of a time server (NTP, port 123) to compare our clock with.")
    blocklists: list[str] = Field(
        [], description="DNS blocklists that `doctor` asks about our addresses, for example zen.spamhaus.org."
    )

    @field_validator("backup_age")
    @classmethod
    def _duration(cls, value: str) -> str:
        milliseconds(value)
        return value

    @field_validator("time_server")
    @classmethod
    def _place(cls, value: str) -> str:
        return hostports([value])[0] if value else ""


class Metrics(Section):
    token: str = Field(
        "", description="Bearer token with which /metrics is read; empty: from this machine only, not through a proxy."
    )
