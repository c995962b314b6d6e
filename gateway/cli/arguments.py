"""What can be typed after `mail2campaign`: the commands and their arguments.

In: the words of the command line. Out: an argparse Namespace whose `run` names the function that does it, as
"module:function"; nothing of the house is imported here, so that --help is instant. Ends the program with status 2 and
one line when the words make no command.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Sequence
from functools import cache, partial
from typing import NoReturn

from gateway.cli import arguments_accounts, arguments_actions, arguments_people, arguments_programs, arguments_upkeep

COMMANDS = "gateway.cli.commands"
HIDDEN = ("_receive", "_web", "_send", "_check")  # started by `serve`, not by people


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        known = re.sub(r"'_[a-z]+', ", "", message)
        self.exit(2, f"{self.prog}: {known}\n")


@cache
def build() -> argparse.ArgumentParser:
    """Everything that can be typed; made once a process, since it takes as long as a small command."""
    parser = _Parser(
        prog="mail2campaign", description="Turns one ordinary e-mail into a personalised, signed, tracked campaign."
    )
    parser.add_argument("--config", metavar="FILE", help="settings (else MAIL2CAMPAIGN_CONFIG, ./mail2campaign.toml)")
    parser.add_argument("--version", action="store_true", help="print the version")
    commands = parser.add_subparsers(metavar="COMMAND", dest="command", parser_class=_Parser)
    _running(commands)
    of_accounts = _group(commands, "account", "accounts: who may send")
    arguments_accounts.arguments(_add, of_accounts)
    _senders(commands)
    _campaigns(commands)
    _suppressions(commands)
    arguments_people.arguments(_add, partial(_group, commands))
    _addresses(commands)
    _keys(commands)
    arguments_programs.arguments(_add, partial(_group, commands), of_accounts)
    arguments_upkeep.arguments(commands, _add, partial(_group, commands))
    return parser


def parse(words: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line; ends the program for --help, --version and what is no command."""
    parser = build()
    found = parser.parse_args(words)
    if found.version:
        found.run = f"{COMMANDS}.upkeep:version"
    elif not hasattr(found, "run"):
        parser.exit(2, parser.format_help())
    return found


def _add(commands: argparse._SubParsersAction, name: str, run: str, text: str) -> argparse.ArgumentParser:  # type: ignore[type-arg]
    parser: argparse.ArgumentParser = commands.add_parser(name, help=text, description=text)
    # the same option after the subcommand; SUPPRESS keeps the one given before it
    parser.add_argument("--config", metavar="FILE", default=argparse.SUPPRESS, help=argparse.SUPPRESS)
    parser.set_defaults(run=f"{COMMANDS}.{run}")
    return parser


def _group(commands: argparse._SubParsersAction, name: str, text: str) -> argparse._SubParsersAction:  # type: ignore[type-arg]
    parser = commands.add_parser(name, help=text, description=text)
    return parser.add_subparsers(metavar="ACTION", required=True, dest="action", parser_class=_Parser)  # type: ignore[no-any-return]


def _running(commands: argparse._SubParsersAction) -> None:  # type: ignore[type-arg]
    demo = _add(commands, "demo", "demo:demo", "show the whole product here, against a scripted internet")
    demo.add_argument("--once", action="store_true", help="end by itself (also without a terminal)")
    init = _add(commands, "init", "setup:init", "make a complete, runnable folder and print the DNS zone to publish")
    init.add_argument("--dir", metavar="DIR", help="new or empty folder")
    init.add_argument("--domain", metavar="D", help="the GATEWAY of mail@GATEWAY")
    init.add_argument("--operator", metavar="ADDRESS", help="who gets alerts and the mail for postmaster@ and abuse@")
    init.add_argument("--public-url", metavar="URL", help="address of the web pages (default: https://D)")
    init.add_argument(
        "--public-address", metavar="IP", action="append", help="this machine's, for the zone; repeatable"
    )
    init.add_argument("--locale", choices=("fr", "en"), help="(default: fr)")
    init.add_argument("--timezone", metavar="ZONE", help="(default: Europe/Paris)")
    init.set_defaults(usage_error=init.error)
    _add(commands, "serve", "processes:serve", "run the gateway: SMTP, web and senders")
    _add(commands, "worker", "processes:worker", "run senders only, for more machines on one database")
    for name in HIDDEN:
        hidden = commands._parser_class(prog=f"mail2campaign {name}")
        hidden.add_argument("--config", metavar="FILE", default=argparse.SUPPRESS)
        hidden.set_defaults(run=f"{COMMANDS}.processes:{name.strip('_')}")
        commands._name_parser_map[name] = hidden  # add_parser would list it


