"""`doctor`: what is wrong with this gateway, each thing with a sentence and a remedy.

In: the parsed command line. Out: lines, or one JSON object; the exit status that monitoring reads: 0 nothing that presses,
1 a warning, 2 something critical (also when the settings cannot be read). Raises nothing.
"""

from __future__ import annotations

import argparse
import asyncio
import json

from config.settings import ConfigError
from gateway.cli.commands.database import settings_of
from gateway.doctor.finding import Finding, Level, as_json, critical, lines, status, summary


def doctor(found: argparse.Namespace) -> int:
    """Look at everything and tell it."""
    from gateway.doctor.visit import visit

    try:
        settings = settings_of(found)
        locale = found.lang or settings.gateway.locale
        findings = asyncio.run(visit(settings, offline=found.offline, deep=found.deep))
    except ConfigError as error:
        locale, findings = found.lang or "fr", [critical("settings_broken", why=str(error))]
    _print(findings, locale, found)
    return status(findings)


def _print(findings: list[Finding], locale: str, found: argparse.Namespace) -> None:
    if found.json:
        print(json.dumps(as_json(findings, locale), ensure_ascii=False))
        return
    shown = [one for one in findings if one.level > Level.ADVICE] if found.quiet else findings
    if shown:
        print("\n".join([*lines(shown, locale), "", summary(shown, locale)]))
