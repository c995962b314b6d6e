"""What replies mean: the table of SPEC 7, the traps, and agreement with what others say of real replies."""

import json
import re
import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parsers.classify import INFRASTRUCTURE, Fate, ReplyClass, classify
from parsers.replies import Reply, ReplyReader, Stage, make

ROOT = Path(__file__).parents[2]
CASES = ROOT.parent / "shared" / "cases" / "smtp"


@pytest.mark.parametrize(
    ("code", "text", "stage", "reply_class", "fate", "suppress"),
    [
        (250, "2.0.0 Ok", Stage.DOT, "accepted", Fate.ACCEPTED, False),
        (550, "5.1.1 No such user", Stage.RCPT, "unknown_user", Fate.REFUSED, True),
        (
            550,
            "5.1.1 <x@y.z>: Recipient address rejected: User unknown",
            Stage.RCPT,
            "unknown_user",
            Fate.REFUSED,
            True,
        ),
        (550, "5.1.1 Invalid recipient. OFR_416 [416]", Stage.RCPT, "unknown_user", Fate.REFUSED, True),
        (552, "5.1.1 Boite du destinataire pleine. OFR_417", Stage.RCPT, "mailbox_full", Fate.REFUSED, False),
        (552, "5.2.2 Mailbox full", Stage.DOT, "mailbox_full", Fate.REFUSED, False),
        (452, "4.2.2 The account is over quota", Stage.RCPT, "mailbox_full", Fate.MAILBOX_RETRY, False),
        (450, "4.2.1 later", Stage.RCPT, "temporary", Fate.MAILBOX_RETRY, False),
        (451, "mailbox is full", Stage.DOT, "mailbox_full", Fate.MAILBOX_RETRY, False),
        (450, "4.2.0 Greylisted, come back", Stage.RCPT, "greylisted", Fate.RETRY, False),
        (450, "4.2.0 busy", Stage.RCPT, "temporary", Fate.RETRY, False),
        (450, "4.2.1 greylisting in action", Stage.RCPT, "greylisted", Fate.RETRY, False),
        (421, "4.3.2 Service not available", Stage.RCPT, "temporary", Fate.RETRY, False),
        (450, "4.1.1 User unknown in virtual alias table", Stage.RCPT, "temporary", Fate.RETRY, False),
        (421, "Too many connections, slow down. OFR005_104 [104]", Stage.BANNER, "throttled", Fate.RETRY, False),
        (550, "5.7.1 [192.0.2.1] listed at zen.spamhaus.org", Stage.RCPT, "reputation", Fate.REFUSED, False),
        (550, "5.7.26 Unauthenticated email is not accepted", Stage.DOT, "authentication", Fate.REFUSED, False),
        (
            550,
            "5.5.0 SPF: x is not allowed to send mail. LPN004_401",
            Stage.MAIL,
            "authentication",
            Fate.REFUSED,
            False,
        ),
        (550, "5.2.0 Mail rejete. Mail rejected. OFR_506 [506]", Stage.DOT, "content", Fate.REFUSED, False),
        (554, "5.7.1 Message rejected as spam", Stage.DOT, "content", Fate.REFUSED, False),
        (552, "5.3.4 Message size exceeds fixed limit", Stage.MAIL, "too_big", Fate.REFUSED, False),
        (550, "5.4.1 Recipient address rejected: Access denied.", Stage.RCPT, "unknown_user", Fate.REFUSED, True),
        (550, "User unknown", Stage.MAIL, "unknown_user", Fate.REFUSED, False),
        (554, "No SMTP service here", Stage.BANNER, "reputation", Fate.REFUSED, False),
        (503, "bad sequence", Stage.RCPT, "protocol", Fate.REFUSED, False),
        (550, "no", Stage.RCPT, "refused", Fate.REFUSED, False),
        (
            550,
            "5.2.1 The email account that you tried to reach is disabled",
            Stage.RCPT,
            "mailbox_disabled",
            Fate.REFUSED,
            False,
        ),
        (554, "5.1.10 null MX", Stage.RCPT, "unknown_user", Fate.REFUSED, True),
    ],
)
def test_table(code: int, text: str, stage: Stage, reply_class: str, fate: Fate, suppress: bool) -> None:
    verdict = classify(make(code, text), stage)
    assert (verdict.reply_class.value, verdict.fate, verdict.suppress) == (reply_class, fate, suppress)


