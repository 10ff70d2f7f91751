"""Kept: what a process keeps of earlier jobs because later ones will want it."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import TypeVar, cast

KeptThing = TypeVar("KeptThing")


class RecentCache:
    """The last few things that were made, by what they were made from.

    Parameters
    ----------
    most
        How many are kept.

    Examples
    --------
    >>> kept = RecentCache(1)
    >>> kept.get("atlas", lambda: "read"), kept.get("atlas", lambda: "read again")
    ('read', 'read')
    """

    def __init__(self, most: int = 2) -> None:
        self._most = most
        self._things: OrderedDict[Hashable, object] = OrderedDict()

    def get(self, key: Hashable, make: Callable[[], KeptThing]) -> KeptThing:
        """What ``key`` stands for: kept, or made now."""
        if key not in self._things:
            self._things[key] = make()
        self._things.move_to_end(key)
        while len(self._things) > self._most:
            self._things.popitem(last=False)
        return cast(KeptThing, self._things[key])  # made by a call with this key
