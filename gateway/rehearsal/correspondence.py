"""The user's side of the demo: the mail that is sent, and the acknowledgement that comes back.

In: the gateway's submission port and a login; the raw acknowledgement. Out: the mail as any mail program would send it
(HTML, text, an inline picture, a PDF, LISTE.XLS, Config) over STARTTLS with AUTH; what the acknowledgement says.
Raises smtplib's exceptions and OSError when the gateway refuses.
"""

from __future__ import annotations

import re
import smtplib
import ssl
from dataclasses import dataclass
from email import message_from_bytes, policy
from email.message import EmailMessage
from email.utils import formatdate, make_msgid

from gateway.rehearsal.cast import DATA
from gateway.rehearsal.world import OFFICE, USER

SENDER_NAME = "Mairie de Valfleury"
SUBJECT = "{{Prénom|Bonjour}}, votre invitation à la médiathèque"
CONFIG = f"""\
# Réglages de l'envoi
Expéditeur : {SENDER_NAME} <{USER}>
Répondre à : accueil@{OFFICE}
Campagne : Inauguration de la médiathèque
Langue : fr
"""
TEXT = """\
Bonjour {{Prénom}} {{Nom}},

La médiathèque de Valfleury ouvre ses portes samedi 12 décembre. Nous serions heureux
d'y accueillir {{RS|votre équipe}}. Le programme est joint à ce message.

Répondre à l'invitation : https://www.valfleury.test/inscription?rs={{RS}}
Le programme en ligne : https://www.valfleury.test/mediatheque/programme
Venir en bus : https://www.valfleury.test/acces#bus

Cordialement,
Agnès Martin, mairie de Valfleury
"""
HTML = """\
<!DOCTYPE html>
<html lang="fr"><head><meta charset="utf-8"><title>Invitation</title></head>
<body style="margin:0;background:#f4f1ea;font-family:Georgia,serif;color:#2b2b2b">
<!--[if mso]><table width="600" align="center"><tr><td><![endif]-->
<div style="max-width:600px;margin:0 auto;background:#ffffff;padding:32px">
<img src="cid:{cid}" width="240" height="96" alt="Valfleury">
<h1 style="font-size:26px">Bonjour {{Prénom}} {{Nom}},</h1>
<p>La <b>médiathèque de Valfleury</b> ouvre ses portes samedi 12 décembre. Nous serions heureux
d'y accueillir <b>{{RS|votre équipe}}</b>. Le programme est joint à ce message.</p>
<p><a href="https://www.valfleury.test/inscription?rs={{RS}}"
style="background:#54824a;color:#ffffff;padding:12px 24px;text-decoration:none">Je viens</a></p>
<p>Vous pouvez aussi <a href="https://www.valfleury.test/mediatheque/programme">lire le programme en ligne</a>
ou <a href="https://www.valfleury.test/acces?mode=bus&amp;jour=samedi#bus">voir comment venir en bus</a>.</p>
<p>Cordialement,<br>Agnès Martin<br><a href="https://www.valfleury.test/">Mairie de Valfleury</a></p>
</div>
<!--[if mso]></td></tr></table><![endif]-->
</body></html>
"""


def campaign_mail(gateway: str) -> EmailMessage:
    """Return the mail to mail@GATEWAY with everything attached."""
    mail = EmailMessage(policy=policy.SMTP)
    mail["From"] = f"Agnès Martin <{USER}>"
    mail["To"] = f"mail@{gateway}"
    mail["Subject"] = SUBJECT
    mail["Date"] = formatdate(localtime=True)
    mail["Message-ID"] = make_msgid(domain=OFFICE)
    mail["User-Agent"] = "Mozilla Thunderbird"
    mail.set_content(TEXT)
    picture = make_msgid(domain=OFFICE)
    mail.add_alternative(HTML.replace("{cid}", picture[1:-1]), subtype="html")
    html = mail.get_payload()[1]  # type: ignore[index]
    assert isinstance(html, EmailMessage)
    html.add_related(
        (DATA / "medaillon.png").read_bytes(),
        "image",
        "png",
        cid=picture,
        filename="medaillon.png",
        disposition="inline",
    )
    for name, kind in (("programme.pdf", "pdf"), ("LISTE.XLS", "vnd.ms-excel")):
        mail.add_attachment((DATA / name).read_bytes(), "application", kind, filename=name)
    mail.add_attachment(CONFIG, filename="Config")
    return mail


def submit(mail: EmailMessage, port: int, login: str, password: str) -> str:
    """Send the mail as a mail program does, over STARTTLS with AUTH; returns the reply to the final dot."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE  # the certificate that init made
    with smtplib.SMTP("127.0.0.1", port, local_hostname=f"poste-12.{OFFICE}", timeout=60) as client:
        client.starttls(context=context)
        client.login(login, password)
        client.ehlo_or_helo_if_needed()
        for step in (client.mail(USER), client.rcpt(str(mail["To"]))):
            if step[0] != 250:
                raise smtplib.SMTPResponseException(*step)
        code, reply = client.data(mail.as_bytes())
        if code != 250:
            raise smtplib.SMTPResponseException(code, reply)
    return reply.decode("utf-8", "replace")


@dataclass(frozen=True, slots=True)
class Acknowledgement:
    """What came back: its text, the link to the report, and the names of what is attached."""

    sender: str
    subject: str
    text: str
    report: str
    attachments: tuple[str, ...]


def read_acknowledgement(raw: bytes, public_url: str) -> Acknowledgement:
    """Read an acknowledgement as a person does; `report` is empty when it holds no link to one."""
    mail = message_from_bytes(raw, policy=policy.default)
    body = mail.get_body(("plain",))
    text = body.get_content() if body is not None else ""
    link = re.search(rf"{re.escape(public_url)}/r/[A-Za-z0-9_-]{{22,}}", text)
    attachments = tuple(str(part.get_filename()) for part in mail.iter_attachments())
    return Acknowledgement(str(mail["From"]), str(mail["Subject"]), text, link[0] if link else "", attachments)
