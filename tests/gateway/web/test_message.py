"""The message in the report: as it was sent, with its zones, under a policy of its own, to nobody who may not read it."""

from __future__ import annotations

import json
import re
from base64 import b64encode
from email.message import EmailMessage
from email.policy import SMTP

import pytest
from sqlalchemy import update
from web_fixture import Web

from parsers.tokens import Purpose
from store import campaigns
from store.engine import now_ms
from store.tables import blobs, recipients
from store.tables import campaigns as table

PNG = b"\x89PNG\r\n\x1a\n" + bytes(20)
HTML = """<!DOCTYPE html><html><body><p>Bonjour {{Nom|toi}}, <a href="https://shop.test/a">un</a> <a href="https://shop.test/a">deux</a>
<a href="https://shop.test/?n={{Nom}}">trois</a> <img src="cid:logo"> <img src="https://e.test/x.png"></p><script>1</script></body></html>"""


@pytest.fixture
async def shop(web: Web) -> Web:
    """The campaign with a message whose links are those of its row."""
    mail = EmailMessage(policy=SMTP)
    mail["Subject"], mail["From"] = "Sujet", "a@a.test"
    mail.set_content("Bonjour, voyez https://shop.test/t")
    mail.add_alternative(HTML, "html")
    mail.get_payload()[1].add_related(PNG, "image", "png", cid="<logo>")  # type: ignore[index,union-attr]
    targets = ("https://shop.test/t", "https://shop.test/a", "https://shop.test/a", "https://shop.test/?n={{Nom}}")
    links = [
        {"index": i, "part": "html" if i else "text", "target": to, "merged": i == 3, "label": f"l{i}"}
        for i, to in enumerate(targets)
    ]
    async with web.db.write() as conn:
        await conn.execute(update(blobs).where(blobs.c.id == web.campaign.blob_id).values(data=mail.as_bytes()))
        await conn.execute(update(table).values(links=json.dumps(links)))
    return web


async def test_the_message_is_shown_with_its_zones(shop: Web) -> None:
    for index in (1, 1, 2):
        await shop.reader.get(f"/c/{shop.token(Purpose.CLICK, 0, index)}")
    await shop.judged()
    answer = await shop.reader.get(f"/r/{shop.word}/message")
    policy = answer.headers["content-security-policy"]
    assert (
        answer.status == 200 and "sandbox" in policy and "script-src" not in policy and "default-src 'none'" in policy
    )
    assert answer.headers["x-frame-options"] == "SAMEORIGIN" and "http" not in policy
    found = dict(re.findall(r'data-zone="(\d)" data-heat="\d" data-count="(\d+)"', answer.text))
    assert found == {"1": "2", "2": "1", "3": "0"}, "the same address twice is two zones"
    assert "Bonjour {Nom}" in answer.text and "href" not in answer.text and "<script" not in answer.text
    assert "e.test" not in answer.text and "img-src data:;" in policy
    assert f'src="data:image/png;base64,{b64encode(PNG).decode()}"' in answer.text, "it asks for nothing"
    assert policy.endswith("sandbox allow-same-origin"), "the report's script may warm its zones; nothing in it acts"


async def test_plain_body_remote_pictures_and_one_person_s_mail(shop: Web) -> None:
    text = await shop.reader.get(f"/r/{shop.word}/message?part=text")
    assert 'data-zone="0"' in text.text and ">https://shop.test/t</span>" in text.text
    remote = await shop.reader.get(f"/r/{shop.word}/message?images=1")
    assert 'src="https://e.test/x.png"' in remote.text
    policy = remote.headers["content-security-policy"]
    assert "img-src data: http: https:" in policy and policy.endswith("sandbox"), "strangers' servers meet no origin"
    own = await shop.reader.get(f"/r/{shop.word}/message?to={shop.people[0]}")
    assert "Bonjour Dupont &amp; fils," in own.text and 'data-zone="' not in own.text
    for nobody in ("99", "x", "9" * 30, "-1"):
        assert (await shop.reader.get(f"/r/{shop.word}/message?to={nobody}")).status == 404
    async with shop.db.write() as conn:
        copied = (await conn.execute(table.select())).one()._mapping
        await conn.execute(table.insert().values({**copied, "id": 2, "report_hash": b"2", "message_key": "other"}))
        await conn.execute(update(recipients).where(recipients.c.id == 2).values(campaign_id=2))
    assert (await shop.reader.get(f"/r/{shop.word}/message?to=2")).status == 404


async def test_the_page_holds_the_message_in_a_frame_and_the_clicks_in_a_table(shop: Web) -> None:
    await shop.reader.get(f"/c/{shop.token(Purpose.CLICK, 0, 1)}")
    await shop.judged()
    answer = await shop.reader.get(f"/r/{shop.word}")
    assert "frame-src 'self'" in answer.headers["content-security-policy"]
    assert re.search(r'<iframe [^>]*sandbox="allow-same-origin"[^>]*src="/r/w+/message\?lang=fr"', answer.text)
    rows = re.findall(r'zone-label">(\w+)</span>.*?<b>(\d)</b>', answer.text)
    assert rows == [("l1", "1"), ("l2", "0"), ("l3", "0")]
    other = await shop.reader.get(f"/r/{shop.word}/history/1")
    assert f"/r/{shop.word}/message?to=1" in other.text


async def test_who_may_not_read_the_report_sees_no_message(shop: Web) -> None:
    assert (await shop.reader.get(f"/r/{'x' * 43}/message")).status == 404
    async with shop.db.write() as conn:
        await conn.execute(table.update().values(finished_at=now_ms() - 31 * 86_400_000, state="finished"))
    assert (await shop.reader.get(f"/r/{shop.word}/message")).status == 410
    assert "<iframe" not in (await shop.reader.get(f"/r/{shop.word}")).text


async def test_a_message_that_cannot_be_made_says_so(web: Web) -> None:
    async with web.db.write() as conn:
        source = b"Subject: x\r\n\r\nBonjour {{Inconnu}}"
        await conn.execute(update(blobs).where(blobs.c.id == web.campaign.blob_id).values(data=source))
        assert await campaigns.source(conn, web.campaign.blob_id) == source
    answer = await web.reader.get(f"/r/{web.word}/message")
    assert answer.status == 200 and "ne peut pas être montré" in answer.text
