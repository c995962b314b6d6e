"""The mails that wait in one line, taken in turn from each campaign, urgent campaigns first.

In: parcels, and letters that came back. Out: the next of them. A campaign of ten mails behind one of a hundred thousand
is through after two dozen. No I/O; nothing is raised.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator

from mta.values import Letter, Parcel

Item = Parcel | Letter


def parcel_of(item: Item) -> Parcel:
    """The parcel of whatever waits."""
    return item.parcel if isinstance(item, Letter) else item


class Queue:
    """First come, first served within a campaign, and campaigns in turn; `len` and truth are the mails that wait."""

    __slots__ = ("_count", "_of", "_stayed", "_turns", "_urgent")

    def __init__(self, items: Iterable[Item] = ()) -> None:
        self._of: dict[int | None, deque[Item]] = {}
        self._turns: deque[int | None] = deque()
        self._urgent: deque[int | None] = deque()
        self._count = 0
        self._stayed = 0  # mails taken of the campaign whose turn it is
        self.extend(items)

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[Item]:
        return (item for some in self._of.values() for item in some)

    def extend(self, items: Iterable[Item]) -> None:
        """Put mails at the end of their campaigns."""
        for item in items:
            self._campaign(item).append(item)
            self._count += 1

    def put_back(self, item: Item) -> None:
        """Put a mail that was taken at the front of its campaign."""
        self._campaign(item).appendleft(item)
        self._count += 1

    def pop(self, stay: int = 1) -> Item:
        """The next mail; IndexError when there is none. A turn is of `stay` mails: neighbours in the database, whose outcomes
        are then written to few of its pages."""
        turns = self._urgent or self._turns
        campaign = turns[0]
        some = self._of[campaign]
        item = some.popleft()
        self._count -= 1
        if not some:
            del self._of[campaign]
            turns.popleft()
            self._stayed = 0
        elif len(turns) > 1:
            self._stayed += 1
            if self._stayed >= stay:
                turns.rotate(-1)
                self._stayed = 0
        return item

    def make(self, campaign: int | None, most: int, letter: Callable[[Parcel], Letter | None]) -> None:
        """Put letters in the places of a campaign's next parcels, up to `most` and as far as they can be made."""
        some = self._of.get(campaign, deque())
        for at in range(min(most, len(some))):
            item = some[at]
            if isinstance(item, Letter) or (made := letter(item)) is None:
                return
            some[at] = made

    def drop(self, unwanted: Callable[[Parcel], bool]) -> list[Parcel]:
        """Take out the mails that are unwanted."""
        gone: list[Parcel] = []
        kept: list[Item] = []
        for item in self:
            if unwanted(parcel := parcel_of(item)):
                gone.append(parcel)
            else:
                kept.append(item)
        if gone:
            self.clear()
            self.extend(kept)
        return gone

    def cut(self, keep: int) -> list[Parcel]:
        """Take out the last mails of the longest campaigns until `keep` remain, urgent ones only when no others are left;
        those that came back stay to the last."""
        gone: list[Parcel] = []
        while self._count > keep:
            among = [self._of[campaign] for campaign in self._turns or self._urgent]
            longest = max(among, key=len)
            others = sorted(map(len, among))[:-1]
            take = min(self._count - keep, max(1, len(longest) - (others[-1] if others else 0)))
            gone += [parcel_of(longest.pop()) for _ in range(take)]
            self._count -= take
            if not longest:
                self._forget_empty()
        gone.reverse()
        return gone

    def clear(self) -> None:
        """Forget everything."""
        self._of.clear()
        self._turns.clear()
        self._urgent.clear()
        self._count = self._stayed = 0

    def _campaign(self, item: Item) -> deque[Item]:
        parcel = parcel_of(item)
        campaign = parcel.job.campaign_id
        some = self._of.get(campaign)
        if some is None:
            some = self._of[campaign] = deque()
            (self._urgent if parcel.urgent else self._turns).append(campaign)
        return some

    def _forget_empty(self) -> None:
        for campaign in [one for one, some in self._of.items() if not some]:
            del self._of[campaign]
            for turns in (self._turns, self._urgent):
                if campaign in turns:
                    turns.remove(campaign)
