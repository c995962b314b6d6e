"""The bounds of a proof: time, number, and what a flood of them gets."""

import asyncio
from typing import Any

import pytest

from gateway.smtp import prover
from gateway.smtp.prover import Evidence, Offered, Prover
from gateway.smtp.senders import Refusal
from parsers.headers import read_fields
from store.engine import now_ms
from store.proved import Rules
from tests.gateway.kit_proof import Dns, letter, signed


def offered(raw: bytes, **more: Any) -> Offered:
    values = {"peer": "192.0.2.1", "helo": "mx.firm.example", "mail_from": "anne@firm.example"} | more
    return Offered(
        raw=raw, fields=read_fields(raw)[0], author="anne@firm.example", addressed=("mail@gw.example",), now=now_ms(),
        **values,
    )  # fmt: skip


class Slow(Dns):
    """Answers when it is told to."""

    def __init__(self) -> None:
        super().__init__()
        self.open = asyncio.Event()

    async def texts(self, name: str) -> Any:
        await self.open.wait()
        return await super().texts(name)


async def test_a_proof_ends_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prover, "LONGEST_S", 0.05)
    at_work = Prover(Slow())
    found = await at_work.prove(offered(signed(letter())), Rules())
    assert isinstance(found, Refusal)
    assert (found.key, found.code, found.enhanced) == ("proof_dns", 451, "4.7.5")
    assert at_work._inside == 0
    at_work.close()


async def test_a_flood_is_put_off_and_the_others_are_served() -> None:
    slow, raw = Slow(), signed(letter())
    at_work = Prover(slow)
    mail = offered(raw)
    many = [asyncio.create_task(at_work.prove(mail, Rules())) for _ in range(prover.AT_ONCE + prover.WAITING)]
    while at_work._inside < len(many):
        await asyncio.sleep(0)
    late = await at_work.prove(mail, Rules())
    assert isinstance(late, Refusal)
    assert (late.key, late.code) == ("proof_busy", 451)
    slow.open.set()
    assert {type(found) for found in await asyncio.gather(*many)} == {Evidence}
    at_work.close()


async def test_the_same_content_however_it_came() -> None:
    at_work = Prover(Dns())
    first = await at_work.prove(offered(signed(letter())), Rules())
    again = await at_work.prove(offered(b"Received: from a\r\n\tby b\r\n" + signed(letter())), Rules())
    assert isinstance(first, Evidence)
    assert first == again
    at_work.close()
