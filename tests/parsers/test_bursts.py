"""What programs and people are known to do with a mail, replayed; and what holds for any hits."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parsers.bursts import BURST, HIDDEN, MANY, PIXEL, Seen, together
from parsers.hits import PERSON, Verdict, asked, judge

STORIES = tomllib.loads((Path(__file__).parents[1] / "corpus/hits/stories.toml").read_text("utf-8"))


def seen(hit: list[Any]) -> Seen:
    second, what, who, how, _ = hit
    method, *headers = how.split(" ")
    agent = STORIES["agents"][who]
    said = {"user-agent": agent} | dict(one.split("=", 1) for one in headers)
    link = {"open": PIXEL, "hidden": HIDDEN}.get(what, what)
    return Seen(round(second * 1000), link, agent, judge(asked(method, said)))


def told(verdict: Verdict) -> str:
    if not verdict.machine:
        return "human"
    return f"{'machine' if verdict.sure else 'unsure'}: {verdict.reason}"


@pytest.mark.parametrize("story", STORIES["story"], ids=lambda story: story["title"])
def test_a_story_is_understood(story: dict[str, Any]) -> None:
    accepted = story.get("accepted")
    verdicts = together([seen(hit) for hit in story["hits"]], None if accepted is None else accepted * 1000)
    assert [told(one) for one in verdicts] == [hit[4] for hit in story["hits"]]


hits = st.builds(
    Seen,
    st.integers(0, 40_000),
    st.sampled_from([PIXEL, 0, 1, 2, 3, HIDDEN]),
    st.sampled_from(["a", "b"]),
    st.sampled_from([PERSON, Verdict(True, "head"), Verdict(True, "proxy", sure=False)]),
)


@given(st.lists(hits, max_size=12), st.one_of(st.none(), st.integers(0, 40_000)))
def test_the_order_in_which_hits_are_told_does_not_matter(some: list[Seen], accepted: int | None) -> None:
    forth = together(some, accepted)
    back = together(some[::-1], accepted)[::-1]
    assert forth == back and len(forth) == len(some)


@given(st.lists(hits, max_size=12))
def test_bursts_are_what_looking_at_every_window_finds(some: list[Seen]) -> None:
    verdicts = together(some, None)
    for hit, verdict in zip(some, verdicts, strict=True):
        if hit.alone.machine and hit.alone.sure:
            assert verdict == hit.alone
        elif verdict.reason == "burst" and hit.link != PIXEL:
            near = {one.link for one in some if abs(one.at - hit.at) <= BURST and one.link != PIXEL}
            assert len(near) >= MANY
        elif not verdict.machine and hit.link != PIXEL:
            for start in {one.at for one in some if hit.at - BURST <= one.at <= hit.at}:
                inside = {one.link for one in some if start <= one.at <= start + BURST and one.link != PIXEL}
                assert len(inside) < MANY or not start <= hit.at <= start + BURST
