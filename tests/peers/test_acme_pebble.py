"""Certificates from a real ACME authority (pebble), proved through our own web pages: got, served, renewed, refused."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import socket
import ssl
import subprocess
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

import pytest
import trustme
from peer_tree import CACHE, version
from running import free_ports
from sqlalchemy import select, update

from config import certificate, keys
from config.settings import Settings
from gateway.certificates.cupboard import Cupboard
from gateway.certificates.keeper import Keeper, account_key, seen
from gateway.intake.desk import Desk, rings
from gateway.rehearsal import dns
from gateway.web import serve
from gateway.web.app import build
from gateway.web.context import Context
from gateway.web.recorder import Recorder
from mail.resolver import Resolver
from store import certificates, hosts
from store.engine import Database, now_ms
from store.spool import Spool
from store.tables import notices
from store.tables_hosts import certificates as rows
from tests.conftest import MakeCampaign

pytestmark = pytest.mark.peers

NAME, OWN, LOST = "gateway.test", "envois.acme.test", "away.acme.test"
ZONE = {("ca.test", "A"): ["127.0.0.1"], (NAME, "A"): ["127.0.0.1"], (OWN, "A"): ["127.0.0.1"]}


@dataclass(frozen=True, slots=True)
class House:
    """A gateway's web side beside an authority."""

    desk: Desk
    cupboard: Cupboard
    keeper: Keeper
    zone: dict[tuple[str, str], list[str]]

    async def served(self, name: str) -> str:
        """Who issued the certificate that is served to whoever asks for a name."""
        server = await asyncio.start_server(lambda _r, w: w.close(), "127.0.0.1", 0, ssl=self.cupboard.context)
        trusting = ssl._create_unverified_context()
        try:
            port = server.sockets[0].getsockname()[1]
            _, writer = await asyncio.open_connection("127.0.0.1", port, ssl=trusting, server_hostname=name)
            der = writer.get_extra_info("ssl_object").getpeercert(True)
            writer.close()
        finally:
            server.close()
        return trustme_issuer(der)


def trustme_issuer(der: bytes) -> str:
    from cryptography import x509

    return x509.load_der_x509_certificate(der).issuer.rfc4514_string()


@contextlib.contextmanager
def pebble(folder: Path, web: int, names: int) -> Any:
    """Run the authority; yields the address of its directory."""
    version("pebble")
    listen, manage, tls = free_ports(3)
    authority = trustme.CA()
    leaf = authority.issue_cert("ca.test")
    authority.cert_pem.write_to_path(folder / "ca.pem")
    leaf.private_key_pem.write_to_path(folder / "ca.key")
    (folder / "ca.crt").write_bytes(b"".join(one.bytes() for one in leaf.cert_chain_pems))
    said = {
        "listenAddress": f"127.0.0.1:{listen}", "managementListenAddress": f"127.0.0.1:{manage}",
        "certificate": str(folder / "ca.crt"), "privateKey": str(folder / "ca.key"),
        "httpPort": web, "tlsPort": tls, "ocspResponderURL": "", "externalAccountBindingRequired": False,
    }  # fmt: skip
    (folder / "pebble.json").write_text(json.dumps({"pebble": said}))
    command = [CACHE / "pebble/usr/bin/pebble", "-config", folder / "pebble.json", "-dnsserver", f"127.0.0.1:{names}"]
    # as shipped it refuses one nonce in twenty, which is to be borne; and waits before it asks, which is not
    environment = {**os.environ, "PEBBLE_VA_NOSLEEP": "1"}
    with (
        (folder / "pebble.log").open("wb") as log,
        subprocess.Popen(command, env=environment, stdout=log, stderr=log) as run,
    ):
        try:
            yield f"https://ca.test:{listen}/dir", listen
        finally:
            run.terminate()


@pytest.fixture
async def house(db: Database, tmp_path: Path) -> AsyncIterator[House]:
    data, zone = tmp_path / "data", dict(ZONE)
    keys.create(data, NAME)
    certificate.create(data, NAME)
    names = dns.Server(zone)
    await names.start()
    with (
        socket.create_server(("127.0.0.1", 0)) as listening,
        pebble(tmp_path, listening.getsockname()[1], names.port) as (directory, port),
    ):
        settings = Settings(
            gateway={"domain": NAME, "data_dir": data, "operator": "ops@elsewhere.test"},
            dns={"nameservers": [f"127.0.0.1:{names.port}"]},
            acme={"directory": directory, "ca_file": tmp_path / "ca.pem", "allow_networks": ["127.0.0.0/8"]},
        )
        resolver = Resolver(settings.dns.nameservers, 5.0)
        spool = Spool(data / "spool")
        desk = Desk(settings, db, spool, cast(Any, None), resolver, *rings(settings))
        app = build(Context(db, desk.keyring, Recorder(db, desk.suppression), settings.gateway.url, NAME, "fr", 30.0))
        server = serve.Server(serve.configuration(settings, app))
        serving = asyncio.create_task(server.serve([listening]))
        await _listens(port)
        cupboard = Cupboard(settings)
        keeper = Keeper(desk, cupboard)
        try:
            yield House(desk, cupboard, keeper, zone)
        finally:
            server.should_exit = True
            await serving
            await keeper.close()
            await resolver.close()
            await names.stop()


