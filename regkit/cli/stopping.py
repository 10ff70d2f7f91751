"""How a run is told to stop, and does."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any


class StopRequest(BaseException):
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
    """SIGTERM and Ctrl-C raise :class:`StopRequest` here; in the main thread alone."""

    def stop(sign: int, frame: FrameType | None) -> None:
        raise StopRequest(sign)

    before: dict[int, Any] = {}
    if threading.current_thread() is threading.main_thread():
        before[signal.SIGTERM] = signal.signal(signal.SIGTERM, stop)
        if signal.getsignal(signal.SIGINT) is signal.default_int_handler:  # else it is ignored
            before[signal.SIGINT] = signal.signal(signal.SIGINT, stop)
    try:
        yield
    finally:
        for sign, handler in before.items():
            if handler is not None:  # not of Python
                signal.signal(sign, handler)
