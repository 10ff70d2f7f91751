"""once: a property that is computed when it is first asked for, by one thread, and kept."""

from __future__ import annotations

from collections.abc import Callable
from threading import RLock
from typing import Any, Generic, Self, TypeVar, overload

T = TypeVar("T")

_LOCK = "_lock_of_once"


class once(Generic[T]):  # noqa: N801 - it is used as ``property`` is
    """A property of an object that does not change, computed at the first touch and kept.

    Other threads wait for the one that computes it; an error is not kept. What was computed goes
    along in copies and pickles.

    Examples
    --------
    >>> class Answer:
    ...     @once
    ...     def value(self):
    ...         print("thinking")
    ...         return 42
    >>> answer = Answer()
    >>> answer.value, answer.value
    thinking
    (42, 42)
    """

    def __init__(self, compute: Callable[[Any], T]) -> None:
        self._compute = compute
        self.__doc__ = compute.__doc__

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    @overload
    def __get__(self, instance: None, owner: type) -> Self: ...
    @overload
    def __get__(self, instance: object, owner: type) -> T: ...
    def __get__(self, instance: object | None, owner: type) -> Self | T:
        """What was kept, found here only until it is: then the object itself has it."""
        if instance is None:
            return self
        kept = vars(instance)
        with kept.setdefault(_LOCK, Lock()):
            if self._name not in kept:
                kept[self._name] = self._compute(instance)
            found: T = kept[self._name]
            return found


class Lock:
    """A lock of one object, which may take it again; copies and pickles get one of their own."""

    def __init__(self) -> None:
        self._lock = RLock()

    def __enter__(self) -> None:
        self._lock.acquire()

    def __exit__(self, *_: object) -> None:
        self._lock.release()

    def __reduce__(self) -> tuple[type[Lock], tuple[()]]:
        return Lock, ()
