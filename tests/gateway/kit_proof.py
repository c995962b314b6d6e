"""Signed mails as the world's servers send them, and a scripted DNS: the one seam of a proof."""

from __future__ import annotations

import base64
from email.utils import formatdate
from functools import cache
from typing import Any

import dkim
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from mail.dkim import to_pem
from mail.resolver import DnsTrouble, NoDomain
from store.engine import now_ms

NAMES = (b"from", b"to", b"subject", b"date", b"message-id")
HOUR = 3_600_000


@cache
def key(bits: int = 2048) -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=bits)


@cache
def record(bits: int = 2048) -> str:
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    der = key(bits).public_key().public_bytes(serialization.Encoding.DER, form)
    return f"v=DKIM1; k=rsa; p={base64.b64encode(der).decode()}"


class Dns:
    """Answers from a table `(name, kind) -> values`; what is in `silent` does not answer, the rest does not exist."""

    def __init__(self, **more: str) -> None:
        self.table: dict[tuple[str, str], tuple[str, ...]] = {("s1._domainkey.firm.example", "TXT"): (record(),)}
        self.silent: set[str] = set()
        self.asked: list[str] = []

    def put(self, name: str, kind: str, *values: str) -> None:
        self.table[name, kind] = values

    async def texts(self, name: str) -> tuple[str, ...] | DnsTrouble:
        found = await self.records(name, "TXT")
        return () if isinstance(found, NoDomain) else found

    async def records(self, name: str, kind: str) -> tuple[str, ...] | NoDomain | DnsTrouble:
        self.asked.append(name)
        if name in self.silent:
            return DnsTrouble("timeout")
        return self.table.get((name, kind), NoDomain(exists=any(known == name for known, _ in self.table)))


def letter(
    number: int = 1,
    to: str = "mail@gw.example",
    author: str = "Anne <anne@firm.example>",
    more: str = "",
    body: str = "Bonjour {{Nom}}\r\n",
    late_ms: int = 0,
    message_id: str | None = None,
) -> bytes:
    """A mail of the present hour, unsigned."""
    date = formatdate((now_ms() - late_ms) / 1000)
    named = f"<{number}@firm.example>" if message_id is None else message_id
    head = f"From: {author}\r\nTo: {to}\r\nSubject: Bonjour\r\nDate: {date}\r\n"
    return f"{head}{f'Message-ID: {named}' if named else 'X-None: 1'}\r\n{more}\r\n{body}".encode()


def signed(
    raw: bytes, domain: str = "firm.example", bits: int = 2048, names: tuple[bytes, ...] = NAMES, **more: Any
) -> bytes:
    """The mail with a DKIM signature of dkimpy's on top."""
    made = dkim.DKIM(raw).sign(
        more.pop("selector", b"s1"), domain.encode(), to_pem(key(bits)), canonicalize=(b"relaxed", b"relaxed"),
        include_headers=[*names, b"from"], **more,
    )  # fmt: skip
    return bytes(made) + raw
