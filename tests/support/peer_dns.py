"""A signed zone of our own on a real name server (NSD), behind a real validating resolver (unbound), on loopback ports."""

from __future__ import annotations

import re
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import dns.exception
import dns.message
import dns.query

_NSD = """
server:
  ip-address: 127.0.0.1@{port}
  zonesdir: "{folder}"
  username: ""
  chroot: ""
  database: ""
  pidfile: "{folder}/nsd.pid"
  xfrdfile: "{folder}/xfrd.state"
  zonelistfile: "{folder}/zone.list"
  xfrdir: "{folder}"
  server-count: 1
remote-control:
  control-enable: no
"""
_UNBOUND = """
server:
  interface: 127.0.0.1@{port}
  do-daemonize: no
  use-syslog: no
  logfile: ""
  chroot: ""
  username: ""
  directory: "{folder}"
  pidfile: ""
  num-threads: 1
  module-config: "validator iterator"
  do-not-query-localhost: no
  local-zone: "test." nodefault
  val-log-level: 2
"""


def tool(name: str) -> str:
    """The path of a program that Debian has; a failure, never a skip, where it is missing."""
    found = shutil.which(name) or shutil.which(name, path="/usr/sbin:/sbin")
    assert found is not None, f"{name} is not installed: see .ci/run"
    return found


def free_port(ip: str = "127.0.0.1") -> int:
    """A port that is free for UDP and TCP at this moment."""
    with socket.socket() as tcp, socket.socket(type=socket.SOCK_DGRAM) as udp:
        tcp.bind((ip, 0))
        port = int(tcp.getsockname()[1])
        udp.bind((ip, port))
        return port


def sign(folder: Path, zone: str, text: str, forge: Callable[[str], str] | None, late: bool) -> Path:
    """Sign a zone with a key of its own (`late`: its signatures have expired), then let somebody forge its lines."""
    (folder / zone).write_text(f"$ORIGIN {zone}.\n$TTL 60\n{text}")
    run = ["-a", "ECDSAP256SHA256", "-k", zone]
    key = _run(folder, tool("ldns-keygen"), *run).strip()
    dates = ["-i", "20200101000000", "-e", "20200201000000"] if late else []
    _run(folder, tool("ldns-signzone"), *dates, "-f", f"{zone}.signed", zone, key)
    signed = folder / f"{zone}.signed"
    if forge is not None:
        before = signed.read_text()
        after = forge(before)
        assert after != before, "nothing was forged"
        signed.write_text(after)
    return folder / f"{key}.key"


def _run(folder: Path, *command: str) -> str:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@contextmanager
def serving(folder: Path, zones: Mapping[str, Path], anchors: list[Path]) -> Iterator[int]:
    """Serve zone files; gives the port of the validating resolver."""
    behind, front = free_port(), free_port()
    nsd = _NSD.format(port=behind, folder=folder)
    unbound = _UNBOUND.format(port=front, folder=folder)
    unbound += "".join(f'  trust-anchor-file: "{anchor}"\n' for anchor in anchors)
    for zone, file in zones.items():
        nsd += f'zone:\n  name: "{zone}"\n  zonefile: "{file.name}"\n'
        unbound += f'stub-zone:\n  name: "{zone}"\n  stub-addr: 127.0.0.1@{behind}\n'
    (folder / "nsd.conf").write_text(nsd)
    (folder / "unbound.conf").write_text(unbound)
    logs = [(folder / f"{name}.log").open("w") for name in ("nsd", "unbound")]
    running = [
        subprocess.Popen([tool("nsd"), "-d", "-c", str(folder / "nsd.conf")], stdout=logs[0], stderr=logs[0]),
        subprocess.Popen([tool("unbound"), "-d", "-c", str(folder / "unbound.conf")], stdout=logs[1], stderr=logs[1]),
    ]
    try:
        for port in (behind, front):
            _wait(port, next(iter(zones)), folder)
        yield front
    finally:
        for process in running:
            process.terminate()
        for process in running:
            process.wait(10)
        for log in logs:
            log.close()


def _wait(port: int, zone: str, folder: Path) -> None:
    question = dns.message.make_query(f"{zone}.", "SOA")
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        try:
            if dns.query.udp(question, "127.0.0.1", port=port, timeout=0.3).answer:
                return
        except (dns.exception.DNSException, OSError):
            time.sleep(0.05)
    raise AssertionError("no answer: " + "".join((folder / f"{one}.log").read_text() for one in ("nsd", "unbound")))


def without(name: str, kind: str) -> Callable[[str], str]:
    """A forger who takes records away, with their signatures."""
    line = re.compile(rf"(?m)^{re.escape(name)}\.\t.*\t(?:{kind}|RRSIG\t{kind})\t?.*\n")
    return lambda text: line.sub("", text)
