"""Runs tests side by side in forks of one process that has imported and collected everything once: `--forks 2`.

Processes that each import and collect anew cost as much as a thousand of the quick tests. Here the test files stand as
numbers in a pipe, from which each fork takes the next; what becomes of the tests comes back as pytest's own reports. A test
that takes its fork along is a failed test, and so is a run some of whose tests nobody finished.
"""

from __future__ import annotations

import os
import traceback
from collections.abc import Iterator
from itertools import chain, groupby, pairwise
from multiprocessing.connection import Connection, Pipe, wait
from typing import Any

import pytest

NUMBER = 4  # bytes
Place = tuple[str, int | None, str]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--forks", type=int, default=0, help="run the tests in so many forks of this process")


class Telling:
    """In a fork: tells the parent which test begins, and what became of the one before."""

    def __init__(self, config: pytest.Config, to: Connection) -> None:
        self.config, self.to = config, to
        self.heard: list[tuple[str, dict[str, Any]]] = []

    def pytest_runtest_logstart(self, nodeid: str, location: Place) -> None:
        self.to.send([*self.heard, ("pytest_runtest_logstart", {"nodeid": nodeid, "location": location})])
        self.heard.clear()

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        data = self.config.hook.pytest_report_to_serializable(config=self.config, report=report)
        self.heard.append(("pytest_runtest_logreport", {"report": data}))

    def pytest_runtest_logfinish(self, nodeid: str, location: Place) -> None:
        self.heard.append(("pytest_runtest_logfinish", {"nodeid": nodeid, "location": location}))

    def pytest_warning_recorded(self, warning_message: Any, when: str, nodeid: str, location: Any) -> None:
        said = {"warning_message": warning_message, "when": when, "nodeid": nodeid, "location": location}
        self.heard.append(("pytest_warning_recorded", said))

    def end(self, error: str) -> None:
        """Tell what is not told yet, and what went wrong beside the tests."""
        last = [("pytest_internalerror", {"excrepr": error, "excinfo": None})] if error else []
        self.to.send([*self.heard, *last])


class Hearing:
    """In the parent: passes on what a fork tells; knows the test that the fork is at, and counts those it has finished."""

    def __init__(self, config: pytest.Config, fork: int) -> None:
        self.config, self.fork = config, fork
        self.at: tuple[str, Place] | None = None
        self.finished = 0

    def hear(self, hook: str, said: dict[str, Any]) -> None:
        if hook == "pytest_runtest_logreport":
            said["report"] = self.config.hook.pytest_report_from_serializable(config=self.config, data=said["report"])
        elif hook == "pytest_runtest_logstart":
            self.at = said["nodeid"], said["location"]
        elif hook == "pytest_runtest_logfinish":
            self.at, self.finished = None, self.finished + 1
        caller = getattr(self.config.hook, hook)
        caller.call_historic(kwargs=said) if caller.is_historic() else caller(**said)

    def ended(self) -> None:
        """The fork says no more: the test that it was at has failed."""
        os.waitpid(self.fork, 0)
        if self.at:
            died = pytest.TestReport(*self.at, {}, "failed", "its process ended in the midst of it", "call")
            self.config.hook.pytest_runtest_logreport(report=died)


def _run(session: pytest.Session, items: Iterator[pytest.Item]) -> str:
    """Run the tests; returns what went wrong beside them."""
    try:
        for item, following in pairwise(chain(items, [None])):
            if item and not (session.shouldfail or session.shouldstop):
                session.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
        session._setupstate.teardown_exact(None)
    except BaseException:
        return traceback.format_exc()
    return ""


def _prepare(config: Any, number: int, telling: Telling) -> None:
    """What a fork must not share with its parent: terminal, captured output, temporary folders."""
    config.pluginmanager.unregister(name="terminalreporter")
    config.pluginmanager.register(telling)
    capture = config.pluginmanager.getplugin("capturemanager")
    capture.stop_global_capturing()
    capture.start_global_capturing()
    folder = config._tmp_path_factory.getbasetemp() / f"fork{number}"
    folder.mkdir(0o700)
    config._tmp_path_factory._basetemp = folder


def _fork(session: pytest.Session, number: int, items: Iterator[pytest.Item]) -> tuple[Connection, Hearing]:
    """Start a process that runs the tests it takes; returns the end where it is heard."""
    hears, tells = Pipe(duplex=False)
    if fork := os.fork():
        tells.close()
        return hears, Hearing(session.config, fork)
    try:  # never back into the code of the parent
        telling = Telling(session.config, tells)
        _prepare(session.config, number, telling)
        telling.end(_run(session, items))
    finally:
        os._exit(0)


def pytest_runtestloop(session: pytest.Session) -> bool | None:
    """Let forks take the collected files one after the other, and tell what they find."""
    config: Any = session.config
    if not config.option.forks or config.option.collectonly or session.testsfailed:
        return None
    files = [list(items) for _, items in groupby(session.items, lambda item: item.path)]
    queue, fill = os.pipe()
    os.write(fill, b"".join(number.to_bytes(NUMBER, "big") for number in range(len(files))))  # a pipe holds 16,000
    os.close(fill)
    taken = (
        item for number in iter(lambda: os.read(queue, NUMBER), b"") for item in files[int.from_bytes(number, "big")]
    )
    config._tmp_path_factory.getbasetemp()
    heard = dict(_fork(session, number, taken) for number in range(config.option.forks))
    while listening := [connection for connection in heard if not connection.closed]:
        for connection in wait(listening):
            assert isinstance(connection, Connection)
            try:
                for hook, said in connection.recv():
                    heard[connection].hear(hook, said)
            except EOFError:
                heard[connection].ended()
                connection.close()
        if session.shouldfail:
            os.read(queue, NUMBER * len(files))  # nobody begins another file
    os.close(queue)
    if session.shouldfail:
        raise session.Failed(session.shouldfail)
    if left := len(session.items) - sum(hearing.finished for hearing in heard.values()):
        config.pluginmanager.getplugin("terminalreporter").write_line(
            f"\n{left} tests were not run to their end", red=True
        )
        raise session.Failed
    return True
