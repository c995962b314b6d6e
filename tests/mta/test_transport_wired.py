"""Transport security as the settings wire it."""

from __future__ import annotations

from pathlib import Path

import pytest

from config.settings import Settings
from mail.dkim import Signer, new_key
from mail.resolver import Resolver
from mta.guard import NO_DEMAND
from mta.security import Need, Security
from mta.transport import transport
from store.engine import Database

SIGNERS = [Signer("gw.test", "s1", new_key())]


def settings(tmp_path: Path, **tls: object) -> Settings:
    return Settings(gateway={"domain": "gw.test", "data_dir": tmp_path}, tls=tls)


@pytest.fixture
async def resolver() -> Resolver:
    return Resolver(["127.0.0.1:1"], 0.1)


async def test_a_provider_that_demands_encryption_gets_it(tmp_path: Path, db: Database, resolver: Resolver) -> None:
    made = transport(settings(tmp_path), db, resolver, SIGNERS)
    for host, need in (("mx00.gmx.net", Need.ENCRYPT), ("mx.acme.test", Need.MAY)):
        found = await made.guard.host(NO_DEMAND, host, 25, ())
        assert isinstance(found, Security) and found.need is need
    (tmp_path / "providers.toml").write_text(
        '[provider.acme]\nname = "Acme"\nmx = [\'\\.acme\\.test$\']\ntls = "must"\nsource = "us: our own partner"\n'
    )
    found = await transport(settings(tmp_path), db, resolver, SIGNERS).guard.host(NO_DEMAND, "mx.acme.test", 25, ())
    assert isinstance(found, Security) and (found.need, found.by) == (Need.ENCRYPT, "provider")
    await resolver.close()


async def test_what_can_be_switched_off(tmp_path: Path, db: Database, resolver: Resolver) -> None:
    on = transport(settings(tmp_path), db, resolver, SIGNERS)
    assert on.policies is not None and on.reporter is not None
    off = transport(settings(tmp_path, mta_sts=False, reports=False), db, resolver, SIGNERS)
    assert off.policies is None and off.reporter is None
    assert await off.guard.policy("acme.test") is None
    for each in (on, off):
        await each.turn()
        await each.close()
    await resolver.close()