def test_replies_of_providers_in_french_and_english() -> None:
    wrong = []
    for line in (Path(__file__).parents[1] / "corpus" / "replies.jsonl").read_text(encoding="utf-8").splitlines():
        case = json.loads(line)
        reply = ReplyReader().feed(f"{case['reply']}\r\n".encode())[0]
        verdict = classify(reply, Stage(case["stage"])) if isinstance(reply, Reply) else None
        if verdict is None or (verdict.reply_class.value, verdict.suppress) != (case["class"], case["suppress"]):
            wrong.append((case, verdict))
    assert not wrong


def test_what_is_said_of_our_own_address_suppresses_nobody() -> None:
    for text in (
        "Verification failed for <bounce+x@gw.example>\nNo Such User Here",
        "Sender verify failed",
        "Callback setup failed while verifying <bounce+x@gw.example>",
        "Requested action not taken: mailbox unavailable\ninvalid DNS MX or A/AAAA resource record",
    ):
        assert not classify(make(550, text), Stage.RCPT).suppress, text


@pytest.mark.parametrize(
    "text",
    [
        "Adresse expéditeur inconnue",
        "5.1.0 Adresse d'émetteur refusée : domaine inconnu",
        "Adresse IP inconnue",
        "5.7.1 Adresse IP 192.0.2.1 invalide",
        "Your IP address 192.0.2.1 is not known",
        "IP address not found in reverse",
        "Envelope from address bounce+x@gw.fr does not exist",
        "Return address bounce+x@gw.fr is invalid",
        "553 From: address does not exist",
        "The address you are sending from does not exist",
        "Client host [185.5.1.1] rejected",
        "Client host [85.5.1.10] rejected",
    ],
)
def test_what_is_unknown_of_ours_never_suppresses_a_person(text: str) -> None:
    assert not classify(make(550, text), Stage.RCPT).suppress


@pytest.mark.parametrize(
    "text", ["Destinataire inconnu, retour a l'expediteur refuse", "5.1.1 gone", "(#5.1.1)", "compte inconnu"]
)
def test_people_who_are_unknown_still_are(text: str) -> None:
    assert classify(make(550, text), Stage.RCPT).suppress


def test_every_class_has_a_sentence_in_both_languages() -> None:
    for locale in ("fr", "en"):
        table = tomllib.loads((ROOT / "gateway" / "locales" / locale / "replies.toml").read_text("utf-8"))["explain"]
        assert set(table) == {entry.value for entry in ReplyClass}
        assert all(sentence.endswith(".") for sentence in table.values())


@given(st.integers(200, 599), st.text(max_size=200), st.sampled_from(Stage))
def test_any_reply_has_a_verdict_and_only_unknown_addresses_are_suppressed(code: int, text: str, stage: Stage) -> None:
    verdict = classify(make(code, text), stage)
    assert (verdict.fate is Fate.REFUSED) == (code >= 500)
    if verdict.suppress:
        assert code >= 500 and verdict.reply_class is ReplyClass.UNKNOWN_USER
    if verdict.reply_class in INFRASTRUCTURE:
        assert not verdict.suppress


def _cases(name: str) -> list[dict[str, object]]:
    if not CASES.is_dir():
        pytest.skip("the shared reply tables are not here")
    return [json.loads(line) for line in (CASES / name).read_text("utf-8").split("\n") if line]


@pytest.mark.parametrize("name", ["provider_responses.jsonl", "fr_providers.jsonl", "diagnostics_from_bounces.jsonl"])
def test_real_replies_of_infrastructure_never_suppress(name: str) -> None:
    ours = {"blocked", "badreputation", "authfailure", "requireptr", "speeding", "toomanyconn", "ratelimited"}
    ours |= {"policyviolation", "spamdetected", "virusdetected", "norelaying", "mailboxfull", "mesgtoobig", "suspend"}
    known = found = 0
    for case in _cases(name):
        text = str(case["text"])
        code = re.search(r"\b([45]\d\d)[ -]", text)
        verdict = classify(make(int(code[1]) if code else 550, text), Stage.RCPT)
        assert not (case["reason"] in ours and verdict.suppress), text
        if case["reason"] == "userunknown":
            known += 1
            found += verdict.suppress
    assert known < 10 or found >= 0.85 * known, f"{found} of {known} unknown addresses recognised"
