"""Which recipients a program wants to see, and the files that are made of them.

In: a query whose words are those of the report's address: `m`, `c`, `o`, `v`, `w` are its filter (parsers.filters). Out:
checked values, documents. Raises pydantic's ValidationError, which becomes a problem with the parameters at fault.
"""

from __future__ import annotations

from datetime import datetime
from itertools import zip_longest
from typing import Annotated, Literal

from pydantic import Field, StringConstraints, model_validator

from gateway.api.models.campaigns import RecipientDocument, StatusCode
from gateway.api.models.common import Asked, Cursor, Limit, Line, Page, Told
from parsers.filters import LONGEST, MOST

Word = Annotated[Line, Field(max_length=LONGEST)]
Key = Annotated[str, StringConstraints(pattern=r"^[a-z]{1,12}$|^l(0|[1-9][0-9]{0,2})$")]


class ViewQuery(Asked):
    """Who is wanted, in which order. A filter of the report's address works here as it stands."""

    tab: Literal["all", "delivered", "cancelled", "engaged"] = Field("all", description="As the report's tabs.")
    q: Line = Field(default="", max_length=100, description="Words that all stand in the line.")
    m: Literal["all", "any"] = Field("all", description="Whether all conditions must hold, or any.")
    c: list[Key] = Field([], max_length=MOST, description="The column of each condition: status, email, domain, provider, "
                         "date, delivered, opened, clicked, unsubscribed, clicks, attempts, line, reply; l0, l1 … for those "
                         "of the list.")  # fmt: skip
    o: list[Key] = Field([], max_length=MOST, description="Its operator: contains, lacks, starts, ends, equals, differs, "
                         "empty, filled; is, isnt; on, since, before, between, hours; least, most.")  # fmt: skip
    v: list[Word] = Field([], max_length=MOST, description="Its value; days and hours are of the campaign's time zone.")
    w: list[Word] = Field([], max_length=MOST, description="The second value of between and hours.")
    sort: Key = Field("line", description="line, date, email, domain, status, opened, clicked, clicks …; l0, l1 …")
    order: Literal["asc", "desc"] = "asc"

    @model_validator(mode="after")
    def _rows(self) -> ViewQuery:
        if len(self.o) != len(self.c) or max(len(self.v), len(self.w)) > len(self.c):
            raise ValueError("each condition has one c and one o, and one v (and one w) at most")
        return self

    def words(self) -> list[tuple[str, str]]:
        """The query as the report's address writes it."""
        rows = zip_longest(self.c, self.o, self.v, self.w, fillvalue="")
        told = [("tab", self.tab), ("q", self.q), ("sort", self.sort), ("down", str(int(self.order == "desc")))]
        return [*told, ("m", self.m), *(pair for row in rows for pair in zip("covw", row, strict=True))]


class RecipientQuery(ViewQuery):
    """Which recipients are wanted, in which order, from where on."""

    cursor: Cursor | None = Field(default=None, description="`next` of the page before, with the same query.")
    limit: Limit = Field(100, description="How many at most; fewer where a filter looks through a long list: go on.")
    status: list[StatusCode] = Field(default=[], description="In one of these statuses.")


class Recipients(Page[RecipientDocument]):
    """A page of recipients, in the order of the list or as asked; a filter may leave it short, even empty: go on."""


class ExportQuery(ViewQuery):
    """What is to stand in a file."""

    cols: list[Key] = Field([], max_length=600, description="Its columns, in this order; none: all.")

    def words(self) -> list[tuple[str, str]]:
        """The query as the report's address writes it."""
        return [*super().words(), ("cols", ",".join(self.cols))]


class ExportDocument(Told):
    """A file that is made in the background: ask again until it is `ready`, then fetch `file`; kept for three days."""

    id: int
    kind: str
    state: Literal["waiting", "running", "ready", "failed"]
    why: str = Field(default="", description="Why it failed, in the caller's language.")
    rows: int = Field(description="Recipients written so far.")
    total: int | None = Field(description="How many there will be, where that is known.")
    size: int = Field(description="Bytes of the file.")
    created_at: datetime
    finished_at: datetime | None
    url: str = Field(description="Where to look again.")
    file: str | None = Field(default=None, description="Where to fetch the file, with the same key.")
