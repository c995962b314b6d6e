"""Where a webhook may lead: an https address of the public internet, unless the operator opened others.

In: a URL as somebody typed it, the settings of webhooks. Out: what is wrong with it, as a key of the catalogue under
`api.`; empty for an address that is fit. What a name stands for is looked up only when it is asked (mail.fetch). Pure; raises
nothing.
"""

from __future__ import annotations

import re
from ipaddress import ip_address
from urllib.parse import urlsplit

from config.settings_api import Webhooks
from mail.resolver import Fence

PATTERN = r"^https?://[!-~]{1,500}$"


def doubt(url: str, settings: Webhooks) -> str:
    """Why an address can be no webhook: hook_url, hook_https, hook_private; empty when it can."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        return "hook_url"
    if parts.scheme == "http" and not settings.allow_http:
        return "hook_https"
    if not re.match(PATTERN, url) or not host or parts.fragment:
        return "hook_url"
    if parts.username is not None or parts.password is not None:
        return "hook_url"
    try:
        literal = str(ip_address(host))
    except ValueError:
        return "hook_private" if host == "localhost" or host.endswith(".localhost") else ""
    return "" if Fence(settings.allow_networks).allows(literal) else "hook_private"
