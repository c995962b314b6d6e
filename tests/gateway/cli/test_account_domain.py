"""`account domain`: the host of an account by command, with the record to publish and what was found."""

from __future__ import annotations

from tests.gateway.cli.test_commands import (  # noqa: F401 fixtures
    Run,
    _bare_environment,
    _fresh,
    folder,
    run,
    there,
)

GATEWAY = "lettre.exemple.test"


def test_a_host_is_shown_chosen_and_left(there: Run) -> None:  # noqa: F811
    status, out, _ = there("account", "domain", "Mairie")
    assert (status, out) == (0, f"account Mairie: no host of its own, mails bear {GATEWAY}\n")
    status, out, _ = there("account", "domain", "Mairie", "Envois.Mairie.test")
    assert status == 0
    assert out.splitlines() == [
        "account Mairie: envois.mairie.test",
        f"envois.mairie.test. CNAME {GATEWAY}.",
        "links: À vérifier",
        "bounces: À vérifier",
    ]
    for bad in (GATEWAY, "no host", "127.0.0.1", "localhost"):
        status, _, err = there("account", "domain", "Mairie", bad)
        assert status == 1 and "is no host" in err and err.count("\n") == 1
    assert there("account", "add", "Autre", "--login", "autre", "--password-stdin", stdin="sésame ouvre\n")[0] == 0
    status, _, err = there("account", "domain", "Autre", "envois.mairie.test")
    assert status == 1 and "belongs to another account" in err
    assert "no account 'Nobody'" in there("account", "domain", "Nobody")[2]
    assert "no host of its own" in there("account", "domain", "Mairie", "off")[1]
