"""The settings of what operators look at: the doctor's questions, who may read the metrics, who gets spans.

In: the tables `[doctor]`, `[metrics]` and `[tracing]`. Out: three frozen sections. Raises ValueError, which becomes
a ConfigError.
"""

from __future__ import annotations

from urllib.parse import urlsplit

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
    listen: str = Field(
        "",
        description="host:port where /metrics is read besides, in the clear: of a machine of senders alone, its counters.",
    )

    @field_validator("listen")
    @classmethod
    def _place(cls, value: str) -> str:
        return hostports([value])[0] if value else ""


class Tracing(Section):
    endpoint: str = Field(
        "", description="OpenTelemetry collector (OTLP over HTTP), for example http://127.0.0.1:4318; empty: no spans."
    )

    @field_validator("endpoint")
    @classmethod
    def _address(cls, value: str) -> str:
        parts = urlsplit(value)
        if value and (parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment):
            raise ValueError("an address like http://127.0.0.1:4318")
        return value
