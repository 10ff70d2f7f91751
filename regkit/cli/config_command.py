"""Commands that do what a YAML file says."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from typer.core import TyperCommand

_NAMES = ("--config", "-c")


class ConfigCommand(TyperCommand):
    """A command with the argument CONFIG, which may be named as `regkit train` has it.

    ``--config FILE``, ``--config=FILE`` and ``-c FILE`` mean what ``FILE`` alone means.
    """

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Take the name away, and leave the file."""
        return super().parse_args(ctx, list(_unnamed(args)))


def _unnamed(words: list[str]) -> Iterator[str]:
    for word in words:
        name, _, value = word.partition("=")
        if name not in _NAMES:
            yield word
        elif value:
            yield value
