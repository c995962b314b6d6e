"""The listening sockets of a gateway: opened once by the supervisor, handed to the children and over a restart.

In: `host:port` places. Out: open sockets, by place. While a child is started anew, or the whole program is, whoever connects
waits in the socket's queue instead of being refused. A child finds its sockets by `inherited`; one that was started by hand
finds none and opens its own. Raises OSError with the place when an address cannot be had.
"""

from __future__ import annotations

import errno
import json
import os
import socket
import time
from collections.abc import Iterable

from config.settings import Settings, split_hostport

VARIABLE = "M2C_SOCKETS"
BACKLOG = 1024
_PATIENCE = 5.0  # seconds for whoever listened there before us to end


def places(settings: Settings, command: str) -> list[str]:
    """Where the child of that command listens."""
    smtp = settings.smtp
    if command == "_receive":
        return [*smtp.mx_listen, *smtp.submission_listen, *smtp.submissions_listen]
    return [one for one in (settings.web.listen, settings.web.https_listen) if one] if command == "_web" else []


def every(settings: Settings, commands: Iterable[str]) -> list[str]:
    """Where these children listen, and the supervisor itself."""
    own = [settings.metrics.listen] if settings.metrics.listen else []
    return [*own, *(place for command in commands for place in places(settings, command))]


class Sockets:
    """All sockets of one supervisor."""

    def __init__(self) -> None:
        self._open: dict[str, list[socket.socket]] = adopted()

    def want(self, wanted: Iterable[str]) -> None:
        """Open what is missing, then close what is not wanted any more; with an OSError nothing has changed."""
        asked = list(dict.fromkeys(wanted))
        new: dict[str, list[socket.socket]] = {}
        try:
            for place in asked:
                if place not in self._open:
                    new[place] = _listen(place)
        except OSError:
            for opened in new.values():
                _close(opened)
            raise
        self._open |= new
        for place in [one for one in self._open if one not in asked]:
            _close(self._open.pop(place))

    def of(self, place: str) -> list[socket.socket]:
        """The sockets of a place."""
        return self._open.get(place, [])

    def descriptors(self, wanted: Iterable[str]) -> list[int]:
        """The descriptors of some places, for a child."""
        return [one.fileno() for place in wanted for one in self._open.get(place, ())]

    def named(self, wanted: Iterable[str]) -> str:
        """The same as the text that a child (or the program after us) reads from VARIABLE."""
        return json.dumps({place: [one.fileno() for one in self._open.get(place, ())] for place in wanted})

    def hand_over(self) -> str:
        """Keep all of them open over exec; returns what VARIABLE shall hold."""
        for opened in self._open.values():
            for one in opened:
                one.set_inheritable(True)
        return self.named(self._open)

    def close(self) -> None:
        """Close all of them."""
        for opened in self._open.values():
            _close(opened)
        self._open = {}


def adopted() -> dict[str, list[socket.socket]]:
    """The sockets that whoever started us left open for us; nobody whom we start inherits them."""
    found: dict[str, list[socket.socket]] = {}
    for place, numbers in json.loads(os.environ.pop(VARIABLE, "{}")).items():
        found[place] = [socket.socket(fileno=number) for number in numbers]
        for one in found[place]:
            one.set_inheritable(False)
    return found


def _listen(place: str) -> list[socket.socket]:
    host, port = split_hostport(place)
    deadline = time.monotonic() + _PATIENCE
    while True:
        opened: list[socket.socket] = []
        try:
            for family, kind, protocol, _, address in socket.getaddrinfo(
                host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
            ):
                one = socket.socket(family, kind, protocol)
                opened.append(one)
                one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                if family == socket.AF_INET6:
                    one.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
                one.setblocking(False)
                one.bind(address)
                one.listen(BACKLOG)
            return opened
        except OSError as error:
            _close(opened)
            if error.errno != errno.EADDRINUSE or time.monotonic() > deadline:
                raise OSError(error.errno, f"cannot listen on {place}: {error.strerror or error}") from error
            time.sleep(0.1)


def _close(opened: Iterable[socket.socket]) -> None:
    for one in opened:
        one.close()