def _senders(commands: argparse._SubParsersAction) -> None:  # type: ignore[type-arg]
    actions = _group(commands, "sender", "sender addresses of an account")
    add = _add(actions, "add", "senders:add", "declare a sender address; its owner is asked by mail to confirm")
    add.add_argument("name", metavar="NAME")
    add.add_argument("address", metavar="ADDRESS", help='for example: "Agnès Martin <agnes@example.org>"')
    add.add_argument("--verified", action="store_true", help="you know that the address is theirs: nobody is asked")
    check = _add(actions, "check", "senders:check", "tell whether a sender is proved, and look at its domain's record")
    check.add_argument("name", metavar="NAME")
    check.add_argument("address", metavar="ADDRESS")
    check.add_argument("--again", action="store_true", help="send its owner a new link; the old one ends")
    listing = _add(actions, "list", "senders:show", "list the verified senders of an account")
    listing.add_argument("name", metavar="NAME")
    listing.add_argument("--all", action="store_true", help="also those that are not proved yet")
    actions = _group(commands, "domain", "domains that an account owns: proved by DNS, closed to other accounts")
    for name, text in (
        ("add", "claim a domain and print the TXT record that proves it"),
        ("check", "look for the record; when it is there, the account's senders of that domain are verified"),
    ):
        action = _add(actions, name, f"senders:domain_{name}", text)
        action.add_argument("name", metavar="NAME")
        action.add_argument("domain", metavar="DOMAIN")
    _add(actions, "list", "senders:domain_list", "list the domains of an account").add_argument("name", metavar="NAME")


def _campaigns(commands: argparse._SubParsersAction) -> None:  # type: ignore[type-arg]
    actions = _group(commands, "campaign", "look at campaigns, stop, modify, share and repeat them")
    _add(actions, "list", "campaigns:list_recent", "list the last campaigns")
    for name, text in (
        ("stop", "stop for good: whoever was not written to never will be"),
        ("pause", "pause; resume lets it go on"),
        ("resume", "let a paused campaign go on"),
    ):
        action = _add(actions, name, f"campaigns:{name}", text)
        action.add_argument("id", metavar="ID", type=int, nargs="?")
        action.add_argument("--all", action="store_true", help="all campaigns (resume: those that pause --all paused)")

    release = _add(
        actions, "release", "campaigns:release", "let a campaign go in the place of its author, whose word it waits for"
    )
    release.add_argument("id", metavar="ID", type=int)
    arguments_actions.arguments(_add, actions)

    queue = _add(commands, "queue", "queue:show", "list what waits, and the sites that are paused")
    actions = queue.add_subparsers(metavar="ACTION", dest="action", parser_class=_Parser)
    shape = _add(actions, "ages", "queue:show_ages", "tell how long what waits for each domain has waited")
    shape.add_argument("--lines", type=int, default=40, metavar="N", help="domains, the largest first (default: 40)")
    resume = _add(actions, "resume", "queue:resume", "end the pause of a site")
    resume.add_argument("site", metavar="SITE", help="as queue lists it")


