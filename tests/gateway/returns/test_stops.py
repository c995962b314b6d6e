"""A STOP that its reader forwards to stop@: from a proved sender only, and for their own account only."""

from email.message import EmailMessage
from email.policy import SMTP
from email.utils import formatdate
from pathlib import Path

import pytest
from sqlalchemy import select

from parsers.tokens import Purpose, sign
from store import accounts, suppression_list
from store.engine import now_ms
from store.states import Status
from store.tables import recipients
from tests.gateway.intake.test_steps import Office, mail, office, readers, words
from tests.gateway.kit_intake import DOMAIN, RING
from tests.gateway.test_campaign_by_dkim import offer, port_25

assert readers  # the module's own pool of reading processes
pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.slow]
LISTE = "Email;Nom\nmarie@rcpt.example;Durand\npaul@rcpt.example;Martin\n"
FORWARDED = "De : Marie <marie.durand@rcpt.example>\nEnvoyé : lundi\nÀ : Anne\nObjet : RE: Bonjour\n\nSTOP\n\n"


def forward(body: str, sender: str = "Anne <anne@firm.example>", **head: str) -> bytes:
    made = EmailMessage(policy=SMTP)
    made["From"], made["To"], made["Subject"], made["Date"] = sender, f"stop@{DOMAIN}", "TR: RE: Bonjour", formatdate()
    made["Message-ID"] = f"<{abs(hash((body, sender)))}@firm.example>"
    for name, value in head.items():
        made[name.replace("_", "-")] = value
    made.set_content(body)
    return bytes(made)


async def listed(made: Office, account: int) -> list[str | None]:
    async with made.desk.database.read() as conn:
        return sorted(str(one.address) for one in await suppression_list.page(conn, account, "unsubscribe", now_ms()))


async def stopped(made: Office, body: str, **more: str) -> EmailMessage | None:
    return await made.send(forward(body, **more), kind="forwarded", rcpt=f"stop@{DOMAIN}")


async def test_the_person_is_unsubscribed(tmp_path: Path) -> None:
    async with office(tmp_path) as made:
        await made.send(mail(("LISTE.csv", LISTE)))
        marie = (await made.rows(select(recipients.c.id).order_by(recipients.c.id)))[0].id
        link = f"https://gw.example/u/{sign(RING, Purpose.UNSUBSCRIBE, marie)}"
        back = await stopped(made, f"{FORWARDED}> Pour vous désinscrire : {link}\n")
        assert back is not None
        assert "ne recevront plus de messages de votre compte" in words(back)
        assert "marie.durand@rcpt.example" in words(back) and "marie@rcpt.example" in words(back)
        assert back["Auto-Submitted"] == "auto-replied"
        found = await made.rows(select(recipients.c.status).order_by(recipients.c.id))
        assert [one.status for one in found] == [Status.UNSUBSCRIBED, Status.QUEUED]
        assert await listed(made, made.account) == ["marie.durand@rcpt.example", "marie@rcpt.example"]
        assert await listed(made, made.other) == []


async def test_recipients_of_others_are_not_touched(tmp_path: Path) -> None:
    async with office(tmp_path) as made:
        await made.send(mail(("LISTE.csv", LISTE)))
        marie = (await made.rows(select(recipients.c.id).order_by(recipients.c.id)))[0].id
        body = f"https://gw.example/u/{sign(RING, Purpose.UNSUBSCRIBE, marie)}\n"
        raw = forward(body, "bob@other.example")
        back = await made.send(raw, account=made.other, kind="forwarded", rcpt=f"stop@{DOMAIN}")
        assert "Nobody was unsubscribed" in words(back)
        assert await listed(made, made.account) == await listed(made, made.other) == []


async def test_nobody_is_named(tmp_path: Path) -> None:
    async with office(tmp_path) as made:
        back = await stopped(made, "Merci de retirer Marie Durand.")
        assert "Transférer en tant que pièce jointe" in words(back)
        own = FORWARDED.replace("marie.durand@rcpt.example", "Anne@firm.example")
        assert "Personne n'a été désinscrit" in words(await stopped(made, own))
        ours = FORWARDED.replace("marie.durand@rcpt.example", f"mail@{DOMAIN}")
        assert "Personne n'a été désinscrit" in words(await stopped(made, ours))
        assert await listed(made, made.account) == []


async def test_machines_are_not_obeyed(tmp_path: Path) -> None:
    async with office(tmp_path) as made:
        assert await stopped(made, FORWARDED, Auto_Submitted="auto-generated") is None
        assert await listed(made, made.account) == []


async def test_by_port_25(tmp_path: Path) -> None:
    async with office(tmp_path) as made, port_25(made, tmp_path) as port:
        said, letter = await offer(made, port, forward(FORWARDED), f"STOP@{DOMAIN}")
        assert said.startswith("250 2.0.0")
        assert "marie.durand@rcpt.example" in letter
        assert await listed(made, made.account) == ["marie.durand@rcpt.example"]
        said, letter = await offer(made, port, forward(FORWARDED, "bob@other.example"), f"stop@{DOMAIN}")
        assert said.startswith("550-5.7.22")
        assert letter == ""


async def test_a_suspended_account(tmp_path: Path) -> None:
    async with office(tmp_path) as made:
        async with made.desk.database.write() as conn:
            await accounts.suspend(conn, made.account, True)
        assert "ne recevront plus" in words(await stopped(made, FORWARDED))  # who asked to be left alone is left alone
