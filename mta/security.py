"""What a connection must prove before mail goes over it, and what it has proven.

In and out: frozen values. `Need` rises from nothing (RFC 7435: encrypt where it can be had) over "encrypted" and "encrypted
to a server whose certificate authorities vouch for" to DANE. Words of faults are those of RFC 8460 section 4.3. No I/O;
nothing is raised.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from enum import IntEnum, StrEnum


class Need(IntEnum):
    """What a server must prove; below it, mail is withheld."""

    MAY = 0  # encrypt if it can be had, to whoever answers
    ENCRYPT = 1  # encrypt, to whoever answers
    VERIFY = 2  # encrypt, to a certificate that the authorities vouch for and that names the host
    DANE = 3  # encrypt, to a certificate that the TLSA records name


class Proof(StrEnum):
    """What vouches for a certificate; the words are stored and translated."""

    DANE = "dane"
    STS = "sts"
    PKIX = "pkix"
    NONE = "none"


class Policy(StrEnum):
    """The kinds of policy of TLS reports (RFC 8460 section 4.4)."""

    TLSA = "tlsa"
    STS = "sts"
    NONE = "no-policy-found"


class Fault(StrEnum):
    """Why a session is not secure (RFC 8460 section 4.3); the words are reported, stored and translated."""

    NO_STARTTLS = "starttls-not-supported"
    WRONG_NAME = "certificate-host-mismatch"
    EXPIRED = "certificate-expired"
    UNTRUSTED = "certificate-not-trusted"
    HANDSHAKE = "validation-failure"
    TLSA = "tlsa-invalid"
    DNSSEC = "dnssec-invalid"
    STS_FETCH = "sts-policy-fetch-error"
    STS_INVALID = "sts-policy-invalid"
    STS_WEB = "sts-webpki-invalid"


# more exact than the word of the RFC, as its failure-reason-code
TLSA_MISMATCH = "tlsa-mismatch"
MX_MISMATCH = "mx-not-in-policy"


@dataclass(frozen=True, slots=True)
class Flaw:
    """A fault, and more exactly why ("" when the fault says all)."""

    fault: Fault
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Seen:
    """What a connection was like, for whoever counts: `flaw` is None for a session as secure as its policy asks."""

    policy: Policy
    host: str
    ip: str
    local: str
    flaw: Flaw | None


Chain = tuple[bytes, ...]  # certificates in DER, the server's own first
Prove = Callable[[Chain], Awaitable[tuple[Proof, Flaw | None]]]


@dataclass(frozen=True, slots=True)
class Security:
    """What one host must prove. `by` says who asks ("", dane, sts, provider), `server_name` goes into the handshake;
    `prove` looks at a chain: its flaw withholds mail from VERIFY on, and is only told below."""

    need: Need = Need.MAY
    by: str = ""
    policy: Policy = Policy.NONE
    server_name: str = ""
    prove: Prove | None = field(default=None, compare=False)
    told: Callable[[Seen], None] | None = field(default=None, compare=False)
