"""From alignment: how a campaign goes out by its recipients, its domain's DMARC, and the account's rule."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from reading_here import ReadingHere

from gateway.intake.alignment import LARGE, Author, Way, look, way
from mail.dkim import Signer, dns_name, dns_value, new_key
from mail.dmarc import UNKNOWN, Policy, Published
from mail.resolver import DnsTrouble
from mta.plates import House, Plate, make
from store import advice, campaigns, rulings
from store.rulings import Rules
from store.states import Status
from store.values import Job, Tracked
from tests.gateway.intake import test_steps
from tests.gateway.intake.test_steps import SIGNER, Office, mail, office, words
from tests.gateway.kit_intake import DOMAIN, RING

KEY = new_key()
FIRM = Signer("firm.example", "m2c1", KEY)
pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.slow]


@pytest_asyncio.fixture(loop_scope="module", scope="module", autouse=True)
async def readers() -> Any:
    test_steps.shared[:] = [ReadingHere()]
    yield
    await test_steps.shared[0].close()


class Dns(test_steps.Dns):
    """TXT records by name; None is trouble, a number the seconds after which there is no answer."""

    def __init__(self, **records: Any) -> None:
        self.records = {name.replace("__", "."): value for name, value in records.items()}

    async def texts(self, name: str) -> Any:
        value = self.records.get(name, ())
        if isinstance(value, float):
            await asyncio.sleep(value)
        return DnsTrouble("timeout") if value is None or isinstance(value, float) else value


REJECT = Published(Policy.REJECT, "firm.example")
NONE = Published(Policy.NONE, "firm.example")


@pytest.mark.parametrize(
    ("signer", "dmarc", "recipients", "held", "expected"),
    [
        (FIRM, REJECT, 10_000, True, Way.OWN),
        (None, NONE, LARGE, True, Way.DECLARED),
        (None, NONE, LARGE + 1, False, Way.VIA),
        (None, NONE, LARGE + 1, True, Way.HELD),
        (None, REJECT, 1, False, Way.VIA),
        (None, Published(Policy.QUARANTINE, "x"), 1, True, Way.HELD),
        (None, UNKNOWN, LARGE, False, Way.DECLARED),  # unknown DNS counts as p=none
        (None, UNKNOWN, LARGE + 1, False, Way.VIA),
    ],
)
async def test_the_rule(signer: Signer | None, dmarc: Published, recipients: int, held: bool, expected: Way) -> None:
    assert way(Author("firm.example", signer, dmarc), recipients, held) is expected


async def test_what_dns_tells() -> None:
    dns = Dns(
        _dmarc__firm__example=("v=DMARC1; p=reject",),
        firm__example=("v=spf1 mx -all", "V=SPF1", "v=spf10", "google-site"),
        m2c1___domainkey__firm__example=(dns_value(FIRM).replace("p=", "p= "),),
    )
    found = await look(dns, [FIRM, SIGNER], "Anne@FIRM.example")
    assert (found.domain, found.signer, found.dmarc) == ("firm.example", FIRM, REJECT)
    assert found.spf == ("v=spf1 mx -all", "V=SPF1")
    assert found.key_published is True
    other = Dns(m2c1___domainkey__firm__example=(dns_value(Signer("a", "b", new_key())),))
    assert (await look(other, [FIRM], "a@firm.example")).key_published is False
    assert (await look(Dns(), [FIRM], "a@firm.example")).key_published is False
    assert (await look(Dns(m2c1___domainkey__firm__example=None), [FIRM], "a@firm.example")).key_published is None


async def test_strict_alignment_asks_for_the_very_domain() -> None:
    dns = Dns(_dmarc__firm__example=("v=DMARC1; p=reject; adkim=s",))
    assert (await look(dns, [FIRM], "a@news.firm.example")).signer is None
    assert (await look(dns, [FIRM], "a@firm.example")).signer is FIRM
    assert (await look(Dns(), [FIRM], "a@news.firm.example")).signer is FIRM


async def test_a_silent_name_server_delays_nothing() -> None:
    dns = Dns(_dmarc__firm__example=60.0, firm__example=60.0)
    async with asyncio.timeout(60):
        found = await look(dns, [], "a@firm.example", patience=0.05)
    assert (found.dmarc, found.spf) == (UNKNOWN, None)
    assert not found.dmarc.known


def people(count: int) -> str:
    return "Email;Nom\n" + "".join(f"p{n}@rcpt.example;Nom{n}\n" for n in range(count))


async def campaign_of(made: Office) -> Any:
    async with made.desk.database.read() as conn:
        (campaign,) = await campaigns.recent(conn)
        return campaign


async def sent(made: Office) -> bytes:
    """The first mail as a sender makes it from the campaign's row."""
    async with made.desk.database.read() as conn:
        (campaign,) = await campaigns.recent(conn)
        source = await campaigns.source(conn, campaign.blob_id)
    house = House(DOMAIN, "https://gw.example", RING, made.desk.signers)
    first = Job(
        1, campaign.id, "p0@rcpt.example", "", ("p0@rcpt.example", "Nom0"), Tracked.NONE, Status.QUEUED, 0, None
    )
    plate = await asyncio.to_thread(make, campaign, source, first, house)
    assert isinstance(plate, Plate)
    return plate.render(first)


