"""The encryption of an attempt as the history shows it.

In: the language and the story of an attempt (mta.retry.story). Out: facts as (label key, value): how the connection was
encrypted, whose certificate it was, or why nothing was handed over. Stories of before, and words that nobody knows, are
shown as they are. Pure; raises and logs nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gateway import i18n

Facts = tuple[tuple[str, str], ...]
_LABEL = "history.tls"


def facts(locale: str, detail: Mapping[str, Any]) -> Facts:
    """What to say of the encryption of one attempt."""
    certificate = detail.get("certificate")
    shown = _certificate(locale, certificate) if isinstance(certificate, Mapping) else ()
    if detail.get("asked_by"):
        fault = _word(locale, "tls_fault", detail.get("why"))
        asked = _word(locale, "tls_asked", detail["asked_by"])
        return ((_LABEL, i18n.text(locale, "tls.withheld", fault=fault, asked=asked)), *shown)
    tls = str(detail.get("tls") or "")
    if not tls:
        return ((_LABEL, i18n.text(locale, "history.tls_none")),)
    if not isinstance(certificate, Mapping):
        return ((_LABEL, tls),)
    proof = _word(locale, "tls_proof", certificate.get("proof"))
    return ((_LABEL, i18n.text(locale, "tls.encrypted", version=_version(tls), proof=proof)), *shown)


def _certificate(locale: str, certificate: Mapping[str, Any]) -> Facts:
    known = {name: str(certificate.get(name) or "") for name in ("subject", "issuer", "sha256")}
    if not known["sha256"]:
        return ()
    words = {name: word or "–" for name, word in known.items()}
    return (("tls.certificate", i18n.text(locale, "tls.issued", **words)),)


def _version(tls: str) -> str:
    # "TLSv1.3 TLS_AES_256_GCM_SHA384" as the library says it
    return tls.split(" ")[0].replace("TLSv", "TLS ")


def _word(locale: str, section: str, word: object) -> str:
    key = f"{section}.{word}"
    return i18n.text(locale, key) if i18n.has(locale, key) else str(word or "")
