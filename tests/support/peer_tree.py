"""A root folder for one foreign mail server: its Debian package unpacked, its libraries, its own users; run by chroot.

Debian's mail servers exclude one another and know their paths and users by heart, so each gets a small root of its own
in the test's folder and nothing of the machine is touched. The packages come from the folder that
scripts/unpack_peers.sh fills. What is missing fails the test with a sentence; processes are ended by their ids.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import stat
import subprocess
import time
from functools import cache
from pathlib import Path
from types import TracebackType

import pytest

CACHE = Path(os.environ.get("MAIL2CAMPAIGN_PEERS", "/var/cache/mail2campaign-peers"))
USERS = {"root": 0, "daemon": 1, "nobody": 65534, "vmail": 5000}
_DEVICES = {"null": (1, 3), "zero": (1, 5), "random": (1, 8), "urandom": (1, 9)}
_START = 20.0  # seconds that a server may take to listen
_END = 8.0  # seconds that it may take to leave


def version(package: str) -> str:
    """The version of an unpacked package; fails the test when it is not there."""
    try:
        return (CACHE / f"{package}.version").read_text().strip()
    except OSError:
        pytest.fail(f"Debian's package {package} is not unpacked in {CACHE}: run scripts/unpack_peers.sh", False)


def program(name: str, package: str) -> str:
    """The path of an installed program; fails the test with the name of its Debian package."""
    found = shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")
    if found is None:
        pytest.fail(f"{name} is missing: install Debian's package {package}", False)
    return found


class Tree:
    """One server's root; use as a context manager around its life."""

    def __init__(self, root: Path, packages: tuple[str, ...], users: tuple[str, ...] = ()) -> None:
        if os.geteuid() != 0:
            pytest.fail("mail servers start as root only: run the peers tests as root", False)
        root.mkdir(exist_ok=True)
        self.root, self.packages = root, packages
        self._processes: list[subprocess.Popen[bytes]] = []
        for package in packages:
            version(package)
            source = CACHE / package / "usr"
            shutil.copytree(source, root / "usr", symlinks=True, dirs_exist_ok=True, ignore=_share, copy_function=_link)
        root.chmod(0o755)
        for name in ("bin", "sbin", "lib", "lib64"):
            (root / "usr" / name).mkdir(exist_ok=True)
            (root / name).symlink_to(f"usr/{name}")
        for name in ("dev", "etc", "run", "tmp", "var/log", "var/spool", "mail"):
            (root / name).mkdir(parents=True)
        (root / "tmp").chmod(0o1777)
        (root / "var/run").symlink_to("../run")
        for name, numbers in _DEVICES.items():
            os.mknod(root / "dev" / name, stat.S_IFCHR | 0o666, os.makedev(*numbers))
            (root / "dev" / name).chmod(0o666)
        shutil.copy(Path("/bin/sh").resolve(), root / "usr/bin/sh")
        self._libraries()
        self._users(users)
        self.own("mail", "vmail")

    def _libraries(self) -> None:
        wanted, self.lacks = _needed(self.packages)
        for path in wanted:
            copy = self.root / path.relative_to("/")
            copy.parent.mkdir(parents=True, exist_ok=True)
            if not copy.exists():
                _link(path.resolve(), copy)

    def _users(self, more: tuple[str, ...]) -> None:
        self.users = USERS | {name: 5100 + number for number, name in enumerate(more)}
        rows = self.users.items()
        self.write("etc/passwd", "".join(f"{name}:x:{uid}:{uid}::/:/bin/sh\n" for name, uid in rows))
        self.write("etc/group", "".join(f"{name}:x:{uid}:\n" for name, uid in rows))
        self.write("etc/nsswitch.conf", "passwd: files\ngroup: files\nhosts: files\n")
        self.write("etc/hosts", "127.0.0.1 localhost\n")
        self.write("etc/services", "smtp 25/tcp\n")
        self.write("etc/resolv.conf", "nameserver 127.0.0.1\n")

    def write(self, path: str, text: str) -> Path:
        """Write a file of the server, readable by all."""
        place = self.root / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text)
        place.chmod(0o644)
        return place

    def own(self, path: str, user: str, mode: int = 0o755) -> None:
        """Make a folder that belongs to a user of the tree."""
        place = self.root / path
        place.mkdir(parents=True, exist_ok=True)
        os.chown(place, self.users[user], self.users[user])
        place.chmod(mode)

    def command(self, *words: str) -> list[str]:
        """The command that runs a program inside."""
        return [program("chroot", "coreutils"), str(self.root), *words]

    def start(self, *words: str, port: int) -> None:
        """Run a server in the foreground and wait until it listens."""
        log = (self.root / "server.log").open("ab")
        process = subprocess.Popen(self.command(*words), stdout=log, stderr=log, stdin=subprocess.DEVNULL)
        log.close()
        self._processes.append(process)
        end = time.monotonic() + _START
        while not _listens(port):
            if process.poll() is not None or time.monotonic() > end:
                hint = f" (no {', '.join(self.lacks)}: see unpack_peers.sh --libraries)" if self.lacks else ""
                pytest.fail(f"{words[0]} did not start{hint}:\n{self.log()[-4000:]}", False)
            time.sleep(0.02)

    def logs(self) -> list[str]:
        """Each of the server's logs."""
        logs = [self.root / "server.log", *sorted((self.root / "var/log").rglob("*"))]
        return [path.read_text("utf-8", "replace") for path in logs if path.is_file()]

    def log(self) -> str:
        """What the server said of itself."""
        return "\n".join(self.logs())

    def __enter__(self) -> Tree:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.halt()

    def halt(self) -> None:
        """End the server and all that it began; `start` may be called again."""
        for process in self._processes:
            process.terminate()
        for process in self._processes:
            try:
                process.wait(_END)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self._processes.clear()
        self._sweep()

    def _sweep(self) -> None:
        """End what its servers left behind: the processes whose root is this folder, and no other."""
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit():
                with contextlib.suppress(OSError):
                    if (entry / "root").readlink() == self.root:
                        os.kill(int(entry.name), signal.SIGKILL)


@cache
def _needed(packages: tuple[str, ...]) -> tuple[set[Path], list[str]]:
    """The machine's libraries that packages use, and the names of those that it lacks (perhaps of a part unused)."""
    folders = [CACHE / package / "usr" for package in packages]
    programs = [path for folder in folders for path in folder.rglob("*") if path.is_file() and _elf(path)]
    places = ":".join(sorted({str(path.parent) for path in programs}))
    shell = [str(Path("/bin/sh").resolve()), *map(str, programs)]
    told = subprocess.run(["ldd", *shell], capture_output=True, text=True, env=os.environ | {"LD_LIBRARY_PATH": places})
    found, lacks = set(), []
    for line in told.stdout.splitlines():
        name, _, place = line.strip().partition(" => ")
        if place.startswith("not found"):
            lacks.append(name)
        path = (place or name).split(" ")[0]
        if path.startswith("/") and not path.startswith(str(CACHE)) and not path.endswith(":"):
            found.add(Path(path))
    return found, lacks


def _link(source: str | Path, copy: str | Path) -> None:
    # nobody writes to programs and libraries, so one copy may serve all trees of a disk
    try:
        os.link(source, copy)
    except OSError:
        shutil.copy2(source, copy)


def _share(folder: str, names: list[str]) -> list[str]:
    return ["share"] if Path(folder).name == "usr" else []


def _elf(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(4) == b"\x7fELF"


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def free_port() -> int:
    """A loopback port that nobody listens on at the moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
