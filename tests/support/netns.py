"""Hosts with addresses of their own on one machine: network namespaces on bridges, made by a test and gone with it.

In: names of networks (a bridge each), and hosts with their addresses there. Out: `Host.inside()`, within which whatever the
calling thread starts (processes, threads, sockets) belongs to that host; its cables can be cut: packets are lost and nobody
is told, as when a switch dies. Each namespace is kept by a process that ends with ours, so nothing is left behind. Root is
enough; others need user namespaces (`unshare --user`), in which `again` runs a test file. `refusal` says why neither works.
"""

from __future__ import annotations

import ctypes
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

_LIBC = ctypes.CDLL(None, use_errno=True)
_CLONE_NEWNET = 0x4000_0000  # sched.h
_DISABLED, _FORWARDING = "0", "3"  # states of a bridge's port, linux/if_bridge.h
_MAY_ALL = ["unshare", "--user", "--map-root-user"]


def privileged() -> bool:
    """Whether this process may make namespaces: CAP_SYS_ADMIN (bit 21) and CAP_NET_ADMIN (12), capabilities(7)."""
    line = next(row for row in Path("/proc/self/status").read_text().splitlines() if row.startswith("CapEff:"))
    return all(int(line.split()[1], 16) >> bit & 1 for bit in (12, 21))


def refusal() -> str:
    """Why this kernel lets nobody like us make network namespaces; empty where it does."""
    command = ["unshare", "--net", "true"] if privileged() else [*_MAY_ALL, "--net", "true"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=30)
    except OSError as error:
        return str(error)
    return "" if done.returncode == 0 else f"{' '.join(command)}: {done.stderr.strip()}"


def again(file: str) -> subprocess.CompletedProcess[str]:
    """Run a test file as root of a user namespace, for whoever is nobody here."""
    # with a network of its own: whence one came from, one must be allowed to go back to
    command = [*_MAY_ALL, "--net", sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", file]
    return subprocess.run(command, capture_output=True, text=True, timeout=900)


def _run(*words: str) -> None:
    done = subprocess.run(words, capture_output=True, text=True, timeout=30)
    assert done.returncode == 0, f"{' '.join(words)}: {done.stderr}"


class Host:
    """One network namespace; use it within `Lab`."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.cables: dict[str, str] = {}  # network -> the name of its end in the switch
        kept = ["unshare", "--net", "sh", "-c", "echo made; exec cat"]
        self._keeper = subprocess.Popen(kept, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert self._keeper.stdout is not None
        assert self._keeper.stdout.readline() == b"made\n", f"no network namespace for {name}"
        self.pid = self._keeper.pid
        with self.inside():
            _run("ip", "link", "set", "lo", "up")

    @contextmanager
    def inside(self) -> Iterator[None]:
        """Be on this host with the calling thread, and with what it starts meanwhile."""
        home = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
        away = os.open(f"/proc/{self.pid}/ns/net", os.O_RDONLY)
        try:
            _enter(away)
            yield
        finally:
            _enter(home)
            os.close(away)
            os.close(home)

    def end(self) -> None:
        """Let the namespace go, once the last process in it has ended."""
        self._keeper.communicate()


def _enter(namespace: int) -> None:
    if _LIBC.setns(namespace, _CLONE_NEWNET):
        raise OSError(ctypes.get_errno(), "setns")


class Lab:
    """A switch with one bridge a network, and hosts on it; use as a context manager."""

    def __init__(self, networks: Sequence[str]) -> None:
        self._ends = ExitStack()
        self.switch = Host("switch")
        self._ends.callback(self.switch.end)
        with self.switch.inside():
            for network in networks:
                _run("ip", "link", "add", network, "type", "bridge", "forward_delay", "0")
                _run("ip", "link", "set", network, "up")

    def host(self, name: str, addresses: Mapping[str, Sequence[str]]) -> Host:
        """A host with addresses (in /24) on networks."""
        made = Host(name)
        self._ends.callback(made.end)
        for network, own in addresses.items():
            made.cables[network] = cable = f"{name}.{network}"  # 15 characters at most
            with self.switch.inside():
                _run("ip", "link", "add", cable, "type", "veth", "peer", "name", network, "netns", str(made.pid))
                _run("ip", "link", "set", cable, "master", network, "up")
            with made.inside():
                for address in own:
                    _run("ip", "address", "add", f"{address}/24", "dev", network)
                _run("ip", "link", "set", network, "up")
        return made

    def cut(self, host: Host, *networks: str) -> None:
        """From now on packets between a host and these networks (all of its own, if none is named) are lost."""
        self._ports(host, networks, _DISABLED)

    def mend(self, host: Host, *networks: str) -> None:
        """The cables work again."""
        self._ports(host, networks, _FORWARDING)

    def _ports(self, host: Host, networks: Sequence[str], state: str) -> None:
        with self.switch.inside():
            for network in networks or host.cables:
                _run("bridge", "link", "set", "dev", host.cables[network], "state", state)

    def __enter__(self) -> Lab:
        return self

    def __exit__(self, *_: object) -> None:
        self._ends.close()
