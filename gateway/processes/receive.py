"""The receiving process: ports open, mails into the spool, out of it into campaigns and events.

In: the settings. Out: nothing until it is told to stop. At start it removes what a crash left half-written and takes every
mail that the spool still holds. Raises OSError when a port cannot be had, KeysError when a key file is missing.
"""

from __future__ import annotations

import asyncio
import gc
import time
from ipaddress import ip_network

from config.durations import milliseconds
from config.logging import log
from config.settings import Settings
from gateway.actions.clerk import Clerk
from gateway.certificates.cupboard import Cupboard
from gateway.certificates.keeper import Keeper
from gateway.hooks import dispatcher
from gateway.hooks.dispatcher import Dispatcher
from gateway.hosts.looking import Lookout
from gateway.intake.bell import Bell
from gateway.intake.desk import Desk, rings, wipe
from gateway.intake.dispatch import Dispatch
from gateway.passwords import Passwords
from gateway.processes import lifeline
from gateway.processes.janitor import keep_house, repeated
from gateway.reading.readers import Readers
from gateway.smtp.gate import Gate
from gateway.smtp.limits import Limits
from gateway.smtp.listener import Listener
from gateway.smtp.prover import Prover
from mail.resolver import Resolver
from store import campaigns
from store.engine import Database
from store.spool import Spool

_DNS_PATIENCE_S = 1.0  # SPEC 2: DNS never delays an acknowledgement by more


async def run(settings: Settings, stop: asyncio.Event) -> None:
    """Receive until `stop` is set."""
    database = Database.open(settings.database_url, settings.database)
    readers = Readers(settings.limits.reader_memory, settings.limits.reader_seconds)
    resolver = Resolver(settings.dns.nameservers, timeout=_DNS_PATIENCE_S)
    # a sender's key may take longer to come than what intake waits for: its mail has 15 s
    proofs = Resolver(settings.dns.nameservers, timeout=milliseconds(settings.dns.timeout) / 1000)
    prover, listener = Prover(proofs), Listener()
    try:
        spool = await asyncio.to_thread(Spool, settings.gateway.data_dir / "spool")
        desk = Desk(settings, database, spool, readers, resolver, *rings(settings))
        await _recover(desk)
        dispatch = Dispatch(desk)
        client, hook_names = dispatcher.client(desk)
        bell = Bell(spool.folder, dispatch.wake)
        cupboard, lookout = Cupboard(settings), Lookout(desk)
        keeper = Keeper(desk, cupboard)
        await lookout.load()
        await listener.start(_gate(desk, dispatch, prover, lookout), _listens(settings), cupboard.context)
        lifeline.ready()
        log("started", listen=[place for places in _listens(settings).values() for place in places], domain=desk.domain)
        await readers.warm()
        gc.collect()
        gc.freeze()  # what was imported stays for ever: looking through it again stops the loop for 0.1 s
        async with asyncio.TaskGroup() as group:
            group.create_task(_drain(listener, stop))
            group.create_task(cupboard.watch(stop))
            group.create_task(repeated(keeper.turn, stop))
            group.create_task(repeated(lookout.turn, stop))
            group.create_task(dispatch.run(stop))
            group.create_task(keep_house(desk, stop))
            group.create_task(Clerk(desk).run(stop))
            group.create_task(Dispatcher(desk, client).run(stop))
        bell.close()
        await keeper.close()
        await lookout.close()
        log("stopped")
    finally:
        await listener.stop()
        await hook_names.close()
        prover.close()
        await proofs.close()
        await readers.close()
        await resolver.close()
        await database.close()


async def _drain(listener: Listener, stop: asyncio.Event) -> None:
    await stop.wait()
    await listener.drain()


async def _recover(desk: Desk) -> None:
    files = await asyncio.to_thread(desk.spool.sweep)
    async with desk.database.read() as conn:
        left = await campaigns.loading(conn)
    for campaign_id in left:
        await wipe(desk.database, campaign_id)
    if files or left:
        log("swept", files=files, campaigns=len(left))


def _listens(settings: Settings) -> dict[str, list[str]]:
    smtp = settings.smtp
    return {"mx": smtp.mx_listen, "submission": smtp.submission_listen, "submissions": smtp.submissions_listen}


def _gate(desk: Desk, dispatch: Dispatch, prover: Prover, lookout: Lookout) -> Gate:
    smtp = desk.settings.smtp
    return Gate(
        domain=desk.domain,
        keyring=desk.keyring,
        database=desk.database,
        spool=desk.spool,
        limits=Limits(smtp, desk.spool.folder, time.monotonic),
        passwords=Passwords(time.monotonic),
        trusted=tuple(ip_network(network, strict=False) for network in smtp.trusted_networks),
        idle_s=milliseconds(smtp.idle_timeout) / 1000,
        wake=dispatch.wake,
        prover=prover,
        suppression=desk.suppression,
        hosts=lambda: lookout.names,
    )
