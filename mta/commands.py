"""The commands of one mail, as bytes (RFC 5321 section 3.3).

In: envelope addresses and what the server offered in EHLO. Out: the lines to write, or an `Undeliverable` when this
server can never take this address. Pure; addresses with line ends are a bug and raise ValueError.
"""

from __future__ import annotations

from collections.abc import Mapping

from mta.values import Undeliverable
from parsers.classify import ReplyClass


def mail_command(sender: str, recipient: str, size: int, eight_bit: bool, offers: Mapping[str, str]) -> bytes:
    """MAIL FROM with the parameters that the server understands."""
    parts = [f"MAIL FROM:<{sender}>"]
    if "size" in offers:
        parts.append(f"SIZE={size}")  # RFC 1870: a server that has no room says so before the message
    if eight_bit and "8bitmime" in offers:
        parts.append("BODY=8BITMIME")
    if not (sender.isascii() and recipient.isascii()):
        parts.append("SMTPUTF8")
    return _line(" ".join(parts))


def rcpt_command(recipient: str) -> bytes:
    """RCPT TO for one recipient."""
    return _line(f"RCPT TO:<{recipient}>")


def check(sender: str, recipient: str, size: int, offers: Mapping[str, str]) -> Undeliverable | None:
    """Why this server cannot take this mail of `size` bytes, before anything is said; None when it can."""
    if not (sender.isascii() and recipient.isascii()) and "smtputf8" not in offers:
        # RFC 6531 3.2: such an address may only be named to a server that offers SMTPUTF8
        return Undeliverable(ReplyClass.NOT_ENCODABLE, "SMTPUTF8 not offered")
    limit = offers.get("size", "")
    # RFC 1870 section 4: 0 or nothing means that no fixed limit is in force; some write more than a number
    if limit.isascii() and limit.isdigit() and len(limit) < 20 and 0 < int(limit) < size:
        return Undeliverable(ReplyClass.TOO_BIG, f"SIZE {limit} offered, the mail has {size} bytes")
    return None


def stuffed(content: bytes) -> bytes:
    """The message with leading dots doubled (RFC 5321 4.5.2) and a line end at its end; our own mails need neither."""
    if content.startswith(b"."):
        content = b"." + content
    if b"\n." in content:
        content = content.replace(b"\r\n.", b"\r\n..")
    return content if content.endswith(b"\r\n") else content + b"\r\n"


def _line(text: str) -> bytes:
    if "\r" in text or "\n" in text or "\0" in text:
        raise ValueError("an address holds a line end")
    return text.encode() + b"\r\n"
