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

from config.durations import milliseconds
from config.section import Section
from config.section import hostports as _hostports
from config.section import split_hostport as split_hostport
from config.settings_acme import Acme
from config.settings_advice import Advice, Dkim
from config.settings_api import Api, Webhooks
from config.settings_doctor import Doctor, Metrics, Tracing
from config.settings_people import Limits as Limits
from config.settings_people import Retention, Tracking
from config.settings_sending import AttachmentsSection, Dns, Tls
from config.settings_sending import Delivery as Delivery

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

    https_listen: str = Field(
        "",
        description="host:port of the same pages by https, with the certificates of this gateway; empty: an https server"
        " stands in front.",
    )
    trusted_proxies: list[str] = Field(
        ["127.0.0.0/8", "::1/128"],
        description="CIDR list of what stands in front: its X-Forwarded-For tells who guesses passwords.",
    )

    @field_validator("listen", "https_listen")
    @classmethod
    def _listen(cls, value: str) -> str:
        return _hostports([value])[0] if value else ""

    @field_validator("trusted_proxies")
    @classmethod
    def _networks(cls, values: list[str]) -> list[str]:
        for value in values:
            ipaddress.ip_network(value, strict=False)
        return values


class DatabaseSection(Section):
    url: str = Field(
        "",
        description="SQLAlchemy URL; empty: SQLite in data_dir. PostgreSQL: postgresql+asyncpg://USER:PASSWORD@HOST/NAME,"
        " or with a standby …@/NAME?host=HOST:5432&host=STANDBY:5432.",
    )
    pooler: Literal["none", "transaction"] = Field(
        "none",
        description="transaction: the URL is that of a pooler (pgbouncer) which lends connections for one transaction.",
    )
    statement_timeout: str = Field("5m", description="PostgreSQL: a statement that takes longer ends; 0: no bound.")
    lock_timeout: str = Field("20s", description="PostgreSQL: longest wait for somebody else's lock; 0: no bound.")
    idle_timeout: str = Field(
        "1m", description="PostgreSQL: a transaction in which nothing happens for longer is undone; 0: no bound."
    )

    @field_validator("statement_timeout", "lock_timeout", "idle_timeout")
    @classmethod
    def _duration(cls, value: str) -> str:
        milliseconds(value)
        return value


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
    acme: Acme = Acme()  # type: ignore[call-arg]
    api: Api = Api()  # type: ignore[call-arg]
    webhooks: Webhooks = Webhooks()  # type: ignore[call-arg]
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
    doctor: Doctor = Doctor()  # type: ignore[call-arg]
    metrics: Metrics = Metrics()  # type: ignore[call-arg]
    tracing: Tracing = Tracing()  # type: ignore[call-arg]

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
    if settings.acme.ca_file is not None:
        changed["acme"] = settings.acme.model_copy(update={"ca_file": (base / settings.acme.ca_file).resolve()})
    files = {name: file for name in ("providers", "warmup") if (file := getattr(settings.delivery, name)) is not None}
    if files:
        own = {name: (base / file).resolve() for name, file in files.items()}
        changed["delivery"] = settings.delivery.model_copy(update=own)
    return settings.model_copy(update=changed)
