"""Settings of programs: the API and the webhooks.

In: values of the settings file, or of the environment. Out: the sections of config.settings. Raises pydantic's
ValidationError, which config.settings turns into a sentence.
"""

from __future__ import annotations

import ipaddress

from pydantic import Field, field_validator

from config.durations import milliseconds, plan
from config.section import Section


class Api(Section):
    requests_per_minute: int = Field(
        600, gt=0, description="Requests a minute that one API key may make; above: 429 with Retry-After."
    )
    uploads: int = Field(
        4, gt=0, description="Messages that the API takes at once; each is kept on the disk meanwhile."
    )


class Webhooks(Section):
    retry: str = Field(
        "5s, 30s, 2m, 10m, 30m, 1h, 2h, 4h*", description="Waits after each failed try of an event; * repeats."
    )
    give_up_after: str = Field(
        "3d", description="Age at which an event is set aside, and failing time after which a webhook is switched off."
    )
    timeout: str = Field("15s", description="Longest wait for an endpoint's whole answer.")
    allow_networks: list[str] = Field(
        [], description="CIDR list of private or loopback networks that a webhook may name; else only public addresses."
    )
    allow_http: bool = Field(False, description="Webhooks may be plain http (inside your own network only).")

    @field_validator("retry")
    @classmethod
    def _plan(cls, value: str) -> str:
        plan(value)
        return value

    @field_validator("give_up_after", "timeout")
    @classmethod
    def _duration(cls, value: str) -> str:
        milliseconds(value)
        return value

    @field_validator("allow_networks")
    @classmethod
    def _networks(cls, values: list[str]) -> list[str]:
        for value in values:
            ipaddress.ip_network(value, strict=False)
        return values
