"""What the benches share: a mail, a light sink on loopback, and the form of the report.

In: folders, ports, options. Out: ports and counts of a sink, mails as they leave us, a table on standard output and, with
--json FILE, the same rows. Raises SystemExit with a sentence when a tool is missing.
"""

from __future__ import annotations

import contextlib
import json
import os
import platform
import re
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import rsa

from mail.dkim import Signer
from mail.spec import Person, Spec
from mail.template import Compiled, compile_mail
from parsers import mime
from parsers.submission import split
from parsers.tokens import Keyring
from store.engine import now_ms

HERE = Path(__file__).parent
_SIGNATURE = re.compile(rb"\ADKIM-Signature:.*?\r\n(?![ \t])", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table; `target` is empty where nothing is promised."""

    what: str
    figure: float
    unit: str
    target: str = ""
    met: bool = True


def message(links: int = 10, size: int = 35_000) -> bytes:
    """The user's mail: text and HTML with tags and links; it comes out at about `size` bytes a recipient."""
    anchors = "".join(f'<p><a href="https://shop.test/offer/{n}?ref=mail">Offre {n}</a></p>\n' for n in range(links))
    filler = "<p>Lorem ipsum dolor sit amet, consectetur adipiscing elit, sed do eiusmod tempor.</p>\n"
    body = (
        f"<html><body><p>Bonjour {{{{Nom}}}},</p>\n{anchors}{filler * ((size - 6_000) // len(filler))}</body></html>\n"
    )
    head = "From: Shop <news@bench.test>\r\nTo: mail@gw.test\r\nSubject: Bonjour {{Nom}}\r\nMIME-Version: 1.0\r\n"
    kind = 'Content-Type: multipart/alternative; boundary="b"\r\n\r\n'
    parts = "--b\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nBonjour {{Nom}}, voyez https://shop.test/\r\n"
    html = "--b\r\nContent-Type: text/html; charset=utf-8\r\n\r\n" + body.replace("\n", "\r\n")
    return (head + kind + parts + html + "--b--\r\n").encode()


def cpu_of(pid: int, *, children: bool = False) -> float:
    """CPU seconds that a process has used; with `children`, also those of its children that have ended."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return sum(int(ticks) for ticks in fields[11 : 15 if children else 13]) / os.sysconf("SC_CLK_TCK")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def light_sink(folder: Path) -> Iterator[int]:
    """A sink compiled from light_sink.c; gives its port."""
    binary, port = folder / "light_sink", free_port()
    if not binary.exists():
        compiler = shutil.which("cc") or shutil.which("gcc")
        if compiler is None:
            raise SystemExit("bench: a C compiler is missing")
        subprocess.run([compiler, "-O2", "-o", str(binary), str(HERE / "light_sink.c")], check=True)
    sink = subprocess.Popen([str(binary), str(port)])
    try:
        until(lambda: sink_count(port) is not None, 5, "the sink")
        yield port
    finally:
        sink.terminate()
        sink.wait(5)


def sink_count(port: int) -> tuple[int, int] | None:
    """Mails and bytes that the sink has taken; None while it is not there."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=2) as line:
            line.recv(100)
            line.sendall(b"STAT\r\n")
            _, mails, size = line.recv(100).split()
            return int(mails), int(size)
    except OSError:
        return None


def until(condition: Callable[[], bool], seconds: float, what: str) -> None:
    """Wait until `condition` holds; SystemExit after so many seconds."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise SystemExit(f"bench: {what} did not come up")
        time.sleep(0.02)


def unsigned(count: int) -> list[bytes]:
    """The mails of the campaign as they leave us, without our signature: a peer signs them itself."""
    signer = Signer("bench.test", "s", rsa.generate_private_key(public_exponent=65537, key_size=2048))
    read = mime.read(message())
    one = Spec(
        campaign_id=1,
        gateway_domain="bench.test",
        public_url="https://bench.test",
        subject="Bonjour {{Nom}}",
        from_name="Shop",
        from_address="news@bench.test",
        reply_to=None,
        unsubscribe=True,
        bulk=True,
        locale="fr",
        footer_name="Bench",
        footer_address="1 rue",
        feedback="b",
        list_id="b.bench.test",
    )
    compiled = compile_mail(read, split(read), one, ("Email", "Nom"), Keyring({1: b"k" * 32}, 1), signer)
    assert isinstance(compiled, Compiled)
    people = (Person(n, f"p{n}@d.test", f"Nom {n}", (f"p{n}", f"Nom{n}"), True) for n in range(1, count + 1))
    return [_SIGNATURE.sub(b"", compiled.render(person, now_ms())) for person in people]


def machine() -> str:
    """The machine and the Python that figures belong to."""
    found = re.search(r"model name\s*: (.+)", Path("/proc/cpuinfo").read_text())
    chip = found[1] if found else platform.machine()
    return f"{chip}, {os.cpu_count()} cores, Python {platform.python_version()}, {time.strftime('%Y-%m-%d')}"


def report(table: Sequence[Row], to: Path | None) -> int:
    """Print the rows in Markdown, and write them to a file as JSON; 1 when a target is not met."""
    print(f"{machine()}\n\n| {'what':<52} | {'figure':>28} | target |\n|{'-' * 54}|{'-' * 30}|{'-' * 8}|")
    for row in table:
        verdict = "" if not row.target else f"{row.target}: {'met' if row.met else 'NOT MET'}"
        print(f"| {row.what:<52} | {f'{row.figure:,.2f} {row.unit}':>28} | {verdict} |")
    if to:
        to.write_text(json.dumps([asdict(row) for row in table], indent=2) + "\n")
    return 0 if all(row.met for row in table) else 1
