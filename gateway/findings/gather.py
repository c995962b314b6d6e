"""Everything that the reading process can tell for the advice: of the mail, of its list, and what others will look at.

In: the user's mail as read, its list, the choices, the compiled mail. Out: JSON-ready values for the summary. Pure; raises
nothing.
"""

from __future__ import annotations

from base64 import b64encode
from collections import Counter
from collections.abc import Mapping
from typing import Any

from gateway.findings.listing import of_addresses, sieve
from gateway.findings.message import asks_for_address_book, of_message
from gateway.intake.carriage import Carriage
from gateway.intake.choices import Choices
from mail.spec import Person
from mail.template import Compiled
from parsers.address import a_label
from parsers.liste import Liste
from parsers.mime import Message
from parsers.modes import Tracked
from parsers.submission import Submission

SPECIMEN = 500_000  # bytes of a mail that a spam filter is asked about: spamc's own bound


def gathered(
    message: Message,
    submission: Submission,
    liste: Liste,
    choices: Choices,
    way: Carriage,
    domains: Mapping[str, int],
) -> dict[str, Any]:
    """The findings, a sample of the addresses, and whether the mail asks for the address book."""
    usual = not way.links and liste.pj_column is None  # everybody gets all files
    images = sum(len(part.data) for part in submission.related)
    heaviest = None if usual else images + (0 if way.links else way.each)
    found = of_message(message, submission, choices.type == "marketing", choices.unsubscribe, heaviest)
    addresses = sieve(line.address for line in liste.lines if line.fault is None)
    found += of_addresses(addresses, domains, len(liste.lines.hinted()))
    return {
        "findings": [one.as_json(choices.locale) for one in found],
        "sample": addresses.addresses(),
        "asks": asks_for_address_book(message),
    }


def domains_of(liste: Liste) -> Counter[str]:
    """How many good lines each domain (A-label) has."""
    return Counter(a_label(line.address.rpartition("@")[2]) for line in liste.lines if line.fault is None)


def specimen(compiled: Compiled | None, liste: Liste) -> str:
    """The first mail in base64, unsigned, for the spam filters; "" where there is none or it is too heavy for them."""
    line = next((one for one in liste.lines if one.fault is None), None)
    if compiled is None or line is None:
        return ""
    raw = compiled.render(Person(1, line.address, line.name, line.values, tracked=Tracked.NONE), 0)
    start = raw.find(b"\r\nMessage-ID:") + 2  # what stands above is signed with a throw-away key
    return b64encode(raw[start:]).decode() if len(raw) <= SPECIMEN else ""
