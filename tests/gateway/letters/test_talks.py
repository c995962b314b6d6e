"""Conversations by mail: a campaign is held, corrected, released, begun with a few, or cancelled by replies."""

from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from gateway.letters.decisions import decide
from gateway.letters.talks import confirm
from parsers.orders import Act, Order
from parsers.tokens import Purpose, sign
from store import talks
from store.engine import now_ms
from store.tables import notices, recipients
from store.tables_talks import WAITS
from store.talks import CONFIRMED, Verdict
from tests.gateway.intake.test_steps import Office, mail, office, read, readers, words
from tests.gateway.kit_intake import DOMAIN, RING

assert readers  # the module's own pool of reading processes
pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.slow]
LISTE = "Email;Nom\nmarie@rcpt.example;Durand\npaul@rcpt.example;Martin\nzoe@rcpt.example;Petit\n"
CONFIG = ("Config.txt", "Validation : oui\n")


async def reply(made: Office, to: str, body: str, *attached: tuple[str, str], **more: Any) -> EmailMessage | None:
    """Answer a letter of ours as Outlook does, and return what comes back."""
    local = to.partition("@")[0]
    number = int(more.pop("number", 0)) or (await made.numbers())[0]
    raw = mail(
        *attached, subject="RE: Bonjour", body=body + "\n\nDe : gw\nEnvoyé : mardi\nÀ : Anne\n\nannuler", to=to, **more
    )
    return await made.send(raw, kind="reply", token=number, rcpt=f"{local}@{DOMAIN}")


async def held(made: Office, *extra: tuple[str, str]) -> EmailMessage:
    answer = await made.send(mail(("LISTE.csv", LISTE), *(extra or (CONFIG,))))
    assert answer is not None
    return answer


async def waiting(made: Office) -> int:
    return len(await made.rows(select(recipients.c.id).where(recipients.c.next_attempt_at == WAITS)))


async def test_ok_releases_once_and_says_so(tmp_path: Path) -> None:
    async with office(tmp_path) as made:
        answer = await held(made)
        said = words(answer)
        assert await made.states() == ["held"]
        assert "attend votre accord" in said and "« seulement 50 »" in said and "https://gw.example/v/" in said
        assert answer["Subject"] == "À valider : « Bonjour … », 3 destinataires"
        back = await reply(made, answer["Reply-To"], "OK")
        assert await made.states() == ["sending"]
        assert "l'envoi à 3 destinataires commence" in words(back)
        assert back is not None and back["Auto-Submitted"] == "auto-replied"
        again = await reply(made, answer["Reply-To"], "envoyer")
        assert "il a déjà été répondu « envoyer » le" in words(again)
        gone = await reply(made, answer["Reply-To"], "annuler")  # stopping harms nobody: any of our letters may
        assert "la campagne est annulée" in words(gone) and await made.states() == ["stopped"]


async def test_what_was_not_understood_is_said_again(tmp_path: Path) -> None:
    async with office(tmp_path) as made:
        answer = await held(made)
        back = await reply(made, answer["Reply-To"], "OK mais changez le titre")
        assert "nous n'avons pas compris « OK mais changez le titre »" in words(back)
        assert "« demain 9h »" in words(back)
        assert "il manque l'heure" in words(await reply(made, answer["Reply-To"], "demain"))
        assert await made.states() == ["held"]


async def test_a_date_by_reply(tmp_path: Path) -> None:
    async with office(tmp_path) as made:
        answer = await held(made)
        back = await reply(made, answer["Reply-To"], "demain 9h")
        assert "commencera le" in words(back) and await made.states() == ["scheduled"]
        assert back is not None
        assert "l'envoi à 3 destinataires commence." in words(await reply(made, back["Reply-To"], "envoyer"))
        assert await made.states() == ["sending"]


async def test_only_the_first_then_the_rest(tmp_path: Path) -> None:
    async with office(tmp_path) as made:
        answer = await held(made)
        back = await reply(made, answer["Reply-To"], "seulement 1")
        assert "(1) ; 2 destinataires attendent votre accord" in words(back)
        assert (await made.states(), await waiting(made)) == (["sending"], 2)
        assert back is not None
        more = await reply(made, back["Reply-To"], "seulement 1")
        assert "(2) ; 1 destinataire attend votre accord" in words(more) and await waiting(made) == 1
        assert more is not None
        await reply(made, more["Reply-To"], "OK")
        assert await waiting(made) == 0


