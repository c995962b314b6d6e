"""Twelve imaginary providers: their limits and manners, which servers on loopback keep (scripts/twelve_providers.py).

In: nothing. Out: the twelve, the shares of the recipients that they have, the file that an operator would write of
them. Pure.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field


@dataclass
class Provider:
    """A provider's limits (0: none), and its manners."""

    key: str
    share: int
    connections: int = 0
    messages: int = 0
    per_hour: int = 0
    delay: float = 0.0  # seconds before each answer to a mail
    greylists: bool = False
    unknown: int = 0  # of a hundred recipients
    full: int = 0  # of a hundred, the first time
    blocks_at: int = 0  # after so many mails it refuses us for `blocks` seconds
    blocks: float = 20.0
    busy: int = 0  # each so many connections get 421
    pipelining: bool = True
    ip: str = ""
    counts: Counter[str] = field(default_factory=Counter)
    times: list[float] = field(default_factory=list)
    open: int = 0
    blocked_until: float = 0.0
    seen: set[str] = field(default_factory=set)

    @property
    def manners(self) -> str:
        """In words."""
        told = [
            f"{self.connections} connections" * bool(self.connections),
            f"{self.messages} mails a connection" * bool(self.messages),
            f"{self.per_hour} mails/h" * bool(self.per_hour),
            f"answers after {self.delay} s" * bool(self.delay),
            "greylists" * self.greylists,
            f"{self.unknown} % unknown" * bool(self.unknown),
            f"{self.full} % full at first" * bool(self.full),
            f"blocks for {self.blocks:.0f} s after {self.blocks_at}" * bool(self.blocks_at),
            f"421 to every {self.busy}th connection" * bool(self.busy),
            "no PIPELINING" * (not self.pipelining),
        ]
        return ", ".join(part for part in told if part) or "takes everything"


def cast() -> list[Provider]:
    """The twelve."""
    return [
        Provider("libre", 8),
        Provider("deux", 4, connections=2, messages=20),
        Provider("cent", 4, messages=100),
        Provider("debit", 2, per_hour=36_000),
        Provider("gris", 3, greylists=True),
        Provider("bloque", 3, blocks_at=300),
        Provider("lent", 1, connections=4, delay=0.25),
        Provider("occupe", 2, busy=4),
        Provider("inconnus", 3, unknown=10),
        Provider("pleins", 2, full=20),
        Provider("ancien", 4, pipelining=False),
        Provider("quota", 4, per_hour=54_000),
    ]


def providers_file(some: list[Provider]) -> str:
    """What an operator would write of them."""
    told = []
    for one in some:
        told.append(f"[provider.{one.key}]\nname = '{one.key}'\nmx = ['^mx\\.{one.key}\\.test$']\nsource = 'imaginary'")
        told += [
            f"{name} = {value}"
            for name, value in (
                ("connections", one.connections),
                ("messages", one.messages),
                ("per_hour", one.per_hour),
            )
            if value
        ]
        told.append("retry = '20s*'")
        if one.blocks_at:
            told.append(
                f"[[provider.{one.key}.rule]]\nid = 'blocked'\npattern = 'blocked for now'\nclass = 'reputation'\n"
                f"action = 'pause_site {one.blocks:.0f}s'\ntext = 'blocked'\nsource = 'imaginary'\n"
                "example = '554 5.7.1 your address is blocked for now'"
            )
    return "\n".join(told) + "\n"


SHARES = [number for number, one in enumerate(cast()) for _ in range(one.share)]  # one domain each, in turn
