"""A report inside the extranet: the same pages by the campaign's number, as far as the login's role and account reach."""

from __future__ import annotations

import pytest
from visitor import Visitor, hidden, user
from web_fixture import Web

from store import accounts, campaigns
from store.engine import now_ms
from store.values import CampaignState


async def test_the_same_report_with_the_navigation_around_it(web: Web) -> None:
    await user(web.db, "anne")
    anne, base = Visitor(web.reader), f"/x/campagnes/{web.campaign.id}"
    assert (await anne.get(base)).status == 303
    await anne.enter("anne")
    page = await anne.get(base)
    assert page.status == 200 and "Dupont &amp; fils" in page.text and 'aria-current="page"' in page.text
    assert f'href="{base}/stop' in page.text and "/r/" not in page.text
    for place in ("/live", "/details", f"/history/{web.people[0]}", ".json", "/export.csv"):
        assert (await anne.get(base + place)).status == 200, place
    assert (await anne.get("/x/campagnes/999999")).status == 404
    assert (await anne.get(f"/x/campagnes/{1 << 70}")).status == 404
    secret = await web.reader.get(f"/r/{web.word}")
    assert "x-nav" not in secret.text and "extranet.css" not in secret.text


@pytest.mark.parametrize(("role", "may"), [("read", False), ("send", True)])
async def test_whoever_only_reads_stops_nothing(web: Web, role: str, may: bool) -> None:
    await user(web.db, "anne", role)
    anne, base = Visitor(web.reader), f"/x/campagnes/{web.campaign.id}"
    await anne.enter("anne")
    asked = await anne.get(f"{base}/pause")
    assert asked.status == (200 if may else 403)
    proof = hidden(asked.text, f"{base}/pause") if may else {}
    answer = await anne.post(f"{base}/pause", **proof)
    assert answer.status == (303 if may else 403)
    async with web.db.read() as conn:
        found = await campaigns.get(conn, web.campaign.id)
    assert found is not None and (found.state is CampaignState.PAUSED) == may
    if may:
        assert answer.headers["location"] == base


async def test_another_account_sees_nothing_and_an_operator_looks_after_all(web: Web) -> None:
    async with web.db.write() as conn:
        other = await accounts.create_account(conn, "B", "", "", "fr", "Europe/Paris", now_ms())
    await user(web.db, "bob", "admin", other)
    await user(web.db, "olga", "read", other, operator=True)
    bob, olga, base = Visitor(web.reader), Visitor(web.reader), f"/x/campagnes/{web.campaign.id}"
    await bob.enter("bob")
    await olga.enter("olga")
    for place in ("", "/details", ".json", "/export.csv", "/pause", f"/history/{web.people[0]}"):
        assert (await bob.get(base + place)).status == 404, place
    assert "Aucune campagne pour le moment" in (await bob.get("/x/campagnes")).text
    assert (await olga.get(base)).status == (await olga.get(f"{base}/pause")).status == 200
