"""What a webhook says: one event, or a batch of them, as JSON.

In: events of the queue. Out: the id and the body of a request. A recipient is named with address and line; opens and clicks
are events only of people who may be followed individually (store.consents), and those who refuse meanwhile are left out
before this. Pure; raises nothing.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

import orjson

from gateway.i18n import iso
from store import webhooks
from store.hook_queue import Waiting

MEDIA = "application/json"


def event(one: Waiting) -> dict[str, Any]:
    """One event."""
    campaign = {"id": str(one.campaign_id), "name": one.campaign_name}
    data: dict[str, Any] = {"id": f"evt_{one.id}", "campaign": campaign}
    if one.recipient_id:
        line = f"{one.line}.{one.part}" if one.part else str(one.line)
        status = one.status.code if one.status is not None else None
        data["recipient"] = {
            "id": one.recipient_id, "line": line, "address": one.address, "name": one.name, "status": status,
        }  # fmt: skip
        data["detail"] = dict(one.detail)
    else:
        campaign["state"] = one.campaign_state
    return {"type": webhooks.word(one.kind), "timestamp": iso(one.at), "data": data}


def request(some: Sequence[Waiting], batch: int) -> tuple[str, bytes]:
    """The id and the body of a request that tells these events: an object, or for a webhook of batches a list in one."""
    if batch == 1:
        return f"msg_{some[0].id}", orjson.dumps(event(some[0]))
    numbers = ",".join(str(one.id) for one in some)
    digest = hashlib.sha256(numbers.encode()).hexdigest()[:24]
    told = {"type": "batch", "timestamp": iso(max(one.at for one in some)), "data": [event(one) for one in some]}
    return f"msg_{digest}", orjson.dumps(told)
