# ruff: noqa: E501 mails as programs write them
"""Replies to our own letters as the mail programs of offices write them, French and English: what their author ordered."""

from __future__ import annotations

from zoneinfo import ZoneInfo

import pytest

from parsers import orders, said
from parsers.orders import Act, Order

NOW = 1_795_800_000_000  # Friday 27 November 2026, Paris
PARIS = ZoneInfo("Europe/Paris")
# our letter as it is quoted: it names every order itself
LETTER = (
    "Votre campagne attend votre accord\n==================================\n\nBonjour, votre message est bien arrivé.\n\n"
    "Ou répondez à ce message ; la première ligne suffit\n- « OK » ou « envoyer » : l'envoi commence\n- « demain 9h » : "
    "l'envoi commence à cette date\n- « seulement 50 » : les premiers\n- « annuler » : personne ne recevra rien\n"
)
QUOTED = "".join(f"> {line}\n" for line in LETTER.splitlines())
TEXTS = {
    "outlook_fr": "{order}\n\nDe : envoi.example <mail@envoi.example>\nEnvoyé : vendredi 27 novembre 2026 10:02\n"
    "À : Anne Martin <anne@firm.example>\nObjet : À valider : « Vœux », 3 destinataires\n\n{letter}",
    "outlook_en": "{order}\n\nFrom: envoi.example <mail@envoi.example>\nSent: Friday, November 27, 2026 10:02 AM\n"
    "To: Anne Martin <anne@firm.example>\nSubject: To approve\n\n{letter}",
    "outlook_rule_fr": "{order}\n\n-----Message d'origine-----\nDe : mail@envoi.example [mailto:mail@envoi.example]\n"
    "Envoyé : vendredi 27 novembre 2026 10:02\nÀ : Anne\nObjet : Vœux\n\n{letter}",
    "outlook_signed": "{order}\n\nCordialement,\n\nAnne Martin\nDirection de la communication\nTél. : 01 02 03 04 05\n\n"
    "De : envoi.example <mail@envoi.example> \nEnvoyé : vendredi 27 novembre 2026 10:02\nÀ : Anne\nObjet : X\n\n{letter}",
    "outlook_phone_fr": "{order}\n\nTélécharger Outlook pour iOS<https://aka.ms/o0ukef>\n________________________________\n"
    "De : envoi.example <mail@envoi.example>\nEnvoyé : vendredi, novembre 27, 2026 10:02 AM\nÀ : Anne\nObjet : X\n\n{letter}",
    "owa_fr": "{order}\n________________________________\nDe : envoi.example <mail@envoi.example>\nEnvoyé : vendredi\n"
    "À : Anne\nObjet : X\n\n{letter}",
    "gmail_fr": "{order}\n\nLe ven. 27 nov. 2026 à 10:02, envoi.example <mail@envoi.example> a écrit :\n\n{quoted}",
    "gmail_fold_fr": "{order}\n\nLe ven. 27 nov. 2026 à 10:02, une passerelle au nom vraiment très long <\n"
    "mail@envoi.example> a écrit :\n\n{quoted}",
    "gmail_en": "{order}\n\nOn Fri, Nov 27, 2026 at 10:02 AM envoi.example <mail@envoi.example> wrote:\n\n{quoted}",
    "apple_fr": "{order}\n\n> Le 27 nov. 2026 à 10:02, envoi.example <mail@envoi.example> a écrit :\n> \n{quoted}\n",
    "iphone_fr": "{order}\n\nEnvoyé de mon iPhone\n\n> Le 27 nov. 2026 à 10:02, envoi.example a écrit :\n> \n{quoted}",
    "thunderbird_fr": "{order}\n\nLe 27/11/2026 à 10:02, envoi.example a écrit :\n{quoted}\n-- \nAnne Martin\nMairie\n",
    "thunderbird_below": "Le 27/11/2026 à 10:02, envoi.example a écrit :\n{quoted}\n{order}\n",
    "thunderbird_en": "{order}\n\nOn 27/11/2026 10:02, envoi.example wrote:\n{quoted}",
    "orange_fr": "{order}\n\n> Message du 27/11/26 10:02\n> De : \"envoi.example\" <mail@envoi.example>\n> A : anne@firm.example\n"
    "> Copie à : \n> Objet : Vœux\n> \n{quoted}",
    "zimbra_fr": "{order}\n\n----- Mail original -----\nDe: \"envoi.example\" <mail@envoi.example>\nÀ: \"anne\" <anne@firm.example>\n"
    "Envoyé: Vendredi 27 Novembre 2026 10:02:00\nObjet: Vœux\n\n{letter}",
    "roundcube_fr": "{order}\n\nLe 2026-11-27 10:02, envoi.example a écrit :\n{quoted}",
    "sogo_fr": "{order}\n\nLe Vendredi, Novembre 27, 2026 10:02 CET, envoi.example <mail@envoi.example> a écrit:\n {letter}",
    "yahoo_fr": "{order}\n\n    Le vendredi 27 novembre 2026 à 10:02:11 UTC+1, envoi.example <mail@envoi.example> a écrit :\n \n {letter}",
    "proton_fr": "{order}\n\n\nEnvoyé avec la messagerie sécurisée [Proton Mail.](https://proton.me/)\n\nLe vendredi 27 novembre 2026 "
    "à 10:02, envoi.example <mail@envoi.example> a écrit :\n\n{quoted}",
    "samsung_fr": "{order}\n\n\nEnvoyé depuis mon appareil Galaxy\n\n\n-------- Message d'origine --------\nDe : envoi.example "
    "<mail@envoi.example>\nDate : 27/11/2026 10:02 (GMT+01:00)\nÀ : anne@firm.example\nObjet : Vœux\n\n{letter}",
    "android_fr": "{order}\n\nLe 27 novembre 2026 10:02:00 GMT+01:00, \"envoi.example\" <mail@envoi.example> a écrit :\n{letter}",
    "notes_fr": "{order}\n\n\n\nDe :        envoi.example <mail@envoi.example>\nA :        anne@firm.example\nDate :        27/11/2026 "
    "10:02\nObjet :        Vœux\n________________________________\n\n\n\n{letter}",
    "bare": "{order}\n",
    "polite": "Bonjour,\n\n{order}\n\nMerci,\nAnne Martin\n\nDe : envoi.example <mail@envoi.example>\nEnvoyé : vendredi\nÀ : Anne\n"
    "Objet : X\n\n{letter}",
    "disclaimer": "{order}\n\nAnne Martin\n\n________________________________\nCe message et ses pièces jointes sont confidentiels ; "
    "merci de ne pas les annuler ni les envoyer à d'autres.\n\nDe : envoi.example <mail@envoi.example>\nEnvoyé : vendredi\nÀ : Anne\n"
    "Objet : X\n\n{letter}",
}  # fmt: skip
PAGES = {
    "outlook": '<html><body><div class="WordSection1"><p class="MsoNormal">{order}<o:p></o:p></p><p class="MsoNormal">&nbsp;</p>'
    '<div style="border:none;border-top:solid #E1E1E1 1.0pt;padding:3.0pt 0cm 0cm 0cm"><p class="MsoNormal"><b>De&nbsp;:</b> mail'
    "</p></div><p>annuler</p></div></body></html>",
    "new_outlook": '<div class="elementToProof">{order}</div><div id="appendonsend"></div><hr><div id="divRplyFwdMsg"><b>De :</b> x'
    "</div><div>annuler</div>",
    "gmail": '<div dir="ltr">{order}</div><br><div class="gmail_quote gmail_quote_container"><div class="gmail_attr">Le ven. a écrit :'
    '</div><blockquote class="gmail_quote">annuler</blockquote></div>',
    "apple": "<html><body>{order}<br><div><blockquote type=\"cite\"><div>Le 27 nov. a écrit :</div>annuler</blockquote></div></body>"
    "</html>",
    "thunderbird": '<html><body><p>{order}</p><div class="moz-cite-prefix">Le 27/11/2026 à 10:02, x a écrit :<br></div>'
    '<blockquote type="cite">annuler</blockquote></body></html>',
    "yahoo": '<div class="ydp">{order}</div><div id="yahoo_quoted_1" class="yahoo_quoted"><div>annuler</div></div>',
    "proton": '<div>{order}</div><div class="protonmail_quote">Le vendredi a écrit :<br><blockquote type="cite">annuler</blockquote></div>',
}  # fmt: skip
ORDERS = {
    "OK": Order(Act.SEND), "Ok, envoyez.": Order(Act.SEND), "C'est bon pour moi": Order(Act.SEND),
    "Annuler": Order(Act.CANCEL), "merci d'annuler": Order(Act.CANCEL), "STOP": Order(Act.CANCEL),
    "seulement 50": Order(Act.FIRST, count=50), "Envoyez aux 20 premiers": Order(Act.FIRST, count=20),
    "demain 9h": Order(Act.LATER, at=1_795_852_800_000),
}  # fmt: skip


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("client", TEXTS)
def test_the_order_of_a_text(client: str, order: str) -> None:
    words = said.read(TEXTS[client].format(order=order, letter=LETTER, quoted=QUOTED))
    assert orders.read(words.lines, now=NOW, zone=PARIS) == ORDERS[order], words


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("client", PAGES)
def test_the_order_of_a_page(client: str, order: str) -> None:
    words = said.read(None, PAGES[client].format(order=order))
    assert orders.read(words.lines, now=NOW, zone=PARIS) == ORDERS[order], words


@pytest.mark.parametrize("client", TEXTS)
def test_a_reply_without_words_orders_nothing(client: str) -> None:
    """Somebody pressed Send too early: what stands in the quoted letter is nobody's order."""
    if client in ("polite", "outlook_signed", "disclaimer"):
        return
    words = said.read(TEXTS[client].format(order="", letter=LETTER, quoted=QUOTED))
    assert not isinstance(orders.read(words.lines, now=NOW, zone=PARIS), Order), words
