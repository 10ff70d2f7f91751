"""How a run is told to stop, and does."""

from __future__ import annotations

import _thread
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Timer
from typing import NoReturn

_AGAIN = 0.05  # seconds, after which a callback has returned


class Terminated(BaseException):
    """The process was asked to end, as a scheduler or ``kill`` does."""


_SIGNALS = {KeyboardInterrupt: signal.SIGINT, Terminated: signal.SIGTERM}


@contextmanager
def stoppable() -> Iterator[None]:
    """SIGTERM raises :class:`Terminated` here, and neither it nor Ctrl-C is lost.

    What is raised while C calls Python, as Numba's compiler does, cannot leave that call: Python
    reports it as unraisable and goes on. Then the signal is sent once more, and an error that the
    call leads to before is no error.
    """
    before, report = signal.signal(signal.SIGTERM, _terminate), sys.unraisablehook
    swallowed: list[type[BaseException]] = []

    def once_more(lost: sys.UnraisableHookArgs) -> None:
        if sign := _SIGNALS.get(lost.exc_type):
            swallowed.append(lost.exc_type)
            again = Timer(_AGAIN, _thread.interrupt_main, (sign,))
            again.daemon = True
            again.start()
        else:
            report(lost)

    sys.unraisablehook = once_more
    try:
        yield
    except Exception as error:
        if swallowed:
            raise swallowed[0] from error
        raise
    finally:
        sys.unraisablehook = report
        signal.signal(signal.SIGTERM, before)


def _terminate(*_: object) -> NoReturn:
    raise Terminated
