"""Several hosts, each with a network namespace, addresses and cables of its own: limits hold over all of them, and hosts
join, leave, die without a word and lose sight of the database while mails go out.

On the network `base` are the database and everybody who needs it, on `mail` the receivers and everybody who writes to them.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
import warnings
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import netns
import pytest
from crashing import IN_FLIGHT, acknowledged, assert_all_got, finished, people, settle, worker
from netns import Host, Lab
from postgres import Postgres
from running import ROOT, Running, message, until
from sink import Sink, Taken

from config import warmup
from config.host import host_id
from store import sources
from store.engine import Database, now_ms
from store.jobs import STALE
from store.sources import SHARED, Source, State

pytestmark = [pytest.mark.crash, pytest.mark.peers]

BASE, HOUSE, METERED, ORDINARY = "10.78.0.1", "10.77.0.2", "10.77.0.8", "10.77.0.9"
NORTH, SOUTH = ("10.77.0.31", "10.77.0.32"), ("10.77.0.41", "10.77.0.42")
WARMING, ALLOWED = NORTH[1], 40  # an address in its first day, and what that day allows
PER_HOUR, BURST, CONNECTIONS = 3_600, 20, 2  # of the metered provider, for each address
QUOTA = 700  # recipients a day of the account
PORT, DATABASE = 2525, "hosts"
PATIENCE = 180  # seconds for what takes two on an idle machine
PROVIDERS = f"""
[provider.metered]
name = "Metered"
spoken = "le serveur compté"
spoken_en = "the metered server"
mx = ['^{METERED.replace(".", "[.]")}$']
connections = {CONNECTIONS}
per_hour = {PER_HOUR}
burst = {BURST}
shared = true
source = "ours"
"""
WARM_UP = f"calendar = [{ALLOWED}]\nleast = {ALLOWED}\nprovider_share = 1.0\n"


@dataclass
class World:
    """Five hosts; `pause` is what the ordinary receiver takes for an answer (seconds), unless it must `hold` them all."""

    lab: Lab
    folder: Path
    gateway: Running
    server: Postgres
    metered: Sink
    ordinary: Sink
    base: Host
    house: Host
    north: Host
    south: Host
    pause: float = 0.0
    hold: bool = False
    senders: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def join(self, host: Host) -> None:
        """Start the senders of a host, and wait until they are known to the database."""
        log = self.log(host)
        before = log.read_text().count('"worker_joined"') if log.exists() else 0
        with host.inside():
            self.senders[host.name] = worker(self.gateway, self.folder / host.name)
        until(
            lambda: log.exists() and log.read_text().count('"worker_joined"') > before, PATIENCE, f"{host.name} joins"
        )

    def log(self, host: Host) -> Path:
        return self.folder / host.name / "worker.log"

    def kill(self, host: Host) -> None:
        """kill -9 of all that a host runs, at once."""
        process = self.senders.pop(host.name, None)
        if process is not None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()

    def mails(self) -> list[Taken]:
        """What people got, as it came."""
        return sorted([*people(self.ordinary), *people(self.metered)], key=lambda mail: mail.at)

    def given_up(self, host: Host) -> bool:
        """Whether the leases of all senders of a host have ended."""
        mine = f"host = '{host_id(self.folder / host.name / 'data')}' AND retired_at IS NULL"
        return self.server.sql(f"SELECT count(*) FROM workers WHERE {mine}", DATABASE) == "0"

    def clear(self) -> None:
        self.ordinary.mails.clear()
        self.metered.mails.clear()


if not netns.privileged():

    def test_the_same_as_root_of_a_user_namespace() -> None:
        """Whoever is nobody here may be root there, unless the kernel forbids it."""
        if why := netns.refusal():
            warnings.warn(f"hosts of their own were not tested: {why}", stacklevel=1)
            pytest.skip(why)
        done = netns.again(__file__)
        assert done.returncode == 0, done.stdout[-5_000:]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    if not netns.privileged():
        pytest.skip("done as root of a user namespace")
    folder = tmp_path_factory.mktemp("hosts")
    (folder / "providers.toml").write_text(PROVIDERS)
    (folder / "warmup.toml").write_text(WARM_UP)
    with Lab(["base", "mail"]) as lab:
        base = lab.host("base", {"base": [BASE]})
        house = lab.host("house", {"base": ["10.78.0.2"], "mail": [HOUSE]})
        north = lab.host("north", {"base": ["10.78.0.3"], "mail": NORTH})
        south = lab.host("south", {"base": ["10.78.0.4"], "mail": SOUTH})
        receivers = lab.host("world", {"mail": [METERED, ORDINARY]})
        server = Postgres(listen=BASE)
        made: World | None = None

        async def answer(_mail: Taken) -> bytes:
            await asyncio.sleep(made.pause if made is not None else 0.0)
            while made is not None and made.hold:
                await asyncio.sleep(0.05)
            return b"250 2.0.0 taken\r\n"

        try:
            with base.inside():
                server.start()
            with receivers.inside():
                metered, ordinary = Sink(host=METERED, port=PORT), Sink(answer, host=ORDINARY, port=PORT)
                metered.__enter__()
                ordinary.__enter__()
            with house.inside():
                url = server.create(DATABASE)
                gateway = _running(folder, url)
                others = {folder / north.name: NORTH, folder / south.name: SOUTH}
                for place in others:
                    settle(gateway, place)
                asyncio.run(_addressed(url, folder / "house", others))
                gateway.start()
            made = World(lab, folder, gateway, server, metered, ordinary, base, house, north, south)
            with house.inside():  # where the office sits, too
                yield made
        finally:
            if made is not None:
                for host in (north, south):
                    made.kill(host)
                gateway.stop()
                metered.stop()
                ordinary.stop()
            server.stop()
            server.remove()


def _running(folder: Path, url: str) -> Running:
    """The gateway of the house, not yet started: one sender, and small leases."""
    return Running(
        folder / "house",
        PORT,
        DATABASE__URL=url,
        DELIVERY__ROUTES=json.dumps({"d0.dest.test": f"{METERED}:{PORT}", "*": f"{ORDINARY}:{PORT}"}),
        DELIVERY__ALLOW_NETWORKS='["10.0.0.0/8"]',
        DELIVERY__WORKERS="1",
        DELIVERY__CONNECTIONS_PER_SITE="2",
        DELIVERY__LEASE="30",  # something is left for who comes late
        DELIVERY__PROVIDERS=str(folder / "providers.toml"),
        DELIVERY__WARMUP=str(folder / "warmup.toml"),
    )


async def _addressed(url: str, house: Path, others: Mapping[Path, Sequence[str]]) -> None:
    """What `ip add` on each host does, and for one address `--warm-up`; the rest of its day is open at once."""
    database, now = Database.open(url), now_ms()
    try:
        async with database.write() as conn:
            for folder, addresses in {house: [HOUSE], **others}.items():
                for address in addresses:
                    state, day = (State.WARMING, warmup.day_of(now)) if address == WARMING else (State.READY, None)
                    source = Source(0, address, "", SHARED, host_id(folder / "data"), state, 0, day)
                    await sources.add(conn, source, now)
    finally:
        await database.close()


def test_limits_hold_over_all_hosts_while_one_joins_and_one_leaves(world: World) -> None:
    """Mails and connections of a provider, an address that warms up, the account's day: none is passed, none left unused."""
    world.gateway.command("account", "quota", "acme", str(QUOTA))
    world.join(world.north)
    world.pause = 0.2
    day, begun = time.gmtime().tm_yday, time.time()
    world.gateway.submit(message(QUOTA + 200, domains=5))
    token = acknowledged(world.ordinary)
    until(lambda: len(world.mails()) >= 100, PATIENCE, "mails leave")
    world.hold = True
    world.join(world.south)
    until(lambda: {mail.peer for mail in world.mails()} >= set(SOUTH), PATIENCE, "the second host takes its part")
    world.hold = False
    until(lambda: _sent(world, WARMING) >= ALLOWED, PATIENCE, "the warming address sends its day")
    world.pause = 0.0
    world.senders[world.north.name].terminate()
    assert world.senders.pop(world.north.name).wait(PATIENCE) == 0, "it leaves in order"
    until(lambda: len(world.mails()) >= QUOTA, PATIENCE, "the quota is used up")
    counts = Counter(mail.recipient for mail in world.mails())
    assert max(counts.values()) == 1, "joining and leaving repeat nothing"
    assert len(counts) == QUOTA or time.gmtime().tm_yday != day

    per_address = Counter(mail.peer for mail in world.mails())
    assert set(per_address) == {HOUSE, *NORTH, *SOUTH}, "each host writes from its own addresses"
    assert per_address[WARMING] == ALLOWED, "of all hosts, one sends what it may"
    _assert_metered(world, begun)
    world.gateway.command("account", "quota", "acme", "none")
    report = finished(world.gateway, token)
    assert report["statuses"]["delivered"] == QUOTA + 200 == len(world.mails())


