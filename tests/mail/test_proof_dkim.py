"""Our check of DKIM signatures against dkimpy's signer, and what we refuse although it verifies."""

import base64
import re
import time
from functools import cache

import dkim
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa
from hypothesis import assume, given
from hypothesis import strategies as st

from mail import dkim as keys
from mail import dkim_verify as ours
from mail.dkim_signature import COVERED, Key, Signature, Weakness, read_key, read_signature, tags

pytestmark = pytest.mark.slow  # the quick ring has no time for them

NOW = 1_795_000_000
NAMES = [b"from", b"to", b"subject", b"date", b"message-id"]
HEAD = (
    b"From: Anne <anne@firm.example>\r\nTo: mail@gw.example\r\nSubject:  Bonjour \t a\r\n  tous \r\n"
    b"Date: Mon, 23 Nov 2026 10:00:00 +0000\r\nMessage-ID: <1@firm.example>\r\n\r\n"
)
# Any lines of blanks and words: what the two canonical forms differ in.
lines = st.lists(st.text(" \tab.", max_size=6), max_size=12)
bodies = lines.map(lambda found: "".join(f"{line}\r\n" for line in found).encode())


@cache
def rsa_key(bits: int) -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=bits)


@cache
def record(bits: int = 2048) -> str:
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    der = rsa_key(bits).public_key().public_bytes(serialization.Encoding.DER, form)
    return f"v=DKIM1; k=rsa; p={base64.b64encode(der).decode()}"


def signed(
    raw: bytes, canon: str = "relaxed/relaxed", bits: int = 2048, names: list[bytes] = NAMES, **more: bool
) -> bytes:
    made = dkim.DKIM(raw).sign(
        b"s1", b"firm.example", keys.to_pem(rsa_key(bits)), canonicalize=tuple(canon.encode().split(b"/")),
        include_headers=[*names, *NAMES[:1]], **more,
    )  # fmt: skip
    return bytes(made) + raw


def check(raw: bytes, text: str | None = None, now: int = NOW) -> Weakness | None:
    fields = ours.raw_fields(raw)
    if fields is None:
        return Weakness.MALFORMED
    value = next(value for name, value in fields if name == b"DKIM-Signature")
    signature, key = read_signature(value, now), read_key(text or record())
    if isinstance(signature, Weakness):
        return signature
    return key if isinstance(key, Weakness) else ours.holds(raw, fields, signature, key)


@pytest.mark.parametrize("canon", ["relaxed/relaxed", "simple/simple", "relaxed/simple", "simple/relaxed"])
@given(body=bodies)
def test_what_dkimpy_signs_holds(canon: str, body: bytes) -> None:
    assert check(signed(HEAD + body, canon)) is None


@given(body=bodies, at=st.integers(0, 40), char=st.sampled_from(b"\t x"))
def test_dkimpy_agrees_about_what_was_changed(body: bytes, at: int, char: int) -> None:
    raw = signed(HEAD + body)
    at = len(raw) - 2 - min(at, len(body))
    changed = raw[:at] + bytes([char]) + raw[at:]
    assume(b"\r\n\r\n" in changed)  # a head that never ends: dkimpy reads it all the same
    theirs = keys.verify_with_dkimpy(changed, lambda _: record())
    assert (check(changed) is None) == theirs


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"From: Anne", b"From: Anna"), (b"mail@gw", b"mail@gv"), (b"Bonjour", b"bonjour"), (b"10:00", b"11:00"),
        (b"<1@", b"<2@"), (b"Corps", b"corps"), (b"s=s1", b"s=s2"),
    ],
)  # fmt: skip
def test_every_covered_byte_counts(old: bytes, new: bytes) -> None:
    raw = signed(HEAD + b"Corps\r\n")
    assert check(raw) is None
    assert old in raw
    assert check(raw.replace(old, new)) is Weakness.BROKEN
    # a second From that the signature foresaw as absent
    assert check(b"From: Evil <e@e.example>\r\n" + raw) is Weakness.BROKEN


def test_a_body_of_several_pieces() -> None:
    body = (b"a  b \r\n" * 150_000) + b"\r\n" * 600_000 + b"end\r\n\r\n"
    assert check(signed(HEAD + body)) is None
    assert check(signed(HEAD + body, "simple/simple")) is None


def test_time_grows_with_the_size_only() -> None:
    """A line of 100,000 blanks takes dkimpy's pattern seconds, and a stranger may send hundreds of them."""
    raw = signed(HEAD + b"Corps\r\n") + (b" " * 99_000 + b"x\r\n") * 100
    began = time.perf_counter()
    assert check(raw) is Weakness.BROKEN
    assert time.perf_counter() - began < 5


