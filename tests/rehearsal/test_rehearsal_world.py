"""The imaginary world is consistent with itself, and its people look like people."""

from __future__ import annotations

import ipaddress

import pytest

from gateway.rehearsal.web import AGENTS, FILTER, IMAGE_PROXY
from gateway.rehearsal.world import HOUSES, MISSING, SPECIAL, USER, Behaviour, Habit, fate, habit, house_of
from parsers.hits import Asked, judge


def test_a_dozen_domains_show_every_behaviour() -> None:
    assert len(HOUSES) >= 12
    assert {house.behaviour for house in HOUSES} == set(Behaviour)
    assert {house.pipelining for house in HOUSES} == {house.starttls for house in HOUSES} == {True, False}


def test_every_server_has_its_own_loopback_address() -> None:
    addresses = [house.ip for house in HOUSES if house.ip]
    assert len(set(addresses)) == len(addresses)
    assert all(ipaddress.ip_address(address).is_loopback for address in addresses)


def test_special_people_live_where_mail_is_read() -> None:
    for address in SPECIAL:
        house = house_of(address.rpartition("@")[2])
        assert house is not None
        assert house.behaviour is Behaviour.ACCEPT
    assert set(SPECIAL.values()) == {Habit.ONE_CLICK, Habit.STOP, Habit.COMPLAIN}
    assert house_of(USER.rpartition("@")[2]) is not None
    assert house_of(MISSING) is None


@pytest.mark.parametrize("agent", AGENTS)
def test_agents_of_people_are_taken_for_people(agent: str) -> None:
    assert not judge(Asked("GET", agent)).machine


def test_machines_are_taken_for_machines() -> None:
    assert judge(Asked("GET", IMAGE_PROXY)).reason == "proxy"
    assert judge(Asked("GET", FILTER)).machine


def test_habits_are_the_same_every_time_and_spread() -> None:
    people = [f"personne{n}@lycee-horizon.test" for n in range(500)]
    habits = [habit(address) for address in people]
    assert habits == [habit(address.upper()) for address in people]
    shares = {each: habits.count(each) / 500 for each in (Habit.CLICK, Habit.OPEN, Habit.PROXY, Habit.SCANNER)}
    assert 0.09 < shares[Habit.CLICK] < 0.19
    assert 0.20 < shares[Habit.OPEN] < 0.33
    assert min(shares.values()) > 0.01


@pytest.mark.parametrize(
    ("address", "status"),
    [
        ("qui@garage-lefort.test", "cancelled"),
        ("qui@notaires-associes.test", "cancelled"),
        ("qui@transports-morel.test", "cancelled"),
        ("qui@assurances-loire.test", "cancelled"),
        ("qui@club-randonnee.test", "error"),
        (f"qui@{MISSING}", "cancelled"),
        ("paul.roussel@boulangerie-durand.test", "unsubscribed"),
        ("claire.fontaine@lycee-horizon.test", "unsubscribed"),
        ("marc.girard@cooperative-verte.test", "complained"),
    ],
)
def test_fates_are_foreseen(address: str, status: str) -> None:
    assert fate(address) == status