def _sent(world: World, address: str) -> int:
    return sum(mail.peer == address for mail in world.mails())


def _assert_metered(world: World, begun: float) -> None:
    """Of each address no more than its tokens, at any moment, and no more connections than allowed."""
    seen: Counter[str] = Counter()
    for mail in sorted(people(world.metered), key=lambda mail: mail.at):
        seen[mail.peer] += 1
        assert seen[mail.peer] <= BURST + (mail.at - begun) * PER_HOUR / 3_600 + 1, mail.peer
    assert seen and max(world.metered.most.values()) <= CONNECTIONS


_HOLDS_LOCKS = """
import asyncio, sys
from sqlalchemy import text
from store.engine import Database
async def main():
    database = Database.open(sys.argv[1])
    async with database.write() as conn:
        taken = await conn.execute(text("SELECT id FROM recipients WHERE owner IS NOT NULL FOR UPDATE SKIP LOCKED"))
        print(len(taken.all()), flush=True)
        await asyncio.sleep(600)
asyncio.run(main())
"""


def test_a_host_dies_without_a_word_and_another_loses_sight_of_the_database(world: World) -> None:
    """The dead one leaves an open transaction with locks; the other one can still reach receivers, and must not. Who is left
    does the rest once the leases have ended; what was in flight of the two is all that may come twice, from them first."""
    world.clear()
    world.gateway.command("account", "quota", "acme", "none")
    for host in (world.north, world.south):
        if host.name not in world.senders:
            world.join(host)
    world.pause = 0.7  # too slow to fill what may be in flight before the leases end
    world.gateway.submit(message(600))
    token = acknowledged(world.ordinary)
    until(lambda: {mail.peer for mail in world.mails()} >= {HOUSE, NORTH[0], *SOUTH}, PATIENCE, "all take their part")

    with world.north.inside():
        command = [sys.executable, "-c", _HOLDS_LOCKS, world.gateway.environment["MAIL2CAMPAIGN_DATABASE__URL"]]
        holder = subprocess.Popen(command, stdout=subprocess.PIPE, cwd=ROOT)
    assert holder.stdout is not None and int(holder.stdout.readline()) > 0
    world.lab.cut(world.north)
    world.lab.cut(world.south, "base")
    cut_at = time.time()
    holder.kill()
    holder.wait()
    world.kill(world.north)
    until(
        lambda: world.given_up(world.north) and world.given_up(world.south), PATIENCE, "the leases of both have ended"
    )
    mended_at = time.time()
    world.lab.mend(world.south, "base")
    until(lambda: '"worker_retired"' in world.log(world.south).read_text(), PATIENCE, "it learns that it was given up")
    world.pause = 0.0

    assert finished(world.gateway, token)["statuses"]["delivered"] == 600
    mails, lost = world.mails(), {*NORTH, *SOUTH}
    assert_all_got(mails, 600, 2 * IN_FLIGHT)
    assert not [mail for mail in mails if mail.peer in lost and cut_at + STALE / 1_000 < mail.at < mended_at]
    peers: defaultdict[str, list[str]] = defaultdict(list)
    for mail in mails:
        peers[mail.recipient].append(mail.peer)
    assert all(len(of) == 1 or (len(of) == 2 and of[0] in lost) for of in peers.values()), "nobody writes after a heir"
