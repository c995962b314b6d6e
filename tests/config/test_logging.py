"""The log's lines: JSON, closed vocabulary, nothing secret."""

from __future__ import annotations

import errno
import io
import json
import logging as standard
from collections.abc import Iterator

import pytest

from config import logging as house


@pytest.fixture(autouse=True)
def _root_as_it_was() -> Iterator[None]:
    root = standard.getLogger()
    handlers, level, process = root.handlers[:], root.level, house._process
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    house._process = process


def test_a_line_is_one_json_object(capsys: pytest.CaptureFixture[str]) -> None:
    house.log("campaign_created", campaign=3, lines=12, state="sending", account=None)
    line = json.loads(capsys.readouterr().err)
    assert line["event"] == "campaign_created"
    assert (line["level"], line["campaign"], line["lines"], line["state"]) == ("info", 3, 12, "sending")
    assert "account" not in line
    assert line["at"].endswith("Z")


@pytest.mark.parametrize(("event", "fields"), [("no_such_event", {}), ("started", {"password": "x"})])
def test_a_word_outside_the_vocabulary_is_refused(event: str, fields: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="vocabulary"):
        house.log(event, **fields)


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("GET /r/AbCdEfGhIjKlMnOpQrStUvWx-_123 404", "GET /r/… 404"),
        ("RCPT TO:<bounce+abcdefghij234567@m.test>", "RCPT TO:<bounce+…@m.test>"),
        ("token abcdefghijklmnopqrstuvwxyz2345 end", "token … end"),
        ("550 5.1.1 unknown user", "550 5.1.1 unknown user"),
        ("CN=abcdefghijklmnopqrstuvwxyz23456789", "CN=abcdefghijklmnopqrstuvwxyz23456789"),
        ("key m2c_abcdefghijkm_" + "z" * 48 + " was sent", "key m2c_abcdefghijkm_… was sent"),
    ],
)
def test_tokens_are_cut_out(text: str, clean: str) -> None:
    assert house.scrub(text) == clean


def test_a_traceback_is_scrubbed_and_on_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    try:
        raise RuntimeError("stop+abcdefghijklmnop\nsecond line")
    except RuntimeError as error:
        house.log("failed", what="intake", error=error)
    err = capsys.readouterr().err
    assert err.count("\n") == 1
    assert "abcdefghijklmnop" not in err
    assert "RuntimeError: stop+…" in json.loads(err)["error"]


def test_what_libraries_say_becomes_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    house.setup("web")
    standard.getLogger("uvicorn.error").info("not shown")
    standard.getLogger("uvicorn.error").warning("odd request /o/%s.gif", "a" * 30)
    line = json.loads(capsys.readouterr().err)
    assert (line["process"], line["event"], line["logger"]) == ("web", "library", "uvicorn.error")
    assert line["message"] == "odd request /o/….gif"


class _NoRoom(io.StringIO):
    def write(self, _text: str) -> int:
        raise OSError(errno.ENOSPC, "no space left on device")


def test_a_log_that_cannot_be_written_ends_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stderr", _NoRoom())
    house.log("stopped", code=0)
