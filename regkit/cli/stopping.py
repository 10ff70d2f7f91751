"""How a run is told to stop, and does."""

from __future__ import annotations

import _thread
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

_SOON = 0.01  # s
# Where Python takes and gives back a lock by itself, or would swallow what is raised.
_DELICATE_NAMES = frozenset({"__enter__", "__exit__", "__del__"})
_DELICATE_MODULES = frozenset({"importlib._bootstrap", "importlib._bootstrap_external"})


class StopRequest(BaseException):
    """A run was asked to stop by ``sign``; ``left`` says what there is of it."""

    def __init__(self, sign: int, left: str = "nothing was written") -> None:
        super().__init__(left)
        self.sign, self.left = sign, left

    @property
    def how(self) -> str:
        """What the user did, in a word."""
        return "interrupted" if self.sign == signal.SIGINT else "terminated"


class _Listener:
    """Raises :class:`StopRequest` where the main thread is, or soon after where it may not.

    Raised while Python is about to take the lock of its imports, the request would leave it taken,
    and threads that import would wait for ever; raised in a finalizer, it would be printed and
    forgotten.
    """

    def __init__(self) -> None:
        self.listens = True
        self._report = sys.unraisablehook

    def hear(self, sign: int, frame: FrameType | None) -> None:
        """Handle a signal."""
        if frame is not None and _delicate(frame):
            self._ask_again(sign)
        else:
            raise StopRequest(sign)

    def notice(self, unraisable: sys.UnraisableHookArgs) -> None:
        """Take a request that was swallowed as one not yet made."""
        if isinstance(unraisable.exc_value, StopRequest):
            self._ask_again(unraisable.exc_value.sign)
        else:
            self._report(unraisable)

    def _ask_again(self, sign: int) -> None:
        # A `threading.Thread` takes locks that the main thread may hold.
        _thread.start_new_thread(self._interrupt, (sign,))

    def _interrupt(self, sign: int) -> None:
        time.sleep(_SOON)
        if self.listens:
            _thread.interrupt_main(signal.Signals(sign))


def _delicate(frame: FrameType) -> bool:
    return (
        frame.f_code.co_name in _DELICATE_NAMES
        or frame.f_globals.get("__name__") in _DELICATE_MODULES
    )


@contextmanager
def stoppable() -> Iterator[None]:
    """SIGTERM and Ctrl-C raise :class:`StopRequest` here; in the main thread alone."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    listener, report = _Listener(), sys.unraisablehook
    before: dict[int, Any] = {signal.SIGTERM: signal.signal(signal.SIGTERM, listener.hear)}
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:  # else it is ignored
        before[signal.SIGINT] = signal.signal(signal.SIGINT, listener.hear)
    sys.unraisablehook = listener.notice
    try:
        yield
    finally:
        listener.listens = False
        sys.unraisablehook = report
        for sign, handler in before.items():
            if handler is not None:  # not of Python
                signal.signal(sign, handler)
