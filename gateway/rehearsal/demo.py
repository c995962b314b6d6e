"""`mail2campaign demo`: the whole product on this machine, against the scripted internet.

In: the current folder, in which `demo/` is made anew; a terminal or none. Out: what happens on screen, demo/summary.json,
and an exit status: 0 when every promise was kept, 1 with a sentence when not. With a terminal it stays until Ctrl-C.
Raises Failure or StageError with one sentence when something does not start. Leaves nothing behind but its folder.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import fcntl
import http.client
import json
import os
import shutil
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from rich.console import Console

from gateway.cli.failure import Failure
from gateway.i18n import LOCALES, text
from gateway.rehearsal.cast import expected
from gateway.rehearsal.correspondence import Acknowledgement, campaign_mail, read_acknowledgement, submit
from gateway.rehearsal.stage import LOGIN, Stage, StageError
from gateway.rehearsal.verdict import WAITING, checks, summary
from gateway.rehearsal.view import WIDTH, View
from gateway.rehearsal.world import GATEWAY, HOUSES

FOLDER = "demo"
_MARK = ".mail2campaign-demo"  # a folder that has it is ours to make anew
_ACKNOWLEDGED = 30.0  # seconds in which the acknowledgement must come
_FINISHED = 90.0  # seconds in which the campaign must end
_SETTLED = 30.0  # seconds that the last events may take into the report
_LOOK = 0.25
_TEXT_LINES = 40  # of the acknowledgement on screen


def run(folder: Path, once: bool) -> int:
    """Play the demo in `folder`; returns the exit status."""
    terminal = sys.stdin.isatty() and sys.stdout.isatty()
    locale = language()
    # without a terminal nothing may be wrapped at 80 columns: people read it in logs
    console = Console(highlight=False, width=None if sys.stdout.isatty() else WIDTH + 20)
    with _own(folder):
        view, stage = View(console, locale), Stage(folder / "gateway", locale)
        view.title(len(HOUSES))
        stage.build()
        try:
            return asyncio.run(_Demo(folder, stage, view, stays=terminal and not once).play())
        except asyncio.CancelledError:  # SIGINT or SIGTERM before the end
            return 130


def language() -> str:
    """French, unless the environment says English."""
    said = next((value for name in ("LC_ALL", "LC_MESSAGES", "LANG") if (value := os.environ.get(name))), "")
    return "en" if said.lower().startswith("en") else "fr"


@contextlib.contextmanager
def _own(folder: Path) -> Iterator[None]:
    """Hold an empty folder of our own; Failure when it is somebody else's or another demo runs in it."""
    mark = folder / _MARK
    if folder.exists() and not mark.exists() and any(folder.iterdir()):
        raise Failure(f"{folder} exists and is not a demo's folder: move it away")
    folder.mkdir(parents=True, exist_ok=True)
    with mark.open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Failure(f"another demo is running in {folder}") from None
        for entry in folder.iterdir():
            if entry.is_dir():
                shutil.rmtree(entry)
            elif entry != mark:
                entry.unlink()
        yield


