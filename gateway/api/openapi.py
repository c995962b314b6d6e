"""The description of the API (OpenAPI 3.1), made from the operations and their models.

In: the catalogue. Out: a document as a dictionary, the same on every machine; docs/openapi.json holds it, and a test compares
them. Nothing is raised or logged.
"""

from __future__ import annotations

import re
from functools import cache
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from gateway.api.catalogue import OPERATIONS, WORDS
from gateway.api.models.common import ProblemDocument
from gateway.api.operation import Operation
from gateway.api.problems import MEDIA, USUAL
from gateway.api.serving import JSON
from gateway.i18n import text

VERSION = "1.0.0"
_REF = "#/components/schemas/{model}"
_ALWAYS = (401, 403, 422, 429, 503)
_INTRODUCTION = (
    "Send campaigns and follow them. Every request bears an API key (`mail2campaign key add ACCOUNT`) as a bearer token. "
    "Errors are problem+json (RFC 9457) in the language of Accept-Language (fr, en) or of the account."
)
_GROUPS = {
    "campaigns": "Messages to lists: sent as by mail, followed as in the report.",
    "messages": "Single transactional messages.",
    "suppressions": "Addresses that the account does not write to.",
    "senders": "Addresses from which the account sends.",
    "consents": "Who agreed to be followed individually, who refused.",
    "webhooks": "Events told to an address of yours as they happen.",
}


@cache
def document() -> dict[str, Any]:
    """The whole description."""
    schemas = _schemas()
    paths: dict[str, dict[str, Any]] = {}
    for one in OPERATIONS:
        paths.setdefault(one.path, {})[one.method.lower()] = _operation(one, schemas["refs"])
    used = {one.group for one in OPERATIONS}
    return {
        "openapi": "3.1.0",
        "info": {"title": "mail2campaign", "version": VERSION, "description": _INTRODUCTION},
        "servers": [{"url": "/api/v1"}],
        "security": [{"key": []}],
        "tags": [{"name": name, "description": about} for name, about in _GROUPS.items() if name in used],
        "paths": paths,
        "components": {
            "securitySchemes": {"key": {"type": "http", "scheme": "bearer", "description": "An API key: m2c_…"}},
            "schemas": schemas["definitions"],
        },
    }


def _schemas() -> dict[str, Any]:
    wanted: dict[tuple[type[BaseModel], Any], None] = {(ProblemDocument, "serialization"): None}
    for one in OPERATIONS:
        for model in (one.body, one.form):
            if model is not None:
                wanted[model, "validation"] = None
        if one.answer is not None:
            wanted[one.answer, "serialization"] = None
    refs, found = models_json_schema(list(wanted), ref_template=_REF)
    return {"refs": {key: value["$ref"] for key, value in refs.items()}, "definitions": found["$defs"]}


def _operation(one: Operation, refs: dict[Any, str]) -> dict[str, Any]:
    made: dict[str, Any] = {
        "operationId": one.name,
        "tags": [one.group],
        "summary": one.summary,
        "description": f"Needs the scope `{one.scope}`.",
        "parameters": _parameters(one),
        "responses": _responses(one, refs),
    }
    if one.body is not None:
        made["requestBody"] = {
            "required": not one.optional_body,
            "content": {JSON: _schema(refs[one.body, "validation"])},
        }
    if one.form is not None:
        content = {"multipart/form-data": _schema(refs[one.form, "validation"])}
        made["requestBody"] = {"required": True, "content": content}
    if one.upload:
        made["requestBody"] = {"required": True, "content": {kind: {} for kind in one.upload}}
    if not made["parameters"]:
        del made["parameters"]
    return made


def _schema(ref: str) -> dict[str, Any]:
    return {"schema": {"$ref": ref}}


def _parameters(one: Operation) -> list[dict[str, Any]]:
    found = [
        {"name": name, "in": "path", "required": True, "schema": dict(WORDS[name])}
        for name in re.findall(r"\{(\w+)\}", one.path)
    ]
    if one.query is not None:
        described = one.query.model_json_schema(mode="validation", ref_template=_REF)
        for name, schema in described["properties"].items():
            about = schema.pop("description", None)
            parameter = {"name": name, "in": "query", "required": False, "schema": schema}
            found.append(parameter | ({"description": about} if about else {}))
    if one.once:
        about = "The same word with the same request within a day does its work once."
        shape = {"type": "string", "pattern": "^[!-~]{1,255}$"}
        found.append(
            {"name": "Idempotency-Key", "in": "header", "required": False, "schema": shape, "description": about}
        )
    return found


def _responses(one: Operation, refs: dict[Any, str]) -> dict[str, Any]:
    good: dict[str, Any] = {"description": one.summary}
    if one.answer is not None:
        good["content"] = {JSON: _schema(refs[one.answer, "serialization"])}
    elif one.media:
        good["content"] = {kind: {} for kind in one.media}
    found = {str(status): good for status in (one.status, *one.also)}
    statuses = {*_ALWAYS, *one.problems}
    if "{" in one.path:
        statuses.add(404)
    if one.body is not None or one.form is not None or one.upload:
        statuses |= {400, 408, 413}
    if one.body is not None or one.form is not None:
        statuses.add(415)
    for status in sorted(statuses):
        problem = {MEDIA: _schema(refs[ProblemDocument, "serialization"])}
        found[str(status)] = {"description": text("en", f"api.{USUAL[status]}.title"), "content": problem}
    return found
