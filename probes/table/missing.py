"""Words that stand where a value is not known."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

_UNKNOWN = frozenset({"", "n/a", "na", "nan", "null", "<na>", "#n/a"})


def known_values(values: Mapping[str, Any], missing: Collection[str] = ()) -> dict[str, Any]:
    """Return the values that are known; a cell of ``n/a`` or NaN is as empty as an empty one.

    Taken for a word, it would be a class of its own, or turn numbers into words.

    Parameters
    ----------
    values
        Of a row, by column.
    missing
        Further words that mean the same, such as ``-4`` in tables of ADNI.

    Examples
    --------
    >>> known_values({"dx": "n/a", "age": float("nan"), "sex": "F", "mmse": "-4"}, ["-4"])
    {'sex': 'F'}
    """
    return {
        name: value
        for name, value in values.items()
        if value is not None and str(value).lower() not in _UNKNOWN and str(value) not in missing
    }
