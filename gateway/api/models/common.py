"""What all documents of the API share: strict bodies, words without control characters, addresses, instants, pages.

In: values as JSON gives them. Out: checked values, and JSON Schema that says the same. Raises pydantic's ValidationError,
which becomes a problem with field paths.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Generic, TypeVar, overload

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, WithJsonSchema

from parsers.address import parse

# one line: no control characters (a header, a name), and no NUL anywhere (PostgreSQL keeps none)
_LINE = r"^[^\x00-\x1f\x7f-\x9f\u2028\u2029]*$"
_TEXT = r"^[^\x00]*$"

Line = Annotated[str, StringConstraints(pattern=_LINE, max_length=998)]
Short = Annotated[str, StringConstraints(pattern=_LINE, max_length=200)]
Name = Annotated[str, StringConstraints(pattern=_LINE, min_length=1, max_length=200)]
Words = Annotated[str, StringConstraints(pattern=_TEXT, max_length=2_000)]
Body = Annotated[str, StringConstraints(pattern=_TEXT, max_length=5_000_000)]
Cursor = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,4000}$")]
Limit = Annotated[int, Field(ge=1, le=1_000)]


def _address(text: str) -> str:
    found = parse(text)
    if len(found) != 1 or found[0].fault is not None or found[0].name:
        raise ValueError(f"{text[:100]!r} is no e-mail address")
    return found[0].address


Address = Annotated[
    str,
    StringConstraints(max_length=320),
    AfterValidator(_address),
    WithJsonSchema({"type": "string", "format": "email", "maxLength": 320, "examples": ["anne@example.org"]}),
]


def _zoned(value: datetime) -> datetime:
    if value.tzinfo is None:
        raise ValueError("an instant needs its zone: 2026-11-27T09:30:00+01:00, or Z")
    if not datetime(1970, 1, 2, tzinfo=UTC) <= value <= datetime(2200, 1, 1, tzinfo=UTC):
        raise ValueError("an instant between 1970 and 2200")
    return value.astimezone(UTC)


Instant = Annotated[datetime, AfterValidator(_zoned)]


class Asked(BaseModel):
    """What a program sends: unknown fields are faults."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Told(BaseModel):
    """What a program gets."""

    model_config = ConfigDict(frozen=True, populate_by_name=True)


class Paging(Asked):
    """Which part of a list is wanted."""

    cursor: Cursor | None = Field(default=None, description="`next` of the page before; empty for the first page.")
    limit: Limit = Field(100, description="How many at most.")


T = TypeVar("T")


class Page(Told, Generic[T]):
    """A part of a list."""

    data: list[T]
    next: str | None = Field(description="The cursor of the next page; null at the end.")


class Fault(Told):
    """One field at fault."""

    field: str = Field(description="JSON pointer into the body, or `?name` of a parameter.")
    detail: str


class ProblemDocument(Told):
    """RFC 9457."""

    type: str = Field(description="An address that names the problem and tells about it.")
    title: str
    status: int
    detail: str
    code: str = Field(description="The last word of `type`: what a program looks at.")
    errors: list[Fault] = Field(default=[], description="The fields at fault.")


@overload
def when(ms: int) -> datetime: ...
@overload
def when(ms: None) -> None: ...
@overload
def when(ms: int | None) -> datetime | None: ...
def when(ms: int | None) -> datetime | None:
    """An instant (UTC ms) as documents write it."""
    return None if ms is None else datetime.fromtimestamp(ms / 1000, UTC)


def ms(value: datetime | None) -> int | None:
    """An instant as the house counts it."""
    return None if value is None else int(value.timestamp() * 1000)
