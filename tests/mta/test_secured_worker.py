"""A whole sender and a domain whose policy asks for more than its server can prove, until it can."""

from __future__ import annotations

import ssl
from pathlib import Path

import orjson
import pytest
import trustme
from tls_kit import MailServer, issue

from config import keys
from config.settings import Settings
from gateway.rehearsal.dns import Server as Dns
from store import tls
from store.engine import Database, now_ms
from store.states import Status
from store.tls import StsRow
from tests.mta.test_worker import House

CA = trustme.CA()


@pytest.mark.slow
async def test_mail_waits_until_the_server_is_who_it_must_be(tmp_path: Path, db: Database) -> None:
    keys.create(tmp_path, "gw.test")
    CA.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    server = MailServer(issue(trustme.CA(), "mx.acme.test").context())
    port = await server.start("127.0.0.2")
    names = {("acme.test", "MX"): ["10 mx.acme.test."], ("mx.acme.test", "A"): ["127.0.0.2"],
             ("_smtp._tls.acme.test", "TXT"): ['"v=TLSRPTv1; rua=mailto:tls@acme.test"']}  # fmt: skip
    dns = Dns(names)
    await dns.start()
    settings = Settings(
        gateway={"domain": "gw.test", "public_url": "http://gw.test", "data_dir": tmp_path},
        delivery={"port": port, "retry": "1s*", "in_flight": 20, "allow_networks": ["127.0.0.0/8"]},
        dns={"nameservers": [f"127.0.0.1:{dns.port}"]},
        tls={"ca_file": tmp_path / "ca.pem"},
    )
    async with db.write() as conn:
        text = "version: STSv1\nmode: enforce\nmx: mx.acme.test\nmax_age: 86400"
        await tls.keep_policy(conn, StsRow("acme.test", "1", text, now_ms(), now_ms() + 86_400_000))
    house = House(settings, db)
    await house.campaign(["a@acme.test"])
    house.start()
    try:
        await house.until(f"SELECT count(*) FROM recipients WHERE status = {int(Status.DEFERRED)}", 1)
        assert server.secret == []
        good = issue(CA, "mx.acme.test")
        assert server.context is not None
        fresh: ssl.SSLContext = good.context()
        server.context = fresh
        await house.until(f"SELECT count(*) FROM recipients WHERE status = {int(Status.DELIVERED)}", 1)
    finally:
        await house.end()
        server.stop()
        await dns.stop()
    stories = [orjson.loads(str(row[0])) for row in await house.ask("SELECT detail FROM events ORDER BY id")]
    first, last = stories[0], stories[-1]
    assert (first["class"], first["why"], first["asked_by"]) == ("insecure", "certificate-not-trusted", "sts")
    assert first["certificate"]["proof"] == "none" and first["host"] == "mx.acme.test"
    assert (last["certificate"]["proof"], last["certificate"]["sha256"] != first["certificate"]["sha256"]) == (
        "sts",
        True,
    )
    assert last["tls"].startswith("TLSv1.3 ")
    counted = dict(await house.ask("SELECT result, sum(n) FROM tls_results WHERE policy = 'sts' GROUP BY result"))
    assert counted[""] == 1
    assert int(str(counted["certificate-not-trusted"])) >= 1
