"""kill -9 of any process at any moment: nothing is lost, little is repeated, the accounts stay exact."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import smtplib
import ssl
import time
from collections import Counter
from pathlib import Path

import pytest
from crashing import IN_FLIGHT, acknowledged, acknowledgements, assert_nothing_lost, finished, people
from running import PASSWORD, Running, alive, message, report_token, until
from sink import Sink, Taken

pytestmark = pytest.mark.crash


@pytest.mark.parametrize("seed", [1, 2])
def test_random_kills_lose_nothing(gateway: Running, shared_sink: Sink, seed: int) -> None:
    dice = random.Random(seed)
    gateway.submit(message(2_000))
    token = acknowledged(shared_sink)
    killed = 0
    for progress in (100, 500, 900, 1_300, 1_700):
        until(lambda progress=progress: len(people(shared_sink)) >= progress, 120, f"{progress} mails")
        role = dice.choice(["_send", "_send", "_receive", "_web", "all"])
        if role == "all":
            gateway.kill_all()
            killed += 2
            gateway.start()
        else:
            pids = gateway.children(role)
            if pids:
                os.kill(dice.choice(pids), signal.SIGKILL)
                killed += role == "_send"
    report = finished(gateway, token)
    assert report["statuses"]["delivered"] == report["recipients"] == 2_000
    assert_nothing_lost(shared_sink, 2_000, killed * IN_FLIGHT)


def test_one_sender_killed_alone(gateway: Running, shared_sink: Sink) -> None:
    gateway.submit(message(2_000))
    token = acknowledged(shared_sink)
    until(lambda: len(people(shared_sink)) >= 300, 120, "300 mails")
    os.kill(gateway.children("_send")[0], signal.SIGKILL)
    report = finished(gateway, token)
    assert report["statuses"]["delivered"] == 2_000
    assert_nothing_lost(shared_sink, 2_000, IN_FLIGHT)


@pytest.mark.alone
def test_everything_killed_resumes_within_thirty_seconds(gateway: Running, shared_sink: Sink) -> None:
    gateway.submit(message(2_000))
    token = acknowledged(shared_sink)
    until(lambda: len(people(shared_sink)) >= 300, 120, "300 mails")
    gateway.kill_all()
    before = len(people(shared_sink))
    gateway.start()
    until(lambda: len(people(shared_sink)) > before, 30, "sending goes on")  # SPEC 7, from the moment that serve is up
    assert finished(gateway, token)["statuses"]["delivered"] == 2_000
    assert_nothing_lost(shared_sink, 2_000, 2 * IN_FLIGHT)


def submitted(gateway: Running, raw: bytes) -> bool:
    """Send the very same bytes again, as a mail client does that got no answer; whether the gateway said 250."""
    client = logged_in(gateway)
    if client is None:
        return False
    try:
        client.sendmail("contact@acme.test", ["mail@gateway.test"], raw)
    except (OSError, smtplib.SMTPException):
        return False
    finally:
        client.close()
    return True


def logged_in(gateway: Running) -> smtplib.SMTP | None:
    """A connection that may send, or None while the gateway is being started again."""
    try:
        client = smtplib.SMTP("127.0.0.1", gateway.submission, timeout=10)
        client.starttls(context=ssl._create_unverified_context())
        client.login("acme", PASSWORD)
    except (OSError, smtplib.SMTPException):
        return None
    return client


def test_the_gateway_killed_around_the_final_dot(gateway: Running, shared_sink: Sink) -> None:
    """Between the dot and the 250 the client repeats the mail; after the 250 the spool has it: one campaign each."""
    dice = random.Random(3)
    for number in range(6):
        client = until(lambda: logged_in(gateway), 120, "the gateway takes mail again")
        client.mail("contact@acme.test")
        client.rcpt("mail@gateway.test")
        client.putcmd("data")
        client.getreply()
        mail = message(5, subject=f"Essai {number}")
        raw = mail.as_bytes().replace(b"\r\n", b"\n").replace(b"\n", b"\r\n").rstrip()
        client.send(raw + b"\r\n.\r\n")
        time.sleep(dice.choice([0.0, 0.002, 0.005, 0.01, 0.05, 0.2]))  # the moment of the kill, not a wait for anything
        for pid in gateway.children("_receive"):
            os.kill(pid, signal.SIGKILL)
        try:
            said = client.getreply()[0]
        except (OSError, smtplib.SMTPException):
            said = 0
        client.close()
        if said != 250:
            until(lambda raw=raw: submitted(gateway, raw), 120, "the client's second try")

    def reports() -> set[str]:
        return {report_token(mail.raw) for mail in acknowledgements(shared_sink)}  # a repeated mail has the same again

    until(lambda: len(reports()) >= 6, 120, "six acknowledgements")
    for token in reports():
        assert finished(gateway, token)["statuses"]["delivered"] == 5
    assert len(reports()) == 6, "one campaign each"
    mails = people(shared_sink)
    assert len(mails) == 30, "nobody got a campaign twice"


def test_the_gateway_killed_while_it_reads_the_list(gateway: Running, shared_sink: Sink) -> None:
    gateway.submit(message(5_000))
    for _ in range(3):  # again and again in the middle of the work
        time.sleep(0.15)
        for pid in gateway.children("_receive"):
            os.kill(pid, signal.SIGKILL)
        until(lambda: gateway.children("_receive"), 120, "it is started again")
    token = acknowledged(shared_sink)
    report = finished(gateway, token)
    assert (report["lines"], report["statuses"]["delivered"]) == (5_000, 5_000)
    assert_nothing_lost(shared_sink, 5_000, 0)


def test_a_receiver_silent_after_the_dot_gets_its_mail_once(tmp_path: Path) -> None:
    """Longer than a lease lasts without a sign of life (20 s): the sender is alive, so nobody else may take the mail."""

    async def answer(mail: Taken) -> bytes | None:
        if mail.recipient == "p3@dest.test":
            await asyncio.sleep(26)
        return b"250 2.0.0 at last\r\n"

    with Sink(answer) as sink:
        gateway = Running(tmp_path / "gateway", sink.port)
        gateway.start()
        try:
            gateway.submit(message(20))
            token = acknowledged(sink)
            report = finished(gateway, token)
        finally:
            gateway.stop()
        assert report["statuses"]["delivered"] == 20
        assert Counter(mail.recipient for mail in people(sink))["p3@dest.test"] == 1
        assert len(people(sink)) == 20


def test_a_second_gateway_on_the_same_folder_refuses_to_start(gateway: Running) -> None:
    with pytest.raises(AssertionError, match="another gateway"):
        gateway.command("serve")


@pytest.mark.alone
def test_children_end_within_two_seconds_of_their_supervisor(gateway: Running) -> None:
    assert gateway.process is not None
    pids = [pid for role in ("_send", "_receive", "_web") for pid in gateway.children(role)]
    assert len(pids) == 4
    gateway.process.kill()
    gateway.process.wait()
    until(lambda: not any(alive(pid) for pid in pids), 2, "the children end")
