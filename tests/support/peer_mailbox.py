"""What arrived at a foreign mail server: maildirs read back, and compared with what was rendered, byte by byte.

In: a running server's tree. Out: mails by recipient, and the trace fields that the server put on top (RFC 5321 section
4.4 lets it). Line ends are those of a maildir (LF), nothing else may differ. AssertionError where something does.
"""

from __future__ import annotations

import re
import time
from dataclasses import dataclass

import trustme
from peer_tree import Tree

_TRACE = re.compile(
    rb"(?:(?:Return-path|Delivered-To|Envelope-to|Delivery-date|Received|X-Original-To):.*\n(?:[ \t].*\n)*)*", re.I
)

_CONNECTED = re.compile(r"\]: connect from|smtp connected|connection from .*\(TCP/IP connection count")


@dataclass(frozen=True)
class Peer:
    """A running server: its name and Debian version, the port that takes mail, the tree that keeps it."""

    name: str
    version: str
    port: int
    tree: Tree

    @property
    def connections(self) -> int:
        """How many connections its log tells of, less the one that looked whether it listens."""
        return max(len(_CONNECTED.findall(log)) for log in self.tree.logs()) - 1  # Exim says all in two of them

    def mails(self) -> dict[str, list[bytes]]:
        """All mails that arrived so far, by the recipient's local part."""
        boxes: dict[str, list[bytes]] = {}
        for path in sorted(self.tree.root.glob("mail/*/new/*")):
            boxes.setdefault(path.parent.parent.name, []).append(path.read_bytes())
        return boxes

    def wait(self, count: int, seconds: float = 30.0, *, people: bool = False) -> dict[str, list[bytes]]:
        """The mails, once so many (or, with `people`, mails for so many) have arrived: servers answer the dot before they
        deliver."""
        end = time.monotonic() + seconds
        while True:
            boxes = self.mails()
            have = len(boxes) if people else sum(map(len, boxes.values()))
            if have >= count:
                return boxes
            assert time.monotonic() < end, f"{have} of {count} mails arrived\n{self.tree.log()[-4000:]}"
            time.sleep(0.05)


def trace(arrived: bytes, sent: bytes) -> bytes:
    """What a server put in front of our bytes; AssertionError where it changed anything else."""
    ours = sent.replace(b"\r\n", b"\n")
    assert arrived.endswith(ours), _difference(arrived, ours)
    added = arrived[: len(arrived) - len(ours)]
    assert _TRACE.fullmatch(added), f"more than trace fields: {added!r}"
    return added


def as_sent(arrived: bytes) -> bytes:
    """A maildir's mail with the line ends of the wire, for those who verify it."""
    return arrived.replace(b"\n", b"\r\n")


def _difference(arrived: bytes, ours: bytes) -> str:
    theirs = arrived[max(0, len(arrived) - len(ours)) :]
    at = next((n for n, (a, b) in enumerate(zip(theirs, ours, strict=False)) if a != b), min(len(theirs), len(ours)))
    return f"differs at byte {at} of {len(ours)}: {theirs[at : at + 60]!r} for {ours[at : at + 60]!r}"


def certificate() -> str:
    """A private key and a certificate for the server, as one PEM."""
    made = trustme.CA().issue_cert("dest.test", "localhost")
    chain = b"".join(blob.bytes() for blob in made.cert_chain_pems)
    return (made.private_key_pem.bytes() + chain).decode()
