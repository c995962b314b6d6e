"""Tokens: signed ones come back, every other text is None."""

import hashlib
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from parsers.tokens import LENGTH, MAX_EXTRA, MAX_NUMBER, Keyring, Purpose, sign, sign_series, sign_set, verify

OLD, NEW = b"o" * 32, b"n" * 32
RING = Keyring({7: OLD, 8: NEW}, 8)
numbers = st.integers(0, MAX_NUMBER)
extras = st.integers(0, MAX_EXTRA)


@settings(deadline=None)
@given(numbers, extras, st.sampled_from(Purpose))
def test_a_token_comes_back(number: int, extra: int, purpose: Purpose) -> None:
    token = sign(RING, purpose, number, extra)
    assert re.fullmatch(r"[a-z2-7]{30}", token)
    assert len(token) == LENGTH
    assert verify(RING, purpose, token) == (number, extra)


@settings(deadline=None)
@given(numbers, extras, st.integers(0, LENGTH - 1), st.characters())
def test_one_altered_character_is_refused(number: int, extra: int, at: int, char: str) -> None:
    token = sign(RING, Purpose.CLICK, number, extra)
    altered = token[:at] + char + token[at + 1 :]
    assert (verify(RING, Purpose.CLICK, altered) is None) == (altered != token)


@settings(deadline=None)
@given(st.text(max_size=45))
def test_any_text_is_refused(text: str) -> None:
    assert verify(RING, Purpose.OPEN, text) is None


@settings(deadline=None)
@given(st.text(alphabet="abcdefghijklmnopqrstuvwxyz234567_+- AZ01é", min_size=LENGTH, max_size=LENGTH))
def test_any_text_of_the_right_length_is_refused(text: str) -> None:
    assert verify(RING, Purpose.OPEN, text) is None


def test_a_purpose_does_not_serve_another() -> None:
    for made in Purpose:
        token = sign(RING, made, 5)
        assert [asked for asked in Purpose if verify(RING, asked, token)] == [made]


def test_upper_case_cut_and_lengthened_are_refused() -> None:
    token = sign(RING, Purpose.BOUNCE, 12345, 6)
    for text in (token.upper(), token[:-1], token + "a", "", token + "=", " " + token[1:]):
        assert verify(RING, Purpose.BOUNCE, text) is None


def test_old_keys_verify_and_unknown_or_other_keys_do_not() -> None:
    token = sign(Keyring({7: OLD}, 7), Purpose.REPORT, 99)
    assert verify(RING, Purpose.REPORT, token) == (99, 0)
    assert verify(Keyring({8: NEW}, 8), Purpose.REPORT, token) is None
    assert verify(Keyring({7: NEW}, 7), Purpose.REPORT, token) is None


def test_values_out_of_range_are_a_callers_bug() -> None:
    for number, extra in ((-1, 0), (MAX_NUMBER + 1, 0), (0, -1), (0, MAX_EXTRA + 1)):
        with pytest.raises(ValueError, match="token"):
            sign(RING, Purpose.OPEN, number, extra)
    for keys, current in (({}, 1), ({1: b"short"}, 1), ({256: NEW}, 256)):
        with pytest.raises(ValueError, match="key"):
            Keyring(keys, current)


def test_tokens_stay_what_they_were() -> None:
    """A changed layout would silently kill every link and bounce address already mailed."""
    assert sign(Keyring({1: bytes(32)}, 1), Purpose.CLICK, 123456789, 7) == "ibaaaaow6ncuahdvn3epjbsuqwpzdw"


def test_the_mac_is_keyed_blake2b() -> None:
    alphabet = "abcdefghijklmnopqrstuvwxyz234567"

    def macs(key: bytes, topic: int, head: str) -> list[str]:
        short = key if len(key) <= 64 else hashlib.blake2b(key).digest()
        digest = hashlib.blake2b(bytes((topic,)) + head.encode(), key=short, person=b"token").digest()
        chars = "".join(alphabet[byte & 31] for byte in digest)
        return [chars[at : at + 16] for at in range(0, 64, 16)]

    for key in (bytes(16), b"k" * 64, b"long" * 40):
        ring = Keyring({3: key}, 3)
        four = [sign(ring, Purpose.CLICK, 77, extra) for extra in range(4, 8)]
        assert [token[14:] for token in four] == macs(key, Purpose.CLICK, four[0][:14])
        mail = sign_set(ring, (Purpose.UNSUBSCRIBE, Purpose.STOP, Purpose.MESSAGE_ID, Purpose.OPEN), 77)
        assert [token[14:] for token in mail] == macs(key, 0, mail[0][:14])


@settings(deadline=None)
@given(numbers, st.integers(0, 21), st.sampled_from([Purpose.CLICK, Purpose.LINK, Purpose.OPEN]))
def test_a_series_is_the_single_tokens(number: int, count: int, purpose: Purpose) -> None:
    series = sign_series(RING, purpose, number, count)
    assert series == [sign(RING, purpose, number, extra) for extra in range(count)]


@settings(deadline=None)
@given(numbers)
def test_a_set_is_the_single_tokens(number: int) -> None:
    assert sign_set(RING, tuple(Purpose), number) == [sign(RING, purpose, number) for purpose in Purpose]


def test_a_series_reaches_the_last_extra() -> None:
    series = sign_series(RING, Purpose.CLICK, MAX_NUMBER, MAX_EXTRA + 1)
    assert verify(RING, Purpose.CLICK, series[-1]) == (MAX_NUMBER, MAX_EXTRA)
    assert len(set(series)) == MAX_EXTRA + 1