def use(made: Office, dns: Dns, *signers: Signer) -> Office:
    from dataclasses import replace

    desk = replace(made.desk, resolver=dns, signers=signers or made.desk.signers)  # type: ignore[arg-type]
    made.desk = made.dispatch._desk = made.dispatch._intake._desk = desk
    return made


VIA = "Anne via gw.example <mail@gw.example>"


async def test_above_100_recipients_without_the_key_sent_via_the_gateway(tmp_path: Path) -> None:
    async with office(tmp_path) as made:
        use(made, Dns())
        answer = words(await made.send(mail(("LISTE.csv", people(101)))))
        campaign, raw = await campaign_of(made), await sent(made)
        async with made.desk.database.read() as conn:
            kept = await advice.read(conn, campaign.id)
    assert (campaign.state.value, campaign.options["via"]) == ("sending", True)
    assert (campaign.from_name, campaign.from_address) == ("Anne", "anne@firm.example")
    assert f"Expéditeur : Anne <anne@firm.example>, envoyé sous « {VIA} »" in answer
    assert "Réponses à : anne@firm.example" in answer
    assert f"| De : {VIA} | À : p0@rcpt.example" in answer
    assert f"m2c1._domainkey.firm.example CNAME {dns_name(SIGNER)}" in answer
    assert '_dmarc.firm.example TXT "v=DMARC1; p=none"' in answer
    assert "mail2campaign dkim add firm.example --alias" in answer
    head = raw.partition(b"\r\n\r\n")[0]
    assert b'From: "Anne via gw.example" <mail@gw.example>\r\n' in head
    assert b"Reply-To: anne@firm.example\r\n" in head
    assert b" d=gw.example;" in head and b"d=firm.example" not in head
    assert kept is not None
    assert "via" in [one["code"] for one in kept]
    assert all(one["text"] and one["advice"] for one in kept)


async def test_up_to_100_recipients_as_declared(tmp_path: Path) -> None:
    async with office(tmp_path) as made:
        use(made, Dns())
        bad = "bad@\n" * 5  # recipients count, not lines
        answer = words(await made.send(mail(("LISTE.csv", people(100) + bad))))
        campaign, raw = await campaign_of(made), await sent(made)
    assert "via" not in campaign.options
    assert "envoyé sous" not in answer
    assert "| De : Anne <anne@firm.example>" in answer
    assert b"From: Anne <anne@firm.example>\r\n" in raw
    assert f"m2c1._domainkey.firm.example CNAME {dns_name(SIGNER)}" in answer


