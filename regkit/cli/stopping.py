"""How a run is told to stop, and does."""

from __future__ import annotations

import _thread
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Timer
from types import FrameType

_SOON = 0.05  # seconds
_UNSAFE = "llvmlite"


class Terminated(BaseException):
    """The process was asked to end, as a scheduler or ``kill`` does."""


@contextmanager
def stoppable() -> Iterator[None]:
    """SIGTERM raises :class:`Terminated` here, and Ctrl-C KeyboardInterrupt: both at a safe moment.

    What is raised while LLVM compiles is swallowed where C calls Python, and elsewhere leaves
    modules with two owners, which then crash. So it waits until LLVM has done.
    """
    later: list[Timer] = []

    def stop(sign: int, frame: FrameType | None) -> None:
        if not _within(frame):
            raise Terminated if sign == signal.SIGTERM else KeyboardInterrupt
        later.append(Timer(_SOON, _thread.interrupt_main, (sign,)))
        later[-1].daemon = True
        later[-1].start()

    signs = [signal.SIGTERM]
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:  # else it is ignored
        signs.append(signal.SIGINT)
    before = {sign: signal.signal(sign, stop) for sign in signs}
    try:
        yield
    finally:
        for each in later:
            each.cancel()
        for sign, handler in before.items():
            signal.signal(sign, handler)


def _within(frame: FrameType | None) -> bool:
    while frame is not None:
        if str(frame.f_globals.get("__name__")).partition(".")[0] == _UNSAFE:
            return True
        frame = frame.f_back
    return False
