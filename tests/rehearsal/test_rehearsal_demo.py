"""The demo's own parts: what it foresees, what it sends, how it judges, what it shows."""

from __future__ import annotations

import io
import json
from collections import Counter
from email import message_from_bytes, policy
from pathlib import Path
from typing import Any

import pytest
import xlrd
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from gateway.cli.failure import Failure
from gateway.rehearsal.cast import DATA, addresses, expected
from gateway.rehearsal.correspondence import Acknowledgement, campaign_mail, read_acknowledgement
from gateway.rehearsal.demo import _own, language
from gateway.rehearsal.stage import free_ports
from gateway.rehearsal.verdict import WAITING, Check, checks, summary
from gateway.rehearsal.view import COLOURS, View, bar
from gateway.rehearsal.world import HOUSES, SPECIAL, house_of
from parsers.mime import read
from store.states import Status

DUE = expected()
URL = "http://127.0.0.1:1"
REPORT = f"{URL}/r/{'a' * 43}"
ACK = Acknowledgement("gw", "Campagne", "texte", REPORT, ("LISTE_corrigee.xlsx",))


def ledger() -> dict[str, Any]:
    """What the gateway's report says when all went well."""
    return {
        "state": "finished",
        "lines": DUE.lines,
        "invalid": DUE.invalid + DUE.dead,
        "duplicate": DUE.duplicate,
        "suppressed": 0,
        "recipients": DUE.recipients,
        "statuses": {status.code: DUE.statuses.get(status.code, 0) for status in Status},
        "measures": {name: getattr(DUE, name) for name in ("opened", "clicked", "unsubscribed", "complained")},
    }


def told() -> dict[str, Any]:
    """What the scripted internet counted then."""
    return {
        "receivers": {"received": DUE.received, "repeats": DUE.repeats, "dkim_verified": DUE.received},
        "houses": {},
        "people": {
            "bounced": sum(a.endswith(("@assurances-loire.test", "@club-randonnee.test")) for _, a in addresses()),
            **{name: getattr(DUE, name) for name in ("opened", "clicked", "unsubscribed", "complained")},
        },
    }


def test_the_list_is_the_sheet() -> None:
    sheet = xlrd.open_workbook(DATA / "LISTE.XLS").sheet_by_index(0)
    rows = [sheet.row_values(number) for number in range(sheet.nrows)]
    assert rows[0] == ["RS", "Nom", "Prénom", "Email"]
    assert [part.strip() for row in rows[1:] for part in row[3].split(";")] == [address for _, address in addresses()]
    assert (DATA / "LISTE.XLS").read_bytes()[:8] == b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"  # a real BIFF file


def test_the_figures_foreseen_add_up_and_show_everything() -> None:
    assert DUE.lines == DUE.invalid + DUE.duplicate + DUE.dead + DUE.recipients
    assert DUE.recipients == sum(DUE.statuses.values())
    assert DUE.lines > 250
    assert min(DUE.invalid, DUE.duplicate, DUE.dead, DUE.repeats, DUE.clicked, DUE.unsubscribed, DUE.complained) > 0
    good = [address for kind, address in addresses() if kind == "good"]
    assert len({address.lower() for address in good}) == len(good)
    used = Counter(house_of(address.rpartition("@")[2]) for address in good)
    assert set(used) == {house for house in HOUSES if house.ip}
    assert set(SPECIAL) <= set(good)


def test_the_mail_has_everything_a_mail_program_would_send() -> None:
    mail = message_from_bytes(campaign_mail("m.test").as_bytes(), policy=policy.default)
    names = [part.get_filename() for part in mail.iter_attachments()]
    assert names == ["programme.pdf", "LISTE.XLS", "Config"]
    assert mail.get_body(("plain",)) is not None
    html = mail.get_body(("html",))
    assert html is not None
    assert "cid:" in html.get_content()
    assert "{{Prénom}}" in html.get_content()
    seen = read(campaign_mail("m.test").as_bytes())  # and the gateway's own reader finds them
    assert "médiathèque" in str(seen)


def test_an_acknowledgement_is_read_as_people_do() -> None:
    raw = f"From: gw <mail@m.test>\r\nSubject: Campagne\r\n\r\nbonjour\r\n{REPORT}\r\n".encode()
    ack = read_acknowledgement(raw, URL)
    assert (ack.report, ack.subject, ack.attachments) == (REPORT, "Campagne", ())
    assert read_acknowledgement(raw, "http://elsewhere").report == ""


def test_a_good_end_is_good() -> None:
    assert [check for check in checks(ledger(), told(), ACK, DUE) if not check.good] == []


def test_dead_domains_told_late_are_cancelled_instead() -> None:
    late = ledger()
    late["invalid"] -= 2
    late["recipients"] += 2
    late["statuses"]["cancelled"] += 2
    assert [check.name for check in checks(late, told(), ACK, DUE) if not check.good] == []


