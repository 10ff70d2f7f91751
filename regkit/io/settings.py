"""A user's own settings: plain YAML, nothing in it is run and nothing multiplied."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from regkit.errors import InputError
from regkit.io.names import display_name
from regkit.io.preflight import check_regular

_MAX_BYTES = 1 << 20


class _Plain(yaml.SafeLoader):
    """YAML without aliases, by which nine lines can become a billion values."""

    def compose_node(self, parent: Any, index: Any) -> Any:
        if self.check_event(yaml.AliasEvent):
            raise yaml.YAMLError("aliases (*name) are not allowed; write the value out")
        return super().compose_node(parent, index)


def read_settings(path: Path) -> dict[str, Any]:
    """Read the settings of a user, a mapping, from a YAML file.

    Raises
    ------
    InputError
        If the file cannot be read, is no YAML, has tags or aliases, or holds no mapping.
    """
    name = display_name(path)
    check_regular(path)
    if path.stat().st_size > _MAX_BYTES:
        raise InputError(f"{name}: is larger than {_MAX_BYTES} bytes; these are no settings")
    try:
        loaded = _Plain(path.read_text(encoding="utf-8")).get_single_data()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not UTF-8 text"
        raise InputError(f"{name}: cannot be read as settings: {reason}") from error
    # ValueError: a date such as 2020-99-99 passes the parser. RecursionError: brackets in brackets.
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise InputError(f"{name}: not YAML: {_said(error)}") from error
    if not isinstance(loaded, dict):
        raise InputError(f"{name}: settings must be 'name: value' lines, not {loaded!r:.40}")
    return loaded


def _said(error: Exception) -> str:
    return "nested too deep" if isinstance(error, RecursionError) else str(error)