@pytest.mark.parametrize("record", ["p=reject", "p=quarantine", "p=none; sp=reject"])
async def test_under_dmarc_one_recipient_is_enough(tmp_path: Path, record: str) -> None:
    async with office(tmp_path) as made:
        async with made.desk.database.write() as conn:
            from store import accounts

            await accounts.declare_sender(conn, made.account, "anne@news.firm.co.uk", "Anne", 1, 1)
        name = "_dmarc.firm.co.uk" if "sp=" in record else "_dmarc.news.firm.co.uk"
        dns = Dns()
        dns.records[name] = (f"v=DMARC1; {record}",)
        use(made, dns)
        raw = mail(("LISTE.csv", people(1)), sender="Anne <anne@news.firm.co.uk>")
        answer = words(await made.send(raw))
    assert f"envoyé sous « {VIA} »" in answer
    assert "DMARC, que Gmail" not in answer  # it has one


async def test_with_the_key_under_its_own_name(tmp_path: Path) -> None:
    async with office(tmp_path) as made:
        use(made, Dns(_dmarc__firm__example=("v=DMARC1; p=reject",)), SIGNER, FIRM)
        answer = words(await made.send(mail(("LISTE.csv", people(101)))))
        raw = await sent(made)
    assert "envoyé sous" not in answer
    assert b" d=firm.example; s=m2c1;" in raw
    assert b"From: Anne <anne@firm.example>\r\n" in raw
    # the key is here, but nobody published it
    assert f'm2c1._domainkey.firm.example TXT "{dns_value(FIRM)}"' in answer
    assert "fausse signature" in answer


async def test_an_account_may_hold_it_with_the_records(tmp_path: Path) -> None:
    async with office(tmp_path) as made:
        use(made, Dns())
        async with made.desk.database.write() as conn:
            await rulings.set_rules(conn, made.account, Rules(unaligned_held=True))
            await rulings.set_rules(conn, made.account, Rules(unaligned_held=True))
            assert await rulings.rules_of(conn, made.account) == Rules(unaligned_held=True)
            assert await rulings.rules_of(conn, made.other) == Rules()
        answer = words(await made.send(mail(("LISTE.csv", people(101)))))
        assert await made.states() == ["held"]
        assert "Votre campagne est retenue" in answer
        assert "L'adresse d'expédition est en firm.example" in answer
        assert f"m2c1._domainkey.firm.example CNAME {dns_name(SIGNER)}" in answer
        use(made, Dns(), SIGNER, FIRM)  # the operator has enabled the key: the same mail sent again replaces it
        await made.send(mail(("LISTE.csv", people(101)), id="<2@firm.example>"))
        assert await made.states() == ["sending", "replaced"]


async def test_a_freemail_sender_is_told_to_use_their_own_domain(tmp_path: Path) -> None:
    async with office(tmp_path) as made:
        async with made.desk.database.write() as conn:
            from store import accounts

            await accounts.declare_sender(conn, made.account, "anne@gmail.com", "", 1, 1)
        use(made, Dns(_dmarc__gmail__com=("v=DMARC1; p=none; sp=quarantine",)))
        answer = words(
            await made.send(mail(("LISTE.csv", people(101)), sender="anne@gmail.com", Reply_To="x@firm.example"))
        )
    assert "envoyé sous « Firme SARL via gw.example <mail@gw.example> »" in answer
    assert "préférez une adresse de votre propre domaine" in answer
    assert "Réponses à : x@firm.example" in answer
    assert "Enregistrements DNS" not in answer


async def test_grave_advice_holds_only_where_the_account_says_so(tmp_path: Path) -> None:
    async with office(tmp_path) as made:
        use(made, Dns())
        await made.send(mail(("LISTE.csv", people(2)), subject=" ", body="un"))
        assert await made.states() == ["sending"]
        async with made.desk.database.write() as conn:
            await rulings.set_rules(conn, made.account, Rules(advice_holds=True))
        held = words(await made.send(mail(("LISTE.csv", people(2)), subject=" ", body="deux")))
        assert await made.states() == ["held", "sending"]
        assert "Votre compte demande de retenir les campagnes qui ont un défaut grave : L'objet est vide." in held
        fine = words(await made.send(mail(("LISTE.csv", people(2)), subject="Bonjour", body="trois")))
        assert await made.states() == ["sending", "held", "sending"]
        assert "Votre campagne est lancée" in fine


