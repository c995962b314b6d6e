"""What can be typed after `mail2campaign campaign` beyond looking, stopping and pausing.

In: the group of campaign commands. Out: their parsers. Pure.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable

Add = Callable[..., argparse.ArgumentParser]
TARGETS = ("all", "undelivered", "unopened", "unclicked", "filter")


def arguments(add: Add, actions: argparse._SubParsersAction) -> None:  # type: ignore[type-arg]
    """Add the commands that modify, share and send again."""
    replay = add(actions, "replay", "actions:replay", "send the message of a campaign again, as a new campaign")
    replay.add_argument("id", metavar="ID", type=int)
    who = replay.add_mutually_exclusive_group(required=True)
    who.add_argument(
        "--to", choices=TARGETS, help="of its own list (unopened, unclicked: only people followed one by one)"
    )
    who.add_argument("--list", metavar="FILE", help="to a new list, read as the first one was")
    replay.add_argument(
        "--tab", choices=("all", "delivered", "cancelled", "engaged"), default="all", help="with filter"
    )
    replay.add_argument("--search", metavar="TEXT", default="", help="with filter: what the report's search finds")
    replay.add_argument("--date", metavar="DATE", default="", help='when, for example "tomorrow 9am" (default: now)')
    modify = add(actions, "modify", "actions:modify", "change a scheduled campaign that has not begun")
    modify.add_argument("id", metavar="ID", type=int)
    modify.add_argument("--date", metavar="DATE", default="")
    modify.add_argument("--subject", metavar="TEXT", default="")
    modify.add_argument("--sender", metavar="ADDRESS", default="", help="a declared sender of its account")
    modify.add_argument("--list", metavar="FILE", help="a new list: the campaign is made anew and takes its place")
    share = add(actions, "share", "actions:share", "mail somebody a link that only reads the report")
    share.add_argument("id", metavar="ID", type=int)
    share.add_argument("address", metavar="ADDRESS")
    share.add_argument("--days", metavar="N", default="", help="how long it works, 1 to 365 (default: 30)")
    listing = add(actions, "shares", "actions:shares", "list the links that read a report")
    listing.add_argument("id", metavar="ID", type=int)
    revoke = add(actions, "revoke", "actions:revoke", "end a link that reads, at once")
    revoke.add_argument("id", metavar="ID", type=int)
    revoke.add_argument("serial", metavar="N", help="its number, as shares lists it")
    renew = add(
        actions, "renew", "actions:renew", "end the author's own link and mail another one to the declared sender"
    )
    renew.add_argument("id", metavar="ID", type=int)
    extract = add(actions, "extract", "actions:extract", "mail the declared sender the LISTE of a view of the report")
    extract.add_argument("id", metavar="ID", type=int)
    extract.add_argument("--tab", choices=("all", "delivered", "cancelled", "engaged"), default="all")
    extract.add_argument("--search", metavar="TEXT", default="")
    history = add(actions, "history", "actions:history", "list what was done with a campaign, newest first")
    history.add_argument("id", metavar="ID", type=int)