@pytest.mark.parametrize(
    ("place", "key", "value", "broken"),
    [
        ("ledger", "lines", DUE.lines + 1, {"equation", "list"}),
        ("ledger", "duplicate", 0, {"equation", "list"}),
        ("statuses", "delivered", 0, {"sum", "statuses", "received"}),
        ("receivers", "received", DUE.received - 1, {"received", "dkim"}),
        ("receivers", "duplicates", 1, {"duplicates"}),
        ("receivers", "repeats", DUE.repeats + 1, {"duplicates"}),
        ("receivers", "dkim_verified", 0, {"dkim"}),
        ("receivers", "dkim_failed", 1, {"dkim"}),
        ("people", "opened", 0, {"people"}),
        ("people", "complained", 0, {"people"}),
        ("people", "surprises", 1, {"surprises"}),
        ("measures", "clicked", 0, {"people"}),
    ],
)
def test_every_broken_promise_is_named(place: str, key: str, value: int, broken: set[str]) -> None:
    figures, counted = ledger(), told()
    places = {"ledger": figures, "statuses": figures["statuses"], "measures": figures["measures"], **counted}
    places[place][key] = value
    assert {check.name for check in checks(figures, counted, ACK, DUE) if not check.good} == broken


def test_an_acknowledgement_without_link_or_list_is_named() -> None:
    for ack in (Acknowledgement("", "", "", "", ACK.attachments), Acknowledgement("", "", "", REPORT, ())):
        assert [check.name for check in checks(ledger(), told(), ack, DUE) if not check.good] == ["acknowledgement"]


def test_the_summary_has_what_scripts_read() -> None:
    found = json.loads(json.dumps(summary(ledger(), told(), ACK, 1.234, [])))
    assert found["report"] == REPORT
    assert set(found["ledger"]["statuses"]) == {status.code for status in Status}  # also when 0
    assert found["receivers"]["received"] == DUE.received
    assert set(found["events"]) == {"opened", "clicked", "unsubscribed", "complained"}
    assert found["acknowledgement"]["seconds"] == 1.23


@given(st.dictionaries(st.sampled_from(sorted(COLOURS)), st.integers(0, 10**6), min_size=1), st.integers(20, 200))
def test_the_bar_has_its_width_and_hides_nobody(statuses: dict[str, int], width: int) -> None:
    line = bar(statuses, width)
    people = {code for code, n in statuses.items() if n}
    assert len(line.plain) == (width if people else 0)
    assert {str(span.style) for span in line.spans} == {COLOURS[code] for code in people}


@pytest.mark.parametrize("locale", ["fr", "en"])
@pytest.mark.parametrize("terminal", [True, False])
def test_everything_can_be_shown(locale: str, terminal: bool) -> None:
    out = io.StringIO()
    view = View(Console(file=out, force_terminal=terminal, width=72, highlight=False), locale)
    feed = [{"what": what, "who": "a.b@c.test", "how": "x"} for what in ("opened", "clicked", "bounced", "surprises")]
    view.title(14)
    view.step("sent", view.words("sent_note", size=57, domain="m.test"))
    view.letter("gw", "Campagne [x]", "texte [bold]")
    waiting = ledger()
    waiting["statuses"]["queued"] = 5
    view.progress(waiting, feed, 3.0)
    view.end_progress(ledger(), 12.0)
    found = checks(ledger(), told(), ACK, DUE)
    view.balance(ledger(), [*found, Check("surprises", 0, 3)])
    view.end(REPORT, "demo", stays=True)
    shown = out.getvalue()
    assert "texte [bold]" in shown
    assert shown.count("✗") == 1
    assert ("\x1b" in shown) is terminal
    plain = [line for line in shown.splitlines() if REPORT in line]
    assert len(plain) == 1  # the URL is on one line, whatever the width


def test_the_url_stands_alone_on_its_line() -> None:
    out = io.StringIO()
    View(Console(file=out, width=40), "fr").end(REPORT, "demo", stays=False)
    assert REPORT in out.getvalue().splitlines()


@pytest.mark.parametrize(
    ("environment", "locale"),
    [
        ({}, "fr"),
        ({"LANG": "C.UTF-8"}, "fr"),
        ({"LANG": "en_US.UTF-8"}, "en"),
        ({"LANG": "en_GB", "LC_ALL": "fr_FR.UTF-8"}, "fr"),
    ],
)
def test_the_demo_speaks_french_unless_told(
    monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], locale: str
) -> None:
    for name in ("LC_ALL", "LC_MESSAGES", "LANG"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert language() == locale


def test_a_folder_of_somebody_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "demo").mkdir()
    (tmp_path / "demo" / "these.odt").write_text("three years of work")
    with pytest.raises(Failure, match="not a demo's folder"), _own(tmp_path / "demo"):
        pass
    assert (tmp_path / "demo" / "these.odt").exists()


def test_the_demo_s_own_folder_is_made_anew_and_held(tmp_path: Path) -> None:
    with _own(tmp_path / "demo"):
        (tmp_path / "demo" / "summary.json").write_text("{}")
        (tmp_path / "demo" / "gateway").mkdir()
        with pytest.raises(Failure, match="another demo"), _own(tmp_path / "demo"):
            pass
        assert (tmp_path / "demo" / "summary.json").exists()
    with _own(tmp_path / "demo"):
        assert [path.name for path in (tmp_path / "demo").iterdir()] == [".mail2campaign-demo"]


def test_free_ports_are_different_and_not_privileged() -> None:
    ports = free_ports(20)
    assert len(set(ports)) == 20
    assert min(ports) >= 1024


def test_waiting_statuses_are_statuses() -> None:
    assert set(WAITING) <= {status.code for status in Status}
