"""Which mails of the spool are seen, whatever else lies there."""

import asyncio
from pathlib import Path
from typing import Any, cast

import pytest

from gateway.intake.desk import Desk
from gateway.intake.dispatch import Dispatch
from store.spool import Envelope, Spool


class Room:
    """As much of a desk as looking at the spool needs."""

    def __init__(self, spool: Spool) -> None:
        self.spool = spool


def waiting(spool: Spool, kind: str, number: int) -> str:
    ref = f"{number:020d}-{kind}"
    put = spool.put(Envelope(kind, "", (), "192.0.2.1", "mx", 1), b"x")
    spool.path(put).rename(spool.path(ref))
    return ref


@pytest.fixture
def dispatch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Dispatch:
    monkeypatch.setattr("os.fsync", lambda _: None)  # the disk is not what is tested here
    return Dispatch(cast(Desk, cast(Any, Room(Spool(tmp_path)))))


async def test_a_flood_of_reports_hides_no_campaign(dispatch: Dispatch) -> None:
    spool = dispatch._desk.spool
    flood = [waiting(spool, "fbl", number) for number in range(700)]
    campaign = waiting(spool, "campaign", 900)
    stop = asyncio.Event()
    looking = asyncio.create_task(dispatch._look(stop))
    async with asyncio.timeout(60):
        assert await dispatch._campaigns.get() == campaign
        assert [await dispatch._returns.get() for _ in range(200)] == flood[:200]
        dispatch.wake()
        assert [await dispatch._returns.get() for _ in range(200)] == flood[200:400]
        stop.set()
        await looking
    assert campaign not in dispatch._kinds


async def test_what_is_no_mail_is_set_aside(dispatch: Dispatch) -> None:
    spool = dispatch._desk.spool
    good = waiting(spool, "bounce", 5)
    (spool.folder / "new" / "note.txt").write_text("moved back by hand with the mail that it was about\n")
    (spool.folder / "new" / "empty").touch()
    (spool.folder / "new" / "folder").mkdir()
    assert dispatch._new() == [(good, "bounce")]
    assert spool.pending() == [good]
    assert {"note.txt", "empty", "folder"} <= {path.name for path in (spool.folder / "shunt").iterdir()}
