"""Throw-away mailboxes are known, also below a known domain; people's own providers are none."""

from __future__ import annotations

import pytest

from parsers.throwaway import is_throwaway
from parsers.typos import KNOWN


@pytest.mark.parametrize("domain", ["yopmail.com", "YOPMAIL.com.", "x.mailinator.com", "jetable.org"])
def test_known(domain: str) -> None:
    assert is_throwaway(domain)


@pytest.mark.parametrize("domain", ["firm.fr", "com", "", ".", "a.b.c.d.e.f.g.h.yopmail.com"])
def test_others(domain: str) -> None:
    assert not is_throwaway(domain)


def test_no_provider_of_peoples_mail_is_one() -> None:
    assert [domain for domain in sorted(KNOWN) if is_throwaway(domain)] == []
