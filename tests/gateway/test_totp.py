"""One-time codes are those of the RFC's own examples; a secret follows from the key and is stored nowhere."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

import pytest

from gateway import totp
from parsers.tokens import Keyring

SEED = b"12345678901234567890"
RING = Keyring({1: b"a" * 32, 2: b"b" * 32}, 2)


@pytest.mark.parametrize(
    ("at", "code"),
    [
        (59, "94287082"), (1111111109, "07081804"), (1111111111, "14050471"), (1234567890, "89005924"),
        (2000000000, "69279037"), (20000000000, "65353130"),
    ],
)  # fmt: skip
def test_the_examples_of_rfc_6238_appendix_b(at: int, code: str) -> None:
    assert totp.code(SEED, at // totp.PERIOD, 8) == code
    assert totp.step_of(SEED, code[2:], at) == at // totp.PERIOD


def test_a_clock_may_be_off_by_one_step_and_no_more() -> None:
    now = 1_700_000_015.0
    step = int(now) // totp.PERIOD
    for away, found in ((-2, None), (-1, step - 1), (0, step), (1, step + 1), (2, None)):
        assert totp.step_of(SEED, totp.code(SEED, step + away), now) == found
    code = totp.code(SEED, step)
    assert totp.step_of(SEED, f" {code[:3]} {code[3:]} ", now) == step
    for nonsense in ("", "12345", "1234567", "abcdef", "١٢٣٤٥٦", "-12345"):
        assert totp.step_of(SEED, nonsense, now) is None


def test_a_secret_is_of_one_user_and_one_serial_and_survives_a_new_key() -> None:
    mine = totp.secret(RING, 7, 1)
    assert len(mine) == 20 and len({mine, totp.secret(RING, 7, 2), totp.secret(RING, 8, 1)}) == 3
    assert totp.secret(Keyring({1: b"a" * 32, 2: b"b" * 32, 3: b"c" * 32}, 3), 7, 1) == mine
    address = urlsplit(totp.address(mine, "anne@acme.fr", "Ma passerelle"))
    asked = parse_qs(address.query)
    assert (address.scheme, asked["secret"], asked["issuer"]) == (
        "otpauth", [totp.typed(mine).replace(" ", "")], ["Ma passerelle"],
    )  # fmt: skip


def test_a_drawn_word_is_known_however_it_is_typed() -> None:
    word = totp.draw()
    assert len(word) == 19 and word != totp.draw()
    assert totp.digest(word) == totp.digest(f" {word.upper().replace('-', ' ')}")
    assert totp.digest(word) != totp.digest(word[:-1])
