"""Bounces that are only words, in the languages of the servers that write them: each names its recipient and how bad it is.

The sentences are ours, after what mail programs say in their languages.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from parsers import dsn

PERSON = "jean.petit@dest.example"
FILE = Path(__file__).parents[1] / "corpus" / "bounce_languages.jsonl"  # {} in a text is the recipient
CASES = [json.loads(line) for line in FILE.read_text(encoding="utf-8").splitlines()]


def told(sender: str, subject: str, text: str) -> list[tuple[str, str]] | None:
    head = f"Return-Path: <>\nFrom: {sender}\nTo: bounce+abc@gw.example\nSubject: {subject}\nMIME-Version: 1.0\n"
    head += "Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: 8bit\n\n"
    found = dsn.examine((head + text).encode())
    return None if found is None else [(one.recipient, one.severity.value) for one in found]


@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
@pytest.mark.parametrize("sender", ["Mail Delivery System <MAILER-DAEMON@mx.dest.example>", "postmaster@dest.example"])
def test_a_bounce_of_that_language(sender: str, case: dict[str, Any]) -> None:
    assert told(sender, case["subject"], case["text"].replace("{}", PERSON)) == [(PERSON, case["severity"])]


@pytest.mark.parametrize(
    ("subject", "text"),
    [
        ("Autosvar: Offre", "Jag är på semester till den 3 augusti. Kontakta jean.petit@dest.example.\n"),
        ("Réponse automatique : Offre", "Je suis absent, écrivez à jean.petit@dest.example.\n"),
        (
            "Automatische Antwort: Offre",
            "Ich bin im Urlaub. Ihre Mail wird nicht weitergeleitet: jean.petit@dest.example\n",
        ),
        ("自動応答: Offre", "不在にしております。jean.petit@dest.example までご連絡ください。\n"),
        ("Автоматический ответ", "Меня не будет до понедельника, пишите jean.petit@dest.example.\n"),
    ],
)
def test_an_absence_note_of_that_language_is_no_bounce(subject: str, text: str) -> None:
    assert told("Jean Petit <jean.petit@dest.example>", subject, text) is None
    assert told("MAILER-DAEMON@dest.example", subject, text) is None
