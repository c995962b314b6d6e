"""What systemd is told of the gateway: ready, alive, reloading, stopping (sd_notify(3)).

In: the environment that systemd makes (NOTIFY_SOCKET, WATCHDOG_USEC). Out: datagrams; without that environment nothing is
said. Nothing is raised: a socket that went away keeps nobody from working.
"""

from __future__ import annotations

import contextlib
import os
import socket
import time


def tell(*lines: str) -> None:
    """Send one message of some VARIABLE=value lines."""
    place = os.environ.get("NOTIFY_SOCKET", "")
    if not place.startswith(("/", "@")):
        return
    address = f"\0{place[1:]}" if place.startswith("@") else place
    with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as client:
        client.settimeout(0.2)  # systemd reads at once; we wait for nobody else
        client.sendto("\n".join(lines).encode(), address)


def ready(status: str) -> None:
    """Everything runs; also after a reload."""
    tell("READY=1", f"STATUS={status}")


def reloading() -> None:
    """Settings are read again, or the program is replaced (Type=notify-reload wants the clock beside)."""
    tell("RELOADING=1", f"MONOTONIC_USEC={time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000}")


def stopping() -> None:
    """The end has begun."""
    tell("STOPPING=1")


def beat() -> float | None:
    """Seconds between two signs of life that systemd waits for, halved; None when it does not wait."""
    try:
        wanted = int(os.environ.get("WATCHDOG_USEC", "0"))
        mine = int(os.environ.get("WATCHDOG_PID", str(os.getpid())))
    except ValueError:
        return None
    return wanted / 2_000_000 if wanted > 0 and mine == os.getpid() else None
