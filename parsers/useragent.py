"""Names of the software behind a hit, from its User-Agent header.

In: the header as it came (any text, cut at 300 characters). Out: an `Agent` with client, system, device and form, empty
strings where nothing is known. Pure, never raises, logs nothing. The names are those of ua-parser's database,
those of mail programs, webmails and Office as people know them: what an image proxy fetches is its webmail's.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from ua_parser import parse

LIMIT = 300
# What ua-parser does not know, or calls by the engine inside: mail programs, webmails behind their image proxies, Office.
_CLIENTS = tuple(
    (re.compile(pattern, re.IGNORECASE), name)
    for pattern, name in (
        (r"GoogleImageProxy|via ggpht\.com", "Gmail"),
        (r"YahooMailProxy|YahooCacheSystem|YahooMobileMail", "Yahoo Mail"),
        (r"Outlook-(?:iOS|Android)|Microsoft Outlook|\b(?:Mac|One)?Outlook/\d", "Outlook"),
        (r"\bAirmail\b", "Airmail"),
        (r"\bSamsungEmail/", "Samsung Email"),
        (r"\beM ?Client\b", "eM Client"),
        (r"\bMailbird\b", "Mailbird"),
        (r"\bFoxmail\b", "Foxmail"),
        (r"\bBlueMail\b", "BlueMail"),
        (r"\bMailspring\b", "Mailspring"),
        (r"\bMailMaster", "Mail Master"),
        (r"\bThunderbird/|\bIcedove/|\bBetterbird/", "Thunderbird"),
        (r"\bSeaMonkey/", "SeaMonkey"),
        (r"^The Bat!", "The Bat!"),
        (r"\bFranz/", "Franz"),
        (r"\bRambox", "Rambox"),
        (r"\bFerdium/", "Ferdium"),
        (r"\bMicrosoft (?:Office )?Word\b|MSOffice[^;]*Word", "Microsoft Word"),
        (r"\bMicrosoft (?:Office )?Excel\b", "Microsoft Excel"),
        (r"\bMicrosoft (?:Office )?PowerPoint\b", "Microsoft PowerPoint"),
        (r"\bMicrosoft (?:Office )?OneNote\b", "Microsoft OneNote"),
        (r"\bYaBrowser/", "Yandex Browser"),
        (r"\bExchangeWebServices/.*\bMail/|\bMail/\d.* Darwin/", "Apple Mail"),
    )
)
_PROXIES = re.compile(r"GoogleImageProxy|via ggpht\.com|YahooMailProxy|YahooCacheSystem", re.IGNORECASE)
# Names of ua-parser said as people know them. A web view of iOS or macOS without a browser's name: what shows mails there is
# nearly always Apple Mail.
_NAMES = {
    "Mobile Safari UI/WKWebView": "Apple Mail",
    "AppleMail": "Apple Mail",
    "IE": "Internet Explorer",
    "IE Mobile": "Internet Explorer",
    "Edge Mobile": "Edge",
    "Chrome Mobile WebView": "Chrome WebView",
    "MiuiBrowser": "Mi Browser",
    "UP.Browser": "Openwave",
    "kmail2": "KMail",
}
_SYSTEMS = {"Mac OS X": "macOS", "Web0S": "webOS", "WatchOS": "watchOS"}
# where ua-parser sees no system: programs that name it in their own way
_SIGNS = tuple(
    (re.compile(pattern, re.IGNORECASE), name)
    for pattern, name in (
        (r"\bHarmonyOS\b", "HarmonyOS"),
        (r"\biOS\b|\biPhone\b|\biPad\b", "iOS"),
        (r"\bMac ?OS|\bMacintosh|\bMac_PowerPC|\bmacOS|\bMac[;/)]|Darwin/[\d.]+ \((?:x86_64|i386)", "macOS"),
        (r"\bAndroid\b", "Android"),
        (r"\bWin(?:dows|32|64|NT)\b|\bms-office\b|\bMSOffice\b", "Windows"),
        (r"\bMIDP\b|\bJ2ME\b|\bCLDC\b", "Java ME"),
        (r"\bLinux\b", "Linux"),
    )
)
_PHONES = ("iphone", "android", "windows phone", "ios", "kaios", "java me", "symbian", "blackberry", "nokia")
_PHONE_WORDS = re.compile(
    r"mobile|\bmidp|\bwap\b|wap-browser|\bmaui|j2me|symbian|blackberry|opera mini|docomo|up\.browser"
)
_HANDHELD = re.compile(r"mobile|outlook-android|samsungemail")  # programs of phones, though they do not say so
_COMPUTERS = (
    "windows",
    "macos",
    "linux",
    "ubuntu",
    "chrome os",
    "fedora",
    "debian",
    "freebsd",
    "openbsd",
    "suse",
    "mageia",
)


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
    header = header[:LIMIT]
    if _PROXIES.search(header):
        return Agent(_first(_CLIENTS, header))  # the system that it names is nobody's
    client = result.user_agent.family if result.user_agent else ""
    client = _first(_CLIENTS, header) or _NAMES.get(client, client)
    system = result.os.family if result.os else ""
    system = _SYSTEMS.get(system, system) or _first(_SIGNS, header)
    device = result.device.family if result.device else ""
    return Agent(client, system, device, _form(header.lower(), system.lower(), device.lower()))


def _first(known: tuple[tuple[re.Pattern[str], str], ...], header: str) -> str:
    return next((name for pattern, name in known if pattern.search(header)), "")


def _form(header: str, system: str, device: str) -> str:
    if system == "windows" and "windows phone" not in header:
        return "computer"  # "Tablet PC 2.0" stands on every second Windows
    if "ipad" in device or "tablet" in header or (system == "android" and not _HANDHELD.search(header)):
        return "tablet"
    if system.startswith(_PHONES) or _PHONE_WORDS.search(header):
        return "phone"
    return "computer" if system.startswith(_COMPUTERS) or device == "mac" else ""