async def test_machines_and_strangers_release_nothing(tmp_path: Path) -> None:
    async with office(tmp_path) as made:
        answer = await held(made)
        to = answer["Reply-To"]
        assert await reply(made, to, "OK", Auto_Submitted="auto-replied") is None
        assert await reply(made, to, "OK\n\nJe suis absente jusqu'à lundi", id="<a@x>", Precedence="bulk") is None
        number = (await made.numbers())[0]
        raw = mail(subject="RE: x", body="OK", sender="Bob <bob@other.example>", id="<b@x>")
        back = await made.send(raw, made.other, kind="reply", token=number, rcpt=to)
        assert "aucune campagne de votre compte" in words(back)
        bare = f"campagne+{sign(RING, Purpose.REPLY, number)}@{DOMAIN}"  # as in letters that only inform
        assert "ne permet pas" in words(await reply(made, bare, "OK", id="<c@x>"))
        assert await made.states() == ["held"]


async def test_from_a_faulty_list_to_the_release(tmp_path: Path) -> None:
    """The whole conversation: a tag without its column, an OK that is not enough, the corrected list, the release."""
    async with office(tmp_path) as made:
        faulty = await made.send(mail(("LISTE.csv", "Email;Prénom\nmarie@rcpt.example;M\n"), CONFIG))
        assert faulty is not None and "ne correspond à aucune colonne" in words(faulty)
        refusal = await reply(made, faulty["Reply-To"], "OK")
        assert "un accord ne suffit pas" in words(refusal) and "ne correspond à aucune colonne" in words(refusal)
        better = await reply(made, faulty["Reply-To"], "Voici la liste", ("LISTE.csv", LISTE))
        assert better is not None
        assert await made.states() == ["held", "replaced"]
        assert "attend votre accord" in words(better) and "Bonjour Durand" in words(better)
        assert "votre correction est arrivée trop tard" in words(
            await reply(made, faulty["Reply-To"], "Encore", ("LISTE.csv", LISTE), number=1, id="<late@x>")
        )
        assert "commence" in words(await reply(made, better["Reply-To"], "OK", id="<ok@x>"))
        assert await made.states() == ["sending", "replaced"]
        assert list((tmp_path / "spool" / "tmp").iterdir()) == []


async def test_a_corrected_config_by_reply(tmp_path: Path) -> None:
    async with office(tmp_path) as made:
        faulty = await held(made, ("Config.txt", "Langue : klingon\n"))
        await reply(made, faulty["Reply-To"], "Voici", ("Config.txt", "Langue : fr\n"))
        assert await made.states() == ["sending", "replaced"]


async def test_a_proof_goes_to_declared_senders_only(tmp_path: Path) -> None:
    async with office(tmp_path) as made:
        answer = await held(made, ("Config.txt", "Test : anne@firm.example\n"))
        assert "Votre essai est parti" in words(answer)
        (person,) = await made.rows(select(recipients.c.address, recipients.c.fields))
        assert person.address == "anne@firm.example" and "Durand" in person.fields
        other = await made.send(mail(("LISTE.csv", LISTE), ("Config.txt", "Test : bob@other.example\n")))
        assert "Test : bob@other.example n'est pas un expéditeur déclaré" in words(other)
        assert (await made.states())[0] == "held"


async def test_an_account_may_want_validation_always(tmp_path: Path) -> None:
    async with office(tmp_path) as made:
        async with made.desk.database.write() as conn:
            await talks.set_validation(conn, made.account, True)
        await made.send(mail(("LISTE.csv", LISTE)))
        await made.send(mail(("LISTE.csv", LISTE), ("Config.txt", "Validation : non\n"), subject="Autre"))
        assert await made.states() == ["sending", "held"]


async def test_what_a_page_decided_is_told_by_a_letter_that_may_decide_further(tmp_path: Path) -> None:
    async with office(tmp_path) as made:
        await held(made)
        number, now = (await made.numbers())[0], now_ms()
        order = Order(Act.FIRST, count=1)
        assert await decide(made.desk.database, number, 1, order, now - CONFIRMED, "page") is Verdict.DONE
        assert (await confirm(made.desk), await confirm(made.desk)) == (1, 0)
        (row,) = await made.rows(select(notices.c.raw).order_by(notices.c.id.desc()).limit(1))
        made.seen += 1
        letter = read(row.raw)
        assert "2 destinataires attendent votre accord" in words(letter) and "« demain 9h »" not in words(letter)
        assert "commence" in words(await reply(made, letter["Reply-To"], "OK"))
        assert await waiting(made) == 0 and await confirm(made.desk) == 0
