"""The command line: one file a command, nothing heavy imported before it is needed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from regkit.cli.process import script

if TYPE_CHECKING:
    from regkit.cli.app import main

__all__ = ["main", "script"]


def __getattr__(name: str) -> Any:
    """Import the commands on first use, so that :func:`script` begins before they are there."""
    if name != "main":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from regkit.cli.app import main

    return main
