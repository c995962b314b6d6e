"""Who asks, behind whatever stands in front of us.

In: a request, the networks of our own proxies. Out: the client's address as the last of our proxies saw it
(X-Forwarded-For is read from its end, and only as far as proxies of ours wrote it: what a client writes there itself
counts for nothing). Raises and logs nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network

from starlette.requests import Request

Network = IPv4Network | IPv6Network
LOOPBACK: tuple[Network, ...] = (ip_network("127.0.0.0/8"), ip_network("::1/128"))


def peer(request: Request, proxies: Sequence[Network]) -> str:
    """The address of the client."""
    told = request.client.host if request.client else ""
    chain = [word.strip() for word in request.headers.get("x-forwarded-for", "")[-500:].split(",") if word.strip()]
    while chain and within(told, proxies):
        told = chain.pop()
    return told[:45]


def within(text: str, proxies: Sequence[Network]) -> bool:
    """Whether an address is in one of the networks."""
    try:
        address = ip_address(text)
    except ValueError:
        return False
    return any(address in network for network in proxies)
