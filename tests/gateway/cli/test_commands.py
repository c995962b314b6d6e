"""The commands that scripts rely on (SPEC 10): what they print, what they make, and how they refuse."""

from __future__ import annotations

import base64
import io
import os
import shutil
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization

from config import keys
from config.settings import load
from gateway.cli.main import main

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture(autouse=True)
def _bare_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in list(os.environ):
        if name.startswith("MAIL2CAMPAIGN_"):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    def _run(*words: str, stdin: str = "") -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "stdin", io.StringIO(stdin))
        try:
            status = main(words)
        except SystemExit as ended:
            status = int(ended.code or 0)
        said = capsys.readouterr()
        return status, said.out, said.err

    return _run


@pytest.fixture(scope="module")
def _fresh(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("fresh") / "gw"
    assert main(["init", "--dir", str(folder), "--domain", "Lettre.Exemple.test"]) == 0
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "stdin", io.StringIO("sésame\n"))
        words = ["account", "add", "Mairie", "--login", "agnes", "--password-stdin"]
        assert main(["--config", str(folder / "mail2campaign.toml"), *words]) == 0
    return folder


@pytest.fixture
def folder(_fresh: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(_fresh, tmp_path / "gw"))  # the folder may be moved: its paths are relative


@pytest.fixture
def there(run: Run, folder: Path) -> Run:
    def _there(*words: str, stdin: str = "") -> tuple[int, str, str]:
        return run("--config", str(folder / "mail2campaign.toml"), *words, stdin=stdin)

    return _there


def test_init_makes_a_whole_folder(folder: Path) -> None:
    settings = load(folder / "mail2campaign.toml")
    data = settings.gateway.data_dir
    assert settings.gateway.domain == "lettre.exemple.test"
    assert data == (folder / "data").resolve()
    assert [key[:2] for key in keys.dkim_keys(data)] == [("lettre.exemple.test", keys.SELECTOR)]
    for ring in keys.RINGS:
        assert keys.load_keyring(data, ring)
    certificate = x509.load_pem_x509_certificate((data / "tls/cert.pem").read_bytes())
    key = serialization.load_pem_private_key((data / "tls/key.pem").read_bytes(), None)
    assert certificate.public_key() == key.public_key()
    assert stat.S_IMODE((data / "tls/key.pem").stat().st_mode) == 0o600
    assert stat.S_IMODE(data.stat().st_mode) == 0o700


def test_init_prints_the_zone(run: Run, tmp_path: Path) -> None:
    status, out, _err = run("init", "--dir", str(tmp_path), "--domain", "m.test")  # an existing empty folder is fine
    assert status == 0
    for record in ("$ORIGIN m.test.", "@ IN A ", "@ IN MX 10 m.test.", '"v=spf1 ', '"v=DMARC1; ', "m2c1._domainkey"):
        assert record in out
    strings = [text for line in out.splitlines() for text in line.split('"')[1::2]]
    assert max(map(len, strings)) <= 255


