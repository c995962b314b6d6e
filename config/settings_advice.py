"""The settings of signatures and of the advice before sending.

In: the tables `[dkim]` and `[advice]`. Out: two frozen sections. Raises ValueError, which becomes a ConfigError.
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field, field_validator

from config.durations import milliseconds
from config.section import Section, hostports


class Dkim(Section):
    second: Literal["none", "gateway", "ed25519"] = Field(
        "none",
        description="Second signature of campaign mails. gateway: by the gateway's own key, beside the customer's;"
        " ed25519: by the Ed25519 key (dkim add --ed25519) of the same domain, else of the gateway.",
    )


class Advice(Section):
    spamd: str = Field("", description="host:port of a SpamAssassin spamd that scores each campaign's first mail.")
    rspamd: str = Field("", description="host:port of an rspamd (worker normal or proxy) that scores it.")
    spam_timeout: str = Field(
        "1500ms", description="Longest wait for a score; the acknowledgement goes out without one that comes later."
    )
    check_links: bool = Field(
        False, description="Ask the web servers that a campaign's links name whether the page exists (HEAD)."
    )
    link_timeout: str = Field("1500ms", description="Longest wait for the answers of web servers, in all.")

    @field_validator("spamd", "rspamd")
    @classmethod
    def _place(cls, value: str) -> str:
        return hostports([value])[0] if value else ""

    @field_validator("spam_timeout", "link_timeout")
    @classmethod
    def _duration(cls, value: str) -> str:
        milliseconds(value)
        return value
