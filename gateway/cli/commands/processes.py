"""`serve`, `worker`, and the children that `serve` starts.

In: the parsed command line. Out: an exit status once the process has ended. A child ends with its parent: it watches
the pipe that gateway/processes/lifeline inherits. Logs JSON lines; a crash is one of them.
"""

from __future__ import annotations

import argparse
import importlib
from pathlib import Path

from config import logging, tracing
from config.settings import Settings
from gateway.cli.commands.database import settings_of
from gateway.processes.lifeline import run_child


def serve(found: argparse.Namespace) -> int:
    """Run the gateway until it is told to end."""
    from gateway.processes.supervisor import supervise

    settings = settings_of(found)
    logging.setup("serve")
    return supervise(settings, Path(found.config) if found.config else None)


def worker(found: argparse.Namespace) -> int:
    """Run senders only, until told to end: another machine on the same database."""
    from gateway.processes.supervisor import supervise

    settings = settings_of(found)
    logging.setup("worker")
    return supervise(settings, Path(found.config) if found.config else None, gateway=False)


def receive(found: argparse.Namespace) -> int:
    """Run the listener with intake, returns and janitor."""
    from gateway.processes.receive import run

    settings = _child(found, "receive")
    return run_child(run, settings)


def web(found: argparse.Namespace) -> int:
    """Run the web pages."""
    from gateway.web.serve import run

    settings = _child(found, "web")
    return run_child(run, settings)


def send(found: argparse.Namespace) -> int:
    """Run one sender."""
    from gateway.processes.child import MODULES

    settings = _child(found, "send")
    run = importlib.import_module(MODULES["_send"]).run
    return run_child(run, settings, at_once=True)


def check(found: argparse.Namespace) -> int:
    """Whether this program can run with these settings: a supervisor asks before it makes room for it."""
    from gateway.processes.child import MODULES

    settings_of(found)
    for name in ("gateway.processes.supervisor", *MODULES.values()):
        importlib.import_module(name)
    return 0


def _child(found: argparse.Namespace, process: str) -> Settings:
    """The settings of a child that does the work, whose lines and spans bear its name from now on."""
    settings = _handed(found)
    logging.setup(process)
    tracing.begin(settings.tracing.endpoint, settings.gateway.domain, process)
    return settings


def _handed(found: argparse.Namespace) -> Settings:
    from gateway.processes.handing import handed

    return handed() or settings_of(found)
