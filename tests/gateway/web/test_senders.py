"""The page on which the owner of an address answers: it acts on its own form only, and once."""

import re

from web_fixture import RING, Web

from parsers.tokens import Purpose, sign
from store import accounts, declared
from store.engine import now_ms


async def asked(web: Web) -> tuple[str, int]:
    async with web.db.write() as conn:
        account = web.campaign.account_id
        await accounts.declare_sender(conn, account, "agnes@acme.test", "Agnès", None, now_ms())
        sender = await declared.find(conn, account, "agnes@acme.test")
        assert sender is not None
        serial = await declared.ask(conn, sender, now_ms())
    return f"/s/{sign(RING, Purpose.PROOF, sender.id, serial)}", sender.id


async def verified(web: Web) -> bool:
    async with web.db.read() as conn:
        return await accounts.find_sender(conn, "agnes@acme.test") is not None


async def test_yes(web: Web) -> None:
    path, _ = await asked(web)
    for _ in range(3):  # scanners open every link
        shown = await web.reader.get(path)
        assert shown.status == 200
        assert (await web.reader.ask("HEAD", path, b"", {})).status == 200
    assert "A souhaite envoyer des messages depuis l&#39;adresse agnes@acme.test" in shown.text
    assert not await verified(web)
    proof = re.findall(r'name="proof" value="(\w+)"', shown.text)[0]
    done = await web.reader.post(path, {"proof": proof, "answer": "yes"})
    assert done.status == 200
    assert "peut maintenant envoyer" in done.text
    assert await verified(web)
    after = await web.reader.post(path, {"proof": proof, "answer": "no"})
    assert "peut maintenant envoyer" in after.text
    assert await verified(web)
    assert (await web.reader.get(path)).headers["referrer-policy"] == "no-referrer"


async def test_no(web: Web) -> None:
    path, _ = await asked(web)
    shown = await web.reader.get(f"{path}?lang=en")
    assert "Is this" not in shown.text
    assert "would like to send mails from the address agnes@acme.test" in shown.text
    proof = re.findall(r'name="proof" value="(\w+)"', shown.text)[0]
    assert "Rien ne sera envoyé" in (await web.reader.post(path, {"proof": proof, "answer": "no"})).text
    assert "Rien ne sera envoyé" in (await web.reader.post(path, {"proof": proof, "answer": "yes"})).text
    assert not await verified(web)


async def test_forms_that_are_not_ours(web: Web) -> None:
    path, sender = await asked(web)
    proof = re.findall(r'name="proof" value="(\w+)"', (await web.reader.get(path)).text)[0]
    for fields, headers in (
        ({"answer": "yes"}, {}), ({"answer": "yes", "proof": "x" * 32}, {}), ({"proof": proof}, {}),
        ({"answer": "yes", "proof": proof}, {"origin": "https://evil.test"}),
        ({"answer": "yes", "proof": proof}, {"sec_fetch_site": "cross-site"}),
    ):  # fmt: skip
        assert (await web.reader.post(path, fields, **headers)).status == 403
    assert (await web.reader.get(path[:-1] + ("a" if path[-1] != "a" else "b"))).status == 404
    assert (await web.reader.get(f"/s/{sign(RING, Purpose.ORDER, sender, 1)}")).status == 404
    assert (await web.reader.get(f"/s/{sign(RING, Purpose.PROOF, 999, 1)}")).status == 404
    assert "ne sert plus" in (await web.reader.get(f"/s/{sign(RING, Purpose.PROOF, sender, 7)}")).text
    assert not await verified(web)
