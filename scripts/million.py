"""A million recipients end to end on one machine, or as many in fifty campaigns at once: `make million`.

In: options (--recipients N, --campaigns N, --postgresql, --graph FILE). Out: a line a quarter minute, at the end a table in
Markdown, and the graph of rate and memory as SVG. Everything is real: `serve` with two senders, the mail with its list by
SMTP, the C sink of the benches as every receiver, people who open, the report and its details by HTTP. Memory is compared
with the target of the project, and of several campaigns how far the slowest is behind when half of all is sent.
Raises SystemExit (1) when a target is missed, the ledger does not add up, or a mail is lost.
"""

from __future__ import annotations

import argparse
import contextlib
import http.client
import json
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.policy import SMTP
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "support")]

from crashing import assert_exact  # noqa: E402
from postgres import Postgres  # noqa: E402
from running import Running  # noqa: E402
from support_bench import Row, light_sink, report, sink_count  # noqa: E402
from support_graph import Curve, Panel, graph  # noqa: E402
from support_memory import ROLES, held, peak  # noqa: E402

from config.keys import load_keyring  # noqa: E402
from parsers.tokens import Keyring, Purpose, sign  # noqa: E402

LOOK = 2.0  # seconds between two looks
PATIENCE = 3_600.0
MEMORY = 400.0  # MB of any process, at most
BEHIND = 0.5  # share that the slowest campaign has sent when half of all mails are out, over the mean, at least
OPENED = 50  # one in so many opens
READER = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Thunderbird/128.5.0"


@dataclass
class World:
    """The gateway, its receivers, and what was seen of both."""

    gateway: Running
    sink: int
    key: str
    begun: float = field(default_factory=time.monotonic)
    at: list[float] = field(default_factory=list)
    sent: list[int] = field(default_factory=list)
    memory: dict[str, list[float]] = field(default_factory=lambda: {role: [] for role in ROLES})
    most: dict[str, float] = field(default_factory=lambda: dict.fromkeys(ROLES, 0.0))  # also between two looks

    def ask(self, path: str) -> Any:
        """The API's answer to a GET."""
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.gateway.web}/api/v1{path}", headers={"Authorization": f"Bearer {self.key}"}
        )
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.load(answer)

    def campaigns(self) -> list[dict[str, Any]]:
        """All campaigns, as the API tells them."""
        found, cursor = [], ""
        while True:
            page = self.ask(f"/campaigns?limit=100{cursor}")
            found += page["data"]
            if page["next"] is None:
                return found
            cursor = f"&cursor={page['next']}"

    def look(self) -> None:
        """Note how much has arrived, and what each process holds."""
        self.at.append(time.monotonic() - self.begun)
        self.sent.append((sink_count(self.sink) or (0, 0))[0])
        for name, role in ROLES.items():
            self.memory[name].append(held(self.gateway, role))
            self.most[name] = max(self.most[name], peak(self.gateway, role))

    def watch(self, over: Callable[[], bool], what: str) -> float:
        """Look until `over`; returns the seconds that it took."""
        begun = told = time.monotonic()
        while not over():
            self.look()
            if time.monotonic() - begun > PATIENCE:
                raise SystemExit(f"million: {what} did not end")
            if time.monotonic() - told > 15:
                told = time.monotonic()
                most = max(self.memory[role][-1] for role in ROLES)
                print(f"{what}: {self.sent[-1]:,} mails, largest process {most:.0f} MB", flush=True)
            time.sleep(LOOK)
        return time.monotonic() - begun

    def timed(self, address: str) -> float:
        """Milliseconds until a page is here, whole; the best of three."""
        took = []
        for _ in range(3):
            begun = time.perf_counter()
            with urllib.request.urlopen(address, timeout=60) as answer:
                answer.read()
            took.append(1000 * (time.perf_counter() - begun))
        return min(took)


def mails(recipients: int, campaigns: int) -> Iterator[EmailMessage]:
    """As many campaigns, each with its share of the recipients; 400 domains in all."""
    for number in range(campaigns):
        mail = EmailMessage(policy=SMTP)
        mail["From"], mail["To"] = "ACME <contact@acme.test>", "mail@gateway.test"
        mail["Subject"], mail["Message-ID"] = f"Campagne {number} pour {{{{Nom}}}}", f"<{number}@million.test>"
        mail["Date"] = time.strftime("%a, %d %b %Y %H:%M:%S +0000", time.gmtime())
        mail.set_content("Bonjour {{Nom}}, voir https://acme.test/offre\n")
        mail.add_alternative("<p>Bonjour {{Nom}}, <a href='https://acme.test/offre'>voir</a></p>", subtype="html")
        lines = "".join(f"n{i}@d{i % 400}.dest.test;N{i}\r\n" for i in range(number, recipients, campaigns))
        mail.add_attachment(f"Email;Nom\r\n{lines}".encode(), "text", "csv", filename="LISTE.csv")
        yield mail


def opened(world: World, recipients: int) -> int:
    """Let some people open; returns how many."""
    keyring = Keyring(*load_keyring(world.gateway.folder / "data", "tokens"))
    count = 0
    for number in range(1, recipients + 1, OPENED):
        token = sign(keyring, Purpose.OPEN, number)
        place = f"127.{1 + count // 62_500}.{count // 250 % 250}.{1 + count % 250}"  # each from home
        line = http.client.HTTPConnection("127.0.0.1", world.gateway.web, timeout=20, source_address=(place, 0))
        line.request("GET", f"/o/{token}.gif", headers={"User-Agent": READER})
        line.getresponse().read()
        line.close()
        count += 1
    return count


