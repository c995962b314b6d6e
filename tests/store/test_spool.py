"""The spool keeps what was accepted, byte for byte."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from store.spool import Envelope, Spool

ENVELOPE = Envelope("campaign", "a@b.test", ("mail@g.test",), "192.0.2.1", "mx", 5, account_id=3)


@given(raw=st.binary(max_size=300))
@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_any_bytes_come_back(tmp_path: Path, raw: bytes) -> None:
    spool = Spool(tmp_path)
    ref = spool.put(ENVELOPE, raw)
    assert spool.load(ref) == (ENVELOPE, raw)
    spool.done(ref)
    assert spool.pending() == []


def test_oldest_first_and_what_is_set_aside_is_kept(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    refs = [spool.put(ENVELOPE, bytes([n])) for n in range(3)]
    assert spool.pending() == refs
    spool.shunt(refs[1], "why \udc80")  # a traceback may hold what no file can
    assert spool.pending() == [refs[0], refs[2]]
    assert (tmp_path / "shunt" / refs[1]).read_bytes().endswith(b"\n\x01")
    assert (tmp_path / "shunt" / f"{refs[1]}.txt").read_text() == "why \\udc80"


def test_a_full_disk_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spool = Spool(tmp_path)

    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="No space"):
        spool.put(ENVELOPE, b"x")
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_half_written_mails_are_swept_at_the_start(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    (tmp_path / "tmp" / "half").write_bytes(b"{")
    assert Spool(tmp_path).sweep() == 1
    assert spool.pending() == []
