"""Machines are told from people by what they say of themselves."""

import json
import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from parsers.hits import OURS, Asked, RulesError, Verdict, asked, judge, read_rules
from parsers.useragent import describe

CASES = Path(__file__).parents[2] / "../shared/cases/ua"
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"
IPHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148"


@pytest.mark.parametrize(
    ("method", "agent", "reason"),
    [
        ("HEAD", FIREFOX, "head"),
        ("GET", "", "silent"),
        ("GET", "Mozilla/5.0 (Windows NT 5.1; rv:11.0) Firefox/11.0 (via ggpht.com GoogleImageProxy)", "proxy"),
        ("GET", "YahooMailProxy; https://help.yahoo.com/kb/yahoo-mail-proxy-SLN28749.html", "proxy"),
        ("GET", "Mozilla/5.0", "apple"),
        ("GET", "BarracudaCentral/1.0", "scanner"),
        ("GET", "curl/8.5.0", "tool"),
        ("GET", "python-requests/2.32", "tool"),
        ("GET", "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)", "bot"),
        ("GET", FIREFOX, ""),
        ("GET", IPHONE, ""),
        ("GET", "Microsoft Office/16.0 (Microsoft Outlook 16.0.12329; Pro)", ""),
        ("GET", "Mozilla/5.0 (Windows NT 10.0; rv:115.0) Gecko/20100101 Thunderbird/115.3", ""),
        (
            "GET",
            "Mozilla/5.0 (Linux; Android 10; CUBOT X18 Plus) AppleWebKit/537.36 Chrome/96.0 Mobile Safari/537.36",
            "",
        ),
        ("GET", "Mozilla/5.0 (Windows NT 10.0; Win64; x64) Chrome/120.0.0.0 Safari/537.36 Avast/120.0.0", ""),
        ("GET", "Mozilla/5.0 (Windows NT 10.0; Win64; x64) Chrome/120.0.0.0 Safari/537.36 Norton/120.0", ""),
        ("GET", "Mozilla/5.0 (Windows NT 10.0; Cookies enabled) Chrome/120.0.0.0 Safari/537.36", ""),
        ("GET", "Mozilla/5.0 (compatible; Avast URL scanner)", "scanner"),
        ("GET", "Mozilla/5.0 (compatible; Vade Secure)", "scanner"),
    ],
)
def test_a_hit_is_a_person_unless_it_says_otherwise(method: str, agent: str, reason: str) -> None:
    verdict = judge(Asked(method, agent))
    assert (verdict.machine, verdict.reason) == (bool(reason), reason)


def rows(name: str) -> list[dict[str, object]]:
    if not CASES.is_dir():
        pytest.skip("the shared user agents are not on this machine")
    return [json.loads(line) for line in (CASES / f"{name}.jsonl").read_text("utf-8").splitlines()]


@pytest.mark.parametrize(("name", "share"), [("crawlers", 0.96), ("dd_bot", 0.9)])
def test_published_robots_are_known(name: str, share: float) -> None:
    agents = [str(row["ua"]) for row in rows(name)]
    assert sum(judge(Asked("GET", agent)).machine for agent in agents) >= share * len(agents)


@pytest.mark.parametrize(("name", "share"), [("dd_client", 0.06), ("dd_full", 0.06)])
def test_published_browsers_and_mail_programs_are_people(name: str, share: float) -> None:
    agents = [str(row["ua"]) for row in rows(name) if row.get("client_type") in ("browser", "pim")]
    assert sum(judge(Asked("GET", agent)).machine for agent in agents) <= share * len(agents)


def test_software_is_named() -> None:
    assert describe(IPHONE).form == "phone" and describe(IPHONE).system == "iOS"
    assert describe(FIREFOX).client == "Firefox" and describe(FIREFOX).form == "computer"
    assert describe("Mozilla/5.0 (iPad; CPU OS 16_0 like Mac OS X) AppleWebKit/605.1.15").form == "tablet"
    assert describe("").client == describe("?").client == ""


@settings(deadline=None)
@given(st.text(), st.text(max_size=500))
def test_any_header_has_a_verdict(method: str, agent: str) -> None:
    verdict = judge(Asked(method, agent, agent, method))
    assert verdict.machine is bool(verdict.reason)


def test_what_a_request_announces_counts() -> None:
    assert judge(asked("GET", {"user-agent": FIREFOX, "sec-purpose": "prefetch;prerender"})).reason == "prefetch"
    assert judge(asked("GET", {"user-agent": FIREFOX, "x-purpose": "preview"})).reason == "prefetch"
    assert judge(asked("GET", {"user-agent": FIREFOX, "range": "bytes=0-0"})).reason == "range"
    assert judge(asked("get", {"user-agent": FIREFOX, "range": "bytes=0-"})) == Verdict(False)


def test_image_servers_of_webmails_may_be_people() -> None:
    gmail = "Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko Firefox/11.0 (via ggpht.com GoogleImageProxy)"
    assert judge(Asked("GET", gmail)) == Verdict(True, "proxy", sure=False)


def test_an_operator_s_rules_come_before_ours() -> None:
    own = read_rules('[[rule]]\nreason = "scanner"\nverdict = "machine"\npattern = "firefox/128"\n', "own.toml")
    assert judge(Asked("GET", FIREFOX), (*own, *OURS)).reason == "scanner"
    assert judge(Asked("GET", FIREFOX)) == Verdict(False)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[[rule]", "own.toml: "),
        ('[[rule]]\nreason = "x"\nverdict = "machine"', "own.toml, rule 1: reason, verdict and pattern are wanted"),
        ('[[rule]]\nreason = "x"\nverdict = "human"\npattern = "x"', "verdict is machine or unsure, not 'human'"),
        ('[[rule]]\nreason = "x"\nverdict = "machine"\npattern = "("', "rule 1: "),
        ("rule = 3", "entries are wanted"),
    ],
)
def test_a_bad_file_of_rules_is_told(text: str, says: str) -> None:
    with pytest.raises(RulesError, match=re.escape(says)):
        read_rules(text, "own.toml")
