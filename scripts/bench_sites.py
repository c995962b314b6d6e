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

import support_bench as support
import support_gateway

from gateway.rehearsal import dns

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


class Gateway(support_gateway.Gateway):
    """Senders that find their way by DNS."""

    def __init__(self, folder: Path, sink: int, name_server: int) -> None:
        super().__init__(folder, sink)
        self.environment |= {
            "MAIL2CAMPAIGN_DELIVERY__ROUTES": "{}",
            "MAIL2CAMPAIGN_DELIVERY__PORT": str(sink),
            "MAIL2CAMPAIGN_DELIVERY__AWAITING_RETRY": "2s*",  # a lost packet of DNS costs seconds, as its resolver would
            "MAIL2CAMPAIGN_DELIVERY__ALLOW_NETWORKS": '["127.0.0.0/8"]',
            "MAIL2CAMPAIGN_DNS__NAMESERVERS": json.dumps([f"127.0.0.1:{name_server}"]),
        }


def seconds(folder: Path, sites: int, each: int, shared: bool) -> tuple[float, float]:
    """Send one campaign; its time, and the CPU seconds of the senders."""
    with support.light_sink(folder) as sink, names(sites, shared) as name_server:
        gateway = Gateway(folder / f"gw{shared}", sink, name_server)
        gateway.start()
        try:
            campaign = gateway.load_campaign(sites * each, domains=sites)
            gateway.publish(campaign)
            begun, cpu = time.monotonic(), gateway.cpu()
            gateway.delivered(campaign, sites * each)
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
