"""Nothing under the GPL runs with us: the licence of every locked run-time dependency is known and allowed."""

from __future__ import annotations

import re
from importlib import metadata
from pathlib import Path

import pytest

LOCK = Path(__file__).resolve().parents[2] / "requirements.lock"
NAMES = sorted(
    {found[1] for line in LOCK.read_text().splitlines() if (found := re.match(r"([A-Za-z0-9._-]+)==", line))}
)
# AGPL and GPL, but not the Lesser GPL
GPL = re.compile(
    r"(?<!L)(?<!Lesser )(?<!Lesser General Public License )\b(?:A?GPL|(?:Affero )?GNU General Public License)", re.I
)


def licence(name: str) -> str:
    """What a package says of its licence: expression, field and classifiers."""
    about = metadata.metadata(name)
    classifiers = [text for text in about.get_all("Classifier") or [] if text.startswith("License ::")]
    return "; ".join([about.get("License-Expression") or "", (about.get("License") or "")[:200], *classifiers]).strip(
        "; "
    )


def test_the_lock_names_what_we_run_with() -> None:
    assert {"aiosmtpd", "sqlalchemy", "cryptography"} <= set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_no_gpl_at_run_time(name: str) -> None:
    try:
        said = licence(name)
    except metadata.PackageNotFoundError:
        pytest.skip(f"{name} is for another platform and is not installed here")
    assert said, f"{name} states no licence"
    assert not GPL.search(said), f"{name}: {said}"


@pytest.mark.parametrize(
    ("said", "bad"),
    [("GPL-3.0-or-later", True), ("License :: OSI Approved :: GNU General Public License v3 (GPLv3)", True),
     ("AGPL-3.0", True), ("LGPL-2.1", False), ("GNU Lesser General Public License", False), ("MIT", False)],
)  # fmt: skip
def test_the_rule_tells_gpl_from_lgpl(said: str, bad: bool) -> None:
    assert bool(GPL.search(said)) is bad
