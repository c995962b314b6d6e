"""`init`: a complete, runnable folder.

In: a folder (new or empty, or one that an interrupted init left) and a domain. Out: DIR/mail2campaign.toml with every
key explained, DIR/data with keys, certificate and database; the DNS zone to publish on standard output. The settings
file is put in its place last: a folder that has one is whole. Values from the environment are used, not written.
What no option tells is asked on a terminal (gateway.cli.asking); without one nothing is asked. Raises Failure when the folder
is taken or a value is none.
"""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import Mapping, Sequence
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import idna

from config import certificate, keys
from config.keys import write_private
from config.reference import reference
from config.settings import ConfigError, Settings, load
from gateway.cli import asking
from gateway.cli.commands.upkeep import migrate
from gateway.cli.failure import Failure
from gateway.i18n import text

FILE = "mail2campaign.toml"


def init(found: argparse.Namespace) -> None:
    """Make the folder, then print what to publish and what to do next."""
    wanted = asking.complete(found)
    folder = Path(wanted.dir)
    settings = make_folder(folder, wanted.domain, wanted.chosen)
    data = settings.gateway.data_dir
    locale = settings.gateway.locale
    print(";", text(locale, "setup.written", file=folder / FILE, data=data))
    print(";", text(locale, "setup.publish"))
    print(zone(wanted.domain, keys.dkim_keys(data), wanted.addresses, locale), end="")


def make_folder(folder: Path, domain: str, chosen: Mapping[str, Mapping[str, Any]] | None = None) -> Settings:
    """Make a runnable folder for `domain` and return the settings in force there; `chosen` values are written, too."""
    file, draft = folder / FILE, folder / f".{FILE}.new"
    if file.exists():
        raise Failure(f"{file} exists already: init makes new folders only")
    domain = a_label(domain)
    folder.mkdir(parents=True, exist_ok=True)
    written = {name: dict(values) for name, values in (chosen or {}).items()}
    written["gateway"] = {"domain": domain, **written.get("gateway", {})}
    write_private(draft, reference(written).encode())
    try:
        settings = load(draft)
    except ConfigError:
        draft.unlink()
        raise
    data = settings.gateway.data_dir
    data.mkdir(mode=0o700, parents=True, exist_ok=True)  # the spool and the database hold people's addresses
    keys.create(data, domain)
    certificate.create(data, domain)
    asyncio.run(migrate(settings))
    draft.replace(file)
    return settings


def a_label(domain: str) -> str:
    """Return the domain as DNS spells it; Failure when it is none."""
    try:
        return idna.encode(domain.strip().rstrip("."), uts46=True).decode().lower()
    except idna.IDNAError as error:
        raise Failure(f"{domain!r} is no domain: {error}") from error


def zone(domain: str, dkim: list[tuple[str, str, bytes]], addresses: Sequence[str] = (), locale: str = "fr") -> str:
    """Return the records to publish for a gateway, as a zone file (RFC 1035 section 5) with comments in a language."""
    name = a_label(domain)
    hint = [] if addresses else [f"; {text(locale, 'setup.example', address='192.0.2.1')}"]
    lines = [
        f"$ORIGIN {name}.",
        *hint,
        *(f"@ IN {'AAAA' if ':' in one else 'A'} {one}" for one in addresses or ("192.0.2.1",)),
        *(
            f"; {text(locale, 'setup.reverse', address=one)} {ip_address(one).reverse_pointer}. PTR {name}."
            for one in addresses
        ),
        f"@ IN MX 10 {name}.",
        '@ IN TXT "v=spf1 mx -all"',
        f'_dmarc IN TXT "v=DMARC1; p=none; rua=mailto:postmaster@{name}"',
        f'_smtp._tls IN TXT "v=TLSRPTv1; rua=mailto:postmaster@{name}"',
    ]
    lines += [
        f"{selector}._domainkey IN TXT {_strings(keys.dkim_record(pem))}"
        for key_domain, selector, pem in dkim
        if key_domain == name
    ]
    return "\n".join(lines) + "\n"


def _strings(value: str) -> str:
    # RFC 1035 section 3.3.14: a character string holds 255 octets at most; a reader joins them
    return " ".join(f'"{value[at : at + 250]}"' for at in range(0, len(value), 250))