def test_ed25519() -> None:
    key = ed25519.Ed25519PrivateKey.generate()
    raw = signed(HEAD + b"Corps\r\n").replace(b"a=rsa-sha256", b"a=ed25519-sha256", 1)
    fields = ours.raw_fields(raw) or ()
    said = read_signature(fields[0][1], NOW)
    assert isinstance(said, Signature)
    given_ = base64.b64encode(key.sign(ours._head_hash(fields, said)))
    raw = re.sub(
        rb"([; \r\n]b=)[^;]*?\r\n(?=From)", lambda found: found[1] + given_ + b"\r\n", raw, count=1, flags=re.S
    )
    public = base64.b64encode(key.public_key().public_bytes_raw()).decode()
    assert check(raw, f"v=DKIM1; k=ed25519; p={public}") is None
    assert check(raw.replace(b"Corps", b"corps"), f"v=DKIM1; k=ed25519; p={public}") is Weakness.BROKEN
    assert check(raw) is Weakness.KEY  # an RSA key stands there


@pytest.mark.parametrize(("bits", "weak"), [(1024, None), (4096, None), (5120, Weakness.KEY_SIZE)])
@pytest.mark.slow
def test_key_sizes(bits: int, weak: Weakness | None) -> None:
    assert check(signed(HEAD + b"x\r\n", bits=bits), record(bits)) is weak


def test_a_key_of_768_bits() -> None:
    # 768 bits: no maker of ours makes one any more, so its public half is written down
    short = (
        "MHwwDQYJKoZIhvcNAQEBBQADawAwaAJhANa38OtDtMyDqgCWBUQu3SO0/rOXnDk5lkDmFPAf0mTSuTn3MpB7YTLg3B5Xg8mWXN5m"
        "0QO3SaDhm0r0jVf0K0ppl+mpHPbZnZbVb3xXf6nqG8yPEXmuBuQpC0bX8O4bCQIDAQAB"
    )
    assert check(signed(HEAD + b"x\r\n"), f"p={short}") in (Weakness.KEY, Weakness.KEY_SIZE)


def test_what_the_signature_must_cover() -> None:
    for name in COVERED - {"from"}:
        left = [one for one in NAMES if one != name.encode()]
        assert check(signed(HEAD + b"x\r\n", names=left)) is Weakness.COVERS
    assert check(signed(HEAD + b"x\r\n", length=True)) is Weakness.LENGTH


GOOD = "v=1; a=rsa-sha256; d=firm.example; s=s1; h=From:To:Subject:Date:Message-ID; bh=YQ==; b=YQ=="


@pytest.mark.parametrize(
    ("more", "weak"),
    [
        ("", None), ("; x=1795000001", None), ("; x=1795000000", Weakness.EXPIRED), ("; x=1;", Weakness.EXPIRED),
        ("; t=1795000009; x=1795000001", Weakness.EXPIRED), ("; x=tomorrow", Weakness.MALFORMED),
        ("; l=100", Weakness.LENGTH), ("; d=firm.example", Weakness.MALFORMED), ("; i=@evil.example", Weakness.MALFORMED),
        ("; i=@xfirm.example", Weakness.MALFORMED), ("; i=anne@mail.firm.example", None), ("; c=relaxed", None),
        ("; c=nofws", Weakness.MALFORMED), ("; q=carrier", Weakness.MALFORMED), ("; nonsense", Weakness.MALFORMED),
    ],
)  # fmt: skip
def test_what_a_signature_says(more: str, weak: Weakness | None) -> None:
    found = read_signature((GOOD + more).encode(), NOW)
    assert (found if isinstance(found, Weakness) else None) is weak


def test_algorithms_and_missing_tags() -> None:
    assert read_signature(GOOD.replace("rsa-sha256", "rsa-sha1").encode(), NOW) is Weakness.ALGORITHM
    for part in GOOD.split("; "):
        assert isinstance(read_signature(GOOD.replace(part, "z=").encode(), NOW), Weakness)
    assert read_signature((GOOD + "".join(f"; z{n}=1" for n in range(200))).encode(), NOW) is Weakness.MALFORMED


@pytest.mark.parametrize(
    ("text", "good"),
    [
        ("p=YQ==", True), ("v=DKIM1; p=YQ==; h=sha1:sha256; s=email; t=s; n=note", True), ("v=DKIM1; p=", False),
        ("v=DKIM2; p=YQ==", False), ("p=YQ==; h=sha1", False), ("p=YQ==; s=tlsrpt", False), ("p=YQ==; t=y:s", False),
        ("p=?", False), ("", False), ("v=spf1 -all", False),
    ],
)  # fmt: skip
def test_key_records(text: str, good: bool) -> None:
    assert isinstance(read_key(text), Key) is good


@given(st.binary(max_size=300), st.text(max_size=100))
def test_any_bytes_give_a_value(value: bytes, text: str) -> None:
    assert isinstance(read_signature(value, NOW), Signature | Weakness)
    assert isinstance(read_key(text), Key | Weakness)
    assert isinstance(tags(text), dict | None)
    ours.raw_fields(value)
