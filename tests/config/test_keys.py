"""The keys of a gateway: made once, private, read back whole, and refused with a sentence when broken."""

from __future__ import annotations

import base64
import json
import stat
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from config import keys


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data")
    keys.create(folder, "mail.example.test")
    return folder


def test_rings_have_one_key_of_32_bytes_in_force(data: Path) -> None:
    for name in keys.RINGS:
        ring, current = keys.load_keyring(data, name)
        assert list(ring) == [current] == [1]
        assert len(ring[1]) == 32
    assert keys.load_keyring(data, "tokens") != keys.load_keyring(data, "suppression")


def test_every_file_is_private(data: Path) -> None:
    files = [path for path in (data / "keys").rglob("*") if path.is_file()]
    assert len(files) == 3
    assert {stat.S_IMODE(path.stat().st_mode) for path in files} == {0o600}


def test_creating_again_keeps_what_is_there(data: Path) -> None:
    before = {path: path.read_bytes() for path in data.rglob("*") if path.is_file()}
    keys.create(data, "mail.example.test")
    assert {path: path.read_bytes() for path in data.rglob("*") if path.is_file()} == before


def test_dkim_key_is_rsa_2048_and_its_record_is_its_public_half(data: Path) -> None:
    [(domain, selector, pem)] = keys.dkim_keys(data)
    assert (domain, selector) == ("mail.example.test", keys.SELECTOR)
    private = serialization.load_pem_private_key(pem, None)
    assert isinstance(private, rsa.RSAPrivateKey)
    assert private.key_size == 2048
    head, _, public = keys.dkim_record(pem).partition("p=")
    assert head == "v=DKIM1; k=rsa; "
    published = serialization.load_der_public_key(base64.b64decode(public))
    assert published == private.public_key()


def test_a_dkim_key_is_never_overwritten(data: Path) -> None:
    with pytest.raises(keys.KeysError, match="exists already"):
        keys.add_dkim(data, "mail.example.test", keys.SELECTOR)


@pytest.mark.parametrize("domain", ["../evil", "a/b", "", "-x.test", "UPPER.test"])
def test_a_dkim_key_needs_a_name_that_dns_can_publish(tmp_path: Path, domain: str) -> None:
    with pytest.raises(keys.KeysError, match="no name"):
        keys.add_dkim(tmp_path, domain, "s1")
    assert list(tmp_path.iterdir()) == []


def test_old_keys_are_read_beside_the_one_in_force(tmp_path: Path) -> None:
    old, new = b"o" * 16, b"n" * 32
    ring = {"current": 7, "keys": {"1": base64.b64encode(old).decode(), "7": base64.b64encode(new).decode()}}
    keys.write_private(tmp_path / "keys" / "tokens.json", json.dumps(ring).encode())
    assert keys.load_keyring(tmp_path, "tokens") == ({1: old, 7: new}, 7)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        '{"current": 1, "keys": {}}',
        '{"current": 2, "keys": {"1": "AAAAAAAAAAAAAAAAAAAAAA=="}}',
        '{"current": 1, "keys": {"1": "AAAA"}}',
        '{"current": 1, "keys": {"1": "not base64 at all"}}',
        '{"current": 256, "keys": {"256": "AAAAAAAAAAAAAAAAAAAAAA=="}}',
    ],
)
def test_a_broken_ring_is_refused_with_its_file_name(tmp_path: Path, text: str) -> None:
    keys.write_private(tmp_path / "keys" / "tokens.json", text.encode())
    with pytest.raises(keys.KeysError, match=r"tokens\.json is broken"):
        keys.load_keyring(tmp_path, "tokens")


def test_a_missing_ring_is_named(tmp_path: Path) -> None:
    with pytest.raises(keys.KeysError, match=r"suppression\.json is missing"):
        keys.load_keyring(tmp_path, "suppression")
