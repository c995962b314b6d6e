"""What several tests of this room share: a signer (making RSA keys is slow), a keyring, a user's mail."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from email.message import EmailMessage
from email.policy import SMTP

import pytest

from mail import dkim
from mail.spec import Person, Problem, Spec
from mail.template import Compiled, compile_mail
from parsers.mime import read
from parsers.submission import split
from parsers.tokens import Keyring

NOW = 1_790_000_000_000
COLUMNS = ("Email", "Nom", "Prénom", "Lien")
SPEC = Spec(
    campaign_id=7,
    gateway_domain="gw.example",
    public_url="https://gw.example",
    subject="Bonjour {{Nom}}",
    from_name="Société Été",
    from_address="jean@client.example",
    reply_to=None,
    unsubscribe=True,
    bulk=True,
    locale="fr",
    footer_name="SARL Été",
    footer_address="1 rue de la Paix, 75002 Paris",
    feedback="7:c:gw",
    list_id="7.campagne.gw.example",
)


@dataclass(frozen=True)
class Workshop:
    """Everything needed to make and check mails."""

    keyring: Keyring
    signer: dkim.Signer

    def compile(
        self,
        text: str | None,
        html: str | None,
        spec: Spec = SPEC,
        change: Callable[[EmailMessage], None] | None = None,
        **changes: object,
    ) -> Compiled | tuple[Problem, ...]:
        mail = EmailMessage(policy=SMTP)
        mail["From"], mail["To"], mail["Subject"] = "jean@client.example", "mail@gw.example", "x"
        if text is not None:
            mail.set_content(text)
        if html is not None:
            (mail.add_alternative if text is not None else mail.set_content)(html, subtype="html")
        if change:
            change(mail)
        message = read(mail.as_bytes())
        spec = replace(spec, **changes)  # type: ignore[arg-type]
        return compile_mail(message, split(message), spec, COLUMNS, self.keyring, self.signer)

    def made(self, *args: object, **kwargs: object) -> Compiled:
        compiled = self.compile(*args, **kwargs)  # type: ignore[arg-type]
        assert isinstance(compiled, Compiled), compiled
        return compiled

    def verified(self, raw: bytes) -> bool:
        return dkim.verify_with_dkimpy(raw, {dkim.dns_name(self.signer): dkim.dns_value(self.signer)}.get)


def person(*values: str, tracked: bool = True, name: str = "Zoé Haÿ", number: int = 42) -> Person:
    row = ("zoe@dest.example", *values)
    return Person(number, "zoe@dest.example", name, row + ("",) * (len(COLUMNS) - len(row)), tracked)


@pytest.fixture(scope="session")
def workshop() -> Workshop:
    return Workshop(Keyring({1: bytes(32)}, 1), dkim.Signer("gw.example", "m2c1", dkim.new_key()))


@pytest.fixture(scope="session")
def someone() -> Callable[..., Person]:
    return person
