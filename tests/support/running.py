"""A whole gateway in a folder of its own, run as people run it: `init`, `account add`, `sender add`, `serve`.

Everything goes through the command line, SMTP and HTTP; processes are ended by their ids only. Settings that a test needs
otherwise are given as environment overrides.
"""

from __future__ import annotations

import io
import itertools
import json
import os
import re
import shutil
import signal
import smtplib
import socket
import ssl
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from email.message import EmailMessage
from pathlib import Path
from typing import Any
from unittest.mock import patch

from gateway.cli.main import main

ROOT = Path(__file__).resolve().parents[2]
_FOUNDED: dict[str, Path] = {}
_LOOK, _LONGEST = 0.02, 0.5  # seconds between two looks
_SHARE = 5  # times as long as a look takes
_NUMBERS = itertools.count()
PASSWORD = "correct horse battery"
_REPORT = re.compile(r"http://127\.0\.0\.1:\d+/r/([A-Za-z0-9_-]{22,})")


def keep_within(folder: Path) -> None:
    """Where the copy is kept of which later gateways are made; else it stands beside the first."""
    _FOUNDED["within"] = folder


def free_ports(n: int) -> list[int]:
    """Loopback ports that are free at the moment."""
    probes = [socket.socket() for _ in range(n)]
    for probe in probes:
        probe.bind(("127.0.0.1", 0))
    ports = [probe.getsockname()[1] for probe in probes]
    for probe in probes:
        probe.close()
    return ports


def until(done: Callable[[], Any], seconds: float, what: str) -> Any:
    """Wait for a condition, by asking often; AssertionError with `what` when it never comes.

    Seconds in which this very process got no processor do not count: those who are waited for got none either. A question
    that takes long is asked less often, so that those who are waited for have the processor.
    """
    deadline = time.monotonic() + seconds
    while (asked := time.monotonic()) < deadline:
        if value := done():
            return value
        asleep = time.monotonic()
        pause = min(max(_LOOK, _SHARE * (asleep - asked)), _LONGEST)
        time.sleep(pause)
        deadline += max(0.0, time.monotonic() - asleep - pause - _LOOK)
    raise AssertionError(f"not within {seconds} s: {what}")


def message(recipients: int, *, message_id: str = "", subject: str = "Offre {{Nom}}", domains: int = 0) -> EmailMessage:
    """An ordinary campaign mail with LISTE.TXT of that many recipients, at dest.test or at so many domains below it; each is
    a message of its own unless it is given the Message-ID of another."""
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = "ACME <contact@acme.test>", "mail@gateway.test", subject
    mail["Message-ID"] = message_id or f"<{next(_NUMBERS)}.{os.getpid()}@acme.test>"
    mail["Date"] = time.strftime("%a, %d %b %Y %H:%M:%S +0000", time.gmtime())
    mail.set_content("Bonjour {{Nom}}, voir https://acme.test/offre\n")
    mail.add_alternative("<p>Bonjour {{Nom}}, <a href='https://acme.test/offre'>voir</a></p>", subtype="html")
    places = [f"d{n}.dest.test" for n in range(domains)] or ["dest.test"]
    rows = "".join(f"p{n}@{places[n % len(places)]};Nom{n}\r\n" for n in range(recipients))
    mail.add_attachment(f"Email;Nom\r\n{rows}".encode(), maintype="text", subtype="plain", filename="LISTE.TXT")
    return mail


