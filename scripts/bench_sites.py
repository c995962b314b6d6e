"""Many sites against one: the same number of mails to 1,000 sites with 100 recipients each, and to one site.

In: nothing (options: --sites N, --each N; the defaults are scaled down to a minute). Out: a table on standard output. Both
runs have the same number of domains; in the first each domain has servers of its own, in the second all share one, so
that the difference is what many sites cost: connections, lines, turns. Nothing is throttled; the sink is the one of
bench_delivery. Raises SystemExit with a sentence when the second takes less than 1 / 1.5 of the time of the first.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import bench_delivery as bench
import support_bench as support

from config import keys
from gateway.rehearsal import dns
from store import accounts, campaigns
from store.engine import Database, now_ms
from store.values import NewRecipient, Tracked

RATIO = 1.5  # time for many sites over time for one, at most


def serve_names(port: int, sites: int, shared: bool) -> None:
    """Be a name server that knows so many domains, each with a server of its own or all with one."""
    records: dict[tuple[str, str], list[str]] = {}
    for number in range(sites):
        host = f"mx{0 if shared else number}.test"
        records[f"d{number}.test", "MX"] = [f"10 {host}."]
        records[host, "A"] = ["127.0.0.1"]

    async def serve() -> None:
        await dns.Server(records).start("127.0.0.1", port)
        print("ready", flush=True)
        await asyncio.Event().wait()

    asyncio.run(serve())


@contextlib.contextmanager
def names(sites: int, shared: bool) -> Iterator[int]:
    """Such a name server in a process of its own; gives its port."""
    port = support.free_port()
    command = [sys.executable, __file__, "--names", str(port), "--sites", str(sites), *(["--shared"] if shared else [])]
    server = subprocess.Popen(command, stdout=subprocess.PIPE)
    try:
        if server.stdout is None or server.stdout.readline() != b"ready\n":
            raise SystemExit("bench: the name server did not come up")
        yield port
    finally:
        server.terminate()
        server.wait(5)


class Gateway(bench.Gateway):
    """Senders that find their way by DNS, and lists that go round all domains."""

    def __init__(self, folder: Path, sink: int, name_server: int) -> None:
        super().__init__(folder, sink)
        self.environment |= {
            "MAIL2CAMPAIGN_DELIVERY__ROUTES": "{}",
            "MAIL2CAMPAIGN_DELIVERY__PORT": str(sink),
            "MAIL2CAMPAIGN_DELIVERY__AWAITING_RETRY": "2s*",  # a lost packet of DNS costs seconds, as its resolver would
            "MAIL2CAMPAIGN_DELIVERY__ALLOW_NETWORKS": '["127.0.0.0/8"]',
            "MAIL2CAMPAIGN_DNS__NAMESERVERS": json.dumps([f"127.0.0.1:{name_server}"]),
        }

    async def load(self, sites: int, each: int) -> int:
        """Write a campaign of `each` recipients a site, site after site in turn; returns its id."""
        db = Database.open(self.settings.database_url)
        now = now_ms()
        async with db.write() as conn:
            account = await accounts.create_account(conn, "bench", "Bench", "1 rue", "fr", "Europe/Paris", now)
            sender = await accounts.declare_sender(conn, account, "news@bench.test", "Shop", now, now)
            campaign = await campaigns.begin(conn, self._new(account, sender, now), support.message())
            assert isinstance(campaign, int)
        for start in range(0, sites * each, 5_000):
            people = []
            for n in range(start, min(start + 5_000, sites * each)):
                address = f"p{n}@d{n % sites}.test"
                people.append(NewRecipient(n + 2, 0, address, address, "", (address, f"Nom{n}"), Tracked.FULL))
            async with db.write() as conn:
                await campaigns.add_rows(conn, campaign, people, [], now)
        await db.close()
        return campaign


def seconds(folder: Path, sites: int, each: int, shared: bool) -> tuple[float, float]:
    """Send one campaign; its time, and the CPU seconds of the senders."""
    with support.light_sink(folder) as sink, names(sites, shared) as name_server:
        gateway = Gateway(folder / f"gw{shared}", sink, name_server)
        keys.create(gateway.settings.gateway.data_dir, "gw.test")
        gateway.start()
        try:
            campaign = asyncio.run(gateway.load(sites, each))
            gateway.publish(campaign)
            begun, cpu = time.monotonic(), gateway.cpu()
            query = f"SELECT n FROM tallies WHERE campaign_id = {campaign} AND name = 'status:6'"
            gateway.wait(query, sites * each, 60 + sites * each / 50)
            return time.monotonic() - begun, gateway.cpu() - cpu
        finally:
            gateway.stop()


def main() -> int:
    reader = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    reader.add_argument("--sites", type=int, default=200)
    reader.add_argument("--each", type=int, default=20, help="recipients a site")
    reader.add_argument("--names", type=int, help=argparse.SUPPRESS)
    reader.add_argument("--shared", action="store_true", help=argparse.SUPPRESS)
    found = reader.parse_args()
    if found.names:
        serve_names(found.names, found.sites, found.shared)
    with tempfile.TemporaryDirectory(prefix="bench") as name:
        folder = Path(name)
        one, one_cpu = seconds(folder, found.sites, found.each, shared=True)
        many, many_cpu = seconds(folder, found.sites, found.each, shared=False)
    mails, met = found.sites * found.each, many / one <= RATIO
    print(f"  one site, {mails} mails{one:>34.1f} s   CPU {one_cpu:.1f} s")
    print(f"  {found.sites} sites x {found.each} mails{many:>32.1f} s   CPU {many_cpu:.1f} s")
    print(f"  many / one{many / one:>40.2f} x  <= {RATIO}: {'met' if met else 'NOT MET'}")
    return 0 if met else 1


if __name__ == "__main__":
    sys.exit(main())
