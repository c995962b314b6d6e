"""Exim in a tree of its own: takes mail for dest.test into maildirs.

In: a folder, the names that live there, and what a test wants otherwise (lines of the main section). Out: its port and
what arrived. Other names are unknown (550 of several lines); one that begins with `grey` is refused for now (450) until
a file of that name lies in /grey. Ended with the context.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from peer_mailbox import Peer, certificate
from peer_tree import Tree, free_port, version

MAIN = """
primary_hostname = exim.test
exim_user = Debian-exim
exim_group = Debian-exim
never_users = root
spool_directory = /var/spool/exim4
log_file_path = /var/log/exim4/%slog
exim_path = /usr/sbin/exim4
daemon_smtp_ports = {port}
local_interfaces = 127.0.0.1
host_lookup =
rfc1413_query_timeout = 0s
keep_environment =
smtp_accept_max = 50
smtp_accept_queue_per_connection = 0
acl_smtp_rcpt = rcpt
"""
_CONF = (
    MAIN
    + """
domainlist local_domains = dest.test
message_size_limit = 5M
log_selector = +smtp_connection
tls_advertise_hosts = *
tls_certificate = /etc/exim4/server.pem
acl_smtp_data = data
{more}

begin acl
rcpt:
  deny    domains = +local_domains
          !local_parts = lsearch;/etc/exim4/boxes
          message = 5.1.1 Unknown user\\nNobody of that name lives here\\n5.1.1 Ask the postmaster
  defer   local_parts = ^grey
          condition = ${{if exists{{/grey/$local_part}}{{no}}{{yes}}}}
          message = 450 4.2.0 Greylisted, please come back
  accept  domains = +local_domains
  deny    message = 5.7.1 relay not permitted
data:
  deny    condition = ${{if > {{$max_received_linelength}}{{998}}}}
          message = maximum allowed line length is 998 octets, got $max_received_linelength
  accept

begin routers
boxes:
  driver = accept
  domains = +local_domains
  transport = maildir

begin transports
maildir:
  driver = appendfile
  directory = /mail/${{lookup{{$local_part}}lsearch{{/etc/exim4/boxes}}}}
  maildir_format
  create_directory
  user = vmail
  group = vmail
  return_path_add
  message_prefix =
  message_suffix =
"""
)


@contextmanager
def exim(root: Path, names: Iterable[str], *more: str) -> Iterator[Peer]:
    """Run Exim; `more` are lines of its main section."""
    with Tree(root, ("exim4-daemon-light",), ("Debian-exim",)) as tree:
        port = free_port()
        tree.write("etc/exim4/exim4.conf", _CONF.format(port=port, more="\n".join(more)))
        tree.write("etc/exim4/boxes", "".join(f"{name}: {name}\n" for name in names))
        tree.write("etc/exim4/server.pem", certificate())
        (tree.root / "grey").mkdir()
        start_exim(tree, port)
        yield Peer("Exim", version("exim4-daemon-light"), port, tree)


def start_exim(tree: Tree, port: int) -> None:
    """Start it, at first or again; what it has queued is delivered at once."""
    for folder in ("var/spool/exim4", "var/log/exim4", "run/exim4"):
        tree.own(folder, "Debian-exim")
    tree.start("/usr/sbin/exim4", "-bdf", "-q5s", port=port)
