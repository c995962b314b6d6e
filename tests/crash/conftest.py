"""One gateway for the tests of a test process that need none of their own: each finds it running, with nothing under way."""

from __future__ import annotations

from collections.abc import Generator, Iterator

import pytest
from running import Running, keep_within
from sink import Sink

_FAILED = pytest.StashKey[bool]()
_HOUSE = pytest.StashKey["House"]()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Note which tests fail: what they leave behind is not to harm the next one."""
    report = yield
    if report.failed:
        item.stash[_FAILED] = True
    return report


@pytest.hookimpl(trylast=True)
def pytest_runtest_teardown(item: pytest.Item, nextitem: pytest.Item | None) -> None:
    """End the gateway when other files come next: it would look for work all the time, which takes a tenth of a processor."""
    house, leaving = item.config.stash.get(_HOUSE, None), nextitem is None or nextitem.path.parent != item.path.parent
    if house is not None and leaving:
        house.end()


@pytest.fixture(scope="session", autouse=True)
def _founded(tmp_path_factory: pytest.TempPathFactory) -> None:
    """A test's own folder is removed once it has passed."""
    keep_within(tmp_path_factory.mktemp("founded"))


class House:
    """The gateway that tests share, and where its mails arrive; made anew after a test that failed."""

    def __init__(self, factory: pytest.TempPathFactory) -> None:
        self._factory = factory
        self.sink: Sink | None = None
        self.gateway: Running | None = None

    def ready(self) -> tuple[Running, Sink]:
        """Both, running; the sink is empty."""
        if self.sink is None or self.gateway is None:
            self.sink = Sink()
            self.sink.__enter__()
            self.gateway = Running(self._factory.mktemp("house") / "gateway", self.sink.port)
        if self.gateway.running:
            self.gateway.ready()  # the last test may have killed a part of it
        else:
            self.gateway.start()
        self.sink.mails.clear()
        return self.gateway, self.sink

    def end(self) -> None:
        """End both; nobody minds how."""
        if self.gateway is not None and self.gateway.running:
            self.gateway.kill_all()
        if self.sink is not None:
            self.sink.stop()
        self.gateway = self.sink = None


@pytest.fixture(scope="session")
def house(tmp_path_factory: pytest.TempPathFactory, pytestconfig: pytest.Config) -> Iterator[House]:
    made = pytestconfig.stash[_HOUSE] = House(tmp_path_factory)
    yield made
    made.end()


@pytest.fixture
def gateway(house: House, request: pytest.FixtureRequest) -> Iterator[Running]:
    """The shared gateway."""
    yield house.ready()[0]
    if request.node.stash.get(_FAILED, False):
        house.end()


@pytest.fixture
def shared_sink(house: House, gateway: Running) -> Sink:
    """Where the shared gateway's mails arrive, empty."""
    assert house.sink is not None and house.gateway is gateway
    return house.sink
