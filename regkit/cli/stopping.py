"""How a run is told to stop, and does."""

from __future__ import annotations

import _thread
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Timer
from types import FrameType
from typing import Any

_SOON = 0.05  # seconds
_UNSAFE = "llvmlite"


class Stopped(BaseException):
    """A run was asked to stop by ``sign``; ``left`` says what there is of it."""

    def __init__(self, sign: int, left: str = "nothing was written") -> None:
        super().__init__(left)
        self.sign, self.left = sign, left

    @property
    def how(self) -> str:
        """What the user did, in a word."""
        return "interrupted" if self.sign == signal.SIGINT else "terminated"


@contextmanager
def stoppable() -> Iterator[None]:
    """SIGTERM and Ctrl-C raise :class:`Stopped` here, at a safe moment; in the main thread alone.

    What is raised while LLVM compiles is swallowed where C calls Python, and elsewhere leaves
    modules with two owners, which then crash. So it waits until LLVM has done.
    """
    later: list[Timer] = []

    def stop(sign: int, frame: FrameType | None) -> None:
        if not _within(frame):
            raise Stopped(sign)
        later.append(Timer(_SOON, _thread.interrupt_main, (sign,)))
        later[-1].daemon = True
        later[-1].start()

    before: dict[int, Any] = {}
    if threading.current_thread() is threading.main_thread():
        before[signal.SIGTERM] = signal.signal(signal.SIGTERM, stop)
        if signal.getsignal(signal.SIGINT) is signal.default_int_handler:  # else it is ignored
            before[signal.SIGINT] = signal.signal(signal.SIGINT, stop)
    try:
        yield
    finally:
        for each in later:
            each.cancel()
        for sign, handler in before.items():
            if handler is not None:  # not of Python
                signal.signal(sign, handler)


def _within(frame: FrameType | None) -> bool:
    while frame is not None:
        if str(frame.f_globals.get("__name__")).partition(".")[0] == _UNSAFE:
            return True
        frame = frame.f_back
    return False
