"""The DKIM keys of the data folder, read again when a file of theirs changes: a key added by command signs without a restart.

In: the data folder. Out: a sequence of signers, RSA first. Raises ValueError for a broken key when it is made; later a
folder that cannot be read leaves what was there, and logs failed once.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import overload

from config.keys import dkim_files, dkim_keys
from config.logging import log
from mail.dkim import Signer
from mail.identity import signers_of

_Stamp = tuple[tuple[str, int, int], ...]


class Keychain(Sequence[Signer]):
    """Looks at the folder whenever it is asked: some hundredths of a millisecond a key, once a campaign."""

    def __init__(self, data_dir: Path) -> None:
        self._folder = data_dir
        self._stamp = self._look()
        self._signers = signers_of(dkim_keys(data_dir))

    @property
    def signers(self) -> tuple[Signer, ...]:
        """The keys as they are now."""
        stamp = self._look()
        if stamp != self._stamp:
            self._stamp = stamp
            try:
                self._signers = signers_of(dkim_keys(self._folder))
            except (OSError, ValueError) as error:
                log("failed", what="dkim", error=error)
        return self._signers

    def _look(self) -> _Stamp:
        try:
            found = [(str(path), path.stat()) for path in dkim_files(self._folder)]
        except OSError:  # a file that goes away while we look
            return ()
        return tuple((name, stat.st_mtime_ns, stat.st_ino) for name, stat in found)

    def __len__(self) -> int:
        return len(self.signers)

    @overload
    def __getitem__(self, index: int) -> Signer: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Signer]: ...
    def __getitem__(self, index: int | slice) -> Signer | Sequence[Signer]:
        return self.signers[index]

    def __iter__(self) -> Iterator[Signer]:
        return iter(self.signers)  # one look, not one an element
