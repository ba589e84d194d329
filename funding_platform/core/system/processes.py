"""How children end: with whoever started them."""

import os
import signal
import threading
import time

_LOOK_AGAIN_SECONDS = 0.2


def die_with_parent(parent: int) -> None:
    """Have this process killed within a moment of its parent's end, however that ended.

    Who is killed can stop nobody, so that the child must see to it: a thread of its own looks
    whether its parent is still the same. Linux could send a signal instead, but ties it to the very
    threads that started the child and that asked for it, and either may be gone long before.

    Parameters
    ----------
    parent
        The process id of the parent, as the parent told it: it may be dead already.
    """
    _die_if_orphaned(parent)
    threading.Thread(target=_watch, args=(parent,), daemon=True).start()


def _watch(parent: int) -> None:
    while True:
        time.sleep(_LOOK_AGAIN_SECONDS)
        _die_if_orphaned(parent)


def _die_if_orphaned(parent: int) -> None:
    if os.getppid() != parent:
        os.kill(os.getpid(), signal.SIGKILL)
