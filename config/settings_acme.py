"""The settings of certificates that the gateway gets and renews by itself (ACME, RFC 8555).

In: the table `[acme]`. Out: a frozen section. Raises ValueError, which becomes a ConfigError.
"""

from __future__ import annotations

import ipaddress
from pathlib import Path

from pydantic import Field, field_validator

from config.section import Section


class Acme(Section):
    directory: str = Field(
        "",
        description="Address of the authority that gives certificates, for example"
        " https://acme-v02.api.letsencrypt.org/directory (whoever names it agrees to its terms); empty: none is asked.",
    )
    contact: str = Field("", description="Address that the authority may write to; empty: that of the operator.")
    ca_file: Path | None = Field(
        None, description="PEM file of whoever vouches for the authority's own pages; empty: the system's."
    )
    allow_networks: list[str] = Field(
        [], description="CIDR list of private networks in which the authority may be; else only public addresses."
    )

    @field_validator("directory")
    @classmethod
    def _directory(cls, value: str) -> str:
        if value and not value.startswith("https://"):
            raise ValueError(f"{value!r} is no https address")
        return value

    @field_validator("allow_networks")
    @classmethod
    def _networks(cls, values: list[str]) -> list[str]:
        for value in values:
            ipaddress.ip_network(value, strict=False)
        return values
