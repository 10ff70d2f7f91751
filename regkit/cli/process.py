"""The process of the command ``regkit``: how it begins and ends."""

from __future__ import annotations

import atexit
import gc
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from threading import enumerate as enumerate_threads
from threading import main_thread
from typing import NoReturn


def script() -> None:
    """What the command ``regkit`` runs: :func:`regkit.cli.main`, and out.

    PyTorch brings half a million objects that stay. Looking for garbage among them while they are
    imported, and taking them apart one by one on the way out, takes half a second.
    """
    gc.set_threshold(1_000_000)
    with _ended_by_interrupt():
        from regkit.cli.app import main
    _leave(main())


@contextmanager
def _ended_by_interrupt() -> Iterator[None]:
    """Let Ctrl-C end the process without a word, while there is nothing but imports to tell of."""
    if signal.getsignal(signal.SIGINT) is not signal.default_int_handler:  # it is ignored
        yield
        return
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def _leave(code: int) -> NoReturn:
    """End the process, without a look at what is in memory; but wait for threads of plug-ins."""
    if not all(thread.daemon or thread is main_thread() for thread in enumerate_threads()):
        sys.exit(code)
    atexit._run_exitfuncs()
    with suppress(OSError):  # whoever read the output may be gone
        sys.stdout.flush()
        sys.stderr.flush()
    os._exit(code)
