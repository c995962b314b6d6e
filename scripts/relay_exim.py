"""The other peer of the delivery bench: Exim, which signs by itself, relaying the very same mails.

In: a folder and the port of a sink on loopback. Out: the port of an Exim that signs and relays there, as Debian builds it
(unpacked by scripts/unpack_peers.sh, run in a root of its own). Each mail is delivered as soon as it is in, by as many
processes as come to be. Needs root; raises PeerMissing with a sentence.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from peer_tree import Tree
from support_bench import free_port
from support_relay import PeerMissing, private_key

CONF = """
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
smtp_accept_max_per_connection = 0
pipelining_connect_advertise_hosts = :
acl_smtp_rcpt = rcpt

begin acl
rcpt:
  accept

begin routers
out:
  driver = manualroute
  transport = sink
  route_list = * 127.0.0.1
  self = send

begin transports
sink:
  driver = smtp
  port = {sink}
  allow_localhost
  hosts_avoid_tls = *
  hosts_try_fastopen =
  dkim_domain = bench.test
  dkim_selector = s
  dkim_private_key = /etc/exim4/dkim.pem
  dkim_canon = relaxed
  dkim_strict = true

begin retry
* * F,1h,1s
"""


@contextmanager
def exim(folder: Path, sink: int) -> Iterator[int]:
    """Run Exim in a folder of its own; yields the port that takes mail."""
    try:
        with Tree(folder / "exim", ("exim4-daemon-light",), ("Debian-exim",)) as tree:
            port = free_port()
            tree.write("etc/exim4/exim4.conf", CONF.format(port=port, sink=sink))
            key = tree.write("etc/exim4/dkim.pem", private_key().decode())
            os.chown(key, tree.users["Debian-exim"], tree.users["Debian-exim"])
            key.chmod(0o600)
            for place in ("var/spool/exim4", "var/log/exim4", "run/exim4"):
                tree.own(place, "Debian-exim")
            tree.start("/usr/sbin/exim4", "-bdf", "-q5s", port=port)
            yield port
    except pytest.fail.Exception as missing:
        raise PeerMissing(str(missing)) from None
