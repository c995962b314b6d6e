"""The public address under another name, and whether a host is a name at all.

In: a URL, a host. Out: the URL with that host (scheme, port and path stay); yes or no. Pure; raises nothing.
"""

from __future__ import annotations

from ipaddress import ip_address
from urllib.parse import urlsplit


def at_host(url: str, host: str) -> str:
    """Return `url` with its host replaced."""
    parts = urlsplit(url)
    port = f":{parts.port}" if parts.port else ""
    return f"{parts.scheme}://{host}{port}{parts.path}"


def is_address(host: str) -> bool:
    """Whether a host is an IP address, and no name."""
    try:
        ip_address(host)
    except ValueError:
        return False
    return True