def behind(world: World, recipients: int) -> float:
    """What the slowest campaign has sent when half of all mails are out, over the mean."""
    world.watch(lambda: (sink_count(world.sink) or (0, 0))[0] >= recipients // 2, "the first half")
    shares = []
    for one in world.campaigns():
        statuses = one["figures"]["statuses"]
        shares.append(sum(statuses.get(name, 0) for name in ("delivered", "opened", "clicked")))
    return min(shares) * len(shares) / max(1, sum(shares))


def run(world: World, recipients: int, campaigns: int) -> list[Row]:
    """Submit, send, open, look and export; returns the table."""
    made = list(mails(recipients, campaigns))
    begun = time.monotonic()
    for mail in made:
        world.gateway.submit(mail)
    taken = time.monotonic() - begun
    table = [Row("handed over by SMTP, until the last 250", taken, "s")]
    if campaigns > 1:
        share = behind(world, recipients)
        table.append(Row("slowest campaign at half time, over the mean", share, "", f">= {BEHIND}", share >= BEHIND))
    world.watch(lambda: all(one["finished_at"] for one in whole(world, campaigns)), "sending")
    passed = time.monotonic() - begun
    table.append(Row("from the first byte to the last status", passed, "s"))
    table.append(Row("mails a second, all of it", recipients / passed, "/s"))
    found = world.campaigns()
    for one in found:
        assert_exact(one["figures"])
    delivered = sum(one["figures"]["statuses"].get("delivered", 0) for one in found)
    mailed = (sink_count(world.sink) or (0, 0))[0]
    table.append(Row("delivered", delivered, "", f"= {recipients:,}", delivered == recipients))
    spare = mailed - recipients
    table.append(Row("mails beside those: acknowledgements and letters", spare, "", ">= 0", spare >= 0))
    table += afterwards(world, recipients, found[0]["links"]["report"])
    world.look()
    for name, most in world.most.items():
        table.append(Row(f"largest process: {name}", most, "MB", f"<= {MEMORY:.0f}", most <= MEMORY))
    return table


def whole(world: World, campaigns: int) -> list[dict[str, Any]]:
    """The campaigns once all are known; before that, one that has not finished."""
    found = world.campaigns()
    return found if len(found) == campaigns else [{"finished_at": None}]


def afterwards(world: World, recipients: int, address: str) -> list[Row]:
    """People open; the report and its details are looked at."""
    begun = time.monotonic()
    count = opened(world, recipients)
    table = [Row("people who open, one after the other", count / (time.monotonic() - begun), "/s")]
    world.watch(lambda: seen(world) >= count, "judging")
    table.append(Row("report", world.timed(address), "ms"))
    table.append(Row("details, first page", world.timed(f"{address}/details"), "ms"))
    table.append(Row("details, those who opened", world.timed(f"{address}/details?tab=opened"), "ms"))
    return table


def seen(world: World) -> int:
    """How many have opened, by the figures."""
    return sum(int(one["figures"]["statuses"].get("opened", 0)) for one in world.campaigns())


def picture(world: World, title: str) -> str:
    """Rate and memory over time."""
    steps = zip(world.at, world.at[1:], world.sent, world.sent[1:], strict=False)
    rates = [0.0, *((after - before) / max(0.1, end - begin) for begin, end, before, after in steps)]
    panels = [
        Panel("Mails a second", [Curve("mails", rates)]),
        Panel("Memory of the largest process, MB", [Curve(name, world.memory[name]) for name in ROLES], MEMORY),
    ]
    return graph(title, "seconds", world.at, panels)


def titled(asked: argparse.Namespace) -> str:
    """What the picture shows."""
    each = f"{asked.campaigns} campaigns of {asked.recipients // asked.campaigns:,}"
    what = each if asked.campaigns > 1 else f"{asked.recipients:,}"
    return f"{what} recipients, from the first byte to the report ({'PostgreSQL' if asked.postgresql else 'SQLite'})"


def main() -> int:
    reader = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    reader.add_argument("--recipients", type=int, default=1_000_000)
    reader.add_argument("--campaigns", type=int, default=1)
    reader.add_argument("--postgresql", action="store_true", help="on a PostgreSQL server of its own")
    reader.add_argument("--graph", type=Path, help="write the graph into this SVG file")
    asked = reader.parse_args()
    with contextlib.ExitStack() as ending:
        folder = Path(ending.enter_context(tempfile.TemporaryDirectory(prefix="million")))
        sink = ending.enter_context(light_sink(folder))
        extra: dict[str, str] = {}
        if asked.postgresql:
            server = Postgres(durable=True)
            ending.callback(server.remove)
            server.start()
            ending.callback(server.stop)
            extra["DATABASE__URL"] = server.create("million")
        gateway = Running(folder / "gateway", sink, **extra)
        gateway.command("account", "attest", "acme", "--by", "bench", "--wording", "J'accepte d'être suivi.")
        key = gateway.command("key", "add", "acme").split()[-1]
        gateway.start()
        ending.callback(gateway.stop)
        world = World(gateway, sink, key)
        try:
            return report(run(world, asked.recipients, asked.campaigns), None)
        finally:
            if asked.graph and world.at:
                asked.graph.write_text(picture(world, titled(asked)), "utf-8")


if __name__ == "__main__":
    sys.exit(main())
