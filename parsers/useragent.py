"""Names of the software behind a hit, from its User-Agent header.

In: the header as it came (any text, cut at 300 characters). Out: an `Agent` with client, system, device and form, empty
strings where nothing is known. Pure, never raises, logs nothing. The names are those of ua-parser's database,
a few said as people know them.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from ua_parser import parse

LIMIT = 300
_PHONES = ("iphone", "android", "windows phone", "ios", "kaios")
# A web view of iOS or macOS without a browser's name: what shows mails there is nearly always Apple Mail.
_MAIL_APPS = {"Mobile Safari UI/WKWebView": "Apple Mail", "AppleMail": "Apple Mail"}
_COMPUTERS = ("windows", "mac os x", "linux", "ubuntu", "chrome os", "fedora", "debian", "freebsd", "openbsd")


@dataclass(frozen=True, slots=True)
class Agent:
    """What reads a mail: `client` (Firefox, Outlook …), `system`, `device`, `form` (phone, tablet, computer or empty)."""

    client: str = ""
    system: str = ""
    device: str = ""
    form: str = ""


@lru_cache(maxsize=4096)
def describe(header: str) -> Agent:
    """Return what is known of a User-Agent header; unknown parts are empty."""
    if not header:
        return Agent()
    result = parse(header[:LIMIT])
    client = result.user_agent.family if result.user_agent else ""
    client = _MAIL_APPS.get(client, client)
    system = result.os.family if result.os else ""
    device = result.device.family if result.device else ""
    return Agent(client, system, device, _form(header[:LIMIT].lower(), system.lower(), device.lower()))


def _form(header: str, system: str, device: str) -> str:
    if "ipad" in device or "tablet" in header or (system == "android" and "mobile" not in header):
        return "tablet"
    if system.startswith(_PHONES) or "mobile" in header:
        return "phone"
    return "computer" if system.startswith(_COMPUTERS) or device == "mac" else ""
