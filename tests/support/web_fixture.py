"""A campaign of three recipients and the pages over it, for the tests of gateway/web."""

from __future__ import annotations

from dataclasses import dataclass

from store_helpers import KEYS
from web_helpers import Reader

from gateway.returns import judging
from gateway.web.recorder import Recorder
from parsers.tokens import Keyring, Purpose, sign
from store import campaigns
from store.engine import Database, now_ms
from store.reports import Person, Told, history, person
from store.values import Campaign, Ledger, NewRecipient, Tracked

RING = Keyring({1: b"0123456789abcdef0123456789abcdef"}, 1)
WORD = "w" * 43
TARGET = "https://shop.test/a%20b/é?x=1&amp=2&y=a+b#top"
LINKS = (
    {"index": 0, "part": "html", "target": TARGET, "merged": False},
    {"index": 1, "part": "html", "target": "https://shop.test/?n={{Nom}}", "merged": True},
    {"index": 2, "part": "html", "target": "{{Lien}}", "merged": True},
    {"index": 3, "part": "text", "target": "mailto:a@b.test", "merged": False},
)


@dataclass(frozen=True, slots=True)
class Web:
    """What a test of the pages needs: `people` are the recipients' ids, the third is not tracked."""

    db: Database
    reader: Reader
    recorder: Recorder
    campaign: Campaign
    people: tuple[int, ...]
    word: str

    def token(self, purpose: Purpose, who: int = 0, extra: int = 0) -> str:
        return sign(RING, purpose, self.people[who], extra)

    async def judged(self) -> None:
        """Let the time go by after which hits are judged."""
        await judging.turn(self.db, KEYS, 0, now_ms() + 1)

    async def person(self, who: int = 0) -> Person:
        await self.judged()
        async with self.db.read() as conn:
            found = await person(conn, self.people[who])
        assert found is not None
        return found

    async def story(self, who: int = 0) -> list[Told]:
        await self.judged()
        async with self.db.read() as conn:
            return await history(conn, self.people[who], 50)

    async def ledger(self) -> Ledger:
        await self.judged()
        async with self.db.read() as conn:
            found = await campaigns.ledger(conn, self.campaign.id)
        assert found is not None
        return found


def row(line: int, name: str, link: str, tracked: Tracked) -> NewRecipient:
    address = f"r{line}@d.test"
    return NewRecipient(line, 0, address, address, name, (name, link, address), tracked)