def _suppressions(commands: argparse._SubParsersAction) -> None:  # type: ignore[type-arg]
    actions = _group(commands, "suppression", "addresses that get no mail")
    reasons = ("hard_bounce", "soft_bounce", "complaint", "unsubscribe", "manual", "import")
    parsers = {}
    for name, run, text in (
        ("list", "show", "list the entries in force"),
        ("add", "add", "add addresses by hand"),
        ("remove", "remove", "take an address off the list (without --account or --all: off every list)"),
        ("import", "bring_in", "add the addresses of a list (CSV, Excel, one address a line)"),
        ("export", "export", "write the entries in force as CSV"),
    ):
        parsers[name] = _add(actions, name, f"suppressions:{run}", text)
        whose = parsers[name].add_mutually_exclusive_group()
        whose.add_argument("--account", metavar="NAME", help="the list of one account")
        whose.add_argument("--all", action="store_true", help="the list that holds for all accounts")
    for name in ("list", "export"):
        parsers[name].add_argument("--reason", choices=reasons, help="only entries with this reason")
    parsers["export"].add_argument("file", metavar="FILE", nargs="?", help="(default: standard output)")
    parsers["add"].add_argument("addresses", metavar="ADDRESS", nargs="+")
    parsers["add"].add_argument("--reason", choices=reasons, default="manual")
    parsers["add"].add_argument("--until", metavar="DATE", help="the day on which it ends, 2027-06-30")
    parsers["remove"].add_argument("address", metavar="ADDRESS")
    parsers["import"].add_argument("file", metavar="FILE")


def _addresses(commands: argparse._SubParsersAction) -> None:  # type: ignore[type-arg]
    actions = _group(commands, "ip", "local addresses that mail leaves from, their pools and their warm-up")
    add = _add(actions, "add", "ip:add", "let mail leave from an address of this machine")
    add.add_argument("address", metavar="ADDRESS")
    add.add_argument("--helo", default="", metavar="NAME", help="name said in EHLO (default: the gateway's)")
    add.add_argument("--pool", default="shared", metavar="NAME", help="who may use it (default: shared)")
    add.add_argument("--warm-up", action="store_true", help="begin slowly, by the calendar")
    _add(actions, "list", "ip:list_all", "list the addresses: state, step, today's allowance and use")
    parsers = {}
    for name, text in (
        ("start", "begin the warm-up of an address, today"),
        ("freeze", "stay at today's step: it sends on, and does not go up"),
        ("thaw", "let an address that is frozen or off go on where it was"),
        ("skip", "go up in the calendar at once"),
        ("off", "let nothing leave from an address; its mails leave from others or wait"),
        ("remove", "forget an address that is off"),
    ):
        parsers[name] = _add(actions, name, f"ip:{name}", text)
        parsers[name].add_argument("address", metavar="ADDRESS")
    parsers["start"].add_argument("--day", type=int, default=1, metavar="N", help="begin at this day of the calendar")
    parsers["skip"].add_argument("--days", type=int, default=1, metavar="N")
    parsers["skip"].add_argument("--end", action="store_true", help="end the warm-up: no bound any more")
    advise = _add(actions, "advise", "ip:advise", "tell how many addresses a daily volume asks for")
    advise.add_argument("volume", metavar="VOLUME", help="mails a day, for example 120000 or 120k")
    calendar = _add(actions, "calendar", "ip:calendar", "print the warm-up calendar")
    calendar.add_argument("--days", type=int, default=20, metavar="N")


def _keys(commands: argparse._SubParsersAction) -> None:  # type: ignore[type-arg]
    actions = _group(commands, "dkim", "the keys that sign campaigns, and their records in DNS")
    _add(actions, "list", "dkim:list_all", "print the records to publish")
    add = _add(actions, "add", "dkim:add", "make a key for a domain and print its record")
    add.add_argument("domain", metavar="DOMAIN")
    add.add_argument("--selector", default="", metavar="SELECTOR", help="(default: m2c1; m2ce1 for Ed25519)")
    kind = add.add_mutually_exclusive_group()
    kind.add_argument("--alias", action="store_true", help="sign with the gateway's own key, published by a CNAME")
    kind.add_argument("--ed25519", action="store_true", help="a key for the second signature (dkim.second)")
    check = _add(actions, "check", "dkim:check", "ask DNS for the DKIM, SPF and DMARC records, print what is missing")
    check.add_argument("domain", metavar="DOMAIN", nargs="?", help="(default: every domain with a key)")
