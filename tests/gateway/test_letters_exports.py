"""The letter about a long export: once, when it has ended, with where it lies or why it could not be made."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from gateway.letters import exports as letters_exports
from gateway.web.exports.maker import Maker
from store import campaigns, exports
from store.engine import now_ms
from tests.gateway.intake.test_steps import LISTE, office, readers, words
from tests.gateway.test_letters_later import letters, pages, send

assert readers  # the module's own pool of reading processes
pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.slow]


async def test_a_long_export_is_told_of_once_when_it_has_ended(tmp_path: Path) -> None:
    async with office(tmp_path) as made:
        await send(made, ("LISTE.csv", LISTE))
        maker = Maker(made.desk.database, tmp_path / "exports")
        for query, kind in (("q=a", "csv"), ("c=clicks&o=least&v=x&w=", "csv")):
            async with made.desk.database.write() as conn:
                (number,) = [one.id for one in await campaigns.recent(conn)]
                assert await exports.add(conn, number, kind, query, "fr", 0, True, now_ms()) is not None
            await letters_exports.tell(made.desk)
            assert await letters(made) == {}, "nothing is said before it has ended"
            assert await maker.turn()
            for _ in range(2):
                await letters_exports.tell(made.desk)
            got = await letters(made)
            assert list(got) == ["anne@firm.example"]
            told, subject = words(got["anne@firm.example"]), str(got["anne@firm.example"]["Subject"])
            if "clicks" not in query:
                assert subject.startswith("Votre export est prêt") and "gardé 3 jours" in told
                address = re.search(r"https://gw\.example(/r/[\w-]+/exports/\d+)", told)
                assert address is not None and (await pages(made).get(address[1])).status == 200
            else:
                assert subject.startswith("Votre export n'a pas pu") and "Une erreur est survenue" in told
