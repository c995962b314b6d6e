"""Settings of what goes out: name servers, delivery, transport security, attachments.

In: values of the settings file, or of the environment. Out: the sections of config.settings. Raises pydantic's
ValidationError, which config.settings turns into a sentence.
"""

from __future__ import annotations

import ipaddress
from pathlib import Path
from typing import Literal

from pydantic import Field, field_validator

from config.durations import Plan, milliseconds, plan
from config.section import Section
from config.section import hostports as _hostports


class Dns(Section):
    nameservers: list[str] = Field([], description="host:port list; empty: those of the system.")
    timeout: str = Field("5s", description="Longest wait for one DNS answer.")
    dnssec: Literal["off", "trust"] = Field(
        "off",
        description="trust: these name servers validate DNSSEC and the way to them is safe (unbound on this machine);"
        " then DANE is enforced. off: no DANE.",
    )

    _check = field_validator("nameservers")(_hostports)


class Delivery(Section):
    workers: int = Field(0, ge=0, description="Sender processes; 0: one a core.")
    port: int = Field(25, gt=0, lt=65536, description="Port of the recipients' servers.")
    helo: str = Field("", description="Name said in EHLO; empty: the gateway's domain.")
    routes: dict[str, str] = Field({}, description="Static routes: pattern on the recipient's domain = host:port.")
    retry: str = Field("5m, 15m, 30m, 1h, 2h, 4h*", description="Waits after each temporary refusal; * repeats.")
    awaiting_retry: str = Field("4h*", description="Waits after an attempt without an answer.")
    give_up_after: str = Field("3d", description="Counted from the first attempt; then the recipient is cancelled.")
    allow_networks: list[str] = Field([], description="CIDR list of private or loopback networks that an MX may name.")
    in_flight: int = Field(100, gt=0, le=1000, description="Mails of a process handed over and not yet committed.")
    connections_per_site: int = Field(20, gt=0, description="Connections of one process to one MX set at once.")
    connections: int = Field(2000, ge=20, le=20_000, description="Connections of one process to all sites at once.")
    messages_per_connection: int = Field(100, gt=0, description="Mails sent over one connection before it is closed.")
    connect_timeout: str = Field("30s", description="Wait for the TCP connection.")
    reply_timeout: str = Field("5m", description="Wait for banner, EHLO, MAIL, RCPT replies (RFC 5321 4.5.3.2).")
    dot_timeout: str = Field("10m", description="Wait for the reply to the final dot (RFC 5321 4.5.3.2.6).")
    lease: int = Field(500, gt=0, le=5000, description="Recipients taken by a sender at once.")
    providers: Path | None = Field(
        None, description="Your own provider limits and rules, asked before ours; empty: providers.toml in data_dir."
    )
    warmup: Path | None = Field(
        None, description="Your own numbers for the warm-up of local addresses; empty: warmup.toml in data_dir."
    )
    source: str = Field("", description="Local address that connections leave from; empty: the system's choice.")

    @field_validator("retry", "awaiting_retry")
    @classmethod
    def _plan(cls, value: str) -> str:
        plan(value)
        return value

    @field_validator("give_up_after", "connect_timeout", "reply_timeout", "dot_timeout")
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

    @field_validator("routes")
    @classmethod
    def _routes(cls, values: dict[str, str]) -> dict[str, str]:
        _hostports(list(values.values()))
        return values

    @property
    def retry_plan(self) -> Plan:
        return plan(self.retry)

    @property
    def awaiting_plan(self) -> Plan:
        return plan(self.awaiting_retry)


class Tls(Section):
    mta_sts: bool = Field(True, description="Obey the MTA-STS policies (RFC 8461) of the recipients' domains.")
    ca_file: Path | None = Field(None, description="PEM file of the authorities that are trusted; empty: the system's.")
    reports: bool = Field(True, description="Send the daily TLS reports (RFC 8460) that domains ask for.")
    report_contact: str = Field("", description="Contact address in TLS reports; empty: postmaster@ the gateway.")


class AttachmentsSection(Section):
    links_above: int = Field(
        1_000_000,
        ge=0,
        description="Attachments that weigh more for one person become links, unless Config says otherwise.",
    )
    attached_max: int = Field(
        10_000_000, ge=0, description="Bytes that may be attached to a mail although Config asks for it; above: held."
    )
    volume_max: int = Field(
        5_000_000_000, ge=0, description="Attached bytes x recipients of one campaign; above: links, or held."
    )
    keep_days: int = Field(
        30, gt=0, le=3650, description="Days for which files stay on line after their campaign's end."
    )
