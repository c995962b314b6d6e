"""One operation of the API: everything that serving it, checking it and describing it need, in one value.

In: the tables of `gateway.api.catalogue`. Out: frozen `Operation`s, the `Call` that a handler gets and the `Reply` that it
gives. Nothing is raised or logged here.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import Response

from gateway.web.context import Context
from store.api_keys import Key
from store.values import Account


@dataclass(frozen=True, slots=True)
class Caller:
    """Who calls: a key and its account."""

    key: Key
    account: Account


@dataclass(frozen=True, slots=True)
class Call:
    """One request that was let in: path words, checked query and body."""

    request: Request
    ctx: Context
    caller: Caller
    locale: str
    path: Mapping[str, str]
    query: Any = None
    body: Any = None

    @property
    def account(self) -> Account:
        """The account that the key belongs to."""
        return self.caller.account


@dataclass(frozen=True, slots=True)
class Reply:
    """A document to send back, or none."""

    document: BaseModel | None = None
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)


Handler = Callable[[Call], Awaitable[Reply | Response]]


@dataclass(frozen=True, slots=True)
class Operation:
    """What may be asked: `problems` are the statuses, beside the usual ones, that it may answer with; `form` says that the
    body is multipart and `media` what the answer is where it is no JSON document."""

    method: str
    path: str
    name: str
    group: str
    summary: str
    scope: str
    handle: Handler
    query: type[BaseModel] | None = None
    body: type[BaseModel] | None = None
    form: type[BaseModel] | None = None
    answer: type[BaseModel] | None = None
    status: int = 200
    also: tuple[int, ...] = ()  # further statuses of success, with the same answer
    problems: tuple[int, ...] = ()
    media: tuple[str, ...] = ()
    upload: tuple[str, ...] = ()  # the body is a file of one of these kinds
    largest: int = 2_000_000  # bytes of a JSON body
    once: bool = False  # honours Idempotency-Key
    optional_body: bool = False
