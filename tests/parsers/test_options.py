"""Config as people write it: text and sheets, French and English."""

from __future__ import annotations

import datetime
import io
from zoneinfo import ZoneInfo

import openpyxl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from parsers.option_keys import Key, accepted, key_names, key_of
from parsers.options import Attachments, CampaignType, Config, Options, Problem, ProblemKind, Tracking, read

PARIS = ZoneInfo("Europe/Paris")
NOW = int(datetime.datetime(2026, 11, 23, 10, 0, tzinfo=PARIS).timestamp() * 1000)
CHRISTMAS = int(datetime.datetime(2026, 12, 25, 9, 30, tzinfo=PARIS).timestamp() * 1000)


def config(data: bytes | str) -> Config:
    return read(data.encode() if isinstance(data, str) else data, now=NOW, zone="Europe/Paris")


FRENCH = """# Réglages de la campagne
Expéditeur : ACME & fils <contact@acme.fr>
Répondre à = reponses@acme.fr
Date d'envoi : 25/12/2026 9h30

Campagne : Vœux #2026
Type : transactionnel
Langue : EN
Suivi : complet   # attesté
Désabonnement : non
Pièces jointes : liens
Validation : oui
Test : a@acme.fr, b@acme.fr
Débit : 1 500 / h
Accusé à : chef@acme.fr; chef@acme.fr
"""
EXPECTED = Options(
    "ACME & fils", "contact@acme.fr", "reponses@acme.fr", CHRISTMAS, None, "Vœux #2026", CampaignType.TRANSACTIONAL, "en",
    Tracking.FULL, False, Attachments.LINKS, True, ("a@acme.fr", "b@acme.fr"), 1500, ("chef@acme.fr",),
)  # fmt: skip
ENGLISH = """From: ACME & fils <contact@acme.fr>
REPLY TO: reponses@acme.fr
send at: 2026-12-25T09:30
Campaign: Vœux #2026
type = transactional
language = english
tracking = full
unsubscribe = no
attachments = links
proof = yes
test = a@acme.fr b@acme.fr
rate = 1500
notify = chef@acme.fr
"""


@pytest.mark.parametrize("text", [FRENCH, FRENCH.replace("é", "e").replace("à", "a"), FRENCH.upper(), ENGLISH])
def test_every_key(text: str) -> None:
    found = config(text)
    assert found.problems == ()
    if text is FRENCH or text is ENGLISH:
        assert found.options == EXPECTED
    assert found.options.send_at == CHRISTMAS


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "cp1252"])
def test_encodings(encoding: str) -> None:
    assert config(FRENCH.replace("œ", "oe").encode(encoding)).problems == ()


def test_a_two_column_sheet() -> None:
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    for row in (
        ["Clé", "Valeur"], ["Expéditeur", "contact@acme.fr"], [], ["# note", "x"],
        ["Date", datetime.datetime(2026, 12, 25)], ["Heure", datetime.time(9, 30)], ["Débit", 500], ["Validation", True],
        ["Suivi : anonyme"],
    ):  # fmt: skip
        sheet.append(row)
    out = io.BytesIO()
    book.save(out)
    found = config(out.getvalue())
    assert found.problems == ()
    assert (found.options.sender_address, found.options.send_at, found.options.rate) == (
        "contact@acme.fr",
        CHRISTMAS,
        500,
    )
    assert (found.options.validation, found.options.tracking) == (True, Tracking.ANONYMOUS)
    assert config("Clé;Valeur\nDate d'envoi;25/12/2026 09:30\n").options.send_at == CHRISTMAS


def test_date_and_hour_in_two_keys_and_a_zone() -> None:
    assert config("Heure : 9h30\nDate : 25/12/2026").options.send_at == CHRISTMAS
    moved = config("Date d'envoi : 25/12/2026 9h30\nFuseau : UTC").options
    assert moved.send_at == CHRISTMAS + 3_600_000
    assert config("Nom expéditeur : ACME\nEmail expéditeur : a@acme.fr").options == Options("ACME", "a@acme.fr")
    assert config("From: ACME").options == Options("ACME")
    assert config("Campagne :\n\n").options == Options()
    assert config("") == Config(Options())


@pytest.mark.parametrize(
    ("text", "kind", "line"),
    [
        ("Campagne : x\nCouleur : bleu", ProblemKind.UNKNOWN_KEY, 2), ("n'importe quoi", ProblemKind.UNKNOWN_KEY, 1),
        ("Suivi : peut-être", ProblemKind.BAD_VALUE, 1), ("Répondre à : a@", ProblemKind.BAD_VALUE, 1),
        ("Répondre à : a@b.fr, c@d.fr", ProblemKind.BAD_VALUE, 1), ("Débit : vite", ProblemKind.BAD_VALUE, 1),
        ("Débit : 0", ProblemKind.BAD_VALUE, 1), ("Langue : de", ProblemKind.BAD_VALUE, 1),
        ("Fuseau : Lune", ProblemKind.BAD_VALUE, 1), ("Date d'envoi : bientôt", ProblemKind.BAD_VALUE, 1),
        ("Date : 25/12/2026", ProblemKind.NO_TIME, 1), ("Heure : 9h", ProblemKind.BAD_VALUE, 1),
        ("Date d'envoi : 25/12/2020 9h", ProblemKind.PAST, 1), ("Date d'envoi : 28/03/2027 2h30", ProblemKind.GAP, 1),
        ("Date d'envoi : lundi 18h", ProblemKind.AMBIGUOUS, 1), ("Suivi : non\nSuivi : auto", ProblemKind.REPEATED, 2),
        ("Expéditeur : a@b.fr, c@d.fr", ProblemKind.BAD_VALUE, 1), ("Type", ProblemKind.BAD_VALUE, 1),
        ("Test : a@b.fr, pas une adresse", ProblemKind.BAD_VALUE, 1), ("Campagne : " + "x" * 201, ProblemKind.BAD_VALUE, 1),
    ],
)  # fmt: skip
def test_problems_say_line_value_and_what_is_accepted(text: str, kind: ProblemKind, line: int) -> None:
    problems = config(text).problems
    assert [(one.kind, one.line) for one in problems] == [(kind, line)]
    assert problems[0].accepted


def test_the_repeated_hour_is_a_note() -> None:
    found = config("Date d'envoi : 31/10/2027 2h30")
    assert found.problems == ()
    assert [note.kind for note in found.notes] == [ProblemKind.FOLD]


def test_a_file_that_is_no_config() -> None:
    found = config(b"%PDF-1.7")
    assert [one.kind for one in found.problems] == [ProblemKind.UNREADABLE]
    assert found.problems[0] == Problem(ProblemKind.UNREADABLE, 0, "", "pdf", accepted(None, "fr"))


def test_every_key_has_both_languages() -> None:
    assert all(accepted(key, "fr") and accepted(key, "en") for key in Key)
    assert all(key_of(name) for locale in ("fr", "en") for name in key_names(locale).split(" · "))


@settings(deadline=None)
@given(st.binary(max_size=200))
def test_any_bytes_give_a_value(data: bytes) -> None:
    assert isinstance(config(data), Config)


@pytest.mark.slow
@settings(deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from([key_names("fr").split(" · ")[i] for i in range(len(Key))]), st.text(max_size=30))
    )
)
def test_any_values_give_a_value(pairs: list[tuple[str, str]]) -> None:
    assert isinstance(config("\n".join(f"{key} : {value}" for key, value in pairs).encode("utf-8", "replace")), Config)
