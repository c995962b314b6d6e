"""Mails that the imaginary world writes to the gateway: bounces, complaints, STOP.

In: an arrival, and what is to be said of it. Out: the raw mail, CRLF lines. A bounce is a report of RFC 3464, a
complaint one of RFC 5965, both with the head of the mail that they speak of. Pure but for the date; raises nothing.
"""

from __future__ import annotations

from email.utils import formatdate, make_msgid

from gateway.rehearsal.mailroom import Arrival


def bounce(arrival: Arrival, status: str, diagnostic: str) -> bytes:
    """Return a report that a mail could not be delivered after all (RFC 3464)."""
    host = arrival.house.host
    notice = (
        f"This is the mail system at host {host}.\n\n"
        "I'm sorry to have to inform you that your message could not\n"
        "be delivered to one or more recipients.\n\n"
        f"<{arrival.recipient}>: {diagnostic}\n"
    )
    report = (
        f"Reporting-MTA: dns; {host}\nArrival-Date: {formatdate()}\n\n"
        f"Final-Recipient: rfc822; {arrival.recipient}\nAction: failed\nStatus: {status}\n"
        f"Diagnostic-Code: smtp; {diagnostic}\n"
    )
    head = {
        "From": f"Mail Delivery System <MAILER-DAEMON@{host}>",
        "To": arrival.sender,
        "Subject": "Undelivered Mail Returned to Sender",
        "Auto-Submitted": "auto-replied",
    }
    parts = [
        ("text/plain; charset=us-ascii", notice),
        ("message/delivery-status", report),
        ("text/rfc822-headers", _head_of(arrival)),
    ]
    return _report("delivery-status", host, head, parts)


def complaint(arrival: Arrival, feedback: str) -> bytes:
    """Return a report that somebody pressed "this is spam" (RFC 5965), to the address `feedback`."""
    domain = arrival.house.domain
    notice = f"This is an email abuse report for an email message received from IP 127.0.0.1.\n<{arrival.recipient}>\n"
    report = (
        "Feedback-Type: abuse\nUser-Agent: Rehearsal/1.0\nVersion: 1\n"
        f"Original-Mail-From: <{arrival.sender}>\nArrival-Date: {formatdate()}\n"
        f"Source-IP: 127.0.0.1\nReported-Domain: {arrival.sender.rpartition('@')[2]}\n"
    )
    head = {
        "From": f"Feedback Loop <fbl@{domain}>",
        "To": feedback,
        "Subject": f"FW: {arrival.message()['Subject']}".encode("ascii", "replace").decode(),
    }
    parts = [
        ("text/plain; charset=us-ascii", notice),
        ("message/feedback-report", report),
        ("message/rfc822", arrival.raw.decode("ascii", "replace").replace("\r\n", "\n")),
    ]
    return _report("feedback-report", domain, head, parts)


def stop(arrival: Arrival, to: str, subject: str) -> bytes:
    """Return what a mail program sends to the mailto of List-Unsubscribe (RFC 2369)."""
    head = {"From": arrival.recipient, "To": to, "Subject": subject or "STOP"}
    return _mail(head, arrival.house.domain, "Content-Type: text/plain; charset=us-ascii\n\nSTOP\n")


def _head_of(arrival: Arrival) -> str:
    head = arrival.raw.partition(b"\r\n\r\n")[0].decode("ascii", "replace")
    return f"Return-Path: <{arrival.sender}>\n" + head.replace("\r\n", "\n") + "\n"


def _report(kind: str, host: str, head: dict[str, str], parts: list[tuple[str, str]]) -> bytes:
    boundary = "=_rehearsal_report_boundary"
    lines = [f'Content-Type: multipart/report; report-type={kind}; boundary="{boundary}"', ""]
    for media, text in parts:
        lines += [f"--{boundary}", f"Content-Type: {media}", "", text]
    lines.append(f"--{boundary}--\n")
    return _mail(head, host, "\n".join(lines))


def _mail(head: dict[str, str], host: str, rest: str) -> bytes:
    fields = {**head, "Date": formatdate(), "Message-ID": make_msgid(domain=host), "MIME-Version": "1.0"}
    text = "".join(f"{name}: {value}\n" for name, value in fields.items()) + rest
    return text.replace("\n", "\r\n").encode("ascii", "replace")
