"""The processes of the demo: the scripted internet and the gateway, each with its log.

In: an empty folder, a locale. Out: a running `Stage`: the gateway made by the commands that an operator types, started by
`mail2campaign serve` with short waits, delivering to the scripted internet by DNS. Both processes read a pipe of ours:
they end with us, however we end. Raises StageError with one sentence when something does not start in time.
"""

from __future__ import annotations

import asyncio
import contextlib
import io
import json
import os
import secrets
import signal
import socket
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from config import keys
from gateway.cli.commands.setup import FILE, make_folder
from gateway.cli.failure import Failure
from gateway.cli.main import main
from gateway.processes.lifeline import VARIABLE
from gateway.rehearsal.correspondence import SENDER_NAME
from gateway.rehearsal.world import GATEWAY, OFFICE, USER

_READY = 120.0  # seconds until everything answers, on a slow machine
_END = 8.0  # seconds until a process that was told to end is ended
_ANSWER = 60.0
LOGIN = "agnes"
ACCOUNT = "valfleury"
_POLICIES = {
    GATEWAY: "v=spf1 mx -all",
    OFFICE: f"v=spf1 mx include:{GATEWAY} ~all",
    f"_dmarc.{GATEWAY}": "v=DMARC1; p=none",
    f"_dmarc.{OFFICE}": "v=DMARC1; p=reject",
}


class StageError(Exception):
    """Something of the demo did not start or ended early; the text says what and where its log is."""


def free_ports(count: int) -> list[int]:
    """Ports that nobody listens on at this moment, all different."""
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [int(each.getsockname()[1]) for each in sockets]


@dataclass(slots=True)
class Stage:
    """Everything that runs; `close` ends it."""

    folder: Path
    locale: str
    password: str = field(default_factory=lambda: secrets.token_urlsafe(12))
    mx_port: int = 0
    submission_port: int = 0
    public_url: str = ""
    _children: list[asyncio.subprocess.Process] = field(default_factory=list)
    _pipes: list[int] = field(default_factory=list)
    _control: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    def build(self) -> None:
        """Make the gateway's folder, its account, sender and keys, as an operator would."""
        for name in [name for name in os.environ if name.startswith("MAIL2CAMPAIGN_")]:
            del os.environ[name]  # the operator's own gateway is none of our business
        os.environ["MAIL2CAMPAIGN_GATEWAY__LOCALE"] = self.locale
        make_folder(self.folder, GATEWAY)
        legal = ("--legal-name", "Commune de Valfleury", "--address", "1 place de la Mairie, 00000 Valfleury")
        wording = "Chaque personne de nos listes a accepté le suivi de ses ouvertures."
        self._command("account", "add", ACCOUNT, "--login", LOGIN, "--password-stdin", *legal, typed=self.password)
        self._command("account", "attest", ACCOUNT, "--by", "Agnès Martin", "--wording", wording)
        self._command("sender", "add", ACCOUNT, f"{SENDER_NAME} <{USER}>", "--verified")
        self._command("dkim", "add", OFFICE)

    def _command(self, *words: str, typed: str = "") -> None:
        said, stdin = io.StringIO(), sys.stdin
        sys.stdin = io.StringIO(f"{typed}\n")
        try:
            with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
                status = main(["--config", str(self.folder / FILE), *words])
        finally:
            sys.stdin = stdin
        if status:
            raise Failure(f"{' '.join(words[:2])}: {said.getvalue().strip()}")

    async def start(self) -> None:
        """Start the scripted internet, then the gateway, and wait until both answer."""
        self.mx_port, self.submission_port, submissions, web = free_ports(4)
        self.public_url = f"http://127.0.0.1:{web}"
        ports = await self._start_internet()
        environment = _overrides(ports, self.mx_port, self.submission_port, submissions, web, self.public_url)
        serve = await self._spawn(
            "serve", ["-m", "gateway.cli.main", "--config", str(self.folder / FILE), "serve"], environment
        )
        for port, request in (
            (self.submission_port, b""),
            (self.mx_port, b""),
            (web, b"GET /healthz HTTP/1.0\r\n\r\n"),
        ):
            await self._answers(port, request, serve)

    async def _start_internet(self) -> dict[str, int]:
        data = self.folder / "data"
        script = {
            "gateway": GATEWAY,
            "mx_port": self.mx_port,
            "txt": {
                f"{selector}._domainkey.{domain}": keys.dkim_record(pem)
                for domain, selector, pem in keys.dkim_keys(data)
            }
            | _POLICIES,
            "folder": str(self.folder / "internet"),
        }
        child = await self._spawn("internet", ["-m", "gateway.rehearsal.internet"], {}, stdin=asyncio.subprocess.PIPE)
        assert child.stdin is not None
        assert child.stdout is not None
        child.stdin.write(json.dumps(script).encode() + b"\n")
        try:
            async with asyncio.timeout(_READY):
                ports: dict[str, int] = json.loads(await child.stdout.readline())
        except (TimeoutError, ValueError) as error:
            raise StageError(f"the scripted internet does not start, see {self._log('internet')}") from error
        self._control = await asyncio.open_connection("127.0.0.1", ports["control"], limit=50_000_000)
        return ports

    async def _spawn(
        self, name: str, words: list[str], environment: dict[str, str], stdin: int | None = None
    ) -> asyncio.subprocess.Process:
        readable, held = os.pipe()
        self._pipes.append(held)
        with _log_file(self._log(name)) as log:
            child = await asyncio.create_subprocess_exec(
                sys.executable,
                *words,
                stdin=stdin if stdin is not None else asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE if stdin is not None else log,
                stderr=log,
                env={**os.environ, **environment, VARIABLE: str(readable), "PYTHONUNBUFFERED": "1"},
                pass_fds=(readable,),
                start_new_session=True,  # Ctrl-C is ours to understand
            )
        os.close(readable)
        self._children.append(child)
        return child

    async def _answers(self, port: int, request: bytes, serve: asyncio.subprocess.Process) -> None:
        """Wait until a port greets, or answers a request: it is open before anybody serves it."""
        try:
            async with asyncio.timeout(_READY):
                while serve.returncode is None:
                    with contextlib.suppress(OSError):
                        reader, writer = await asyncio.open_connection("127.0.0.1", port)
                        with contextlib.closing(writer):
                            writer.write(request)
                            if await reader.read(1):
                                return
                    await asyncio.sleep(0.05)
        except TimeoutError:
            pass
        raise StageError(f"the gateway does not answer on port {port}, see {self._log('serve')}")

    async def ask(self, question: str, start: int = 0) -> dict[str, Any]:
        """Ask the scripted internet for its counts, its feed or the user's mailbox."""
        assert self._control is not None
        reader, writer = self._control
        writer.write(json.dumps({"ask": question, "from": start}).encode() + b"\n")
        async with asyncio.timeout(_ANSWER):
            answer: dict[str, Any] = json.loads(await reader.readline() or b"{}")
        if not answer:
            raise StageError(f"the scripted internet ended early, see {self._log('internet')}")
        return answer

    def alive(self) -> None:
        """Raise StageError when a process has ended."""
        for child, name in zip(self._children, ("internet", "serve"), strict=False):
            if child.returncode is not None:
                raise StageError(f"{name} ended early, see {self._log(name)}")

    async def close(self) -> None:
        """End the gateway, then the internet; returns when both are gone."""
        if self._control is not None:
            self._control[1].close()
        for child in reversed(self._children):
            if child.returncode is None:
                with contextlib.suppress(ProcessLookupError):
                    child.send_signal(signal.SIGTERM)
                try:
                    await asyncio.wait_for(child.wait(), _END)
                except TimeoutError:
                    child.kill()
                    await child.wait()
        for pipe in self._pipes:
            os.close(pipe)
        self._pipes.clear()

    def _log(self, name: str) -> Path:
        return self.folder / "log" / f"{name}.log"


