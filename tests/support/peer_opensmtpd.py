"""OpenSMTPD in a tree of its own: takes mail for dest.test into maildirs.

In: a folder, the names that live there, and lines for smtpd.conf. Out: its port and what arrived. Names that do not live
there are refused (550). Ended with the context. It offers no PIPELINING and no SMTPUTF8, and up to 6.8 (Debian 12) its
TLS handshake breaks under OpenSSL 3 (its issue 1171): `tls_broken` tells, once it was tried.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from peer_mailbox import Peer, certificate
from peer_tree import Tree, free_port, version

_CONF = """
pki dest.test cert "/etc/smtpd/cert.pem"
pki dest.test key "/etc/smtpd/key.pem"
smtp max-message-size 5M
{more}
table boxes file:/etc/smtpd/boxes
listen on 127.0.0.1 port {port} tls pki dest.test hostname opensmtpd.test
action "keep" maildir "/mail/%{{dest.user}}" virtual {{ "@dest.test" = vmail }}
match from any for rcpt-to <boxes> action "keep"
"""


@contextmanager
def opensmtpd(root: Path, names: Iterable[str], *more: str) -> Iterator[Peer]:
    """Run OpenSMTPD; `more` are lines of smtpd.conf."""
    with Tree(root, ("opensmtpd",), ("opensmtpd", "opensmtpq")) as tree:
        port = free_port()
        conf = tree.write("etc/smtpd.conf", _CONF.format(port=port, more="\n".join(more)))
        conf.chmod(0o600)
        tree.write("etc/smtpd/boxes", "".join(f"{name}@dest.test\n" for name in names))
        key, _, chain = certificate().partition("-----BEGIN CERTIFICATE")
        tree.write("etc/smtpd/key.pem", key).chmod(0o600)
        tree.write("etc/smtpd/cert.pem", "-----BEGIN CERTIFICATE" + chain)
        tree.own("var/lib/opensmtpd/empty", "root")
        tree.own("var/spool/smtpd", "root", 0o711)
        tree.start("/usr/sbin/smtpd", "-d", "-F", port=port)
        yield Peer("OpenSMTPD", version("opensmtpd"), port, tree)


def tls_broken(peer: Peer) -> bool:
    """Whether this OpenSMTPD offers STARTTLS and then cannot do it."""
    return "EVP lib" in peer.tree.log()
