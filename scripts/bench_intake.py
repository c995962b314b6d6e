"""The intake bench: how long a big list takes from the final dot to its acknowledgement, and what small mails wait meanwhile.

In: nothing (options: --only xls|xlsx|csv|small, --json FILE). Out: a table: seconds for .xls with 65,000 lines, .xlsx with
100,000 and .csv with 1,000,000, through a whole gateway of its own (login, durable, read, judged, written, acknowledged
over SMTP to a receiver on loopback), the slowest acknowledgement of a mail of 100 lines sent every two seconds
meanwhile, and the reader's largest memory. The campaigns are scheduled for another day, so nothing else is sent.
Raises SystemExit with a sentence when the gateway does not come up.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import csv
import io
import json
import os
import signal
import smtplib
import ssl
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import SMTP
from pathlib import Path

import openpyxl
import xlwt
from support_bench import Row, free_port, report, until

ROOT = Path(__file__).resolve().parents[1]
PASSWORD = "correct horse battery"
HEADER = ("Email", "Nom", "Prénom", "Société", "Ville", "Téléphone")
TARGETS = {"xls": (65_000, 5.0), "xlsx": (100_000, 25.0), "csv": (1_000_000, 30.0)}
PATIENCE = 300.0
SMALL_EVERY = 2.0
SMALL_TARGET = 5.0


@dataclass
class Mailbox:
    """A receiver of acknowledgements: when the answer to each Message-ID came."""

    port: int
    came: dict[str, float] = field(default_factory=dict)

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Take every mail of one connection."""
        writer.write(b"220 bench\r\n")
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            while line := await reader.readline():
                word = line[:4].upper()
                if word == b"DATA":
                    writer.write(b"354 go\r\n")
                    raw = await reader.readuntil(b"\r\n.\r\n")
                    answered = message_from_bytes(raw).get("In-Reply-To", "").strip()
                    self.came.setdefault(answered, time.monotonic())
                writer.write(b"221 bye\r\n" if word == b"QUIT" else b"250 ok\r\n")
                if word == b"QUIT":
                    break
        writer.close()

    def run(self) -> None:
        """Serve until the process ends."""

        async def serve() -> None:
            server = await asyncio.start_server(self.talk, "127.0.0.1", self.port, limit=64 << 20)
            await server.serve_forever()

        asyncio.run(serve())


class Gateway:
    """A whole gateway in a folder of its own."""

    def __init__(self, folder: Path, receiver: int) -> None:
        self.folder, self.port = folder, free_port()
        own = {
            "SMTP__MX_LISTEN": json.dumps([f"127.0.0.1:{free_port()}"]),
            "SMTP__SUBMISSION_LISTEN": json.dumps([f"127.0.0.1:{self.port}"]),
            "SMTP__SUBMISSIONS_LISTEN": json.dumps([f"127.0.0.1:{free_port()}"]),
            "WEB__LISTEN": f"127.0.0.1:{free_port()}",
            "DELIVERY__ROUTES": json.dumps({"*": f"127.0.0.1:{receiver}"}),
            "DELIVERY__ALLOW_NETWORKS": '["127.0.0.0/8"]',
        }
        self._environment = {**os.environ, **{f"MAIL2CAMPAIGN_{key}": value for key, value in own.items()}}
        self._process: subprocess.Popen[bytes] | None = None

    def command(self, *words: str, stdin: str = "") -> None:
        """Run one command; SystemExit with its complaint when it fails."""
        config = [] if words[0] == "init" else ["--config", str(self.folder / "mail2campaign.toml")]
        whole = [sys.executable, "-m", "gateway.cli.main", *config, *words]
        done = subprocess.run(whole, input=stdin, capture_output=True, text=True, env=self._environment, cwd=ROOT)
        if done.returncode:
            raise SystemExit(f"bench: {done.stderr}")

    @contextlib.contextmanager
    def running(self) -> Iterator[None]:
        """Serve, and end at the end."""
        self.command("init", "--dir", str(self.folder), "--domain", "gw.test")
        login = ["account", "add", "bench", "--login", "bench", "--password-stdin", "--legal-name", "Bench"]
        self.command(*login, "--address", "1 rue de la Paix", stdin=PASSWORD)
        self.command("sender", "add", "bench", "b@bench.test", "--verified")
        words = ["--config", str(self.folder / "mail2campaign.toml"), "serve"]
        with (self.folder / "serve.log").open("wb") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "gateway.cli.main", *words],
                stdout=log,
                stderr=log,
                env=self._environment,
                cwd=ROOT,
                start_new_session=True,
            )
        try:
            until(self._listens, 90, "the gateway")
            yield
        finally:
            self._process.send_signal(signal.SIGTERM)
            self._process.wait(60)

    def _listens(self) -> bool:
        with contextlib.suppress(OSError), smtplib.SMTP("127.0.0.1", self.port, timeout=2):
            return True
        return False

    def processor_time(self) -> float:
        """Seconds of processor time that its processes have used, those that ended included."""
        assert self._process is not None
        total = 0
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit():
                with contextlib.suppress(OSError, IndexError, ValueError):
                    words = (entry / "stat").read_text().rpartition(")")[2].split()
                    if int(words[2]) == self._process.pid:  # its process group
                        total += sum(int(word) for word in words[11:15])
        return total / os.sysconf("SC_CLK_TCK")

    def send(self, mail: EmailMessage) -> None:
        """Send a mail as a mail program does."""
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE  # the certificate is its own
        with smtplib.SMTP("127.0.0.1", self.port, timeout=120) as client:
            client.starttls(context=context)
            client.login("bench", PASSWORD)
            client.send_message(mail)


