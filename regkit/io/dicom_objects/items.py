"""Data sets, codes and numbers as DICOM writes them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from regkit.errors import require


def item(**values: Any) -> Any:
    """Make a data set of these elements; lists of data sets become sequences."""
    pydicom = require("pydicom", extra="dicom")
    out = pydicom.Dataset()
    for keyword, value in values.items():
        setattr(out, keyword, value)
    return out


def code(value: str, scheme: str, meaning: str) -> list[Any]:
    """Make the sequence of one code.

    Parameters
    ----------
    value, scheme, meaning
        As the standard lists them, such as ``"121322"``, ``"DCM"`` and the words for it.
    """
    return [item(CodeValue=value, CodingSchemeDesignator=scheme, CodeMeaning=meaning)]


def decimals(values: Iterable[float]) -> list[str]:
    """Write numbers with as many digits as 16 characters hold, as DICOM allows.

    Examples
    --------
    >>> decimals([1.0, -1 / 3])
    ['1.0', '-0.3333333333333']
    """
    valuerep = require("pydicom.valuerep", extra="dicom")
    # Adding zero turns a negative one, which some readers stumble over.
    return [str(valuerep.format_number_as_ds(float(value) + 0.0)) for value in values]
