"""The file of a backup: whole or not there, and nothing is believed that was changed."""

from __future__ import annotations

import gzip
import io
import tarfile
from pathlib import Path

import pytest

from gateway.backup import archive
from gateway.backup.archive import ArchiveError


def made(folder: Path) -> Path:
    (folder / "a").write_bytes(b"first" * 100_000)
    (folder / "b").write_bytes(b"")
    with archive.writing(folder / "x.tar.gz") as out:
        out.add(folder / "a", "data/a")
        out.add(folder / "b", "data/deep/b")
        out.add(folder / "gone", "data/gone")
        out.end({"domain": "m.test"})
    return folder / "x.tar.gz"


def test_what_goes_in_comes_out(tmp_path: Path) -> None:
    path = made(tmp_path)
    assert path.stat().st_mode & 0o777 == 0o600
    manifest = archive.unpack(path, tmp_path / "out")
    assert sorted(manifest["files"]) == ["data/a", "data/deep/b"]
    assert (tmp_path / "out/data/a").read_bytes() == b"first" * 100_000
    assert (tmp_path / "out/data/deep/b").stat().st_mode & 0o777 == 0o600


def test_a_backup_that_fails_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError), archive.writing(tmp_path / "x.tar.gz") as out:
        out.add(Path(__file__), "data/a")
        raise RuntimeError
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_grows_while_it_is_read_is_cut_at_its_size(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"x" * 10)
    with (tmp_path / "a").open("rb") as source, (tmp_path / "a").open("ab") as more:
        counted = archive._Counted(source, 10)
        more.write(b"y")
        more.flush()
        assert counted.read(100) + counted.read(100) == b"x" * 10


@pytest.mark.parametrize("share", [0.0, 0.3, 0.9, 0.95])
def test_a_backup_that_was_cut_off_is_none(tmp_path: Path, share: float) -> None:
    whole = made(tmp_path).read_bytes()
    (tmp_path / "cut").write_bytes(whole[: int(len(whole) * share)])
    with pytest.raises(ArchiveError):
        archive.check(tmp_path / "cut")


def test_a_changed_byte_is_found(tmp_path: Path) -> None:
    plain = bytearray(gzip.decompress(made(tmp_path).read_bytes()))
    plain[plain.index(b"first")] ^= 1
    (tmp_path / "changed").write_bytes(gzip.compress(bytes(plain)))
    with pytest.raises(ArchiveError, match="damaged"):
        archive.check(tmp_path / "changed")


@pytest.mark.parametrize("name", ["../up", "/abs", "data/../../up"])
def test_a_member_leads_nowhere_else(tmp_path: Path, name: str) -> None:
    with tarfile.open(tmp_path / "evil", "w:gz") as tar:
        info = tarfile.TarInfo(name)
        info.size = 1
        tar.addfile(info, io.BytesIO(b"x"))
    with pytest.raises(ArchiveError, match="no backup of ours"):
        archive.unpack(tmp_path / "evil", tmp_path / "out")
    assert not (tmp_path / "up").exists()


def test_a_link_is_no_member(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "evil", "w:gz") as tar:
        info = tarfile.TarInfo("data/link")
        info.type, info.linkname = tarfile.SYMTYPE, "/etc/passwd"
        tar.addfile(info)
    with pytest.raises(ArchiveError, match="no backup of ours"):
        archive.unpack(tmp_path / "evil", tmp_path / "out")


def test_the_part_of_a_writer_that_was_killed_is_removed_and_that_of_one_at_work_is_not(tmp_path: Path) -> None:
    (tmp_path / f"{archive.PART}1").write_bytes(b"left")
    with archive.writing(tmp_path / "one.tar.gz") as out:
        assert not (tmp_path / f"{archive.PART}1").exists()
        archive._sweep(tmp_path)  # another backup begins
        out.end({})
    assert archive.check(tmp_path / "one.tar.gz")["files"] == {}
