"""What a reading process gives up before it reads what strangers sent.

In: the memory it may have, in bytes. Out: nothing; from here on the process has no network where the kernel lets it leave
its own (Linux: a network namespace, without privileges inside a user namespace), can gain no privilege, start no other
program (the limit on processes binds all but root), write no big file, leave no core, and ends with who started it. It
still reads files as its user: secrets are kept from it by what is not in its environment and not open. Raises and logs
nothing: what a kernel refuses is left as it was.
"""

from __future__ import annotations

import ctypes
import resource
import signal

_NEW_USER, _NEW_NET = 0x10000000, 0x40000000  # unshare(2)
_PR_SET_PDEATHSIG, _PR_SET_NO_NEW_PRIVS = 1, 38  # prctl(2)
_MAX_FILE = 500_000_000


def confine(memory: int) -> None:
    """Give up network, privileges, children and all memory above a bound; for a process with one thread."""
    libc = ctypes.CDLL(None)
    if hasattr(libc, "unshare") and libc.unshare(_NEW_NET):
        libc.unshare(_NEW_USER | _NEW_NET)
    if hasattr(libc, "prctl"):
        libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
        # last of all: new credentials would forget it
        libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    resource.setrlimit(resource.RLIMIT_FSIZE, (_MAX_FILE, _MAX_FILE))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_NPROC, (0, 0))
