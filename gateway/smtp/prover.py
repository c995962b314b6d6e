"""Whether a mail from anybody's server comes from whom its From names: DKIM, or SPF where the account allows it (SPEC 1).

In: an `Offered` mail whose From is a declared sender, and its account's rules. Out: the `Evidence`, or the `Refusal`. All
that a stranger can make us do has a bound: three signatures, one lookup each, AT_ONCE proofs of LONGEST_S seconds, WAITING
more in line, hashing in two threads of their own. DNS that gives no answer is 451, never a verdict. ARC seals are no proof:
anybody may seal; they only tell in the refusal that the mail was changed on its way. Raises nothing but CancelledError.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Protocol, TypeVar

from gateway.smtp import proof_head
from gateway.smtp.senders import Refusal
from mail import spf
from mail.alignment import aligned
from mail.dkim_signature import Key, Signature, Weakness, claimed_domain, read_key, read_signature
from mail.dkim_verify import holds, raw_fields
from mail.resolver import DnsTrouble, NoDomain
from parsers.address import a_label
from parsers.headers import Fields, first
from store.proved import Rules

LONGEST_S = 15.0
AT_ONCE = 8
WAITING = 40
_THREADS = 2
_SIGNATURES = 3  # of the domain of From; a mail has one or two
_LOOKED_AT = 20  # signatures in all
_KEYS = 4  # records at one name: there should be one
T = TypeVar("T")


class Dns(Protocol):
    """What is asked of the resolver."""

    async def texts(self, name: str) -> tuple[str, ...] | DnsTrouble: ...

    async def records(self, name: str, kind: str) -> tuple[str, ...] | NoDomain | DnsTrouble: ...


@dataclass(frozen=True, slots=True)
class Offered:
    """A mail as it came in: from which peer, under which HELO and return path, for which addresses of ours."""

    raw: bytes = field(repr=False)
    fields: Fields = field(repr=False)
    author: str
    addressed: tuple[str, ...]
    peer: str
    helo: str
    mail_from: str
    now: int


@dataclass(frozen=True, slots=True)
class Evidence:
    """That a mail was proved: the way (dkim, spf), its Message-ID, and what tells its content from any other."""

    way: str
    message_id: str
    content: bytes


@dataclass(slots=True)
class _Found:
    """What the signatures of a mail came to."""

    signatures: list[Signature] = field(default_factory=list)
    weaknesses: list[Weakness] = field(default_factory=list)
    others: list[str] = field(default_factory=list)  # domains that signed and may not speak for From
    held: bool = False
    trouble: bool = False
    spf: str = ""  # what SPF said, where the account allows it


class Prover:
    """Proves mails, some at once; one a process, to be closed at the end."""

    def __init__(self, dns: Dns) -> None:
        self._dns = dns
        self._turns = asyncio.Semaphore(AT_ONCE)
        self._inside = 0
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="proof")

    def close(self) -> None:
        """Let go of the threads."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def prove(self, mail: Offered, rules: Rules) -> Evidence | Refusal:
        """Tell whether a mail is its author's, within LONGEST_S seconds."""
        if self._inside >= AT_ONCE + WAITING:
            return _later("proof_busy", "4.7.0")
        self._inside += 1
        try:
            async with asyncio.timeout(LONGEST_S):
                async with self._turns:
                    return await self._proved(mail, rules)
        except TimeoutError:
            return _later("proof_dns", "4.7.5")
        finally:
            self._inside -= 1

    async def _proved(self, mail: Offered, rules: Rules) -> Evidence | Refusal:
        found_id = await self._away(lambda: proof_head.message_id(mail.raw, mail.fields, mail.addressed, mail.now))
        if isinstance(found_id, Refusal):
            return found_id
        domain = a_label(mail.author.rpartition("@")[2])
        found = await self._signed(mail, domain, rules)
        if not found.held and rules.spf:
            await self._permitted(mail, domain, rules, found)
        if found.held:
            way = "spf" if found.spf else "dkim"
            return Evidence(way, found_id, await self._away(lambda: _content(mail.raw)))
        if found.trouble:
            return _later("proof_dns", "4.7.5")
        return _refused(mail, domain, found)

    async def _signed(self, mail: Offered, domain: str, rules: Rules) -> _Found:
        """Try the signatures of the domain of From until one holds."""
        fields = await self._away(lambda: raw_fields(mail.raw)) or ()
        values = [value for name, value in fields if name.strip().lower() == b"dkim-signature"]
        found = _read(values[:_LOOKED_AT], domain, rules.relaxed, mail.now // 1000)
        for signature in found.signatures[:_SIGNATURES]:
            records = await self._dns.texts(signature.key_name)
            if isinstance(records, DnsTrouble):
                found.trouble = True
                continue
            key = _key(records)
            if isinstance(key, Weakness):
                found.weaknesses.append(key)
                continue
            weak = await self._away(lambda s=signature, k=key: holds(mail.raw, fields, s, k))  # type: ignore[misc]
            if weak is None:
                found.held = True
                break
            found.weaknesses.append(weak)
        return found

    async def _permitted(self, mail: Offered, domain: str, rules: Rules, found: _Found) -> None:
        """Ask SPF about the return path, where it is the author's; a record that lets everybody pass says nothing."""
        sender = a_label(mail.mail_from.rpartition("@")[2].strip("<>"))
        if not aligned(sender, domain, rules.relaxed):
            found.spf = "unaligned"
            return
        said = await spf.check(self._dns, mail.peer, mail.mail_from, mail.helo)
        found.spf = "broad" if said.broad and said.result is spf.Result.PASS else said.result.value
        found.held = found.spf == "pass"
        found.trouble |= said.result is spf.Result.TEMPERROR

    async def _away(self, work: Callable[[], T]) -> T:
        """Do what takes the processor long in a thread of ours: the event loop has other mails."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, work)


def _read(values: Sequence[bytes], domain: str, relaxed: bool, now_s: int) -> _Found:
    found = _Found()
    for value in values:
        signer = claimed_domain(value)
        if not aligned(signer, domain, relaxed):
            found.others.append(signer or "?")
            continue
        signature = read_signature(value, now_s)
        if isinstance(signature, Weakness):
            found.weaknesses.append(signature)
        else:
            found.signatures.append(signature)
    return found


def _key(records: Sequence[str]) -> Key | Weakness:
    keys = [read_key(record) for record in records[:_KEYS]]
    return next((key for key in keys if isinstance(key, Key)), Weakness.KEY)


def _content(raw: bytes) -> bytes:
    """What is the same when a server sends the same mail again: all but the traces of its way (RFC 5321 section 4.4)."""
    return hashlib.sha256(raw[max(raw.find(b"\r\n\r\n"), 0) :]).digest()


def _later(key: str, enhanced: str) -> Refusal:
    return Refusal(key, code=451, enhanced=enhanced)


def _refused(mail: Offered, domain: str, found: _Found) -> Refusal:
    """The sentence that helps most: what is wrong with the domain's own signature or SPF, else that there is none."""
    if Weakness.BROKEN in found.weaknesses and first(mail.fields, "arc-seal"):  # Microsoft 365 seals every mail
        return Refusal("proof_forwarded", mail.author, domain, enhanced="5.7.22", ways=True)
    if found.weaknesses:
        # RFC 7372 section 3.1: 5.7.20 none passes, 5.7.21 none that passes is acceptable
        weak = found.weaknesses[-1]
        enhanced = "5.7.20" if weak in (Weakness.BROKEN, Weakness.KEY) else "5.7.21"
        return Refusal(f"proof_{weak.value}", mail.author, domain, enhanced=enhanced, ways=True)
    if found.spf and found.spf != "unaligned":
        return Refusal("proof_spf", mail.peer, f"{domain} ({found.spf})", enhanced="5.7.23", ways=True)
    if found.others:
        named = ", ".join(dict.fromkeys(found.others))[:80]
        return Refusal("proof_other", domain, named, enhanced="5.7.22", ways=True)
    return Refusal("proof_none", mail.author, domain, enhanced="5.7.20", ways=True)
