"""The command line: one file a command, nothing heavy imported before it is needed."""

from regkit.cli.app import main, script

__all__ = ["main", "script"]