async def _listens(port: int) -> None:
    async with asyncio.timeout(30):
        while True:
            with contextlib.suppress(OSError):
                _, writer = await asyncio.open_connection("127.0.0.1", port)
                writer.close()
                return
            await asyncio.sleep(0.05)


async def letters(house: House) -> list[bytes]:
    async with house.desk.database.read() as conn:
        return [bytes(row.raw) for row in await conn.execute(select(notices.c.raw))]


async def test_certificates_are_got_served_and_renewed(house: House, make: MakeCampaign) -> None:
    settings, data = house.desk.settings, house.desk.settings.gateway.data_dir
    campaign = await make(1)
    async with house.desk.database.write() as conn:
        await hosts.use(conn, campaign.account_id, OWN, now_ms())
    assert "Pebble" not in await house.served(NAME)  # init's own
    assert await house.keeper.turn() == 2
    for name in (NAME, OWN):
        file = certificate.got(data, name)
        assert file.stat().st_mode & 0o777 == 0o600 and certificate.look(file).bears(name)
        assert "Pebble" in await house.served(name)
    assert account_key(data).stat().st_mode & 0o777 == 0o600
    assert await house.keeper.turn() == 0  # nothing is due
    # one that is old is replaced before its end, without a restart
    now = datetime.now(UTC)
    old = trustme.CA().issue_cert(NAME, not_before=now - timedelta(days=70), not_after=now + timedelta(days=20))
    keys.write_private(certificate.got(data, NAME), old.private_key_and_cert_chain_pem.bytes())
    house.cupboard.look()
    assert "trustme" in await house.served(NAME)
    assert await house.keeper.turn() == 1
    assert "Pebble" in await house.served(NAME)
    found = seen(settings, NAME)
    assert found is not None and found.spent(now) < 0.1
    assert await letters(house) == []


async def test_a_failure_leaves_what_works_and_is_told(house: House) -> None:
    data = house.desk.settings.gateway.data_dir
    now = datetime.now(UTC)
    old = trustme.CA().issue_cert(NAME, not_before=now - timedelta(days=70), not_after=now + timedelta(days=20))
    keys.write_private(certificate.got(data, NAME), old.private_key_and_cert_chain_pem.bytes())
    kept = certificate.got(data, NAME).read_bytes()
    del house.zone[NAME, "A"]  # the authority does not find us
    assert await house.keeper.turn() == 0
    async with house.desk.database.read() as conn:
        asked = (await certificates.every(conn))[NAME]
    assert asked.failures == 1 and asked.again_at > now_ms() and "resolve" in asked.error
    assert certificate.got(data, NAME).read_bytes() == kept
    assert await letters(house) == []  # 20 days are left: nobody is alarmed yet
    late = trustme.CA().issue_cert(NAME, not_before=now - timedelta(days=80), not_after=now + timedelta(days=10))
    keys.write_private(certificate.got(data, NAME), late.private_key_and_cert_chain_pem.bytes())
    for _ in range(2):
        async with house.desk.database.write() as conn:
            await conn.execute(update(rows).values(again_at=0))
        assert await house.keeper.turn() == 0
    (letter,) = await letters(house)  # once, not at every try
    assert b"ops@elsewhere.test" in letter
    house.zone[NAME, "A"] = ["127.0.0.1"]
    async with house.desk.database.write() as conn:
        await conn.execute(update(rows).values(again_at=0))
    assert await house.keeper.turn() == 1
    async with house.desk.database.read() as conn:
        assert (await certificates.every(conn))[NAME].failures == 0


async def test_a_host_whose_dns_is_not_there_costs_no_question(house: House, make: MakeCampaign) -> None:
    campaign = await make(1)
    async with house.desk.database.write() as conn:
        await hosts.use(conn, campaign.account_id, LOST, now_ms())
        assert await certificates.take(conn, NAME, "another machine", now_ms(), now_ms() + 60_000)
    assert await house.keeper.turn() == 0  # the one leads nowhere, for the other somebody else is asking
    async with house.desk.database.read() as conn:
        assert set(await certificates.every(conn)) == {NAME}
