"""Mails that no person wrote."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parsers.autoreply import Automatic, absence_note, absent, automatic
from parsers.headers import read_fields


@pytest.mark.parametrize(
    ("head", "sender", "why"),
    [
        ("Subject: Soldes", "a@b.test", None),
        ("Auto-Submitted: no", "a@b.test", None),
        ("X-Auto-Response-Suppress: All", "a@b.test", None),
        ("Subject: Soldes", "", Automatic.NULL_SENDER),
        ("Subject: Soldes", "MAILER-DAEMON@b.test", Automatic.NULL_SENDER),
        ("Auto-Submitted: auto-replied (vacation)", "a@b.test", Automatic.AUTO_SUBMITTED),
        ("Content-Type: multipart/report; boundary=x", "a@b.test", Automatic.REPORT),
        ("Precedence: Bulk", "a@b.test", Automatic.LIST),
        ("List-Id: <x.y>", "a@b.test", Automatic.LIST),
        ("Subject: =?utf-8?q?R=C3=A9ponse_automatique_=3A_Soldes?=", "a@b.test", Automatic.ABSENCE),
        ("Subject: Absence du bureau", "a@b.test", Automatic.ABSENCE),
        ("Subject: Re: Out of office: Soldes", "a@b.test", Automatic.ABSENCE),
    ],
)
def test_reasons(head: str, sender: str, why: Automatic | None) -> None:
    assert automatic(read_fields(head.encode() + b"\r\n\r\n")[0], sender) is why


def test_subjects_of_people() -> None:
    for subject in ("Absentéisme : le point", "Luminaires", "Lunch out", "Réponse à votre demande", "Ready?"):
        assert not absent(subject), subject


@given(st.binary(max_size=200), st.text(max_size=40))
def test_any_bytes_give_a_value(junk: bytes, sender: str) -> None:
    automatic(read_fields(junk)[0], sender)


@pytest.mark.parametrize(
    ("words", "is_note"),
    [
        ("Bonjour,\nJe suis actuellement en congés jusqu'au 12.", True),
        ("I am out of the office until Monday.", True),
        ("J'ai changé d'adresse : jean@new.example", True),
        ("Jean Petit ne travaille plus chez nous.", True),
        ("Je suis intéressé par votre offre.", False),
        ("We moved the meeting to Monday.", False),
    ],
)
def test_absence_notes_that_no_header_marks(words: str, is_note: bool) -> None:
    assert absence_note(words) is is_note
