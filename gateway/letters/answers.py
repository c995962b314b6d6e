"""Answers to mails that made no campaign: what was wrong, and how to do it right.

In: why there is none. Out: a notice to the proved sender, with an example list where one helps; silence towards machines
(RFC 3834). Raises what the database raises. Logs mail_answered and mail_ignored.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from config.logging import log
from gateway.i18n import has, number, text
from gateway.intake.desk import Desk
from gateway.intake.faulty import corrected
from gateway.letters import notice
from gateway.letters.example import example
from gateway.letters.letter import Say
from gateway.letters.notice import Letter
from gateway.smtp.senders import author
from mail.system import File
from parsers import headers
from parsers.autoreply import automatic
from parsers.sheet import UnreadableReason
from store import accounts
from store.spool import Envelope
from store.values import Account

_EXAMPLES = ("no_list", "list_linked", "list_packed", "list_forwarded", "list_misnamed", "unreadable", "empty_list")


async def refuse(desk: Desk, ref: str, account: Account | None, summary: dict[str, Any], why: dict[str, Any]) -> None:
    """Tell the sender why a mail with a summary made no campaign."""
    if summary["automatic"]:
        log("mail_ignored", ref=ref, kind="campaign", why=why["code"])
        return
    locale = _locale(desk, account)
    if why.get("reason") == UnreadableReason.EMPTY:
        why = {"code": "empty_list", "files": why["files"]}
    files: tuple[File, ...] = (example(locale),) if why["code"] in _EXAMPLES else ()
    if why["code"] == "no_good_line":
        file, _ = await corrected(desk, ref, locale, tuple(summary["columns"]), why["lines"], 0)
        files = (file,) if file else ()
    said = words(locale, desk.domain, why)
    await _send(desk, ref, account, summary["from_address"], summary["subject"], summary["message_id"], said, files)


def words(locale: str, domain: str, why: Mapping[str, Any]) -> str:
    """Why a mail made no campaign, and what to do, in a sentence or two."""
    values = {
        "files": ", ".join(why.get("files", ())),
        "domain": domain,
        "ref": why.get("ref", ""),
        "n": number(locale, why.get("lines", 0)),
        "reason": _unreadable(locale, why["reason"], why["detail"]) if "reason" in why else "",
    }
    return text(locale, f"answer.{why['code']}", **values)


def _unreadable(locale: str, reason: str, detail: str) -> str:
    """Why a list cannot be read; a file of a kind that people know is called by its name."""
    known = f"unreadable.kind.{detail}"
    if reason == UnreadableReason.UNKNOWN_KIND and has(locale, known):
        return text(locale, known)
    return text(locale, f"unreadable.{reason}", detail=detail)


async def shunted(desk: Desk, envelope: Envelope, raw: bytes, ref: str) -> None:
    """Tell the sender that a mail could not be read and is kept."""
    await _plain(desk, envelope, raw, ref, "shunted")


async def _plain(desk: Desk, envelope: Envelope, raw: bytes, ref: str, code: str) -> None:
    fields, _ = headers.read_fields(raw)
    address = author(fields)
    if envelope.account_id is None or address is None or automatic(fields, envelope.mail_from):
        log("mail_ignored", ref=ref, kind=envelope.kind)
        return
    async with desk.database.read() as conn:
        account = await accounts.get_account(conn, envelope.account_id)
    subject = headers.text(headers.first(fields, "subject"))
    said = text(_locale(desk, account), f"answer.{code}", ref=ref, domain=desk.domain)
    await _send(desk, ref, account, address, subject, headers.first(fields, "message-id"), said, ())


async def _send(
    desk: Desk,
    ref: str,
    account: Account | None,
    to: str,
    subject: str,
    answers: str,
    said: str,
    files: tuple[File, ...],
) -> None:
    locale = _locale(desk, account)
    letter = Letter(
        to=to,
        locale=locale,
        subject=text(locale, "answer.subject", subject=subject[:200]),
        title=text(locale, "answer.title"),
        blocks=[Say(said)],
        files=files,
        answers=answers,
        stop=True,
    )
    sent = await notice.send(desk, letter)
    log("mail_answered", ref=ref, kind="answer", account=account.id if account else None, notice=sent)


def _locale(desk: Desk, account: Account | None) -> str:
    return account.locale if account else desk.settings.gateway.locale
