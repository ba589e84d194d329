"""Child processes that do not outlive whoever started them."""

import ctypes
import os
import signal
import sys
import threading
import time

_PR_SET_PDEATHSIG = 1
_LOOK_AGAIN_SECONDS = 0.2


def die_with_parent(parent: int) -> None:
    """Have this process killed as soon as its parent has ended, however that ended.

    A process that is killed can stop nobody itself, so that the child must see to it. On Linux the
    kernel does, when the *thread* that started this process ends; elsewhere a thread of this
    process looks at its parent every fifth of a second.

    Parameters
    ----------
    parent
        The process id of the parent, as the parent told it: it may be dead already.
    """
    if sys.platform == "linux":
        if ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL) != 0:
            raise OSError(ctypes.get_errno(), "prctl(PR_SET_PDEATHSIG) failed")
        _die_if_orphaned(parent)
    else:
        threading.Thread(target=_watch, args=(parent,), daemon=True).start()


def _watch(parent: int) -> None:
    while True:
        _die_if_orphaned(parent)
        time.sleep(_LOOK_AGAIN_SECONDS)


def _die_if_orphaned(parent: int) -> None:
    if os.getppid() != parent:
        os.kill(os.getpid(), signal.SIGKILL)
