"""What the fuzzers call: every parser, each with what must hold whatever the bytes.

A target takes bytes, and raises only when a promise is broken: no exception, the type promised, figures that add up, an
answer that can be written as JSON.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any
from zoneinfo import ZoneInfo

import orjson

from gateway.reading import content, explaining
from parsers import arf, autoreply, cms, dsn, elsewhere, headers, mime, options, orders, rtf, rtf_text, said, tnef
from parsers import liste as lists
from parsers.leaks import addresses_in
from parsers.liste import Liste, Unreadable
from parsers.sheet import Limits
from parsers.submission import split
from tests.fuzz import seeds

NOW = 1_790_000_000_000
REQUEST: dict[str, Any] = {
    "domain": "gw.example", "own_domains": ["gw.example"], "public_url": "https://gw.example", "now": NOW,
    "zone": "Europe/Paris", "locale": "fr", "footer_name": "ACME", "footer_address": "1 rue", "max_lines": 10_000,
}  # fmt: skip


def a_list(data: bytes) -> None:
    for strict in (True, False):
        found = lists.read(data, limits=Limits(lines=10_000), strict=strict)
        assert isinstance(found, Liste | Unreadable)
        if isinstance(found, Liste):
            good = [line.address.casefold() for line in found.lines if line.fault is None]
            assert len(good) == len(set(good))
            assert all(len(line.values) == len(found.columns) for line in found.lines)
            assert all(
                not any(char in line.address for char in "\r\n\0 ") for line in found.lines if line.fault is None
            )
    assert all(len(row) <= 16 for row in lists.table(data)) and len(lists.table(data)) <= 40
    assert 0 <= addresses_in(data) <= 20


def a_mail(data: bytes) -> None:
    message = mime.read(data)
    assert not any(char in message.subject + message.message_id for char in "\r\n\0")
    for part in (*message.attachments, *message.related):
        assert not set(part.filename) & set("/\\\r\n\0")
    split(message)
    elsewhere.find(message)
    automatic = autoreply.automatic(message.fields, "a@b.test")
    assert automatic is None or automatic
    spoken = said.read(message.text, message.html)
    orders.read(spoken.lines, now=NOW, zone=ZoneInfo("Europe/Paris"))
    headers.milliseconds(message.header("date"))


def a_campaign(data: bytes) -> None:
    summary, *chunks = content.read(data, REQUEST)
    orjson.dumps([summary, *chunks], option=orjson.OPT_NON_STR_KEYS)
    assert sum(len(chunk["lines"]) for chunk in chunks) == summary.get("lines", 0)


def a_return(data: bytes) -> None:
    # some servers name a mailbox of theirs without its domain
    assert all(not set(one.recipient + one.status) & set("\r\n\0") for one in dsn.read(data))
    arf.read(data)


def a_winmail(data: bytes) -> None:
    tnef.read(data)
    rtf.html_of(data)
    rtf_text.text_of(data)
    cms.signed_content(data)


def a_config(data: bytes) -> None:
    found = options.read(data, now=NOW, zone="Europe/Paris")
    assert found.options.send_at is None or found.options.send_at > NOW
    for value in (found.options.sender_name, found.options.campaign, found.options.reply_to):
        assert value is None or value.isprintable()


def an_explanation(data: bytes) -> None:
    for name in ("LISTE.xls", "Config.txt"):
        orjson.dumps(explaining.explain(data, name, REQUEST), option=orjson.OPT_NON_STR_KEYS)


TARGETS: dict[str, tuple[Callable[[bytes], None], Sequence[bytes]]] = {
    "list": (a_list, seeds.LISTS),
    "mail": (a_mail, seeds.MAILS),
    "campaign": (a_campaign, seeds.MAILS),
    "return": (a_return, seeds.MAILS),
    "winmail": (a_winmail, (*seeds.TNEFS, *seeds.CMS)),
    "config": (a_config, seeds.CONFIGS),
    "explain": (an_explanation, (*seeds.LISTS, *seeds.MAILS, *seeds.TNEFS, *seeds.CONFIGS)),
}
