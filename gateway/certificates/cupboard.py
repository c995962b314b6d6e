"""Which certificate is served under which name, and that a new one on the disk is served for the next connection.

In: the settings; the files that they name, else DATA/tls/acme/NAME.pem (got by ourselves), DATA/tls/NAME.pem (an
operator's, key and chain in one file), DATA/tls/cert.pem and key.pem (made by init). Out: one context for all ports;
whoever asks for a name (SNI) that has a certificate of its own is served that one. `watch` looks at the files every LOOK
seconds, and at once on SIGHUP; a file that cannot be used, or half of a pair, changes nothing and is told once. Raises
OSError or ValueError only at the start, when there is no certificate at all. Logs certificate_loaded and
certificate_refused.
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
import ssl
from pathlib import Path

from config.certificate import got, look, paths
from config.logging import log
from config.settings import Settings

LOOK = 30.0  # seconds

Pair = tuple[Path, Path]
Marks = tuple[tuple[int, int, int], ...]


def of_gateway(settings: Settings) -> Pair:
    """Chain and key that are served to whoever names no other: the operator's, else the one that we got, else init's."""
    smtp, data = settings.smtp, settings.gateway.data_dir
    made = paths(data)
    own = got(data, settings.gateway.domain)
    if smtp.tls_certificate is None and own.is_file():
        return own, own
    return smtp.tls_certificate or made[0], smtp.tls_key or made[1]


def of_names(settings: Settings) -> list[Path]:
    """The files of single names; of two for one name the later counts: an operator's."""
    folder = settings.gateway.data_dir / "tls"
    made = {*paths(settings.gateway.data_dir), *of_gateway(settings)}
    return [one for place in (folder / "acme", folder) for one in sorted(place.glob("*.pem")) if one not in made]


class Cupboard:
    """The certificates of one process; `context` is for its ports."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._own = of_gateway(settings)
        self._seen: dict[Pair, Marks] = {self._own: marks(self._own)}
        self.context = _context()
        self.context.load_cert_chain(*self._own)
        self.context.sni_callback = self._choose
        self._names: dict[Path, tuple[tuple[str, ...], ssl.SSLContext]] = {}
        self._by_name: dict[str, ssl.SSLContext] = {}
        self.look(told=False)

    def look(self, told: bool = True) -> None:
        """Use what is new on the disk."""
        own = of_gateway(self._settings)
        if (self._changed(own) or own != self._own) and _usable(own):
            self.context.load_cert_chain(*own)
            self._own = own
            _loaded(own)
        files = of_names(self._settings)
        for file in files:
            pair = (file, file)
            if self._changed(pair) and _usable(pair):
                context = _context()
                context.load_cert_chain(*pair)
                self._names[file] = look(file).names, context
                if told:
                    _loaded(pair)
        for gone in self._names.keys() - set(files):
            del self._names[gone]
        named = [self._names[file] for file in files if file in self._names]
        self._by_name = {name: context for names, context in named for name in names}
        if self._settings.smtp.tls_certificate is not None:  # an operator's own for all ports goes first
            for name in look(self._own[0]).names:
                self._by_name.pop(name, None)

    async def watch(self, stop: asyncio.Event) -> None:
        """Look until `stop` is set."""
        now = asyncio.Event()
        with contextlib.suppress(ValueError, RuntimeError):  # not in the main thread: the clock alone looks
            asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, now.set)
        ending = asyncio.create_task(stop.wait())
        while not stop.is_set():
            asked = asyncio.create_task(now.wait())
            await asyncio.wait({ending, asked}, timeout=LOOK, return_when=asyncio.FIRST_COMPLETED)
            asked.cancel()
            now.clear()
            if not stop.is_set():
                self.look()
        ending.cancel()

    def _changed(self, pair: Pair) -> bool:
        seen = marks(pair)
        if self._seen.get(pair) == seen:
            return False
        self._seen[pair] = seen
        return True

    def _choose(self, connection: ssl.SSLObject, name: str | None, _context: ssl.SSLContext) -> None:
        asked = (name or "").lower()
        found = self._by_name.get(asked) or self._by_name.get(f"*.{asked.partition('.')[2]}")
        if found is not None:
            connection.context = found


def marks(pair: Pair) -> Marks:
    """What changes when a file is replaced or rewritten."""
    found = []
    for path in pair:
        try:
            seen = path.stat()
            found.append((seen.st_ino, seen.st_mtime_ns, seen.st_size))
        except OSError:
            found.append((0, 0, 0))
    return tuple(found)


def _context() -> ssl.SSLContext:
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.minimum_version = ssl.TLSVersion.TLSv1_2
    return made


def _usable(pair: Pair) -> bool:
    """Whether chain and key belong together; a pair that does not would leave a context without a certificate."""
    try:
        _context().load_cert_chain(*pair)
        look(pair[0])
    except (OSError, ValueError, IndexError) as error:
        log("certificate_refused", file=str(pair[0]), why=" ".join(str(error).split()))
        return False
    return True


def _loaded(pair: Pair) -> None:
    log("certificate_loaded", file=str(pair[0]), until=f"{look(pair[0]).ends:%Y-%m-%d}")
