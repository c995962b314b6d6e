"""The shipped providers: every rule is sourced, explained, fits its own example first, and blames nobody for our faults."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from config.patterns import compiled
from config.providers import ABOUT_THE_PERSON, ABOUT_US, CLASSES, ActionKind, Provider, Providers
from parsers.classify import INFRASTRUCTURE, ReplyClass

PACK = Providers.load()
EVERYBODY = (*PACK.all, PACK.default)
CASES = Path(__file__).parents[3] / "shared" / "cases" / "smtp"

# key -> names of mail servers, as the sources list them
HOSTS = {
    "orange": ["smtp-in.orange.fr", "smtp-in2.orange.fr"],
    "laposte": ["smtpz4.laposte.net", "smtp4.laposte.net"],
    "sfr": ["smtp-in.sfr.fr"],
    "free": ["mx1.free.fr", "mx2.free.fr"],
    "bouygues": ["mx.bbox.fr", "mx1.bouyguestelecom.fr"],
    "gmail": [
        "gmail-smtp-in.l.google.com",
        "alt1.aspmx.l.google.com",
        "aspmx2.googlemail.com",
        "smtp.google.com",
    ],
    "microsoft": [
        "outlook-com.olc.protection.outlook.com",
        "hotmail-com.olc.protection.outlook.com",
        "eur.olc.protection.outlook.com",
    ],
    "microsoft365": ["example-fr.mail.protection.outlook.com", "example.mail.eo.outlook.com", "a.b-v1.mx.microsoft"],
    "yahoo": ["mta5.am0.yahoodns.net", "mx-eu.mail.am0.yahoodns.net"],
    "apple": ["mx01.mail.icloud.com", "mx02.mail.icloud.com", "mail.me.com"],
    "gmx": ["mx00.gmx.net", "mx01.gmx.net"],
    "webde": ["mx-ha02.web.de", "mx-ha03.web.de"],
    "mailcom": ["mx00.mail.com"],
    "ionos": ["mx00.kundenserver.de", "mx01.1and1.fr", "mxint01.1and1.com", "mx00.ionos.fr", "mx.perfora.net"],
    "ovh": ["mx1.ovh.net", "mx0.mail.ovh.net", "redirect.ovh.net", "ex5.mail.ovh.net", "pro1.mail.ovh.net"],
    "gandi": ["spool.mail.gandi.net", "fb.mail.gandi.net", "mail8.gandi.net", "mail12.mail.gandi.net"],
    "infomaniak": ["mta-gw.infomaniak.ch"],
    "proton": ["mail.protonmail.ch", "mailsec.protonmail.ch"],
    "zoho": ["mx.zoho.com", "mx2.zoho.eu", "smtpin.zohomail.com"],
    "mimecast": ["eu-smtp-inbound-1.mimecast.com", "je-smtp-inbound-1.mimecast-offshore.com"],
    "proofpoint": ["mxa-00111.gslb.pphosted.com", "mx1-eu1.ppe-hosted.com"],
    "barracuda": ["d1234.ess.barracudanetworks.com", "d1234a.ess.uk.barracudanetworks.com"],
    "vade": ["mx1.example.vadesecure.com"],
    "ironport": ["mx1.hc123-45.eu.iphmx.com"],
}
STRANGERS = [
    "",
    "orange.fr",
    "mx.example.test",
    "xsmtp-in.orange.fr",
    "smtp-in.orange.fr.example.test",
    "smtp-inxorange.fr",
    "xmx1.free.fr",
    "mx1.freexfr",
    "bbox.fr.example.test",
    "mybbox.fr",
    "notl.google.com",
    "www.google.com",
    "google.com",
    "evilolc.protection.outlook.com",
    "yahoodns.net.test",
    "notyahoodns.net",
    "mail.icloud.com",
    "mx1.gmx.de",
    "mail.com",
    "mx00.mail.com.test",
    "mail.ovh.net",
    "www.gandi.net",
    "infomaniak.com.test",
    "mimecast.com",
    "xmimecast.com",
    "vadesecure.com.test",
]


def test_the_words_are_those_of_the_classifier() -> None:
    assert {str(word) for word in ReplyClass} >= CLASSES
    assert CLASSES & {str(word) for word in INFRASTRUCTURE} == ABOUT_US
    assert not ABOUT_US & ABOUT_THE_PERSON


def test_every_provider_is_here() -> None:
    assert [provider.key for provider in PACK.all] == list(dict.fromkeys(p.key for p in PACK.all))
    assert {provider.key for provider in PACK.all} == HOSTS.keys()
    assert PACK.default.key == "default"


@pytest.mark.parametrize("key", HOSTS)
def test_the_mail_servers_of_a_provider_are_recognised(key: str) -> None:
    for host in HOSTS[key]:
        assert PACK.of([host]).key == key
        assert PACK.of([host.upper() + "."]).key == key
        for stranger in (f"{host}.evil.test", f"{host}x", host.replace(".", "x")):
            assert PACK.of([stranger]) is PACK.default, stranger


@pytest.mark.parametrize("host", STRANGERS)
def test_look_alikes_are_strangers(host: str) -> None:
    assert PACK.of([host]) is PACK.default


@pytest.mark.parametrize("provider", EVERYBODY, ids=lambda provider: provider.key)
def test_every_provider_is_sourced_and_its_limits_are_sane(provider: Provider) -> None:
    assert re.match(r"(official|project|vendor|field|ours|the limits of the settings)\b", provider.source)
    assert provider.name
    assert 0 <= provider.connections <= 10
    assert 0 <= provider.messages <= 100
    for pattern in provider.mx:
        assert pattern.startswith(("(^|\\.)", "\\."))
        compiled(pattern)


EACH = pytest.mark.parametrize("provider", [one for one in EVERYBODY if one.rules], ids=lambda provider: provider.key)


@EACH
def test_a_rule_is_the_first_to_fit_its_own_example(provider: Provider) -> None:
    for rule in provider.rules:
        assert re.match(r"[45]\d\d ", rule.example), "an example begins with its code"
        assert provider.rule(rule.example) is rule


@EACH
def test_a_rule_is_explained_and_sourced(provider: Provider) -> None:
    for rule in provider.rules:
        assert re.match(r"(official|project|vendor|field): \w", rule.source), rule
        for text in (rule.fr, rule.en):
            assert re.fullmatch(r"[A-ZÀ-Ý].{40,400}\.", text), text
            assert "{" not in text, rule
        assert rule.fr != rule.en
        assert rule.en.count(". ") >= 1, rule


@EACH
def test_what_the_gateway_does_is_what_is_said(provider: Provider) -> None:
    for rule in provider.rules:
        paused = rule.action.kind in (ActionKind.PAUSE_SITE, ActionKind.PAUSE_SOURCE)
        slow = rule.action.kind is ActionKind.SLOW
        assert ("suspend ses envois" in rule.fr) is ("pauses its mail" in rule.en) is paused, rule
        assert ("ralentit" in rule.fr) is ("slows down" in rule.en) is slow, rule
        assert ("prévient son administrateur" in rule.fr) is ("tells its administrator" in rule.en) is rule.alert, rule
        # typography: a blank before ; : ! ? in French, none in English
        assert not re.search(r"[^ ][;:!?]", rule.fr), rule
        assert not re.search(r" [;:!?]", rule.en), rule


@EACH
def test_what_is_our_fault_never_suppresses_a_person(provider: Provider) -> None:
    for rule in provider.rules:
        speaks_of_us = rule.alert or rule.action.kind is not ActionKind.NONE or rule.reply_class in ABOUT_US
        if speaks_of_us:
            assert rule.reply_class not in ABOUT_THE_PERSON, rule
            assert not re.search(r"n'existe|n'existe plus|écarte", rule.fr), rule
        else:
            assert rule.action.seconds == 0, rule


@EACH
def test_a_rule_that_says_unknown_speaks_of_refusals_for_good(provider: Provider) -> None:
    for rule in provider.rules:
        if rule.reply_class != "unknown_user" or "_416" in rule.example:
            continue
        # asked to come back, nobody is unknown yet
        later = provider.rule("4" + re.sub(r"(?<= )5(?=\.\d+\.\d)", "4", rule.example[1:]))
        assert later is None or later.reply_class != "unknown_user", rule


_WORDS = "OFR_ LPN0 user recipient mailbox spf ptr no dkim message too many reverse dns compte boite 5.1.1 dd [TSS "
_SEEDS = ["a", " ", "5", "OFR", "LPN_", "spf ", "no ptr ", _WORDS]
_HOSTILE = [(seed * 10_000)[:10_000] for seed in _SEEDS]


def _seconds(search: Callable[[str], object], line: str) -> float:
    start = time.process_time()
    search(line)
    return time.process_time() - start


@pytest.mark.slow
def test_no_pattern_is_held_up_by_a_hostile_reply() -> None:
    patterns = {rule.pattern for provider in EVERYBODY for rule in provider.rules} | {
        pattern for provider in PACK.all for pattern in provider.mx
    }
    for pattern in sorted(patterns):
        search = compiled(pattern).search
        starts = ("550 ", "421 4.7.0 ") if "^" in pattern else ("",)
        for line in (f"{start}{line}"[:10_000] for start in starts for line in _HOSTILE):
            # a machine that is busy elsewhere gets a second and a third look
            assert any(_seconds(search, line) < 0.05 for _ in range(3)), (pattern, line[:40])


@pytest.mark.parametrize(
    ("key", "reply", "rule"),
    [
        ("orange", "550 5.1.1 Boite du destinataire pleine OFR204_417 [417]", "orange.full"),
        (
            "orange",
            "550 mwinf5c10 ME Service refuse. Veuillez essayer plus tard. OFR006_103 [103]",
            "orange.orange_list",
        ),
        ("laposte", "550 5.5.0 Service refuse. Veuillez essayer plus tard. LPN007_510", "laposte.content"),
        (
            "microsoft365",
            "550 5.4.1 Recipient address rejected: Access denied. AS(201806281)",
            "microsoft365.unknown_edge",
        ),
        (
            "microsoft",
            "550 5.7.1 Unfortunately, messages from [192.0.2.25] weren't sent. (S3150)",
            "microsoft.block_list",
        ),
        (
            "gmail",
            "550 5.2.1 The user is receiving mail at a rate that prevents … p=ReceivingRatePerm",
            "gmail.rate_person",
        ),
        ("vade", "550 5.7.1 Recipient rejected OXSUS001_403", "vade.unknown"),
        ("yahoo", "553 5.7.2 [TSS09] All messages will be permanently deferred", "yahoo.tss09"),
        ("orange", "554 5.7.1 Client host blocked using zen.spamhaus.org", "default.listed"),
    ],
)
def test_the_traps_that_the_data_shows(key: str, reply: str, rule: str) -> None:
    provider = PACK.named(key)
    assert provider is not None
    found = provider.rule(reply)
    assert found is not None
    assert found.id == rule


def test_a_reply_that_says_nothing_fits_no_rule() -> None:
    for provider in EVERYBODY:
        assert provider.rule("550 no") is None
        assert provider.rule("") is None


# what Sisimai calls it -> what we may call it
REASONS = {
    "userunknown": {"unknown_user"},
    "suspend": {"mailbox_disabled"},
    "mailboxfull": {"mailbox_full"},
    "blocked": {"reputation", "configuration"},
    "badreputation": {"reputation", "throttled"},
    "authfailure": {"authentication"},
    "spamdetected": {"content"},
    "requireptr": {"configuration"},
    "mesgtoobig": {"too_big"},
    "exceedlimit": {"too_big"},
    "speeding": {"throttled"},
    "ratelimited": {"throttled"},
}
# where we know better: a rate is no block list, and the relay for a customer's own programs is none of ours
OTHERWISE = {"421 4.7.28": "blocked", "450 4.2.1 Peak SMTP relay": "speeding"}
NAMES = {"orange/wanadoo": "orange", "laposte.net": "laposte", "google": "gmail", "yahooinc": "yahoo"}


def _collected(name: str) -> list[dict[str, str]]:
    file = CASES / name
    if not file.is_file():
        pytest.skip(f"the collection {name} is not on this machine")
    return [json.loads(line) for line in file.read_text("utf-8").splitlines()]


@pytest.mark.parametrize("name", ["fr_providers.jsonl", "provider_responses.jsonl"])
def test_replies_collected_by_others_are_understood(name: str) -> None:
    wrong = []
    for row in _collected(name):
        key = NAMES.get(row.get("provider", ""), row.get("provider", ""))
        provider = PACK.named(key)
        if provider is None or row.get("reason") not in REASONS:
            continue
        if any(row["text"].startswith(start) and row["reason"] == reason for start, reason in OTHERWISE.items()):
            continue
        rule = provider.rule(row["text"])
        if rule is None or rule.reply_class not in REASONS[row["reason"]]:
            wrong.append((row["text"], row["reason"], rule and rule.id))
    assert not wrong, "\n".join(map(str, wrong))
