"""What one stranger may use up, however many addresses it speaks from."""

from pathlib import Path

import pytest

from config.settings import Smtp
from gateway.smtp.limits import Limits, Pace, stranger


@pytest.mark.parametrize(
    ("peer", "counted"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("", ""),
    ],
)
def test_who_is_counted(peer: str, counted: str) -> None:
    assert stranger(peer) == counted


def test_one_network_is_one_stranger(tmp_path: Path) -> None:
    limits = Limits(Smtp(max_connections_per_ip=2), tmp_path, lambda: 1.0)
    peers = [f"2001:db8::{n:x}" for n in range(1, 4)]
    assert [limits.enter(peer) for peer in peers] == [True, True, False]
    assert limits.enter("2001:db8:0:1::1")
    limits.leave(peers[0])
    assert limits.enter(peers[2])
    for peer in peers[1:]:
        limits.leave(peer)
    limits.leave("2001:db8:0:1::1")
    assert limits._peers == {}


def test_failures_are_counted_over_the_network_and_forgotten_in_time() -> None:
    now = [0.0]
    pace = Pace(2, 60.0, lambda: now[0])
    pace.count("2001:db8::1")
    assert not pace.spent("2001:db8::2")
    pace.count("2001:db8::3")
    assert pace.spent("2001:db8::4") and not pace.spent("2001:db8:0:1::4")
    now[0] = 60.0
    assert not pace.spent("2001:db8::4")
