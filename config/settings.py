"""Every setting of the gateway, with its default and what it is for.

In: `mail2campaign.toml` (`--config`, or MAIL2CAMPAIGN_CONFIG), overridden key by key by MAIL2CAMPAIGN_SECTION__KEY
(lists and tables as JSON). Out: one frozen `Settings`, read at the composition roots only; the rest of the house gets a
section or plain numbers. Raises ConfigError with one sentence a fault; an unknown key is a fault.
"""

from __future__ import annotations

import ipaddress
import os
from pathlib import Path
from typing import Any, ClassVar, Literal
from zoneinfo import ZoneInfo

from pydantic import Field, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict, TomlConfigSettingsSource

from config.durations import Plan, milliseconds, plan
from config.section import Section
from config.section import hostports as _hostports
from config.section import split_hostport as split_hostport
from config.settings_advice import Advice, Dkim

ENVIRONMENT = "MAIL2CAMPAIGN_"


class ConfigError(Exception):
    """The settings cannot be used; the text says which key and why."""


class Gateway(Section):
    domain: str = Field(
        "localhost", description="The GATEWAY of mail@GATEWAY; tokens, bounces and links live under it."
    )
    public_url: str = Field("", description="Address of the web pages as people reach them; empty: https://DOMAIN.")
    data_dir: Path = Field(
        Path("data"), description="Database, spool, keys and secrets (relative: to the settings file)."
    )
    locale: Literal["fr", "en"] = Field("fr", description="Language of pages and mails where nothing else says it.")
    timezone: str = Field("Europe/Paris", description="Zone in which dates are read and shown.")
    operator: str = Field(
        "", description="Address, not of this gateway, that gets alerts and the mail for postmaster@ and abuse@."
    )

    @field_validator("timezone")
    @classmethod
    def _zone(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (KeyError, ValueError, OSError) as error:
            raise ValueError(f"{value!r} is no time zone") from error
        return value

    @field_validator("domain")
    @classmethod
    def _domain(cls, value: str) -> str:
        return value.strip().rstrip(".").lower()

    @model_validator(mode="after")
    def _operator(self) -> Gateway:
        local, _, domain = self.operator.rpartition("@")
        if self.operator and (not local or not domain or any(char.isspace() for char in self.operator)):
            raise ValueError(f"operator {self.operator!r} is no address")
        if domain.lower() == self.domain:
            raise ValueError(f"operator {self.operator!r} is an address of this gateway: it would write to itself")
        return self

    @property
    def url(self) -> str:
        """The public URL without a trailing slash."""
        return (self.public_url or f"https://{self.domain}").rstrip("/")


class Smtp(Section):
    mx_listen: list[str] = Field(["0.0.0.0:25"], description="Where mail from the world arrives (host:port list).")
    submission_listen: list[str] = Field(["0.0.0.0:587"], description="Submission with STARTTLS and AUTH.")
    submissions_listen: list[str] = Field(["0.0.0.0:465"], description="Submission over TLS from the first byte.")
    trusted_networks: list[str] = Field([], description="CIDR list whose hosts may send campaigns on the MX port.")
    tls_certificate: Path | None = Field(None, description="PEM chain; empty: the one that init made.")
    tls_key: Path | None = Field(None, description="PEM key of the certificate.")
    max_message: int = Field(50_000_000, gt=0, description="Largest message accepted, in bytes.")
    memory_budget: int = Field(400_000_000, gt=0, description="Bytes of mails held in memory at once; above: 452.")
    max_connections: int = Field(500, gt=0, description="SMTP connections at once; above: 421.")
    max_connections_per_ip: int = Field(50, gt=0, description="SMTP connections at once from one address.")
    messages_per_minute_per_ip: int = Field(600, gt=0, description="Messages a minute from one address; above: 421.")
    idle_timeout: str = Field("5m", description="A silent SMTP client is let go after this (RFC 5321 4.5.3.2.7).")
    min_free_disk: int = Field(200_000_000, ge=0, description="Bytes that must stay free on the disk; below: 452.")

    _check = field_validator("mx_listen", "submission_listen", "submissions_listen")(_hostports)

    @field_validator("trusted_networks")
    @classmethod
    def _networks(cls, values: list[str]) -> list[str]:
        for value in values:
            ipaddress.ip_network(value, strict=False)
        return values

    @field_validator("idle_timeout")
    @classmethod
    def _duration(cls, value: str) -> str:
        milliseconds(value)
        return value


class Web(Section):
    listen: str = Field("127.0.0.1:8080", description="host:port of the web pages, tracking and unsubscribing.")

    @field_validator("listen")
    @classmethod
    def _listen(cls, value: str) -> str:
        return _hostports([value])[0]


class DatabaseSection(Section):
    url: str = Field("", description="SQLAlchemy URL; empty: SQLite in data_dir. PostgreSQL: postgresql+asyncpg://…")


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


class Tracking(Section):
    default: Literal["auto", "anonymous", "none"] = Field("auto", description="auto: by consent; none: never track.")
    aggregate_opens: bool = Field(
        False,
        description="One image, the same for all, counts the opens of anonymous mail. The law is unclear: ask your DPO.",
    )

    settle: str = Field(
        "8s", description="How long a reader must be quiet before what they did is judged: a person, or a program."
    )
    hidden_link: bool = Field(
        True, description="Followed mails carry a link that only programs find, so that scanners give themselves away."
    )
    machines_file: Path | None = Field(
        None, description="More rules by which robots are known, before ours (docs/tracking.md); read when it changes."
    )

    @field_validator("settle")
    @classmethod
    def _duration(cls, value: str) -> str:
        milliseconds(value)
        return value


class Retention(Section):
    report: str = Field(
        "30d", description="After the end of a campaign, all that names its people is erased; its totals stay."
    )
    links: str = Field("395d", description="After the end of a campaign, its links lead nowhere any more (13 months).")
    consent_proof: str = Field(
        "1825d", description="How long words of the consent register outlive newer ones (5 years)."
    )
    set_aside: str = Field("90d", description="How long mails that could not be read, or are the operator's, are kept.")

    @field_validator("report", "links", "consent_proof", "set_aside")
    @classmethod
    def _duration(cls, value: str) -> str:
        if milliseconds(value) <= 0:
            raise ValueError(f"{value!r} must be more than nothing")
        return value


class Limits(Section):
    new_account_per_day: int = Field(
        0, ge=0, description="Recipients a day of a new account, doubled after each clean day; 0: no limit."
    )
    soft_suppression_months: int = Field(
        6, gt=0, le=120, description="Months for which a mailbox that was full in 3 campaigns is not written to."
    )
    pause_after: int = Field(200, gt=0, description="Final answers after which a campaign may pause itself.")
    pause_hard_percent: float = Field(
        5.0, ge=0, le=100, description="Hard bounces in a hundred answers at which a campaign pauses; 0: never."
    )
    pause_complaint_percent: float = Field(
        0.3, ge=0, le=100, description="Complaints in a hundred answers at which a campaign pauses; 0: never."
    )
    list_lines: int = Field(1_000_000, gt=0, description="Lines of one LISTE.")
    reader_seconds: int = Field(120, gt=0, description="CPU seconds that reading one message may take.")
    reader_memory: int = Field(2_000_000_000, gt=0, description="Bytes of memory that reading one message may take.")


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


class Settings(BaseSettings):
    """The whole of it; `load` is the way to get one."""

    model_config = SettingsConfigDict(
        env_prefix=ENVIRONMENT,
        env_nested_delimiter="__",
        extra="forbid",
        frozen=True,
        nested_model_default_partial_update=True,
    )
    toml: ClassVar[Path | None] = None

    gateway: Gateway = Gateway()  # type: ignore[call-arg]
    smtp: Smtp = Smtp()  # type: ignore[call-arg]
    web: Web = Web()  # type: ignore[call-arg]
    database: DatabaseSection = DatabaseSection()  # type: ignore[call-arg]
    dns: Dns = Dns()  # type: ignore[call-arg]
    dkim: Dkim = Dkim()  # type: ignore[call-arg]
    delivery: Delivery = Delivery()  # type: ignore[call-arg]
    tls: Tls = Tls()  # type: ignore[call-arg]
    tracking: Tracking = Tracking()  # type: ignore[call-arg]
    retention: Retention = Retention()  # type: ignore[call-arg]
    advice: Advice = Advice()  # type: ignore[call-arg]
    attachments: AttachmentsSection = AttachmentsSection()  # type: ignore[call-arg]
    limits: Limits = Limits()  # type: ignore[call-arg]

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        if cls.toml is None:
            return (init_settings, env_settings)
        return (init_settings, env_settings, TomlConfigSettingsSource(settings_cls, toml_file=cls.toml))

    @property
    def providers_file(self) -> Path:
        """The operator's own providers, which need not be there."""
        return self.delivery.providers or self.gateway.data_dir / "providers.toml"

    @property
    def warmup_file(self) -> Path | None:
        """The operator's own warm-up numbers, None where there are none."""
        own = self.delivery.warmup or self.gateway.data_dir / "warmup.toml"
        return own if self.delivery.warmup or own.is_file() else None

    @property
    def database_url(self) -> str:
        """The SQLAlchemy URL in force."""
        return self.database.url or f"sqlite+aiosqlite:///{self.gateway.data_dir / 'mail2campaign.db'}"


def load(path: Path | str | None = None) -> Settings:
    """Read `path` (or MAIL2CAMPAIGN_CONFIG, or ./mail2campaign.toml when it is there), then the environment."""
    named = path or os.environ.get("MAIL2CAMPAIGN_CONFIG")
    file = Path(named) if named else Path("mail2campaign.toml")
    if named and not file.is_file():
        raise ConfigError(f"no settings file at {file}")
    source = type("Sourced", (Settings,), {"toml": file.resolve() if file.is_file() else None, "__module__": __name__})
    _refuse_unknown_environment()
    try:
        settings: Settings = source()
    except ValidationError as error:
        raise ConfigError("; ".join(_sentence(fault) for fault in error.errors())) from error
    except ValueError as error:  # broken TOML, or JSON in a variable
        raise ConfigError(str(error)) from error
    base = file.resolve().parent if file.is_file() else Path.cwd()
    return _anchored(settings, base)


def _refuse_unknown_environment() -> None:
    # pydantic-settings overlooks variables that fit no field; a misspelt override must not be silently lost
    for name in os.environ:
        if not name.startswith(ENVIRONMENT) or "__" not in name:
            continue
        section, _, key = name[len(ENVIRONMENT) :].lower().partition("__")
        field = Settings.model_fields.get(section)
        model: Any = field.annotation if field else None
        if model is None or key.split("__")[0] not in model.model_fields:
            raise ConfigError(f"{name}: no such setting")


def _sentence(fault: Any) -> str:
    where = ".".join(str(part) for part in fault["loc"])
    return f"{where}: no such setting" if fault["type"] == "extra_forbidden" else f"{where}: {fault['msg']}"


def _anchored(settings: Settings, base: Path) -> Settings:
    """Make relative paths absolute: they are written relative to the settings file."""
    gateway = settings.gateway.model_copy(update={"data_dir": (base / settings.gateway.data_dir).resolve()})
    paths = {
        key: (base / value).resolve()
        for key in ("tls_certificate", "tls_key")
        if (value := getattr(settings.smtp, key)) is not None
    }
    changed: dict[str, Any] = {"gateway": gateway, "smtp": settings.smtp.model_copy(update=paths)}
    if settings.tls.ca_file is not None:
        changed["tls"] = settings.tls.model_copy(update={"ca_file": (base / settings.tls.ca_file).resolve()})
    files = {name: file for name in ("providers", "warmup") if (file := getattr(settings.delivery, name)) is not None}
    if files:
        own = {name: (base / file).resolve() for name, file in files.items()}
        changed["delivery"] = settings.delivery.model_copy(update=own)
    return settings.model_copy(update=changed)
