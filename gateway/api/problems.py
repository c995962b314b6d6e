"""What goes wrong, as RFC 9457 tells it: problem+json in the caller's language.

In: a code (a text under api.*), its status, values for the words, and the fields at fault. Out: an exception to raise
(`Problem`) and the answer that it becomes. `from_validation` turns pydantic's faults into field paths (JSON pointers for
bodies, names for parameters). Nothing is logged here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import orjson
from pydantic import ValidationError
from starlette.responses import Response

from gateway import i18n

MEDIA = "application/problem+json"
_FAULTS = 50
# codes that a status gets where nothing says more
USUAL = {
    400: "malformed", 401: "unauthorised", 403: "forbidden", 404: "not_found", 405: "method", 406: "not_acceptable",
    408: "slow", 409: "conflict", 411: "length", 413: "large", 415: "media", 422: "invalid", 429: "pace", 500: "failed",
    503: "busy",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Fault:
    """One field at fault: where (pointer or parameter) and what is wrong, in the caller's language or as pydantic says."""

    where: str
    detail: str


class Problem(Exception):
    """An answer that is no success; `values` fill the words of `api.CODE`."""

    def __init__(
        self,
        status: int,
        code: str = "",
        *,
        faults: Sequence[Fault] = (),
        headers: dict[str, str] | None = None,
        more: dict[str, Any] | None = None,
        **values: object,
    ) -> None:
        super().__init__(code or USUAL[status])
        self.status, self.code, self.faults = status, code or USUAL[status], tuple(faults)
        self.headers, self.values, self.more = headers or {}, values, more or {}


def response(problem: Problem, locale: str, url: str) -> Response:
    """Write a problem down."""
    detail = i18n.text(locale, f"api.{problem.code}.detail", **problem.values)
    document: dict[str, Any] = {
        "type": f"{url}/api/v1/problems/{problem.code}",
        "title": i18n.text(locale, f"api.{problem.code}.title"),
        "status": problem.status,
        "detail": detail,
        "code": problem.code,
        **problem.more,
    }
    if problem.faults:
        document["errors"] = [{"field": one.where, "detail": one.detail} for one in problem.faults[:_FAULTS]]
    headers = {"Content-Language": locale, "Cache-Control": "no-store", **problem.headers}
    return Response(orjson.dumps(document), problem.status, headers, MEDIA)


def one(status: int, code: str, where: str, locale: str, **values: object) -> Problem:
    """A problem of one field, whose own words say what is wrong with it."""
    said = i18n.text(locale, f"api.{code}.detail", **values)
    problem = Problem(status, code, faults=[Fault(where, said)])
    problem.values = values
    return problem


def from_validation(error: ValidationError, locale: str, prefix: str = "") -> Problem:
    """The problem of a body (pointers, behind `prefix`) or of parameters (names) that do not fit their model."""
    faults = [Fault(prefix + _path(fault["loc"], prefix), _words(dict(fault), locale)) for fault in error.errors()]
    return Problem(422, "invalid", faults=faults)


def _path(place: tuple[int | str, ...], prefix: str) -> str:
    words = [str(word).replace("~", "~0").replace("/", "~1") for word in place]
    return "/" + "/".join(words) if prefix == "" and words else "/".join(words)


def _words(fault: dict[str, Any], locale: str) -> str:
    key = f"api.fault.{fault['type']}"
    if i18n.has(locale, key):
        context = {name: str(value) for name, value in (fault.get("ctx") or {}).items()}
        return i18n.text(locale, key, **context)
    return str(fault["msg"])
