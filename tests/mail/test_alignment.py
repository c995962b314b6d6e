"""Which domain may speak for which."""

import pytest

from mail.alignment import aligned, organisation


@pytest.mark.parametrize(
    ("domain", "author", "strict", "relaxed"),
    [
        ("firm.fr", "firm.fr", True, True), ("mail.firm.fr", "firm.fr", False, True), ("firm.fr", "a.b.firm.fr", False, True),
        ("x.firm.fr", "y.firm.fr", False, True), ("other.fr", "firm.fr", False, False), ("fr", "firm.fr", False, False),
        ("firm.co.uk", "other.co.uk", False, False), ("co.uk", "firm.co.uk", False, False),
        ("a.github.io", "b.github.io", False, False), ("xfirm.fr", "firm.fr", False, False), ("", "", False, False),
        ("asso.fr", "club.asso.fr", False, False), ("xn--caf-dma.fr", "mail.xn--caf-dma.fr", False, True),
    ],
)  # fmt: skip
def test_alignment(domain: str, author: str, strict: bool, relaxed: bool) -> None:
    assert (aligned(domain, author, False), aligned(domain, author, True)) == (strict, relaxed)


def test_a_public_suffix_is_no_organisation() -> None:
    assert [organisation(name) for name in ("fr", "co.uk", "github.io", "a.b.firm.fr")] == ["", "", "", "firm.fr"]
