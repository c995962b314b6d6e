"""What the tests of crashes and faults share: who got what, and whether the accounts are exact at every look."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from running import Running, report_token, until
from sink import Sink, Taken

IN_FLIGHT = 100  # settings.delivery.in_flight: what one sender may repeat after a kill


def settle(gateway: Running, folder: Path) -> None:
    """Make the folder of another host as an operator does: the same settings and the same keys."""
    folder.mkdir()
    shutil.copy(gateway.folder / "mail2campaign.toml", folder)
    shutil.copytree(gateway.folder / "data" / "keys", folder / "data" / "keys")


def worker(gateway: Running, folder: Path, source: str = "") -> subprocess.Popen[bytes]:
    """Senders on another host, its folder made now or before; they leave from one address, or from those of `ip add`."""
    if not folder.exists():
        settle(gateway, folder)
    own = gateway.environment | {"MAIL2CAMPAIGN_DELIVERY__SOURCE": source}
    with (folder / "worker.log").open("ab") as log:
        command = [sys.executable, "-m", "gateway.cli.main", "--config", str(folder / "mail2campaign.toml"), "worker"]
        return subprocess.Popen(command, stdout=log, stderr=log, env=own, start_new_session=True)


def people(sink: Sink) -> list[Taken]:
    """The campaign's mails that have arrived, repeats included."""
    return [mail for mail in list(sink.mails) if mail.recipient.rpartition("@")[2].endswith("dest.test")]


def acknowledgements(sink: Sink) -> list[Taken]:
    """What the user's own mailbox got."""
    return [mail for mail in list(sink.mails) if mail.recipient == "contact@acme.test"]


def acknowledged(sink: Sink) -> str:
    """The token of the report, once the acknowledgement has arrived in the user's mailbox."""
    mail = until(lambda: acknowledgements(sink), 180, "acknowledgement")
    return report_token(mail[0].raw)


def finished(gateway: Running, token: str, seconds: float = 300) -> dict[str, Any]:
    """The report once the campaign has ended; its ledger is exact at every look before."""

    def done() -> dict[str, Any] | None:
        try:
            report = gateway.report(token)
        except OSError:
            return None  # the web process is being started again
        assert_exact(report)
        return report if report["state"] == "finished" else None

    return dict(until(done, seconds, f"the campaign ends: {gateway.log()[-1500:]}"))


def assert_exact(report: dict[str, Any]) -> None:
    """The ledger at this very moment."""
    parts = report["invalid"] + report["duplicate"] + report["suppressed"] + report["recipients"]
    assert report["lines"] == parts
    assert report["recipients"] == sum(report["statuses"].values())


def assert_nothing_lost(sink: Sink, recipients: int, repeats: int) -> None:
    """Everybody got the mail; at most `repeats` got it again, with the same Message-ID."""
    assert_all_got(people(sink), recipients, repeats)


def assert_all_got(mails: Sequence[Taken], recipients: int, repeats: int) -> None:
    """The same of mails from wherever they arrived."""
    times = Counter(mail.recipient for mail in mails)
    assert len(times) == recipients, f"{len(times)} people of {recipients}, {len(mails)} mails"
    assert len(mails) - recipients <= repeats, f"{len(mails) - recipients} repeats"
    ids: dict[str, set[str]] = {}
    for mail in mails:
        ids.setdefault(mail.recipient, set()).add(mail.message_id)
    assert all(len(found) == 1 for found in ids.values()), "a repeat carries the same Message-ID"
    assert len({next(iter(found)) for found in ids.values()}) == recipients
