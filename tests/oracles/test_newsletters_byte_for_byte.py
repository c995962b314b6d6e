"""Real newsletters become mails that are the same byte for byte, but for links and what stands at the end of the body."""

from __future__ import annotations

import re

import pytest
from newsletters import RING, Newsletter, all_of_them, compiled, expected, found, page_of

from parsers.modes import Tracked
from parsers.tokens import Purpose, sign

pytestmark = pytest.mark.slow  # the quick ring has no time for them

NEWSLETTERS = all_of_them()


def addresses(mode: Tracked, newsletter: Newsletter, first: int) -> list[str]:
    """What stands instead of each link."""
    count = len(newsletter.links)
    match mode:
        case Tracked.FULL:
            return [f"https://gw.example/c/{sign(RING, Purpose.CLICK, 42, first + at)}" for at in range(count)]
        case Tracked.NONE:
            finder = found(newsletter.html)
            return [newsletter.html[start:stop] for start, stop in finder.places]
        case _:
            return [f"https://gw.example/l/{sign(RING, Purpose.LINK, 7, first + at)}" for at in range(count)]


@pytest.mark.skipif(not NEWSLETTERS, reason="the shared cases are not here")
@pytest.mark.parametrize("mode", [Tracked.FULL, Tracked.ANONYMOUS, Tracked.HYGIENE, Tracked.NONE])
@pytest.mark.parametrize("newsletter", NEWSLETTERS, ids=[one.name for one in NEWSLETTERS])
def test_only_links_and_the_end_of_the_body_differ(newsletter: Newsletter, mode: Tracked) -> None:
    mail = compiled(newsletter.html)
    assert tuple(found(newsletter.html).targets) == newsletter.links  # the collection's list and our oracle agree
    head, tail = expected(newsletter.html, addresses(mode, newsletter, 0))
    page = page_of(mail, mode)
    assert page.startswith(head)
    assert page.endswith(tail)
    added = page[len(head) : len(page) - len(tail)]
    assert added.startswith('<div style="margin-top:24px') and "https://gw.example/u/" in added
    ours = {Tracked.FULL: "utoc", Tracked.HYGIENE: "uth", Tracked.ANONYMOUS: "ua", Tracked.NONE: "u"}
    assert "".join(re.findall(r"https://gw\.example/(.)/", added)) == ours[mode]


@pytest.mark.skipif(not NEWSLETTERS, reason="the shared cases are not here")
@pytest.mark.parametrize("newsletter", NEWSLETTERS, ids=[one.name for one in NEWSLETTERS])
def test_the_targets_are_those_of_the_list(newsletter: Newsletter) -> None:
    links = compiled(newsletter.html).links
    assert [link.part for link in links] == ["html"] * len(newsletter.links)
    assert [link.target for link in links] == [re.sub(r"[\n\t]", "", href).strip() for href in newsletter.links]