class Running:
    """One gateway; `start` may be called again after `kill_all`."""

    def __init__(self, folder: Path, sink_port: int, **overrides: str) -> None:
        self.folder = folder
        self.mx, self.submission, self.submissions, self.web = free_ports(4)
        section = {
            "SMTP__MX_LISTEN": json.dumps([f"127.0.0.1:{self.mx}"]),
            "SMTP__SUBMISSION_LISTEN": json.dumps([f"127.0.0.1:{self.submission}"]),
            "SMTP__SUBMISSIONS_LISTEN": json.dumps([f"127.0.0.1:{self.submissions}"]),
            "WEB__LISTEN": f"127.0.0.1:{self.web}",
            "GATEWAY__PUBLIC_URL": f"http://127.0.0.1:{self.web}",
            "DELIVERY__ROUTES": json.dumps({"*": f"127.0.0.1:{sink_port}"}),
            "DELIVERY__ALLOW_NETWORKS": '["127.0.0.0/8"]',
            "DELIVERY__WORKERS": "2",
            "DELIVERY__RETRY": "1s*",
            "DELIVERY__AWAITING_RETRY": "1s*",
            **overrides,
        }
        self.environment = {**os.environ, **{f"MAIL2CAMPAIGN_{key}": value for key, value in section.items()}}
        self.environment["PYTHONPATH"] = str(ROOT)
        self.process: subprocess.Popen[bytes] | None = None
        self._found(folder)

    def _found(self, folder: Path) -> None:
        """Make the folder by the commands, once a test process; later gateways begin as a copy of the first."""
        made = _FOUNDED.get("folder")
        own = self.environment.get("MAIL2CAMPAIGN_DATABASE__URL", "").startswith(
            "postgresql"
        )  # its database is elsewhere
        if made is not None and made.exists() and not own:
            shutil.copytree(made, folder)
            return
        self._main("init", "--dir", str(folder), "--domain", "gateway.test")
        config = ("--config", str(folder / "mail2campaign.toml"))
        login = ("account", "add", "acme", "--login", "acme", "--password-stdin", "--legal-name", "ACME SAS")
        self._main(*config, *login, "--address", "1 rue de la Paix, 75002 Paris", stdin=PASSWORD)
        self._main(*config, "sender", "add", "acme", "contact@acme.test", "--verified")
        if own:
            return
        _FOUNDED["folder"] = copy = _FOUNDED.get("within", folder.parent) / "founded"
        shutil.copytree(folder, copy)

    def _main(self, *words: str, stdin: str = "") -> None:
        """Run one command in this process, which has most of it imported: a Python of its own takes ten times as long."""
        said = io.StringIO()
        with (
            patch.dict(os.environ, self.environment),
            patch("sys.stdin", io.StringIO(stdin)),
            redirect_stdout(said),
            redirect_stderr(said),
        ):
            status = main(words)
        assert status == 0, f"{words}: {said.getvalue()}"

    def command(self, *words: str, stdin: str = "", folder: Path | None = None) -> str:
        """Run one command of the gateway, or in another folder; AssertionError with its complaint when it fails."""
        config = [] if words[0] == "init" else ["--config", str((folder or self.folder) / "mail2campaign.toml")]
        done = subprocess.run(
            [sys.executable, "-m", "gateway.cli.main", *config, *words],
            input=stdin,
            capture_output=True,
            text=True,
            env=self.environment,
            timeout=120,
        )
        assert done.returncode == 0, f"{words}: {done.stderr}"
        return done.stdout

    def start(self) -> None:
        """Run `serve` and wait until it takes mail and pages."""
        log = (self.folder / "serve.log").open("ab")
        self.process = subprocess.Popen(
            [sys.executable, "-m", "gateway.cli.main", "--config", str(self.folder / "mail2campaign.toml"), "serve"],
            stdout=log,
            stderr=log,
            env=self.environment,
            start_new_session=True,
        )
        log.close()
        self.ready()

    def ready(self) -> None:
        """Wait until it takes mail and pages."""
        for port in (self.mx, self.submission):
            until(lambda port=port: greets(port), 180, f"port {port} greets")
        until(lambda: healthy(self.web), 180, "the pages answer")

    @property
    def running(self) -> bool:
        """Whether its supervisor runs."""
        return self.process is not None and self.process.poll() is None

    def log(self) -> str:
        return (self.folder / "serve.log").read_text()

    def children(self, role: str) -> list[int]:
        """Process ids of the running children of a role (_receive, _web, _send)."""
        assert self.process is not None
        found = []
        for entry in Path("/proc").iterdir():
            if not entry.name.isdigit():
                continue
            try:
                parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
                words = (entry / "cmdline").read_bytes().split(b"\0")
            except (OSError, ValueError):
                continue
            if parent == self.process.pid and role.encode() in words:
                found.append(int(entry.name))
        return found

    def kill_all(self) -> None:
        """kill -9 of every process of the gateway at once (their group is theirs alone)."""
        assert self.process is not None
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def stop(self) -> None:
        """End in order; kill what does not end."""
        if self.process is None or not self.running:
            return
        self.process.terminate()
        try:
            self.process.wait(25)
        except subprocess.TimeoutExpired:
            self.kill_all()

    def submit(self, mail: EmailMessage) -> None:
        """Send a mail over STARTTLS with AUTH, as a mail client does."""
        context = ssl._create_unverified_context()
        with smtplib.SMTP("127.0.0.1", self.submission, timeout=30) as client:
            client.starttls(context=context)
            client.login("acme", PASSWORD)
            client.send_message(mail)

    def report(self, token: str) -> dict[str, Any]:
        """The ledger of a report as JSON."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.web}/r/{token}.json", timeout=60) as answer:
            return dict(json.load(answer))


def alive(pid: int) -> bool:
    """Whether a process runs; one that has ended and that nobody has collected yet (a zombie) does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def greets(port: int) -> bool:
    """Whether an SMTP server says 220 on that loopback port (the supervisor opens ports before anybody serves them)."""
    try:
        with socket.create_connection(("127.0.0.1", port), 5) as probe:
            return probe.recv(4) == b"220 "
    except OSError:
        return False


def healthy(port: int) -> bool:
    """Whether the pages answer on that loopback port."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=30) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def listening(port: int) -> bool:
    """Whether somebody takes connections on that loopback port."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def report_token(acknowledgement: bytes) -> str:
    """The secret word of the report's link in an acknowledgement."""
    from email import message_from_bytes, policy

    parsed = message_from_bytes(acknowledgement, policy=policy.default)
    body = parsed.get_body(("plain",))
    assert body is not None
    found = _REPORT.search(body.get_content())
    assert found, "the acknowledgement carries the report's link"
    return found.group(1)
