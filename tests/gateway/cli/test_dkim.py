"""DKIM keys by command: made, borrowed from the gateway, listed, and looked for in DNS; the rules of an account."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from config import keys
from config.settings import load
from gateway.rehearsal.dns import Server, zone
from mail.identity import signers_of
from tests.gateway.cli.test_commands import (  # noqa: F401 fixtures
    Run,
    _bare_environment,
    _fresh,
    folder,
    run,
    there,
)

GATEWAY = "lettre.exemple.test"


def test_a_key_a_domain(there: Run, folder: Path) -> None:  # noqa: F811
    status, out, _ = there("dkim", "add", "Mairie-Évry.test")
    assert status == 0
    assert out.startswith('m2c1._domainkey.xn--mairie-vry-h7a.test TXT "v=DKIM1; k=rsa; p=')
    status, out, _ = there("dkim", "add", "firm.test", "--ed25519")
    assert out.startswith('m2ce1._domainkey.firm.test TXT "v=DKIM1; k=ed25519; p=')
    kinds = {one.domain: one.kind for one in signers_of(keys.dkim_keys(folder / "data"))}
    assert kinds == {"xn--mairie-vry-h7a.test": "rsa", "firm.test": "ed25519", GATEWAY: "rsa"}


def test_the_gateways_key_signs_for_a_customer(there: Run, folder: Path) -> None:  # noqa: F811
    status, out, _ = there("dkim", "add", "firm.test", "--alias")
    assert (status, out) == (0, f"m2c1._domainkey.firm.test CNAME m2c1._domainkey.{GATEWAY}\n")
    found = {domain: pem for domain, _, pem in keys.dkim_keys(folder / "data")}
    assert found["firm.test"] == found[GATEWAY]
    status, _, err = there("dkim", "add", "firm.test", "--alias")
    assert (status, "exists already" in err) == (1, True)
    assert there("dkim", "add", "firm.test", "--alias", "--ed25519")[0] == 2


@pytest.mark.parametrize("domain", ["", "a b", "..", "-"])
def test_what_is_no_domain(there: Run, domain: str) -> None:  # noqa: F811
    status, out, err = there("dkim", "add", domain)
    assert (status, out, err.count("\n")) == (1, "", 1)


@pytest.fixture
def dns() -> Iterator[tuple[dict[tuple[str, str], list[str]], int]]:
    records, started, loop = zone(GATEWAY, {}), threading.Event(), asyncio.new_event_loop()
    server = Server(records)

    def serve() -> None:
        asyncio.set_event_loop(loop)
        loop.run_until_complete(server.start())
        started.set()
        loop.run_forever()

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    assert started.wait(60)
    yield records, server.port
    loop.call_soon_threadsafe(loop.stop)
    thread.join(60)
    loop.run_until_complete(server.stop())
    loop.close()


def test_check_asks_dns(
    there: Run,  # noqa: F811
    dns: tuple[dict[tuple[str, str], list[str]], int],
    folder: Path,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    records, port = dns
    monkeypatch.setenv("MAIL2CAMPAIGN_DNS__NAMESERVERS", f'["127.0.0.1:{port}"]')
    there("dkim", "add", "firm.test", "--alias")
    status, out, err = there("dkim", "check", "firm.test")
    assert (status, "some records are missing" in err) == (1, True)
    assert "firm.test: m2c1._domainkey.firm.test, not published; DMARC no record" in out
    assert 'm2c1._domainkey.firm.test TXT "v=DKIM1; k=rsa; p=' in out
    assert f'firm.test TXT "v=spf1 mx include:{GATEWAY} ~all"' in out
    assert '_dmarc.firm.test TXT "v=DMARC1; p=none"' in out
    [value] = [keys.dkim_record(pem) for domain, _, pem in keys.dkim_keys(folder / "data") if domain == "firm.test"]
    records["m2c1._domainkey.firm.test", "TXT"] = [f'"{value[:250]}" "{value[250:]}"']
    records["firm.test", "TXT"] = ['"v=spf1 -all"']
    records["_dmarc.firm.test", "TXT"] = ['"v=DMARC1; p=reject"']
    status, out, _ = there("dkim", "check", "firm.test")
    assert (status, out) == (0, "firm.test: m2c1._domainkey.firm.test, published; DMARC reject\n")
    status, out, _ = there("dkim", "check", "other.test")
    assert (status, f"m2c1._domainkey.other.test CNAME m2c1._domainkey.{GATEWAY}" in out) == (1, True)
    assert there("dkim", "check")[1].count("m2c1._domainkey") >= 2


def test_the_rules_of_an_account(there: Run) -> None:  # noqa: F811
    assert (
        there("account", "unaligned", "Mairie")[1] == "account Mairie: senders without a key are sent via the gateway\n"
    )
    assert there("account", "unaligned", "Mairie", "hold")[1].endswith("are held\n")
    assert there("account", "advice", "Mairie", "hold")[1].endswith("holds campaigns\n")
    assert there("account", "unaligned", "Mairie")[1].endswith("are held\n")
    assert there("account", "advice", "Mairie", "show")[1].endswith("is shown only\n")
    assert there("account", "leaving", "Mairie", "sender")[1].endswith("leaves the campaigns of that sender address\n")
    assert there("account", "advice", "Mairie")[1].endswith("is shown only\n")
    assert there("account", "leaving", "Mairie", "account")[1].endswith("leaves all campaigns of the account\n")
    assert there("account", "unaligned", "Nobody")[0] == 1
    status, _, err = there("account", "unaligned", "Mairie", "perhaps")
    assert (status, err) == (1, "mail2campaign: 'perhaps' is neither via nor hold\n")


def test_settings_of_the_second_signature(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: F811
    monkeypatch.setenv("MAIL2CAMPAIGN_DKIM__SECOND", "ed25519")
    monkeypatch.setenv("MAIL2CAMPAIGN_ADVICE__SPAMD", "127.0.0.1:783")
    settings = load(folder / "mail2campaign.toml")
    assert (settings.dkim.second, settings.advice.spamd) == ("ed25519", "127.0.0.1:783")