def rows(count: int) -> Iterator[tuple[str, ...]]:
    """Lines of a list as an office writes them."""
    for n in range(count):
        yield (
            f"prenom.nom{n}@d{n % 400}.test", f"Nom{n}", f"Prénom{n % 977}", f"Société {n % 131} SARL", "Lyon",
            f"06{n:08d}",
        )  # fmt: skip


def xls(count: int) -> bytes:
    """A .xls of one sheet."""
    book = xlwt.Workbook(encoding="utf-8")
    sheet = book.add_sheet("LISTE")
    for number, cells in enumerate((HEADER, *rows(count))):
        for column, cell in enumerate(cells):
            sheet.write(number, column, cell)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def xlsx(count: int) -> bytes:
    """A .xlsx of one sheet."""
    book = openpyxl.Workbook(write_only=True)
    sheet = book.create_sheet("LISTE")
    sheet.append(HEADER)
    for cells in rows(count):
        sheet.append(cells)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def text(count: int) -> bytes:
    """A .csv with address and name, short enough for a million lines in 50 MB of mail."""
    out = io.StringIO()
    csv.writer(out, delimiter=";", lineterminator="\r\n").writerow(HEADER[:2])
    csv.writer(out, delimiter=";", lineterminator="\r\n").writerows(
        (f"nom{n}@d{n % 400}.test", f"N{n}") for n in range(count)
    )
    return out.getvalue().encode("cp1252")


MAKERS: dict[str, Callable[[int], bytes]] = {"xls": xls, "xlsx": xlsx, "csv": text}


def mail(name: str, data: bytes, message_id: str) -> EmailMessage:
    """A campaign for another day."""
    made = EmailMessage(policy=SMTP)
    made["From"], made["To"], made["Subject"] = "b@bench.test", "mail@gw.test", f"Offre {message_id[1:8]} {{{{Nom}}}}"
    made["Message-ID"], made["Date"] = message_id, time.strftime("%a, %d %b %Y %H:%M:%S +0000", time.gmtime())
    made.set_content("Bonjour {{Nom}}")
    made.add_attachment(data, "application", "octet-stream", filename=name)
    made.add_attachment(b"Date d'envoi : 25/12/2037 9h", "text", "plain", filename="Config.txt")
    return made


def measure(gateway: Gateway, box: Mailbox, kind: str, count: int) -> tuple[float, float, float]:
    """Seconds from the final dot to the acknowledgement of a big list, processor time, the slowest small one meanwhile."""
    big = mail(f"LISTE.{kind}", MAKERS[kind](count), f"<{kind}-{count}@bench.test>")
    small = text(100)
    used = gateway.processor_time()
    gateway.send(big)
    begun, sent = time.monotonic(), {}
    while big["Message-ID"] not in box.came:
        name = f"<s{len(sent)}-{kind}@bench.test>"
        gateway.send(mail("LISTE.csv", small, name))
        sent[name] = time.monotonic()
        for _ in range(int(SMALL_EVERY / 0.02)):
            if big["Message-ID"] in box.came or time.monotonic() - begun > PATIENCE:
                break
            time.sleep(0.02)
        if time.monotonic() - begun > PATIENCE:
            raise SystemExit(f"bench: no acknowledgement of {kind}; see {gateway.folder}/serve.log")
    used = gateway.processor_time() - used
    until(lambda: all(name in box.came for name in sent), 60, "the small acknowledgements")
    slowest = max((box.came[name] - at for name, at in sent.items()), default=0.0)
    return box.came[big["Message-ID"]] - begun, used, slowest


def main() -> int:
    """Run the bench."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--only", choices=list(TARGETS))
    parser.add_argument("--json", type=Path)
    asked = parser.parse_args()
    table: list[Row] = []
    box = Mailbox(free_port())
    threading.Thread(target=box.run, daemon=True).start()
    with tempfile.TemporaryDirectory(prefix="bench-intake-", ignore_cleanup_errors=True) as folder:
        gateway = Gateway(Path(folder) / "gw", box.port)
        with gateway.running():
            for kind, (count, most) in TARGETS.items():
                if asked.only not in (None, kind):
                    continue
                seconds, used, small = measure(gateway, box, kind, count)
                what = f".{kind}, {count:,} lines, acknowledged"
                table.append(Row("  processor time until then", used, "s"))
                table.append(Row(what, seconds, "s", f"≤ {most:g} s", seconds <= most))
                table.append(
                    Row("  100 lines meanwhile, slowest", small, "s", f"≤ {SMALL_TARGET:g} s", small <= SMALL_TARGET)
                )
    return report(table, asked.json)


if __name__ == "__main__":
    sys.exit(main())
