"""Campaigns take turns in a line; urgent ones go first; what came back goes first of its own."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from mta.queues import Queue, parcel_of
from mta.values import Letter, Parcel
from tests.mta.conftest import parcel


def mails(campaign: int, count: int, urgent: bool = False) -> list[Parcel]:
    return [replace(parcel(f"c{campaign}n{n}@dest.test", campaign=campaign), urgent=urgent) for n in range(count)]


def names(queue: Queue, count: int) -> list[str]:
    return [parcel_of(queue.pop()).recipient.partition("@")[0] for _ in range(count)]


def test_a_small_campaign_is_not_behind_a_large_one() -> None:
    queue = Queue(mails(1, 100))
    names(queue, 2)
    queue.extend(mails(2, 2))
    assert names(queue, 6) == ["c1n2", "c2n0", "c1n3", "c2n1", "c1n4", "c1n5"]


def test_a_turn_is_of_as_many_as_are_asked_for() -> None:
    queue = Queue([*mails(1, 7), *mails(2, 2), *mails(3, 9)])
    order = [parcel_of(queue.pop(4)).job.campaign_id for _ in range(len(queue))]
    assert order == [1] * 4 + [2] * 2 + [3] * 4 + [1] * 3 + [3] * 5


def test_urgent_mails_overtake() -> None:
    queue = Queue(mails(1, 3))
    queue.extend(mails(2, 2, urgent=True))
    assert names(queue, 5) == ["c2n0", "c2n1", "c1n0", "c1n1", "c1n2"]
    assert not queue


def test_what_came_back_is_the_next_of_its_campaign() -> None:
    queue = Queue(mails(1, 3))
    first = queue.pop()
    assert isinstance(first, Parcel)
    queue.put_back(Letter(first, (b"x",), 1))
    assert names(queue, 2) == ["c1n0", "c1n1"]


def test_withdrawn_mails_leave_the_line() -> None:
    queue = Queue([*mails(1, 3), *mails(2, 3)])
    gone = queue.drop(lambda one: one.job.campaign_id == 1)
    assert len(gone) == 3 and len(queue) == 3
    assert names(queue, 3) == ["c2n0", "c2n1", "c2n2"]


def test_the_surplus_is_that_of_the_longest_campaign() -> None:
    queue = Queue([*mails(1, 50), *mails(2, 3)])
    gone = queue.cut(10)
    assert [one.job.campaign_id for one in gone] == [1] * 43
    assert len(queue) == 10 and names(queue, 4) == ["c1n0", "c2n0", "c1n1", "c2n1"]


def test_urgent_mails_are_no_surplus_while_there_are_others() -> None:
    queue = Queue([*mails(1, 5), *mails(2, 20, urgent=True)])
    assert [one.job.campaign_id for one in queue.cut(22)] == [1] * 3
    assert sorted(one.job.campaign_id for one in queue.cut(15)) == [1] * 2 + [2] * 5
    assert names(queue, 15) == [f"c2n{n}" for n in range(15)]


@given(st.lists(st.sampled_from(["a", "b", "c", "pop", "cut", "drop"]), max_size=80))
def test_every_mail_comes_out_once(steps: list[str]) -> None:
    queue, inside, serial = Queue(), 0, 0
    for step in steps:
        if step in "abc":
            serial += 1
            queue.extend([replace(parcel(f"{serial}@x.test", campaign=ord(step)), urgent=step == "a")])
            inside += 1
        elif step == "pop" and queue:
            queue.pop()
            inside -= 1
        elif step == "cut":
            inside -= len(queue.cut(max(0, inside // 2)))
        elif step == "drop":
            inside -= len(queue.drop(lambda one: one.job.campaign_id == ord("b")))
        assert len(queue) == inside == len(list(queue)) and bool(queue) == bool(inside)
    assert len({id(queue.pop()) for _ in range(inside)}) == inside and not queue