async def test_a_list_is_new_once(tmp_path: Path) -> None:
    async with office(tmp_path) as made:
        use(made, Dns())
        raw = mail(("LISTE.csv", people(40)), body="un")
        first, again = words(await made.send(raw)), await made.send(raw)
        second = words(await made.send(mail(("LISTE.csv", people(45)), body="deux")))
        other = "Email\n" + "".join(f"q{n}@other.example\n" for n in range(30))
        third = words(await made.send(mail(("LISTE.csv", other), subject="Bonjour", body="trois")))
    assert "C'est la première campagne de votre compte" in first
    assert "carnet d'adresses" in first
    assert "C'est la première campagne" in words(again)  # the same acknowledgement again
    assert "première" not in second and "carnet d'adresses" not in second
    assert "Vous écrivez à cette liste pour la première fois" in third


async def test_what_is_found_in_a_mail_and_its_list_is_said(tmp_path: Path) -> None:
    lines = [f"p{n}@rcpt.example" for n in range(20)] + ["abuse@firm.example", "x@yopmail.com", *["bad@"] * 6]
    async with office(tmp_path) as made:
        use(made, Dns())
        raw = mail(
            ("LISTE.csv", "Email\n" + "\n".join(lines)),
            ("plan.pdf", "x"),
            subject="OFFRE EXCEPTIONNELLE !!",
            body="a<div>b",
        )
        answer = words(await made.send(raw))
        async with made.desk.database.read() as conn:
            kept = await advice.read(conn, 1)
    assert kept is not None
    found = [one["code"] for one in kept]
    assert found[0] == "list_old"
    assert {
        "subject_capitals",
        "subject_marks",
        "html_unclosed",
        "list_technical",
        "list_throwaway",
        "files_attached",
    } <= set(found)
    div = next(one for one in kept if one["code"] == "html_unclosed")
    assert (div["where"], div["line"], div["column"], div["values"]) == ("html", 1, 5, {"what": "div"})
    assert "Une balise <div> est ouverte et n'est pas refermée (ligne 1, colonne 5)." in answer
    assert "6 adresses (21 % de la liste) sont incorrectes" in answer
    assert "1 adresse est technique (abuse@)" in answer


async def test_spam_filters_are_asked_about_the_first_mail(tmp_path: Path) -> None:
    from tests.gateway.test_score import peer

    seen: list[bytes] = []
    async with (
        peer(b"SPAMD/1.5 0 EX_OK\r\nSpam: True ; 6.0 / 5.0\r\n\r\nBAD_RULE", seen) as place,
        office(tmp_path) as made,
    ):
        use(made, Dns())
        from dataclasses import replace

        settings = made.desk.settings.model_copy(
            update={"advice": made.desk.settings.advice.model_copy(update={"spamd": place})}
        )
        made.desk = made.dispatch._desk = made.dispatch._intake._desk = replace(made.desk, settings=settings)
        answer = words(await made.send(mail(("LISTE.csv", people(3)))))
    assert "SpamAssassin donne 6,0 sur 5,0" in answer and "(BAD_RULE)" in answer
    (request,) = seen
    raw = request.partition(b"\r\n\r\n")[2]
    assert raw.startswith(b"Message-ID: <") and b"DKIM-Signature" not in raw
    assert b"Bonjour Nom0" in raw


async def test_a_mail_whose_documents_are_missing_is_held_also_where_a_filter_is_asked(tmp_path: Path) -> None:
    from dataclasses import replace

    from tests.gateway.test_score import peer

    seen: list[bytes] = []
    async with peer(b"SPAMD/1.5 0 EX_OK\r\nSpam: False ; 0.0 / 5.0\r\n\r\n", seen) as place, office(tmp_path) as made:
        use(made, Dns())
        advised = made.desk.settings.advice.model_copy(update={"spamd": place})
        settings = made.desk.settings.model_copy(update={"advice": advised})
        made.desk = made.dispatch._desk = made.dispatch._intake._desk = replace(made.desk, settings=settings)
        answer = words(await made.send(mail(("LISTE.csv", "Email;Nom;PJ\na@rcpt.example;A;a.pdf\n"))))
        assert await made.states() == ["held"]
    assert "a.pdf" in answer and seen == []
