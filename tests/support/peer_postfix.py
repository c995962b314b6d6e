"""Postfix in a tree of its own: takes mail for dest.test, into maildirs or on to an LMTP server.

In: a folder, the names that live there, and what a test wants otherwise (lines of main.cf). Out: its port and what
arrived. Other names are unknown (550 5.1.1). Ended with the context.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from peer_mailbox import Peer, certificate
from peer_tree import Tree, free_port, version

_MAIN = """
compatibility_level = 3.6
queue_directory = /var/spool/postfix
data_directory = /var/lib/postfix
mail_owner = postfix
setgid_group = postdrop
myhostname = postfix.test
mydestination =
alias_maps =
alias_database =
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
mynetworks =
disable_dns_lookups = yes
smtpd_peername_lookup = no
smtpd_relay_restrictions =
smtpd_recipient_restrictions = reject_unauth_destination
virtual_mailbox_domains = dest.test
virtual_mailbox_base = /mail
virtual_mailbox_maps = texthash:/etc/postfix/boxes
virtual_uid_maps = static:5000
virtual_gid_maps = static:5000
virtual_transport = {transport}
smtp_tls_security_level = none
lmtp_tls_security_level = none
smtpd_tls_security_level = may
smtpd_tls_chain_files = /etc/postfix/server.pem
smtpd_tls_received_header = yes
smtputf8_enable = yes
lmtp_destination_recipient_limit = 1
maillog_file_prefixes = /var
maillog_file = /var/log/mail.log
"""
_SERVICES = {
    "cleanup": "unix n - n - 0 cleanup",
    "qmgr": "unix n - n 300 1 qmgr",
    "tlsmgr": "unix - - n 1000? 1 tlsmgr",
    "rewrite": "unix - - n - - trivial-rewrite",
    "bounce": "unix - - n - 0 bounce",
    "defer": "unix - - n - 0 bounce",
    "trace": "unix - - n - 0 bounce",
    "verify": "unix - - n - 1 verify",
    "flush": "unix n - n 1000? 0 flush",
    "proxymap": "unix - - n - - proxymap",
    "smtp": "unix - - n - - smtp",
    "error": "unix - - n - - error",
    "retry": "unix - - n - - error",
    "virtual": "unix - n n - - virtual",
    "lmtp": "unix - - n - - lmtp",
    "anvil": "unix - - n - 1 anvil",
    "postlog": "unix-dgram n - n - 1 postlogd",
}
_QUEUES = ["active", "bounce", "corrupt", "defer", "deferred", "flush", "hold", "incoming", "private", "saved", "trace"]


@contextmanager
def postfix(root: Path, names: Iterable[str], *more: str, lmtp: int | None = None) -> Iterator[Peer]:
    """Run Postfix; `more` are lines of main.cf, `lmtp` the port of a server that keeps the mails instead."""
    with Tree(root, ("postfix",), ("postfix", "postdrop")) as tree:
        port = free_port()
        transport = "virtual" if lmtp is None else f"lmtp:inet:127.0.0.1:{lmtp}"
        tree.write("etc/postfix/main.cf", _MAIN.format(transport=transport) + "".join(f"{line}\n" for line in more))
        services = {f"127.0.0.1:{port}": "inet n - n - - smtpd", **_SERVICES}
        tree.write("etc/postfix/master.cf", "".join(f"{name} {rest}\n" for name, rest in services.items()))
        tree.write("etc/postfix/boxes", "".join(f"{name}@dest.test {name}/\n" for name in names))
        tree.write("etc/postfix/server.pem", certificate())
        for queue in _QUEUES:
            tree.own(f"var/spool/postfix/{queue}", "postfix", 0o700)
        for queue, mode in (("public", 0o710), ("maildrop", 0o730)):
            tree.own(f"var/spool/postfix/{queue}", "postfix", mode)
        tree.own("var/spool/postfix/pid", "root")
        tree.own("var/lib/postfix", "postfix", 0o700)
        tree.start("/usr/lib/postfix/sbin/master", "-c", "/etc/postfix", "-d", port=port)
        yield Peer("Postfix", version("postfix"), port, tree)
