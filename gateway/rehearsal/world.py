"""The imaginary world of the rehearsal: its domains, how their servers behave, and what its people do.

In: an address or a domain. Out: frozen values; `habit` and `fate` say what will happen to a mail for an address, so that
the demo can foresee every status and the tests need no luck. Pure; an unknown domain is None; raises and logs nothing.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from enum import StrEnum


class Behaviour(StrEnum):
    """How the server of a domain treats the mails that come."""

    ACCEPT = "accept"
    GREYLIST = "greylist"  # 450 to the first attempt for each recipient
    UNKNOWN = "unknown"  # 550 5.1.1
    FULL = "full"  # 552 5.2.2
    BUSY = "busy"  # 421 to every connection
    SILENT = "silent"  # takes the first mail's dot and never answers
    DROP = "drop"  # keeps the mail and hangs up instead of saying so, once for each
    BOUNCE = "bounce"  # says 250 and reports "no such user" later
    BOUNCE_FULL = "bounce_full"  # says 250 and reports a full mailbox later
    NULL_MX = "null_mx"  # publishes that it takes no mail (RFC 7505)


class Habit(StrEnum):
    """What a person does with a mail that has come."""

    IGNORE = "ignore"
    OPEN = "open"
    CLICK = "click"
    PROXY = "proxy"  # the provider's image proxy fetches the pixel: nobody knows who reads
    SCANNER = "scanner"  # a filter opens every link before delivery, nobody reads
    ONE_CLICK = "one_click"  # unsubscribes by the button of the mail program (RFC 8058)
    STOP = "stop"  # unsubscribes by the mailto of List-Unsubscribe
    COMPLAIN = "complain"  # "this is spam": the provider sends an ARF report


@dataclass(frozen=True, slots=True)
class House:
    """A domain with its mail server; `mx` is empty where the domain's own address takes the mail."""

    domain: str
    behaviour: Behaviour
    ip: str
    mx: str = ""
    starttls: bool = True
    pipelining: bool = True
    banner: str = "ESMTP Postfix"

    @property
    def host(self) -> str:
        """The name of the server."""
        return self.mx or self.domain


OFFICE = "mairie-valfleury.test"  # where the user works: acknowledgements arrive there
USER = f"agnes.martin@{OFFICE}"
GATEWAY = "envoi.valfleury.test"
MISSING = "domaine-disparu.test"  # not in the DNS at all
GATEWAY_IP = "127.0.0.1"

_B = Behaviour
HOUSES = (
    House(OFFICE, _B.ACCEPT, "127.0.0.11", f"courrier.{OFFICE}"),
    House("boulangerie-durand.test", _B.ACCEPT, "127.0.0.12", "mx1.boulangerie-durand.test", pipelining=False),
    House("ecole-des-tilleuls.test", _B.GREYLIST, "127.0.0.13", "mx.ecole-des-tilleuls.test"),
    House("lycee-horizon.test", _B.ACCEPT, "127.0.0.14", "mx.lycee-horizon.test", banner="ESMTP Exim 4.96"),
    House("garage-lefort.test", _B.UNKNOWN, "127.0.0.15", "mail.garage-lefort.test"),
    House("notaires-associes.test", _B.FULL, "127.0.0.16", "mx.notaires-associes.test", pipelining=False),
    House("transports-morel.test", _B.BUSY, "127.0.0.17", "mx.transports-morel.test"),
    House("pharmacie-centrale.test", _B.SILENT, "127.0.0.18", "mx.pharmacie-centrale.test"),
    House("cabinet-dubois.test", _B.DROP, "127.0.0.19", "mx.cabinet-dubois.test", starttls=False),
    House("assurances-loire.test", _B.BOUNCE, "127.0.0.20", "mx.assurances-loire.test", banner="Microsoft ESMTP MAIL"),
    House("club-randonnee.test", _B.BOUNCE_FULL, "127.0.0.21", "mx.club-randonnee.test"),
    House("atelier-bois.test", _B.ACCEPT, "127.0.0.22", "", starttls=False, pipelining=False, banner="ESMTP"),
    House("cooperative-verte.test", _B.ACCEPT, "127.0.0.23", "mx.cooperative-verte.test"),
    House("sans-courriel.test", _B.NULL_MX, ""),
)
_BY_DOMAIN = {house.domain: house for house in HOUSES}

# people of whom the demo tells a story; everybody else follows the shares below
SPECIAL = {
    "paul.roussel@boulangerie-durand.test": Habit.ONE_CLICK,
    "claire.fontaine@lycee-horizon.test": Habit.STOP,
    "marc.girard@cooperative-verte.test": Habit.COMPLAIN,
}
_SHARES = ((14, Habit.CLICK), (40, Habit.OPEN), (46, Habit.PROXY), (52, Habit.SCANNER))  # of 100, cumulated
_NEVER_READ = {Behaviour.BOUNCE, Behaviour.BOUNCE_FULL}


def house_of(domain: str) -> House | None:
    """Return the house of a domain, None when the world has none."""
    return _BY_DOMAIN.get(domain.lower())


def habit(address: str) -> Habit:
    """Return what the person at this address does with a mail that came: the same every time."""
    address = address.lower()
    if address in SPECIAL:
        return SPECIAL[address]
    house = house_of(address.rpartition("@")[2])
    if house is None or house.behaviour in _NEVER_READ:
        return Habit.IGNORE
    draw = zlib.crc32(address.encode()) % 100
    return next((habit for share, habit in _SHARES if draw < share), Habit.IGNORE)


_ATTEMPT = {
    Behaviour.UNKNOWN: "cancelled",
    Behaviour.FULL: "cancelled",
    Behaviour.BUSY: "cancelled",  # given up after the setting's time
    Behaviour.BOUNCE: "cancelled",
    Behaviour.BOUNCE_FULL: "error",
}
_PERSON = {
    Habit.OPEN: "opened",
    Habit.CLICK: "clicked",
    Habit.ONE_CLICK: "unsubscribed",
    Habit.STOP: "unsubscribed",
    Habit.COMPLAIN: "complained",
}


def fate(address: str) -> str:
    """Return the status in which a fully tracked mail to this address ends (SPEC 7)."""
    house = house_of(address.rpartition("@")[2])
    if house is None:
        return "cancelled"
    return _ATTEMPT.get(house.behaviour) or _PERSON.get(habit(address), "delivered")
