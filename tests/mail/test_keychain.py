"""Keys that are added while the gateway runs sign from then on; broken ones change nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from config import keys
from mail.identity import Second, aligned, signing
from mail.keychain import Keychain


def test_a_key_that_is_added_and_removed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    keys.add_dkim(tmp_path, "gw.fr", "m2c1")
    chain = Keychain(tmp_path)
    before = chain.signers
    assert chain.signers is before  # nothing is read again for nothing
    assert (len(chain), chain[0].domain, aligned(chain, "firm.fr")) == (1, "gw.fr", None)
    keys.alias_dkim(tmp_path, "firm.fr", "gw.fr")
    found = aligned(chain, "firm.fr")
    assert found is not None and found.domain == "firm.fr"
    assert [one.domain for one in signing(chain, "firm.fr", "gw.fr", Second.NONE)] == ["firm.fr"]
    broken = tmp_path / "keys" / "dkim" / "firm.fr" / "other.pem"
    broken.write_text("no key")
    assert [one.domain for one in chain] == ["firm.fr", "gw.fr"]
    assert '"what": "dkim"' in capsys.readouterr().err
    assert len(chain) == 2 and capsys.readouterr().err == ""  # told once
    broken.unlink()
    (tmp_path / "keys" / "dkim" / "firm.fr" / "m2c1.pem").unlink()
    assert [one.domain for one in chain[:]] == ["gw.fr"]
