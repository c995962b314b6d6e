"""Where mail for a domain goes: routes before DNS, one site for one MX set, and next hosts on trouble."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from mail.resolver import Resolver
from mta.session import Failed, weigh
from mta.sites import Atlas, Site
from mta.values import Answered, Contact, Unanswered, Undeliverable
from parsers.classify import ReplyClass
from parsers.replies import Stage, make
from tests.mta.conftest import Lane, Server


@pytest.fixture
async def atlas() -> AsyncIterator[Atlas]:
    resolver = Resolver(["127.0.0.1:1"], timeout=0.2)
    routes = {
        "*.in.test": "127.0.0.1:2525",
        "xn--caf-dma.test": "[::1]:26",
        "b?.test": "relay.test:587",
        "*": "localhost:27",
    }
    yield Atlas(resolver, routes, 25)
    await resolver.close()


async def test_routes_are_shell_patterns_in_order(atlas: Atlas) -> None:
    for domain, host, port in [
        ("a.in.test", "127.0.0.1", 2525),
        ("A.IN.TEST", "127.0.0.1", 2525),
        ("café.test", "::1", 26),
        ("b1.test", "relay.test", 587),
        ("in.test", "localhost", 27),
    ]:
        assert await atlas.locate(domain) == Site(((0, host),), port, routed=True)


async def test_route_host_may_be_a_name_of_the_system(atlas: Atlas) -> None:
    targets = await atlas.targets(Site(((0, "localhost"),), 27, routed=True))
    assert isinstance(targets, list) and "127.0.0.1" in [target.ip for target in targets]


async def test_dns_trouble_is_no_answer() -> None:
    resolver = Resolver(["127.0.0.1:1"], timeout=0.2)
    outcome = await Atlas(resolver, {}, 25).locate("dest.test")
    assert isinstance(outcome, Unanswered) and outcome.stage is Stage.DNS
    await resolver.close()


async def test_next_host_when_the_first_does_not_answer(server: Server, lane: Callable[..., Awaitable[Lane]]) -> None:
    made = await lane()
    site = Site(((10, "127.0.0.3"), (20, "127.0.0.1")), server.port, routed=True)  # nobody listens on the first
    made.site = site
    made.send("a@dest.test")
    await made.wait(1)
    assert made.contacts["a@dest.test"].ip == "127.0.0.1"


async def test_silent_site_holds_nobody_else(server: Server, lane: Callable[..., Awaitable[Lane]]) -> None:
    made = await lane(in_flight=20)
    mute = Server(dot="silent")
    listening = await asyncio.start_server(mute.serve, "127.0.0.1", 0)
    mute.port = listening.sockets[0].getsockname()[1]
    good = made.site
    made.site = Site(((0, "127.0.0.1"),), mute.port, routed=True)
    made.send(*[f"mute{n}@mute.test" for n in range(50)])
    made.site = good
    made.send(*[f"p{n}@dest.test" for n in range(200)])
    async with asyncio.timeout(60):
        while sum(name.startswith("p") for name in made.outcomes) < 200:
            made.changed.clear()
            await made.changed.wait()
    assert len(mute.received) <= 5
    mute.over.set()
    listening.close()


def test_the_failure_that_speaks_for_a_site() -> None:
    where = Contact("mx", "192.0.2.1")
    hard = Failed(Answered(make(554, "no"), Stage.BANNER), where)
    soft = Failed(Answered(make(421, "busy"), Stage.BANNER), where)
    silent = Failed(Unanswered(Stage.CONNECT, "timeout"), where)
    assert weigh([hard, hard]) is hard
    assert weigh([hard, silent]) is silent
    assert weigh([silent, hard, soft]) is soft


def test_undeliverable_values_are_words() -> None:
    assert Undeliverable(ReplyClass.NO_MAIL, "null MX").reply_class == "no_mail"
