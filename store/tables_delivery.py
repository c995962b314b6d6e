"""The tables of delivery: local addresses and their warm-up, limits, pauses, brakes, transport security.

What several senders must agree on is a row here, changed in one short transaction: allowances are claimed before mails
leave, so counters are exact across processes and machines. Days are whole days since 1970-01-01 in UTC; instants are UTC
milliseconds. Nothing is raised here.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, Integer, LargeBinary, SmallInteger, Table, Text, UniqueConstraint

from store.tables import Id, _id, metadata

# local addresses that mail leaves from; without any row the system chooses
sources = Table(
    "sources",
    metadata,
    _id(),
    Column("address", Text, nullable=False, unique=True),  # IPv4 or IPv6
    Column("helo", Text, nullable=False, server_default=""),  # its name in EHLO; empty: the gateway's domain
    Column("pool", Text, nullable=False, server_default="shared"),
    Column("host", Text, nullable=False, server_default=""),  # config.host.host_id of its machine; empty: any
    Column("state", Text, nullable=False, server_default="ready"),  # ready | warming | frozen | off
    Column("step", Integer, nullable=False, server_default="0"),  # position in the calendar, from 0
    Column("step_day", Integer),  # the day on which this step is sent; null: it is not in a calendar
    Column("back_day", Integer),  # the last day on which refusals took it one step back
    Column("created_at", BigInteger, nullable=False),
)

# what left a source on a day, by provider ("" is all of them together)
source_days = Table(
    "source_days",
    metadata,
    Column("source_id", Id, primary_key=True, autoincrement=False),
    Column("day", Integer, primary_key=True, autoincrement=False),
    Column("provider", Text, primary_key=True),
    Column("claimed", Integer, nullable=False, server_default="0"),
    Column("hour", SmallInteger, nullable=False, server_default="0"),  # of the newest claim (UTC, provider "" only)
    Column("hour_claimed", Integer, nullable=False, server_default="0"),  # within that hour
    Column("accepted", Integer, nullable=False, server_default="0"),
    Column("deferred", Integer, nullable=False, server_default="0"),
    Column("refused", Integer, nullable=False, server_default="0"),
)

# rate limits that all senders share (GCRA): the theoretical arrival time of each key
throttles = Table(
    "throttles",
    metadata,
    Column("key", Text, primary_key=True),
    Column("due_at", BigInteger, nullable=False),  # UTC microseconds
)

# sites that take nothing for now, from one source or (0) from any; site "" is the source as a whole
pauses = Table(
    "pauses",
    metadata,
    Column("site", Text, primary_key=True),
    Column("source_id", Id, primary_key=True, autoincrement=False),
    Column("provider", Text, nullable=False, server_default=""),
    Column("since", BigInteger, nullable=False),
    Column("until", BigInteger, nullable=False),
    Column("reason", Text, nullable=False),  # a class of parsers.classify
    Column("reply", Text, nullable=False, server_default=""),
    Column("kind", Text, nullable=False, server_default="pause"),  # pause | slow | note: only to be told
    Column("rate", Integer),  # slow: mails an hour meanwhile
    Column("rule", Text, nullable=False, server_default=""),  # of config/providers.toml
    Column("told", Boolean, nullable=False),  # the operator knows
)

# what an account sent on a day, for quotas that rise with clean sends
account_days = Table(
    "account_days",
    metadata,
    Column("account_id", Id, primary_key=True, autoincrement=False),
    Column("day", Integer, primary_key=True, autoincrement=False),
    Column("claimed", Integer, nullable=False, server_default="0"),
    Column("final", Integer, nullable=False, server_default="0"),
    Column("hard", Integer, nullable=False, server_default="0"),
    Column("complaints", Integer, nullable=False, server_default="0"),
)

# addresses that answered "full" or the like: suppressed only after several campaigns
strikes = Table(
    "strikes",
    metadata,
    _id(),
    Column("account_id", Id, nullable=False),
    Column("key", LargeBinary, nullable=False),  # as suppressions.key
    Column("campaigns", SmallInteger, nullable=False),
    Column("last_campaign_id", Id, nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("late", Boolean, nullable=False),  # told by a report after the server had taken the mail
    UniqueConstraint("account_id", "key"),
)

# thresholds that a campaign passed, with the figures of that moment: it is paused, and its user told, once
brakes = Table(
    "brakes",
    metadata,
    Column("campaign_id", Id, primary_key=True, autoincrement=False),
    Column("reason", Text, primary_key=True),  # hard_bounce | complaint
    Column("at", BigInteger, nullable=False),
    Column("count", Integer, nullable=False),
    Column("answers", Integer, nullable=False),
    Column("paused", Boolean, nullable=False),  # false: it had ended already
    Column("told", Boolean, nullable=False),
)

# how often a list has changed: whoever works from memory looks again when its number is another one
revisions = Table(
    "revisions",
    metadata,
    Column("name", Text, primary_key=True),
    Column("n", BigInteger, nullable=False),
)

# policies of MTA-STS (RFC 8461), kept for their max_age
sts_policies = Table(
    "sts_policies",
    metadata,
    Column("domain", Text, primary_key=True),
    Column("policy_id", Text, nullable=False),
    Column("policy", Text, nullable=False),
    Column("fetched_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger, nullable=False),
)

# sessions counted for TLS-RPT (RFC 8460): one row a day, policy, host and result
tls_results = Table(
    "tls_results",
    metadata,
    Column("day", Integer, primary_key=True, autoincrement=False),
    Column("domain", Text, primary_key=True),
    Column("policy", Text, primary_key=True),  # sts | tlsa | no-policy-found
    Column("mx", Text, primary_key=True),
    Column("result", Text, primary_key=True),  # "" is success, else a result type of section 4.3
    Column("source", Text, primary_key=True),
    Column("ip", Text, primary_key=True),
    Column("n", Integer, nullable=False),
    Column("detail", Text, nullable=False, server_default=""),
)

tls_reports = Table(
    "tls_reports",
    metadata,
    Column("day", Integer, primary_key=True, autoincrement=False),
    Column("domain", Text, primary_key=True),
    Column("sent_at", BigInteger),
    Column("tried_at", BigInteger),
    Column("tries", SmallInteger, nullable=False, server_default="0"),
)

# what is expected of a campaign under way: worked out now and then, read by every page
forecasts = Table(
    "forecasts",
    metadata,
    Column("campaign_id", Id, primary_key=True, autoincrement=False),
    Column("at", BigInteger, nullable=False),  # when it was worked out
    Column("ends_at", BigInteger),  # null: not within the time that is looked ahead
    Column("reason", Text, nullable=False, server_default=""),  # a gateway.forecast.Reason
    Column(
        "provider", Text, nullable=False, server_default=""
    ),  # the slowest part; "" is all sites of no known provider
    Column("waiting", Integer, nullable=False, server_default="0"),  # recipients without an end by then
    Column("remaining", Text, nullable=False, server_default="{}"),  # JSON: provider -> [recipients, not tried yet]
    Column(
        "rates", Text, nullable=False, server_default="{}"
    ),  # JSON: provider -> [mails an hour, retries a mail], as seen
)
