"""How a run is told to stop, and does."""

from __future__ import annotations

import _thread
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any, NoReturn

_SIGNALLED = 128  # as shells count: and the number of the signal
_SOON, _PATIENCE = 0.01, 2.0  # s
_CUT = "ended at once: files named .regkit-* may stay behind"
_LOCKING = frozenset({"__enter__", "__exit__", "__del__"})


class StopRequest(BaseException):
    """A run was asked to stop by ``sign``; ``left`` says what there is of it."""

    def __init__(self, sign: int, left: str = "nothing was written") -> None:
        super().__init__(left)
        self.sign, self.left = sign, left

    @property
    def how(self) -> str:
        """What the user did, in a word."""
        return "interrupted" if self.sign == signal.SIGINT else "terminated"

    @property
    def line(self) -> str:
        """What stderr says."""
        return f"regkit: {self.how}; {self.left}"

    @property
    def exit_code(self) -> int:
        """What the process ends with."""
        return _SIGNALLED + self.sign


class _Listener:
    """Raises :class:`StopRequest` where the main thread is, or soon after where it must not.

    An import is not stopped: Python 3.11 may keep the lock of its imports, for which other threads
    then wait for ever, and PyTorch 2.13 ends the process where its compiled parts are being set up.
    Neither is a lock half taken by ``with``, nor a finalizer, out of which nothing can be raised.
    After two seconds of that the process is ended as it is.
    """

    def __init__(self) -> None:
        self.listens = True
        self._asked: float | None = None
        self._imports = _imports(sys._getframe())
        self.report = sys.unraisablehook

    def hear(self, sign: int, frame: FrameType | None) -> None:
        """Handle a signal."""
        if frame is None or not self._keeps_on(frame):
            raise StopRequest(sign)
        self._asked = time.monotonic() if self._asked is None else self._asked
        if time.monotonic() - self._asked > _PATIENCE:
            _end(StopRequest(sign, _CUT))
        self._ask_again(sign)

    def notice(self, unraisable: sys.UnraisableHookArgs) -> None:
        """Take a request that was swallowed as one not yet made."""
        if isinstance(unraisable.exc_value, StopRequest):
            self._ask_again(unraisable.exc_value.sign)
        else:
            self.report(unraisable)

    def _keeps_on(self, frame: FrameType) -> bool:
        return frame.f_code.co_name in _LOCKING or _imports(frame) > self._imports

    def _ask_again(self, sign: int) -> None:
        # A `threading.Thread` takes locks that the main thread may hold.
        _thread.start_new_thread(self._interrupt, (sign,))

    def _interrupt(self, sign: int) -> None:
        time.sleep(_SOON)
        if not self.listens:
            return
        if sys.platform == "win32":
            _thread.interrupt_main(signal.Signals(sign))
        else:  # which also wakes it, where it waits
            signal.pthread_kill(threading.main_thread().ident or 0, sign)


def _end(request: StopRequest) -> NoReturn:
    os.write(2, f"{request.line}\n".encode())
    os._exit(request.exit_code)


def _imports(frame: FrameType | None) -> int:
    """How many steps of imports a frame is in."""
    count = 0
    while frame is not None:
        count += frame.f_globals.get("__name__") == "importlib._bootstrap"
        frame = frame.f_back
    return count


@contextmanager
def stoppable() -> Iterator[None]:
    """SIGTERM and Ctrl-C raise :class:`StopRequest` here; in the main thread alone."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    listener = _Listener()
    before: dict[int, Any] = {signal.SIGTERM: signal.signal(signal.SIGTERM, listener.hear)}
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:  # else it is ignored
        before[signal.SIGINT] = signal.signal(signal.SIGINT, listener.hear)
    sys.unraisablehook = listener.notice
    try:
        yield
    finally:
        listener.listens = False
        sys.unraisablehook = listener.report
        for sign, handler in before.items():
            if handler is not None:  # not of Python
                signal.signal(sign, handler)
