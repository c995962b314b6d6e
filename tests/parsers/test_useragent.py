"""What people read with, by the name they know it under; and how far other projects' labels agree."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parsers.useragent import Agent, describe

CASES = Path("../shared/cases/ua")
MAC = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko)"
IE = "Mozilla/4.0 (compatible; MSIE 7.0; Windows NT 10.0; WOW64; Trident/8.0; .NET4.0C; Tablet PC 2.0"


@pytest.mark.parametrize(
    ("header", "client", "system", "form"),
    [
        ("Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko Firefox/11.0 (via ggpht.com GoogleImageProxy)", "Gmail", "", ""),
        ("YahooMailProxy; https://help.yahoo.com/kb/yahoo-mail-proxy-SLN28749.html", "Yahoo Mail", "", ""),
        (f"{IE}; Microsoft Outlook 16.0.5000; ms-office; MSOffice 16)", "Outlook", "Windows", "computer"),
        (f"{IE})", "Internet Explorer", "Windows", "computer"),
        ("Outlook-iOS/711.3061168.prod.iphone", "Outlook", "iOS", "phone"),
        ("Microsoft Office Word 2014", "Microsoft Word", "", ""),
        ("Mozilla/5.0 (X11; Linux x86_64; rv:24.0) Gecko/20100101 Icedove/24.4.0", "Thunderbird", "Linux", "computer"),
        (MAC, "Apple Mail", "macOS", "computer"),
        ("Mac OS X/10.11.6 (15G1004); ExchangeWebServices/6.0 (243); Mail/9.3 (3124)", "Apple Mail", "macOS", "computer"),
        (f"{MAC} Chrome/130.0.0.0 Safari/537.36", "Chrome", "macOS", "computer"),
        ("eMClient/9.3.6041.0", "eM Client", "", ""),
        ("", "", "", ""),
    ],
)  # fmt: skip
def test_the_name_that_people_know(header: str, client: str, system: str, form: str) -> None:
    found = describe(header)
    assert (found.client, found.system, found.form) == (client, system, form)


@given(st.text(max_size=400))
def test_any_text_is_answered(header: str) -> None:
    assert isinstance(describe(header), Agent)


def rows(name: str) -> list[dict[str, str]]:
    file = CASES / f"{name}.jsonl"
    if not file.exists():
        pytest.skip("the shared cases are not here")
    return [json.loads(line) for line in file.read_text().splitlines()]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("source", "label", "part", "least"),
    [
        ("uap_browser", "family", "client", 0.95),
        ("uap_os", "family", "system", 0.94),
        ("uap_device", "family", "device", 0.99),
        ("dd_full", "client", "client", 0.70),
        ("dd_full", "os", "system", 0.88),
    ],
)
def test_most_labels_of_other_projects_agree(source: str, label: str, part: str, least: float) -> None:
    labelled = [(row["ua"], row[label].lower()) for row in rows(source) if row.get(label) not in (None, "", "Other")]
    named = [(getattr(describe(header), part).lower(), name) for header, name in labelled]
    agree = sum(bool(ours) and (ours in theirs or theirs in ours) for ours, theirs in named)
    assert agree >= least * len(named)


@pytest.mark.slow
def test_mail_programs_are_named_as_their_users_do() -> None:
    mails = [row for row in rows("dd_client") if row["client_type"] == "pim"]
    agree = sum(bool(ours := describe(row["ua"]).client) and ours in row["name"] for row in mails)
    assert agree >= 0.6 * len(mails)