class _Demo:
    """One performance."""

    def __init__(self, folder: Path, stage: Stage, view: View, *, stays: bool) -> None:
        self._folder, self._stage, self._view, self._stays = folder, stage, view, stays
        self._due = expected()
        self._feed: list[dict[str, str]] = []
        self._began = 0.0

    async def play(self) -> int:
        """Everything in its order; the processes are ended whatever happens."""
        task = asyncio.current_task()
        assert task is not None
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            loop.add_signal_handler(number, task.cancel)
        try:
            return await self._acts()
        finally:
            self._view.close()
            await self._stage.close()

    async def _acts(self) -> int:
        await self._stage.start()
        self._introduce()
        await self._submit()
        ack, seconds = await self._acknowledged()
        ledger, told = await self._watched(ack)
        found = checks(ledger, told, ack, self._due)
        failed = [check.name for check in found if not check.good]
        waiting = sum(ledger["statuses"][code] for code in WAITING)
        self._write(summary(ledger, told, ack, seconds, failed))
        self._view.balance(ledger, found)
        self._view.end(ack.report, FOLDER, self._stays)
        if failed:
            names = ", ".join(failed)
            late = f" ({self._view.words('end.late', seconds=int(_FINISHED))})" if waiting else ""
            print(f"mail2campaign: {self._view.words('end.failed', checks=names)}{late}", file=sys.stderr)
        if self._stays:
            with contextlib.suppress(asyncio.CancelledError):
                while True:
                    self._stage.alive()
                    await asyncio.sleep(1)
        return 1 if failed else 0

    def _introduce(self) -> None:
        servers = sum(bool(house.ip) for house in HOUSES)
        self._view.step("ready_internet", self._view.words("ready_internet_note", servers=servers))
        self._view.step("ready_gateway", self._view.words("ready_gateway_note", domain=GATEWAY, workers=2))

    async def _submit(self) -> None:
        mail = campaign_mail(GATEWAY)
        try:
            await asyncio.to_thread(submit, mail, self._stage.submission_port, LOGIN, self._stage.password)
        except OSError as error:  # smtplib's exceptions are OSErrors
            raise StageError(f"the gateway does not take the mail: {error}") from error
        self._began = time.monotonic()
        size = len(mail.as_bytes()) // 1024
        self._view.step("sent", self._view.words("sent_note", size=size, domain=GATEWAY))

    async def _acknowledged(self) -> tuple[Acknowledgement, float]:
        while time.monotonic() - self._began < _ACKNOWLEDGED:
            self._stage.alive()
            mails = (await self._stage.ask("mailbox"))["mails"]
            if mails:
                return self._show(mails[0]), time.monotonic() - self._began
            await asyncio.sleep(_LOOK / 5)
        raise StageError(f"no acknowledgement within {_ACKNOWLEDGED:.0f} s, see {self._stage.folder / 'log'}")

    def _show(self, mail: str) -> Acknowledgement:
        seconds = f"{time.monotonic() - self._began:.1f}"
        ack = read_acknowledgement(base64.b64decode(mail), self._stage.public_url)
        if self._view.locale == "fr":
            seconds = seconds.replace(".", ",")
        self._view.step("acknowledged", self._view.words("acknowledged_note", seconds=seconds))
        body = ack.text
        for locale in LOCALES:  # Config chose the language; the previews that follow are too long to show
            body = body.partition(text(locale, "ack.preview"))[0]
        self._view.letter(ack.sender, ack.subject, "\n".join(body.strip().splitlines()[:_TEXT_LINES]))
        if not ack.report:
            raise StageError(f"the acknowledgement has no link to a report: {ack.subject}")
        return ack

    async def _watched(self, ack: Acknowledgement) -> tuple[dict[str, Any], dict[str, Any]]:
        """Show the campaign until it has ended and everybody is done; returns the last figures."""
        idle_since = 0.0
        while True:
            self._stage.alive()
            ledger = await asyncio.to_thread(get_json, f"{ack.report}.json")
            told = await self._stage.ask("counts")
            self._feed += (await self._stage.ask("feed", len(self._feed)))["feed"]
            now = time.monotonic()
            self._view.progress(ledger, self._feed, now - self._began)
            resting = told["idle"] and ledger["state"] == "finished"
            resting = resting and not any(ledger["statuses"][code] for code in WAITING)
            idle_since = (idle_since or now) if resting else 0.0
            good = resting and all(check.good for check in checks(ledger, told, ack, self._due))
            if good or (resting and now - idle_since > _SETTLED) or now - self._began > _FINISHED:
                self._view.end_progress(ledger, now - self._began)
                return ledger, told
            await asyncio.sleep(_LOOK)

    def _write(self, told: dict[str, Any]) -> None:
        whole = json.dumps(told, ensure_ascii=False, indent=2) + "\n"
        (self._folder / "summary.json").write_text(whole, "utf-8")


def get_json(url: str) -> dict[str, Any]:
    """Fetch a JSON document of the gateway; StageError when it answers anything else."""
    place, _, path = url.removeprefix("http://").partition("/")
    client = http.client.HTTPConnection(place, timeout=60)
    try:
        client.request("GET", f"/{path}")
        answer = client.getresponse()
        body = answer.read(1_000_000)
    except OSError as error:
        raise StageError(f"the report does not answer: {error}") from error
    finally:
        client.close()
    if answer.status != 200:
        raise StageError(f"the report answers {answer.status}")
    found: dict[str, Any] = json.loads(body)
    return found