def test_init_writes_no_override(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAIL2CAMPAIGN_WEB__LISTEN", "127.0.0.1:1")
    monkeypatch.setenv("MAIL2CAMPAIGN_GATEWAY__LOCALE", "en")
    assert run("init", "--dir", str(tmp_path / "gw"), "--domain", "m.test")[0] == 0
    monkeypatch.delenv("MAIL2CAMPAIGN_WEB__LISTEN")
    monkeypatch.delenv("MAIL2CAMPAIGN_GATEWAY__LOCALE")
    settings = load(tmp_path / "gw" / "mail2campaign.toml")
    assert (settings.web.listen, settings.gateway.locale) == ("127.0.0.1:8080", "fr")


def test_a_second_init_changes_nothing(run: Run, folder: Path) -> None:
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    status, out, err = run("init", "--dir", str(folder), "--domain", "other.test")
    assert (status, out) == (1, "")
    assert "exists already" in err
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before


@pytest.mark.parametrize("domain", ["", "a b.test", "-", "x" * 64 + ".test", "../up"])
def test_init_refuses_what_is_no_domain(run: Run, tmp_path: Path, domain: str) -> None:
    status, _out, err = run("init", "--dir", str(tmp_path / "gw"), f"--domain={domain}")
    assert status == 1
    assert err.startswith("mail2campaign: ")
    assert err.count("\n") == 1
    assert not (tmp_path / "gw" / "mail2campaign.toml").exists()


def test_an_account_with_senders_and_attestation(there: Run) -> None:
    added = there("account", "add", "École", "--login", "jean", "--password-stdin", stdin="sésame\n")
    assert added == (0, "account École: added, login jean\n", "")
    assert "École\tnot attested\t" in there("account", "list")[1]
    assert there("account", "attest", "École", "--by", "Jean", "--wording", "Chacun a dit oui.")[0] == 0
    assert "École\tattested\t" in there("account", "list")[1]
    assert there("sender", "add", "École", "Jean <jean@ecole.test>", "--verified")[0] == 0
    assert "a letter asks its owner" in there("sender", "add", "École", "bureau@ecole.test")[1]
    assert "asked a moment ago" in there("sender", "add", "École", "bureau@ecole.test")[1]
    assert "waiting for its owner's answer" in there("sender", "check", "École", "bureau@ecole.test")[1]
    assert "verified\n" in there("sender", "check", "École", "jean@ecole.test")[1]
    assert there("sender", "list", "École")[1] == "jean@ecole.test\tJean\n"
    waiting = "bureau@ecole.test\t(waiting for its owner's answer)\n"
    assert there("sender", "list", "École", "--all")[1] == f"jean@ecole.test\tJean\n{waiting}"


def test_transactional_mail_is_granted_by_the_hour(there: Run) -> None:
    assert there("account", "add", "ACME", "--login", "acme", "--password-stdin", stdin="secret pass\n")[0] == 0
    assert there("account", "transactional", "ACME", "500")[1] == "account ACME: transactional mail 500 an hour\n"
    assert there("account", "transactional", "ACME", "off")[1] == "account ACME: transactional mail not granted\n"
    for wrong in ("0", "-1", "viel", "1e3", "9" * 12):
        status, _, why = there("account", "transactional", "ACME", wrong)
        assert (status and "neither a number of messages an hour" in why) or wrong == "-1"


def test_how_an_account_proves_its_mails(there: Run) -> None:
    assert there("account", "proof", "Mairie")[1] == "account Mairie: DKIM strict; validation of what port 25 proved\n"
    said = there("account", "proof", "Mairie", "--alignment", "relaxed", "--spf", "yes", "--validation", "yes")[1]
    assert said == "account Mairie: DKIM relaxed, SPF; validation always\n"
    assert there("account", "proof", "Mairie", "--spf", "no")[1] == "account Mairie: DKIM relaxed; validation always\n"


@pytest.mark.parametrize(
    ("words", "stdin", "why"),
    [
        (("account", "add", "Mairie", "--login", "x", "--password-stdin"), "pw\n", "exists already"),
        (("account", "add", "Autre", "--login", "agnes", "--password-stdin"), "pw\n", "exists already"),
        (("account", "add", "Autre", "--login", "y", "--password-stdin"), "\n", "password"),
        (("account", "attest", "Personne", "--by", "x", "--wording", "y"), "", "no account"),
        (("sender", "add", "Personne", "a@b.fr", "--verified"), "", "no account"),
        (("sender", "add", "Mairie", "pas une adresse", "--verified"), "", "no e-mail address"),
        (("campaign", "stop", "12"), "", "no campaign 12"),
        (("dkim", "add", "lettre.exemple.test"), "", "exists already"),
    ],
)
def test_refusals_are_one_line(there: Run, words: tuple[str, ...], stdin: str, why: str) -> None:
    status, out, err = there(*words, stdin=stdin)
    assert (status, out) == (1, "")
    assert why in err
    assert err.startswith("mail2campaign: ")
    assert err.count("\n") == 1


def test_half_an_account_is_not_kept(there: Run) -> None:
    there("account", "add", "Autre", "--login", "AGNES", "--password-stdin", stdin="pw\n")
    assert len(there("account", "list")[1].splitlines()) == 1


def test_dkim_list_is_made_for_scripts(there: Run, folder: Path) -> None:
    assert there("dkim", "add", "autre.test", "--selector", "s2")[0] == 0
    lines = there("dkim", "list")[1].splitlines()
    assert [line.split(" ")[0] for line in lines] == [
        "s2._domainkey.autre.test",
        "m2c1._domainkey.lettre.exemple.test",
    ]
    for line, (_domain, _selector, pem) in zip(lines, keys.dkim_keys(folder / "data"), strict=True):
        _name, kind, value = line.split(" ", 2)
        assert (kind, value[:18], value[-1]) == ("TXT", '"v=DKIM1; k=rsa; p', '"')
        public = serialization.load_pem_private_key(pem, None).public_key()
        assert serialization.load_der_public_key(base64.b64decode(value[19:-1])) == public


def test_the_settings_file_may_be_named_after_the_command_or_by_the_environment(
    run: Run, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = str(folder / "mail2campaign.toml")
    expected = run("--config", file, "dkim", "list")
    assert expected[1]
    assert run("dkim", "list", "--config", file) == expected
    monkeypatch.setenv("MAIL2CAMPAIGN_CONFIG", file)
    assert run("dkim", "list") == expected
    monkeypatch.delenv("MAIL2CAMPAIGN_CONFIG")
    monkeypatch.chdir(folder)
    assert run("dkim", "list") == expected


def test_a_missing_database_is_not_made_by_accident(run: Run, tmp_path: Path) -> None:
    status, _out, err = run("account", "list")
    assert status == 1
    assert "no database" in err
    assert list(tmp_path.iterdir()) == []


def test_settings_errors_are_one_line(run: Run, tmp_path: Path) -> None:
    (tmp_path / "mail2campaign.toml").write_text("[gateway]\ndomian = 'x'\n")
    status, _out, err = run("dkim", "list")
    assert (status, err) == (1, "mail2campaign: gateway.domian: no such setting\n")


@pytest.mark.parametrize("words", [("bogus",), ("account",), ("campaign", "stop", "x"), ("init",)])
def test_what_is_no_command_is_one_line(run: Run, words: tuple[str, ...]) -> None:
    status, _out, err = run(*words)
    assert status == 2
    assert err.count("\n") == 1
    assert "_receive" not in err


def test_upgrade_makes_the_tables(run: Run, tmp_path: Path) -> None:
    assert run("db", "upgrade")[0] == 0
    assert (tmp_path / "data" / "mail2campaign.db").is_file()
    assert run("campaign", "list") == (0, "", "")


def test_help_imports_nothing_heavy() -> None:
    # not a clock, which lies on a busy machine: the modules that would make it slow
    probe = (
        "import sys\nfrom gateway.cli.main import main\n"
        "try: main(['--help'])\nexcept SystemExit: pass\n"
        "print(*sorted({name.partition('.')[0] for name in sys.modules}))"
    )
    done = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, timeout=30, check=True)
    loaded = set(done.stdout.splitlines()[-1].split())
    assert "gateway" in loaded
    assert not loaded & {"pydantic", "sqlalchemy", "store", "config", "rich", "cryptography", "asyncio", "mta"}


def test_a_terminal_of_an_older_encoding_reads_all_the_same(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    written = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(written, "latin-1"))
    (tmp_path / "bad.toml").write_text("[gateway]\ndomaine = '→ 漢'\n", "utf-8")
    assert main(["--config", "bad.toml", "doctor"]) == 2
    told = written.getvalue().decode("latin-1")
    assert (
        told.startswith("!! CRIT  ") and "           -> " in told and "é" in told and told.endswith("1 point grave\n")
    )
    print("{\u202f→ 漢}", flush=True)
    assert written.getvalue().decode("latin-1").endswith("{ -> \\u6f22}\n")
