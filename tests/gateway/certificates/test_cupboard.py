"""Which certificate is served under which name: init's, an operator's, one that was got; half of a pair changes nothing."""

from __future__ import annotations

import ssl
from pathlib import Path

import pytest
import trustme
from cryptography import x509

from config import certificate, keys
from config.settings import Settings
from gateway.certificates import cupboard
from gateway.certificates.cupboard import Cupboard
from gateway.certificates.keeper import due, own_names, seen

NAME = "gateway.test"


def served(shelf: Cupboard, name: str | None) -> str:
    """The common name or organisation of whoever issued what a client is shown that asks for a name."""
    trusting = ssl._create_unverified_context()
    back, forth = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = trusting.wrap_bio(back, forth, server_hostname=name)
    server = shelf.context.wrap_bio(forth, back, server_side=True)
    for _ in range(4):
        for one in (client, server):
            try:
                one.do_handshake()
            except ssl.SSLWantReadError:
                continue
    found = client.getpeercert(True)
    assert found is not None
    issuer = x509.load_der_x509_certificate(found).issuer
    return str(
        issuer.get_attributes_for_oid(x509.NameOID.ORGANIZATIONAL_UNIT_NAME)[0].value if len(issuer) > 1 else NAME
    )


def issue(file: Path, by: str, *names: str) -> None:
    leaf = trustme.CA(organization_unit_name=by).issue_cert(*names)
    keys.write_private(file, leaf.private_key_and_cert_chain_pem.bytes())


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    certificate.create(tmp_path, NAME)
    return Settings(gateway={"domain": NAME, "data_dir": tmp_path})


def test_each_name_has_its_own(settings: Settings, tmp_path: Path) -> None:
    shelf = Cupboard(settings)
    assert served(shelf, NAME) == served(shelf, None) == served(shelf, "other.test") == NAME
    issue(certificate.got(tmp_path, NAME), "authority", NAME)
    issue(certificate.got(tmp_path, "a.test"), "for a", "a.test")
    issue(tmp_path / "tls" / "wild.pem", "wild", "*.b.test")
    shelf.look()
    assert served(shelf, NAME) == served(shelf, None) == "authority"
    assert [served(shelf, name) for name in ("a.test", "x.b.test", "x.y.b.test")] == ["for a", "wild", "authority"]
    issue(tmp_path / "tls" / "a.test.pem", "the operator's", "a.test")  # goes before what was got
    shelf.look()
    assert served(shelf, "a.test") == "the operator's"
    (tmp_path / "tls" / "a.test.pem").unlink()
    certificate.got(tmp_path, NAME).unlink()
    shelf.look()
    assert served(shelf, "a.test") == "for a" and served(shelf, None) == NAME


def test_what_cannot_be_used_changes_nothing(
    settings: Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    own = certificate.got(tmp_path, NAME)
    issue(own, "authority", NAME)
    shelf = Cupboard(settings)
    own.write_bytes(b"-----BEGIN CERTIFICATE-----\nnone\n")
    (tmp_path / "tls" / "a.pem").write_text("nothing")
    for _ in range(2):
        shelf.look()
    assert served(shelf, NAME) == "authority"
    assert capsys.readouterr().err.count("certificate_refused") == 2  # each once
    issue(own, "a new one", NAME)
    shelf.look()
    assert served(shelf, NAME) == "a new one"


def test_an_operator_s_own_goes_first(settings: Settings, tmp_path: Path) -> None:
    issue(tmp_path / "mine.pem", "mine", NAME)
    issue(certificate.got(tmp_path, NAME), "authority", NAME)
    named = settings.smtp.model_copy(
        update={"tls_certificate": tmp_path / "mine.pem", "tls_key": tmp_path / "mine.pem"}
    )
    shelf = Cupboard(settings.model_copy(update={"smtp": named}))
    assert served(shelf, NAME) == served(shelf, None) == "mine"


def test_without_any_there_is_no_port(tmp_path: Path) -> None:
    with pytest.raises(OSError):
        Cupboard(Settings(gateway={"domain": NAME, "data_dir": tmp_path}))


def test_what_is_asked_for(settings: Settings, tmp_path: Path) -> None:
    from datetime import UTC, datetime, timedelta

    now = datetime.now(UTC)
    assert seen(settings, NAME) is None and due(None, now)  # what init made is nobody's word
    issue(certificate.paths(tmp_path)[0], "put in its place", NAME)
    found = seen(settings, NAME)
    assert found is not None and not due(found, now)
    life = found.ends - found.begins
    assert not due(found, found.begins + life * 0.66) and due(found, found.begins + life * 0.67)
    assert due(found, found.ends + timedelta(days=1))
    assert own_names(settings) == [NAME]
    elsewhere = settings.gateway.model_copy(update={"public_url": "https://www.gateway.test:8443/"})
    assert own_names(settings.model_copy(update={"gateway": elsewhere})) == [NAME, "www.gateway.test"]
    local = settings.gateway.model_copy(update={"domain": "localhost", "public_url": "http://127.0.0.1:8080"})
    assert own_names(settings.model_copy(update={"gateway": local})) == []
    assert cupboard.marks((tmp_path / "none", tmp_path / "none")) == ((0, 0, 0), (0, 0, 0))
    assert certificate.paths(tmp_path)[0].stat().st_mode & 0o077 == 0
