"""How a webhook proves that it is ours (Standard Webhooks): secrets, and the three headers of a request.

In: the token keys, a webhook, a message's id, an instant (UTC ms), a body. Out: the secret as its owner gets it, headers.
The secret is kept nowhere: it follows from the oldest token key, the webhook's number and its serial. For a day after a
rotation both secrets sign. Pure; raises nothing.
"""

from __future__ import annotations

import hmac
from base64 import b64encode

from parsers.tokens import Keyring
from store.webhooks import Webhook


def secret(keyring: Keyring, webhook_id: int, serial: int) -> str:
    """The secret of a webhook, as libraries for Standard Webhooks take it."""
    return "whsec_" + b64encode(_key(keyring, webhook_id, serial)).decode()


def _key(keyring: Keyring, webhook_id: int, serial: int) -> bytes:
    return hmac.digest(keyring.keys[min(keyring.keys)], b"webhook %d %d" % (webhook_id, serial), "sha256")


def headers(keyring: Keyring, webhook: Webhook, message_id: str, body: bytes, now: int) -> list[tuple[str, str]]:
    """The headers of one request: id (the same at every try), time of this try, signatures over both and the body."""
    seconds = now // 1_000
    serials = [webhook.serial]
    if webhook.serial and webhook.old_until is not None and webhook.old_until > now:
        serials.append(webhook.serial - 1)
    signed = b"%s.%d.%s" % (message_id.encode(), seconds, body)
    marks = [
        "v1," + b64encode(hmac.digest(_key(keyring, webhook.id, serial), signed, "sha256")).decode()
        for serial in serials
    ]
    return [("webhook-id", message_id), ("webhook-timestamp", str(seconds)), ("webhook-signature", " ".join(marks))]
