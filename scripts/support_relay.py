"""What the peers of the delivery bench share: a key to sign with, mails handed over, and the clock.

In: a peer's port, whole mails, and a function that tells how many the sink has. Out: seconds from the first mail handed over
to the last one taken by the sink. Raises PeerMissing with a sentence when a peer is not there or does not finish.
"""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Sequence

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

PATIENCE = 180  # seconds for all mails


class PeerMissing(Exception):
    """A peer is not installed, did not start, or did not relay; the text says which."""


def private_key() -> bytes:
    """A new RSA-2048 key as PEM (PKCS #1)."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    form = serialization.PrivateFormat.TraditionalOpenSSL
    return key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption())


def inject(port: int, mails: Sequence[bytes], connections: int = 10) -> None:
    """Hand the mails to an SMTP server over several connections, the commands of each mail in one flight."""

    def one(part: Sequence[bytes]) -> None:
        with socket.create_connection(("127.0.0.1", port)) as link:
            replies = link.makefile("rb")

            def expect(code: bytes) -> None:
                while True:
                    line = replies.readline()
                    if not line.startswith(code):
                        raise PeerMissing(f"the peer said {line!r}")
                    if line[3:4] != b"-":
                        return

            expect(b"220")
            link.sendall(b"EHLO bench.test\r\n")
            expect(b"250")
            for mail in part:
                link.sendall(b"MAIL FROM:<b@bench.test>\r\nRCPT TO:<r@dest.test>\r\nDATA\r\n")
                expect(b"250")
                expect(b"250")
                expect(b"354")
                link.sendall(mail + b".\r\n")
                expect(b"250")
            link.sendall(b"QUIT\r\n")

    threads = [threading.Thread(target=one, args=(mails[n::connections],)) for n in range(connections)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def seconds(port: int, mails: Sequence[bytes], taken: Callable[[], int]) -> float:
    """Seconds that the peer at `port` needs to take, sign and relay `mails`; `taken` tells how many the sink has so far."""
    before, began = taken(), time.perf_counter()
    inject(port, mails)
    while taken() - before < len(mails):
        if time.perf_counter() - began > PATIENCE:
            raise PeerMissing(f"the peer relayed {taken() - before} of {len(mails)} mails in {PATIENCE} s")
        time.sleep(0.05)
    return time.perf_counter() - began
