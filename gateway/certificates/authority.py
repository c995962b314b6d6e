"""The dialogue with an authority that gives certificates (ACME, RFC 8555): one order, one name, proved by HTTP-01.

In: the address of its directory, our key, the one HTTP client, two ways to put up and take down a proof. Out: `obtain`
returns the key and the chain, PEM, in one. Raises Refused with one sentence: what the authority said, or why it could not
be asked.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from gateway.certificates.jws import AccountKey, request
from mail.fetch import Client, Fetched, Unfetched

KIND = "application/jose+json"
LARGEST = 200_000  # bytes of an answer
PATIENCE = 180.0  # seconds for a whole order
WAIT, LONGEST = 1.0, 15.0  # seconds between two looks
_TRIES = 4  # of one request, each with a new nonce (section 6.5)
_BAD_NONCE = "urn:ietf:params:acme:error:badNonce"

Put = Callable[[str, str], Awaitable[None]]
Take = Callable[[str], Awaitable[None]]


class Refused(Exception):
    """No certificate; the text says why."""


@dataclass(slots=True)
class Authority:
    """One authority, for one order; `put` shows a proof (token, text) to the world, `take` ends that."""

    directory: str
    contact: str
    key: AccountKey
    client: Client
    put: Put
    take: Take
    _places: dict[str, str] = field(default_factory=dict)
    _kid: str = ""
    _nonce: str = ""

    async def obtain(self, name: str) -> bytes:
        """Get a certificate for a name."""
        try:
            async with asyncio.timeout(PATIENCE):
                await self._enter()
                return await self._order(name)
        except TimeoutError:
            raise Refused(f"no end within {PATIENCE:.0f} s") from None
        except (KeyError, TypeError, AttributeError, ValueError) as error:
            raise Refused(f"an answer that cannot be read: {error!r}"[:300]) from error

    async def _enter(self) -> None:
        """Read the directory and make ourselves known (section 7.3); a key that is known already gets its account."""
        self._places = _json(_fetched(await self.client.read(self.directory, LARGEST)))
        who: dict[str, Any] = {"termsOfServiceAgreed": True}
        if self.contact:
            who["contact"] = [f"mailto:{self.contact}"]
        self._kid = (await self._ask(self._places["newAccount"], who)).headers["location"]

    async def _order(self, name: str) -> bytes:
        made = await self._ask(self._places["newOrder"], {"identifiers": [{"type": "dns", "value": name}]})
        place, order = made.headers["location"], _json(made)
        for each in order["authorizations"]:
            await self._prove(each)
        key, asked = request(name)
        await self._ask(order["finalize"], {"csr": asked})
        order = await self._settled(place, ("valid",))
        chain = (await self._ask(order["certificate"], None)).body
        if not chain.lstrip().startswith(b"-----BEGIN CERTIFICATE-----"):
            raise Refused("what came is no certificate")
        return key + chain

    async def _prove(self, place: str) -> None:
        """Show that the name is ours, unless the authority still knows."""
        found = _json(await self._ask(place, None))
        if found["status"] == "valid":
            return
        question = next((one for one in found["challenges"] if one["type"] == "http-01"), None)
        if question is None:
            raise Refused("the authority offers no proof by HTTP")
        token = str(question["token"])
        await self.put(token, self.key.proof(token))
        try:
            await self._ask(question["url"], {})
            await self._settled(place, ("valid",))
        finally:
            await self.take(token)

    async def _settled(self, place: str, good: tuple[str, ...]) -> dict[str, Any]:
        """Look until something is as wanted; Refused when it will never be."""
        wait = WAIT
        while True:
            answer = await self._ask(place, None)
            found = _json(answer)
            if found["status"] in good:
                return found
            if found["status"] not in ("pending", "processing", "ready"):
                raise Refused(_said(found))
            told = answer.headers.get("retry-after", "")
            await asyncio.sleep(min(float(told), LONGEST) if told.isdigit() else wait)
            wait = min(wait * 1.5, LONGEST)

    async def _ask(self, url: str, payload: dict[str, Any] | None) -> Fetched:
        """Send a signed request; a nonce that was refused is replaced (section 6.5)."""
        for _ in range(_TRIES):
            nonce = self._nonce or await self._new_nonce()
            wire = self.key.signed(url, nonce, payload, self._kid)
            got = _fetched(await self.client.post(url, wire, KIND, LARGEST), fault=False)
            self._nonce = got.headers.get("replay-nonce", "")
            if got.status < 400:
                return got
            said = _json(got)
            if said.get("type") != _BAD_NONCE:
                raise Refused(_said(said))
        raise Refused("every nonce was refused")

    async def _new_nonce(self) -> str:
        return _fetched(await self.client.head(self._places["newNonce"])).headers["replay-nonce"]


def _fetched(got: Fetched | Unfetched, fault: bool = True) -> Fetched:
    if isinstance(got, Unfetched):
        raise Refused(f"the authority does not answer: {got.why.value} {got.detail}".strip())
    if fault and got.status >= 400:
        raise Refused(f"the authority answers HTTP {got.status}")
    return got


def _json(got: Fetched) -> dict[str, Any]:
    found = json.loads(got.body)
    if not isinstance(found, dict):
        raise ValueError("no object")
    return found


def _said(found: dict[str, Any]) -> str:
    """The authority's own words: of a problem (RFC 9457), an order, or a question that it found unanswered."""
    problems = [found, found.get("error"), *(one.get("error") for one in found.get("challenges", ()))]
    for one in problems:
        if isinstance(one, dict) and (one.get("detail") or one.get("type")):
            kind = str(one.get("type", "")).rpartition(":")[2]
            return " ".join(f"{kind}: {one.get('detail', '')}".split())[:300]
    return f"the authority says: {found.get('status')}"
