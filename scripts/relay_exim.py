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
from peer_exim import MAIN, start_exim
from peer_tree import Tree
from support_bench import free_port
from support_relay import PeerMissing, private_key

CONF = (
    MAIN
    + """
smtp_accept_max_per_connection = 0
pipelining_connect_advertise_hosts = :

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
)


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
            start_exim(tree, port)
            yield port
    except pytest.fail.Exception as missing:
        raise PeerMissing(str(missing)) from None
