"""Reports on transport security as RFC 8460 has them: whom to send one, what it says, the mail that carries it. Pure.

In: TXT records of `_smtp._tls.DOMAIN`, the counts of a day, who we are. Out: addresses and URLs, the JSON document, its gzip,
a whole DKIM-signed mail. Any texts are accepted; nothing is raised but ValueError for a key that dkimpy refuses.
"""

from __future__ import annotations

import gzip
import hashlib
import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from typing import Any
from urllib.parse import unquote

import orjson

from mail.dkim import Signer, sign_with_dkimpy
from mta.tls_ledger import DAY
from store.tls import Counted

GZIP = "application/tlsrpt+gzip"
_RECORD = re.compile(r"v=TLSRPTv1[ \t]*;").match
_MAILBOX = re.compile(r"[A-Za-z0-9!#$&'*+/=?^_.{|}~-]{1,64}@[A-Za-z0-9.-]{1,253}", re.ASCII).fullmatch
_URL = re.compile(r"https://[!-~]{1,1000}", re.ASCII).fullmatch
_MOST_TARGETS = 5
_MOST_DETAILS = 1_000  # rows of one report
_EARLIEST, _SPREAD, _HOUR = 15 * 60_000, 4 * 3_600_000, 3_600_000  # ms
_SIGNED = ("From", "To", "Subject", "Date", "Message-ID", "TLS-Report-Domain", "TLS-Report-Submitter", "MIME-Version",
           "Content-Type")  # fmt: skip


@dataclass(frozen=True, slots=True)
class Author:
    """Who reports: the gateway's domain and whom to ask."""

    domain: str
    contact: str


@dataclass(frozen=True, slots=True)
class Applied:
    """A policy as it stood: its text and the hosts or patterns it names."""

    strings: tuple[str, ...] = ()
    hosts: tuple[str, ...] = ()


def targets(texts: Sequence[str]) -> tuple[str, ...]:
    """Where a domain wants its reports: mail addresses and https URLs (section 3); none without one sound record."""
    records = [one for one in texts if _RECORD(one)]
    if len(records) != 1:
        return ()
    for item in records[0].split(";")[1:]:
        key, _, value = item.strip(" \t").partition("=")
        if key.strip() == "rua":
            return tuple(dict.fromkeys(one for uri in value.split(",") if (one := _target(uri.strip(" \t")))))[
                :_MOST_TARGETS
            ]
    return ()


def _target(uri: str) -> str:
    if uri.lower().startswith("mailto:"):
        address = unquote(uri[7:].partition("?")[0])
        return address if _MAILBOX(address) else ""
    return uri if _URL(uri) else ""


def due_at(day: int, domain: str, tried_at: int) -> int:
    """When a day's report is to be made (ms): spread over four hours (section 4.2), then an hour after each try."""
    if tried_at:
        return tried_at + _HOUR
    share = int.from_bytes(hashlib.sha256(domain.encode()).digest()[:4], "big") / 2**32
    return (day + 1) * DAY + _EARLIEST + int(share * _SPREAD)


def document(
    day: int, domain: str, counts: Mapping[Counted, int], applied: Mapping[str, Applied], author: Author
) -> dict[str, Any]:
    """The report of one day on one domain (section 4.4); `applied` by type of policy."""
    kinds: defaultdict[str, list[tuple[Counted, int]]] = defaultdict(list)
    for key, n in sorted(counts.items()):
        kinds[key.policy].append((key, n))
    return {
        "organization-name": author.domain,
        "date-range": {"start-datetime": _stamp(day * DAY), "end-datetime": _stamp((day + 1) * DAY - 1000)},
        "contact-info": author.contact,
        "report-id": report_id(day, domain, author),
        "policies": [_policy(kind, domain, rows, applied.get(kind, Applied())) for kind, rows in kinds.items()],
    }


def report_id(day: int, domain: str, author: Author) -> str:
    """The same for every try of a report."""
    return f"{_stamp(day * DAY)[:10]}.{hashlib.sha256(domain.encode()).hexdigest()[:16]}@{author.domain}"


def _policy(kind: str, domain: str, rows: Sequence[tuple[Counted, int]], applied: Applied) -> dict[str, Any]:
    policy: dict[str, Any] = {"policy-type": kind, "policy-domain": domain}
    if applied.strings:
        policy["policy-string"] = list(applied.strings)
    if applied.hosts:
        policy["mx-host"] = list(applied.hosts)
    failed = [(key, n) for key, n in rows if key.result]
    return {
        "policy": policy,
        "summary": {
            "total-successful-session-count": sum(n for key, n in rows if not key.result),
            "total-failure-session-count": sum(n for _, n in failed),
        },
        "failure-details": [_detail(key, n) for key, n in failed[:_MOST_DETAILS]],
    }


def _detail(key: Counted, n: int) -> dict[str, Any]:
    told = {
        "sending-mta-ip": key.source,
        "receiving-mx-hostname": key.mx,
        "receiving-ip": key.ip,
        "failure-reason-code": key.detail,
    }
    return {"result-type": key.result, "failed-session-count": n, **{name: word for name, word in told.items() if word}}


def packed(document: Mapping[str, Any]) -> bytes:
    """The document as JSON, compressed; the same bytes for the same document."""
    return gzip.compress(orjson.dumps(document), mtime=0)


def message(day: int, domain: str, to: str, body: bytes, author: Author, now: int, signer: Signer) -> bytes:
    """The mail that carries a packed report (section 5.3), signed; CRLF."""
    this = report_id(day, domain, author)
    mail = EmailMessage(policy=SMTP.clone(max_line_length=120, cte_type="7bit"))
    mail["From"] = f"postmaster@{author.domain}"
    mail["To"] = to
    mail["Subject"] = f"Report Domain: {domain} Submitter: {author.domain} Report-ID: <{this}>"
    mail["Date"] = format_datetime(datetime.fromtimestamp(now // 1000, UTC))
    mail["Message-ID"] = f"<tlsrpt.{this}>"
    mail["Auto-Submitted"] = "auto-generated"
    mail["TLS-Report-Domain"] = domain
    mail["TLS-Report-Submitter"] = author.domain
    mail.set_content(
        f"This is an aggregate TLS report from {author.domain} on {domain}\nfor {_stamp(day * DAY)[:10]} (UTC).\n"
    )
    # section 5.2
    name = f"{author.domain}!{domain}!{day * DAY // 1000}!{(day + 1) * DAY // 1000 - 1}.json.gz"
    mail.add_attachment(body, "application", "tlsrpt+gzip", filename=name)
    mail.replace_header("Content-Type", "multipart/report")
    mail.set_param("report-type", "tlsrpt")
    mail.set_param("boundary", f"tlsrpt-{hashlib.sha256(body).hexdigest()[:24]}")
    return sign_with_dkimpy(mail.as_bytes(), signer, _SIGNED)


def is_report(raw: bytes) -> bool:
    """Whether a system mail of ours is such a report: it must reach those whose TLS is broken (section 5.3)."""
    head, _, _ = raw[:8_192].partition(b"\r\n\r\n")
    return b"\r\nTLS-Report-Domain: " in head


def _stamp(at: int) -> str:
    return datetime.fromtimestamp(at // 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
