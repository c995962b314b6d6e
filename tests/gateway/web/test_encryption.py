"""The history says in plain words how a connection was encrypted, or why nothing was handed over."""

from __future__ import annotations

import pytest

from gateway import i18n
from gateway.web.encryption import facts

CERTIFICATE = {"subject": "mx.acme.test", "issuer": "R11, Let's Encrypt", "sha256": "ab" * 32, "proof": "dane"}


def test_a_verified_certificate() -> None:
    detail = {"tls": "TLSv1.3 TLS_AES_256_GCM_SHA384", "certificate": CERTIFICATE}
    assert facts("fr", detail) == (
        ("history.tls", "chiffré TLS 1.3, certificat vérifié (DANE)"),
        ("tls.certificate", f"mx.acme.test, délivré par R11, Let's Encrypt, SHA-256 {'ab' * 32}"),
    )
    assert facts("en", detail)[0] == ("history.tls", "encrypted TLS 1.3, certificate verified (DANE)")


@pytest.mark.parametrize("locale", i18n.LOCALES)
@pytest.mark.parametrize("proof", ["dane", "sts", "pkix", "none"])
def test_every_proof_has_words(locale: str, proof: str) -> None:
    assert (
        i18n.text(locale, f"tls_proof.{proof}")
        in facts(locale, {"tls": "TLSv1.2 X", "certificate": {**CERTIFICATE, "proof": proof}})[0][1]
    )


@pytest.mark.parametrize("asked", ["dane", "sts", "provider"])
@pytest.mark.parametrize(
    "fault",
    ["starttls-not-supported", "certificate-host-mismatch", "certificate-expired", "certificate-not-trusted",
     "validation-failure", "tlsa-invalid", "dnssec-invalid"],
)  # fmt: skip
def test_mail_that_was_withheld(fault: str, asked: str) -> None:
    [(label, said)] = facts("fr", {"tls": "", "why": fault, "asked_by": asked})
    assert label == "history.tls"
    assert fault not in said and said.endswith("rien n'a été transmis")


def test_stories_of_before_and_words_that_nobody_knows() -> None:
    assert facts("fr", {}) == (("history.tls", "Connexion non chiffrée"),)
    assert facts("fr", {"tls": "TLSv1.2 X"}) == (("history.tls", "TLSv1.2 X"),)
    assert facts("fr", {"tls": "TLSv1.2 X", "certificate": {"proof": "new"}}) == (
        ("history.tls", "chiffré TLS 1.2, new"),
    )
    assert facts("en", {"why": None, "asked_by": "x"})[0][1].startswith("; a verified connection is demanded by x")
