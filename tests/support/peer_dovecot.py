"""Dovecot's LMTP server in a tree of its own: the end of a chain that begins with Postfix.

In: a folder. Out: the port that speaks LMTP (LHLO instead of EHLO, so our sender does not) and what arrived, in maildirs.
Ended with the context.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from peer_mailbox import Peer
from peer_tree import Tree, free_port, version

_CONF = """
base_dir = /run/dovecot
state_dir = /var/lib/dovecot
log_path = /var/log/dovecot.log
protocols = lmtp
ssl = no
listen = 127.0.0.1
mail_location = maildir:/mail/%n
default_internal_user = dovecot
default_login_user = dovenull
first_valid_uid = 5000
userdb {{
  driver = static
  args = uid=5000 gid=5000 home=/mail/%n allow_all_users=yes
}}
passdb {{
  driver = static
  args = nopassword=y
}}
protocol lmtp {{
  postmaster_address = postmaster@dest.test
}}
service lmtp {{
  inet_listener lmtp {{
    address = 127.0.0.1
    port = {port}
  }}
}}
"""


@contextmanager
def dovecot(root: Path) -> Iterator[Peer]:
    """Run Dovecot."""
    with Tree(root, ("dovecot-core", "dovecot-lmtpd"), ("dovecot", "dovenull")) as tree:
        port = free_port()
        tree.write("etc/dovecot/dovecot.conf", _CONF.format(port=port))
        for folder in ("run/dovecot", "var/lib/dovecot"):
            tree.own(folder, "root")
        tree.start("/usr/sbin/dovecot", "-F", "-c", "/etc/dovecot/dovecot.conf", port=port)
        yield Peer("Dovecot LMTP", version("dovecot-lmtpd"), port, tree)