@contextlib.contextmanager
def _log_file(path: Path) -> Iterator[int]:
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _overrides(
    ports: dict[str, int], mx: int, submission: int, submissions: int, web: int, public_url: str
) -> dict[str, str]:
    """The settings that make a gateway impatient enough to be watched."""
    values = {
        "GATEWAY__PUBLIC_URL": public_url,
        "SMTP__MX_LISTEN": json.dumps([f"127.0.0.1:{mx}"]),
        "SMTP__SUBMISSION_LISTEN": json.dumps([f"127.0.0.1:{submission}"]),
        "SMTP__SUBMISSIONS_LISTEN": json.dumps([f"127.0.0.1:{submissions}"]),
        "WEB__LISTEN": f"127.0.0.1:{web}",
        "DNS__NAMESERVERS": json.dumps([f"127.0.0.1:{ports['dns']}"]),
        "DELIVERY__PORT": str(ports["smtp"]),
        "DELIVERY__ALLOW_NETWORKS": json.dumps(["127.0.0.0/8"]),
        "DELIVERY__WORKERS": "2",
        "DELIVERY__RETRY": "2s, 3s, 4s*",
        "DELIVERY__AWAITING_RETRY": "2s*",
        "DELIVERY__GIVE_UP_AFTER": "15s",
        "DELIVERY__CONNECT_TIMEOUT": "5s",
        "DELIVERY__REPLY_TIMEOUT": "10s",
        "DELIVERY__DOT_TIMEOUT": "3s",
        "TRACKING__SETTLE": "4s",
        # the cast dies and complains more than any real list may: its campaign shall not pause itself
        "LIMITS__PAUSE_HARD_PERCENT": "0",
        "LIMITS__PAUSE_COMPLAINT_PERCENT": "0",
    }
    return {f"MAIL2CAMPAIGN_{name}": value for name, value in values.items()}
