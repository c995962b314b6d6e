"""From a whole mail for mail@, campagne+…@ or stop@ to the account that it acts for, and its memory against replay.

In: the mail, who sent it over which connection, the gate. Out: an `Admitted`, or the `Refusal` to give. `keep` puts an
admitted mail into the spool: one that was proved by DKIM or SPF is claimed first (store.proved) and let go again when the
disk would not take it, so that a Message-ID is spent by mails that got their 250 only. Raises what the database and the
disk raise.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from gateway.smtp.gate import Gate
from gateway.smtp.prover import Evidence, Offered
from gateway.smtp.senders import Proved, Refusal, prove
from parsers.headers import read_fields
from store import proved
from store.accounts import Login
from store.engine import now_ms
from store.proved import Claim
from store.spool import Envelope

_SAID = {
    Claim.OTHER: Refusal("proof_replayed"),
    Claim.SPENT: Refusal("proof_again"),
}


@dataclass(frozen=True, slots=True)
class Coming:
    """A mail that claims to come from somebody of ours; `trusted` when its peer is in a trusted network."""

    raw: bytes
    mail_from: str
    addressed: tuple[str, ...]
    peer: str
    helo: str
    login: Login | None
    trusted: bool
    single: bool = False  # a message to anybody, which a program may have written


@dataclass(frozen=True, slots=True)
class Admitted:
    """For which account a mail acts; `evidence` when nothing but its signature (or SPF) says so."""

    proved: Proved
    evidence: Evidence | None = None


async def admit(gate: Gate, coming: Coming) -> Admitted | Refusal:
    """Tell for which account a mail acts."""
    fields, _ = await asyncio.to_thread(read_fields, coming.raw)
    way = "login" if coming.login else "network" if coming.trusted else "dkim"
    async with gate.database.read() as conn:
        found = await prove(conn, fields, coming.mail_from, coming.login, way, coming.single)
        rules = await proved.rules(conn, found.account_id) if isinstance(found, Proved) else proved.Rules()
    if isinstance(found, Refusal) or way != "dkim":
        return found if isinstance(found, Refusal) else Admitted(found)
    offered = Offered(
        coming.raw, fields, found.address, coming.addressed, coming.peer, coming.helo, coming.mail_from, now_ms()
    )
    evidence = await gate.prover.prove(offered, rules)
    if isinstance(evidence, Refusal):
        return evidence
    return Admitted(Proved(found.account_id, found.sender_id, found.address, evidence.way), evidence)


async def keep(gate: Gate, admitted: Admitted | None, envelope: Envelope, raw: bytes) -> str | Refusal:
    """Put a mail into the spool and return its reference; a Refusal when its Message-ID was used up before."""
    evidence = admitted.evidence if admitted else None
    if admitted is None or evidence is None:
        return await asyncio.to_thread(gate.spool.put, envelope, raw)
    account = admitted.proved.account_id
    async with gate.database.write() as conn:
        claim = await proved.claim(conn, account, evidence.message_id, evidence.content, now_ms())
    if claim in _SAID:
        return _SAID[claim]
    try:
        return await asyncio.to_thread(gate.spool.put, envelope, raw)
    except OSError:
        if claim is Claim.NEW:
            async with gate.database.write() as conn:
                await proved.release(conn, account, evidence.message_id)
        raise
