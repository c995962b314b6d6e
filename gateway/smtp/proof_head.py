"""What the head of a mail from anybody's server must say before a signature on it is looked at.

In: the bytes of the mail, its fields as our parsers read them, the addresses it came for, the present instant. Out: the
Message-ID, or the `Refusal`. A signature proves what it covers and nothing else: a field that stands twice is one that
somebody may have added above the signed one, and a mail that was signed for another address, or yesterday, is a copy.
Pure; raises nothing, logs nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection

from gateway.smtp.senders import Refusal
from mail.dkim_verify import raw_fields
from parsers.headers import Fields, first, milliseconds
from parsers.mailboxes import mailboxes

DAY = 86_400_000
_LONGEST_ID = 998  # RFC 5322 section 2.1.1
# RFC 5322 section 3.6 and RFC 2045: once at most; each of them decides on what we would send, or how it is read
_ONCE = frozenset(
    {
        *("from", "to", "cc", "subject", "date", "message-id", "reply-to", "sender", "mime-version", "content-type"),
        *("content-transfer-encoding", "content-disposition", "importance", "content-language"),
    }
)


def message_id(raw: bytes, fields: Fields, addressed: Collection[str], now: int) -> str | Refusal:
    """The Message-ID of a mail whose head is whole, once, fresh and addressed to us; else why it is not."""
    if not _read_alike(raw, fields):
        return Refusal("proof_malformed")
    count = Counter(name for name, _ in fields if name in _ONCE)
    twice = sorted(name for name, times in count.items() if times > 1)
    if twice:
        return Refusal("proof_twice", detail=", ".join(twice))
    named = {one.address.lower() for one in mailboxes(first(fields, "to"))}
    missing = [address for address in addressed if address.lower() not in named]
    if missing:
        return Refusal("proof_to", address=missing[0])
    date = milliseconds(first(fields, "date"))
    if date is None or abs(now - date) > DAY:
        return Refusal("proof_date")
    found = first(fields, "message-id").strip()
    return found if 0 < len(found) <= _LONGEST_ID else Refusal("proof_message_id")


def _read_alike(raw: bytes, fields: Fields) -> bool:
    """Whether the signature's strict reading of the head and our lenient one see the same fields."""
    strict = raw_fields(raw)
    if strict is None:
        return False
    return [name.strip().lower().decode("ascii") for name, _ in strict] == [name for name, _ in fields]
