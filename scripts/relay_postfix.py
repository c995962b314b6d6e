"""A peer of the delivery bench: Postfix with OpenDKIM signing and relaying the very same mails.

In: the port of a sink on loopback. Out: the port of a Postfix that signs and relays there. Needs Debian's postfix, opendkim
and root (Postfix starts as root); both run from a folder of ours, on loopback ports of ours, with fsync as Postfix always has
it. Raises PeerMissing with a sentence where they are not.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from support_bench import free_port
from support_relay import PeerMissing, private_key

MAIN = """
compatibility_level = 3.6
queue_directory = {base}/queue
data_directory = {base}/data
mail_owner = postfix
setgid_group = postdrop
myhostname = peer.test
mydestination =
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
mynetworks = 127.0.0.0/8
relayhost = [127.0.0.1]:{sink}
smtp_destination_concurrency_limit = 50
default_process_limit = 100
smtpd_milters = {milter}
smtp_tls_security_level = none
smtpd_tls_security_level = none
disable_dns_lookups = yes
maillog_file_prefixes = {base}
maillog_file = {base}/mail.log
"""
OPENDKIM = """
Syslog no
Mode s
Canonicalization relaxed/relaxed
Domain bench.test
Selector s
KeyFile {base}/dkim.pem
Socket inet:{port}@127.0.0.1
UserID opendkim
InternalHosts 127.0.0.0/8
Background no
"""


def _wait(port: int, what: str) -> None:
    for _ in range(100):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    raise PeerMissing(f"{what} did not start")


def _opendkim(base: Path, stack: ExitStack) -> int:
    (base / "dkim.pem").write_bytes(private_key())
    port = free_port()
    (base / "opendkim.conf").write_text(OPENDKIM.format(base=base, port=port))
    shutil.chown(base / "dkim.pem", "opendkim", "opendkim")
    (base / "dkim.pem").chmod(0o600)
    signer = subprocess.Popen(["/usr/sbin/opendkim", "-f", "-x", str(base / "opendkim.conf")])
    stack.callback(signer.wait)
    stack.callback(signer.terminate)
    _wait(port, "opendkim")
    return port


@contextmanager
def postfix(sink: int) -> Iterator[int]:
    """Run Postfix (and OpenDKIM) from a folder of its own; yields the port that takes mail."""
    for program in ("/usr/sbin/postfix", "/usr/sbin/opendkim"):
        if not os.access(program, os.X_OK):
            raise PeerMissing(f"{program} is not installed")
    if os.geteuid() != 0:
        raise PeerMissing("Postfix starts as root only")
    with ExitStack() as stack:
        base = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-postfix", dir="/var/lib")))
        base.chmod(0o755)
        milter = f"inet:127.0.0.1:{_opendkim(base, stack)}"
        port = free_port()
        conf = base / "conf"
        conf.mkdir()
        (base / "queue").mkdir()
        (base / "data").mkdir()
        shutil.chown(base / "data", "postfix", "postfix")
        (conf / "main.cf").write_text(MAIN.format(base=base, sink=sink, milter=milter))
        master = Path("/etc/postfix/master.cf").read_text()
        if not Path("/etc/postfix/master.cf").exists():
            raise PeerMissing("Postfix has no master.cf")
        lines = [line for line in master.splitlines() if not line.startswith("smtp      inet")]
        lines.append(f"127.0.0.1:{port} inet n - n - - smtpd")
        # no chroot: the fifth column
        (conf / "master.cf").write_text("\n".join(lines).replace(" y       -       -", " n       -       -") + "\n")
        done = subprocess.run(["/usr/sbin/postfix", "-c", str(conf), "start"], capture_output=True, text=True)
        if done.returncode:
            raise PeerMissing(f"Postfix did not start: {done.stderr[-400:]}")
        stack.callback(subprocess.run, ["/usr/sbin/postfix", "-c", str(conf), "stop"], capture_output=True)
        _wait(port, "Postfix")
        yield port
