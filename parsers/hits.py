"""Human or machine: who asked for a pixel or followed a link.

In: the method and the User-Agent header of one request. Out: a `Verdict` with the reason in one word (a key of
`machine.*` in the translations). What is not known to be a machine counts as a person. Pure, never raises, logs nothing.

This much is judged from one request alone; what needs several (three links within seconds, a hit before the server's
reply) is judged where the requests meet.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from parsers.useragent import LIMIT, describe

# Servers that fetch images for their readers, sometimes before anybody reads: they tell nothing of a person.
# A bare Mozilla/5.0 is how Apple's Mail Privacy Protection asks.
_PROXIES = re.compile(r"ImageProxy|ggpht\.com|YahooMailProxy|YahooCacheSystem|ImageCache|^Mozilla/5\.0$", re.I)
# Filters of the mail trade that open links and images before they deliver.
_SCANNERS = re.compile(
    r"barracuda|mimecast|proofpoint|safelinks|fireeye|trellix|symantec|message.?labs|trend ?micro|sophos|forcepoint|"
    r"cisco.?ironport|ironport|fortinet|fortiguard|bitdefender|kaspersky|clamav|spamassassin|rspamd|vadesecure|"
    r"vade ?retro|mailinblack|zscaler|checkpoint|mailguard|mailcontrol|urldefense|microsoft office existence|"
    r"bluecoat|paloalto|crowdstrike|virustotal|urlscan|google-?safety|libredtail|cloudmark|abusix|hornetsecurity",
    re.I,
)
_BOTS = re.compile(
    r"bot\b|bot[/_\-;)]|robot|crawl|spider|slurp|scrap(?:er|y)|archiver|indexer|monitor(?:ing)?\b|pingdom|uptime|"
    r"link.?check|validator|preview|prefetch|facebookexternalhit|whatsapp/|telegrambot|skypeuripreview|headless|"
    r"phantomjs|puppeteer|playwright|selenium|lighthouse|fetcher|httrack|ips-agent|adscanner|dareboost|zgrab|verifier|"
    r"compatible; google-|mediapartners|outbrain|https?://|\+http|[a-z0-9]@[a-z0-9-]+\.[a-z]{2}",
    re.I,
)
_TOOLS = re.compile(
    r"^(?:curl|wget|python|aiohttp|httpx|go-http-client|java/|jakarta|apache-httpclient|okhttp|libwww|lwp|perl|ruby|"
    r"php|guzzle|node|axios|got|undici|postman|powershell|mozilla/4\.0$|mozilla$|check_http|http_get)|PowerShell|"
    r"python-requests|HttpClient",
    re.I,
)
_BROWSERS = re.compile(
    r"(?:mozilla|opera|outlook|microsoft (?:outlook|office)|lynx|w3m|thunderbird|lotus|airmail|mail|spark|"
    r"superhuman|postbox|the bat|"
    r"yahoomobilemail|bluemail|mailbird|em client|emclient|barca|pocomail|kmail|evolution|claws|sylpheed|foxmail|"
    r"incredimail|windows-?livemail|live5ch|gnus|seamonkey|safari|firefox|apple ?mail|newton|canary|nine|k-9)",
    re.I,
)


@dataclass(frozen=True, slots=True)
class Verdict:
    """`machine` with its reason; the reason of a person is empty."""

    machine: bool
    reason: str = ""


PERSON = Verdict(False)


def judge(method: str, agent: str) -> Verdict:
    """Tell whether a request came from a machine, and why."""
    agent = agent.strip()[:LIMIT]
    if method.upper() == "HEAD":
        return Verdict(True, "head")
    if not agent:
        return Verdict(True, "silent")
    for pattern, reason in ((_PROXIES, "proxy"), (_SCANNERS, "scanner"), (_TOOLS, "tool"), (_BOTS, "bot")):
        if pattern.search(agent):
            return Verdict(True, reason)
    known = describe(agent)
    if known.device == "Spider":
        return Verdict(True, "bot")
    # people's software says on which system it runs, or is a mail program that we know
    return PERSON if known.system or _BROWSERS.match(agent) else Verdict(True, "tool")
