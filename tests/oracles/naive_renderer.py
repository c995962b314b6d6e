"""A naive renderer: str.replace and the standard library's EmailMessage; slow, plain, and nobody's idea of clever.

It knows only literal tags `{{Nom}}` and links that stand once in the body, which is all that the comparing tests make.
"""

from collections.abc import Mapping
from email.message import EmailMessage
from email.policy import SMTP
from html import escape
from urllib.parse import quote


def lines(value: str) -> str:
    """Return a value with its line ends as LF and other controls as blanks."""
    for end in ("\r\n", "\r", "\u2028", "\u2029", "\x85"):
        value = value.replace(end, "\n")
    return "".join(char if char in "\n\t" or not (char < " " or char == "\x7f") else " " for char in value)


def flat(value: str) -> str:
    """Return a value for one line: each run of controls is a blank."""
    out = ""
    for char in value:
        control = char < " " or char in "\x7f\x85\u2028\u2029"
        if not control or not out.endswith("\0"):
            out += "\0" if control else char
    return out.replace("\0", " ")


def render(
    text: str, html: str, subject: str, values: Mapping[str, str], links: Mapping[str, str], pixel: str
) -> EmailMessage:
    """Return the mail with every `{{name}}` replaced, `{{@name}}` in targets, links swapped and the pixel put in."""
    for old, new in links.items():
        html = html.replace(f'"{old}"', f'"{new}"')
        text = text.replace(old, new)
    html = html.replace("</body>", pixel + "</body>")
    for name, value in values.items():
        text = text.replace("?n={{" + name + "}}", "?n=" + quote(flat(value), safe=""))
        html = html.replace("?n={{" + name + "}}", "?n=" + quote(flat(value), safe=""))
        html = html.replace('title="{{' + name + '}}"', f'title="{escape(flat(value))}"')
        text = text.replace("{{" + name + "}}", lines(value))
        html = html.replace("{{" + name + "}}", escape(lines(value)).replace("\n", "<br>\n"))
        subject = subject.replace("{{" + name + "}}", value)
    message = EmailMessage(policy=SMTP)
    message["Subject"] = " ".join(flat(subject).split())
    message.set_content(text, cte="quoted-printable")
    message.add_alternative(html, subtype="html", cte="quoted-printable")
    return message
