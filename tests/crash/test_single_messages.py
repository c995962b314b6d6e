"""Single messages through a whole running gateway: by the API and by submission, to a scripted server and back again."""

from __future__ import annotations

import asyncio
import json
import re
import smtplib
import ssl
import urllib.error
import urllib.request
from collections.abc import Iterator
from email import message_from_bytes
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
from running import PASSWORD, Running, until
from sink import Sink, Taken

from gateway.rehearsal import letters
from gateway.rehearsal.mailroom import Arrival
from gateway.rehearsal.world import HOUSES
from mail import dkim
from mail.keychain import Keychain
from store import accounts, api_keys
from store.engine import Database, now_ms

SENDER = "contact@acme.test"


async def _answer(mail: Taken) -> bytes | None:
    return b"550 5.1.1 no such user here\r\n" if mail.recipient.startswith("gone") else b"250 2.0.0 taken\r\n"


@pytest.fixture
def sink() -> Iterator[Sink]:
    with Sink(_answer) as made:
        yield made


class Shop:
    """A program of the account: its key, its login, and what its customers' server got."""

    def __init__(self, gateway: Running, sink: Sink, key: str) -> None:
        self.gateway, self.sink, self.key = gateway, sink, key

    def ask(self, path: str, body: Any = None) -> tuple[int, Any]:
        """A request to the API."""
        request = urllib.request.Request(f"http://127.0.0.1:{self.gateway.web}/api/v1{path}")
        request.add_header("Authorization", f"Bearer {self.key}")
        if body is not None:
            request.data = json.dumps(body).encode()
            request.add_header("Content-Type", "application/json")
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            return error.code, json.load(error)

    def post(self, to: str) -> tuple[int, Any]:
        """A message by the API."""
        message = {
            "sender": {"address": SENDER},
            "to": {"address": to},
            "subject": "Mot de passe",
            "html": "<p>{{x}}</p>",
        }
        return self.ask("/messages", message)

    def status(self, message: Any) -> str:
        """What has become of a message by the API."""
        return str(self.ask(f"/messages/{message['id']}")[1]["recipients"][0]["status"])

    def submit(self, *to: str) -> dict[str, tuple[int, bytes]]:
        """A message by submission; the recipients that were refused."""
        mail = EmailMessage()
        mail["From"], mail["To"], mail["Subject"] = SENDER, ", ".join(to), "Facture"
        mail.set_content("Votre facture\n")
        with smtplib.SMTP("127.0.0.1", self.gateway.submission, timeout=30) as client:
            client.starttls(context=ssl._create_unverified_context())
            client.login("acme", PASSWORD)
            try:
                return client.send_message(mail)
            except smtplib.SMTPRecipientsRefused as refused:
                return refused.recipients

    def got(self, to: str) -> Taken:
        """The mail that arrived for somebody."""
        return until(
            lambda: next((mail for mail in self.sink.mails if mail.recipient == to), None), 60, f"mail to {to}"
        )

    def barred(self, to: str, reason: str) -> None:
        """Wait until nobody may write to an address any more, neither way."""
        entry = {"address": to, "reason": reason}

        def listed() -> bool:
            return any(entry.items() <= one.items() for one in self.ask("/suppressions")[1]["data"])

        until(listed, 60, f"{to} is suppressed")
        status, problem = self.post(to)
        assert status == 422 and reason in problem["detail"]
        assert {address: code for address, (code, _) in self.submit(to).items()} == {to: 550}


@pytest.fixture
def shop(sink: Sink, tmp_path: Path) -> Iterator[Shop]:
    """A gateway with an account that may send single messages."""
    gateway = Running(tmp_path / "gateway", sink.port, API__REQUESTS_PER_MINUTE="1000000")
    key = asyncio.run(_grant(gateway.folder / "data", 7_200))
    try:
        gateway.start()
        yield Shop(gateway, sink, key)
    finally:
        gateway.stop()


async def _grant(data: Path, per_hour: int) -> str:
    database = Database.open(f"sqlite+aiosqlite:///{data / 'mail2campaign.db'}")
    try:
        async with database.write() as conn:
            await accounts.set_transactional(conn, 1, per_hour)
            await accounts.set_single(conn, 1, True)
            await accounts.set_hygiene(conn, 1, True)
            return (await api_keys.add(conn, 1, "", api_keys.SCOPES, None, now_ms()))[1]
    finally:
        await database.close()


@pytest.mark.crash
@pytest.mark.slow
def test_both_ways_are_signed_followed_told_capped_and_barred(shop: Shop) -> None:
    # sent both ways, as they were written, signed
    assert shop.post("client@dest.test")[0] == 202
    assert shop.submit("paul@dest.test", "gone@dest.test") == {}
    mails = [shop.got("client@dest.test"), shop.got("paul@dest.test")]
    [signer] = Keychain(shop.gateway.folder / "data")
    for mail in mails:
        assert dkim.verify_with_dkimpy(mail.raw, {dkim.dns_name(signer): dkim.dns_value(signer)}.get)
    html = next(
        bytes(part.get_payload(decode=True))
        for part in message_from_bytes(mails[0].raw).walk()
        if part.get_content_type() == "text/html"
    )
    assert b"{{x}}" in html
    # followed, as far as the account's readers may be: the day of the last open
    [pixel] = re.findall(rb'src="(http://[^"]+/h/[^"]+\.gif)"', html)
    with urllib.request.urlopen(pixel.decode(), timeout=10) as answer:
        assert answer.status == 200 and answer.headers["content-type"] == "image/gif"
    # a hard bounce and a complaint bar both ways
    shop.barred("gone@dest.test", "hard_bounce")
    arrival = Arrival(HOUSES[0], mails[0].sender, mails[0].recipient, mails[0].message_id, mails[0].raw)
    with smtplib.SMTP("127.0.0.1", shop.gateway.mx, timeout=30) as client:
        client.sendmail("fbl@d.test", ["fbl@gateway.test"], letters.complaint(arrival, "fbl@gateway.test"))
    shop.barred("client@dest.test", "complaint")
    # who left the newsletters gets what they ordered all the same
    left = {"address": "anna@dest.test", "reason": "unsubscribe"}
    assert shop.ask("/suppressions", {"entries": [left]})[0] == 200
    assert shop.post("anna@dest.test")[0] == 202 and shop.got("anna@dest.test")
    # told by day and sender
    told = {"messages": 3, "recipients": 4, "statuses": {"delivered": 2, "cancelled": 1, "complained": 1}}
    day: dict[str, Any] = {}

    def summed() -> bool:
        [sums] = shop.ask("/messages/days")[1]["data"]
        day.update(sums, statuses={code: n for code, n in sums["statuses"].items() if n})
        return told.items() <= day.items()

    try:
        until(summed, 30, "the sums of the day")
    except AssertionError:
        raise AssertionError(day) from None
    assert day["sender"] == SENDER and day["measures"]["sent"] == 4
    # a cap that is spent keeps the next one waiting, and refuses those after it
    asyncio.run(_grant(shop.gateway.folder / "data", 1))
    status, first = shop.post("first@dest.test")
    assert status == 202
    until(lambda: shop.status(first) == "delivered", 60, "the first one is delivered")
    status, second = shop.post("second@dest.test")
    assert status == 202
    assert shop.post("third@dest.test")[0] == 429
    assert {code for code, _ in shop.submit("third@dest.test").values()} == {452}
    assert shop.status(second) == "queued"
    assert not [mail for mail in shop.sink.mails if mail.recipient.startswith(("second", "third"))]
