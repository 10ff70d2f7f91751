"""The layouts in which data sets come, by name."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from probes.table.adni import read_adni
from probes.table.bids import read_bids_table
from probes.table.columns import TableColumns, read_plain
from probes.table.medmnist import read_medmnist
from probes.table.oai import read_oai
from probes.table.oasis import read_oasis3
from probes.table.rows import ProbeTable
from regkit.errors import InputError
from regkit.settings import near

TableReader = Callable[[Path, TableColumns], ProbeTable]
LAYOUTS: dict[str, TableReader] = {
    "table": read_plain,
    "adni": read_adni,
    "bids": read_bids_table,
    "medmnist": read_medmnist,
    "oai": read_oai,
    "oasis3": read_oasis3,
}


def read_study_table(name: str, path: Path, columns: TableColumns) -> ProbeTable:
    """Read a data set.

    Parameters
    ----------
    name
        One of :data:`LAYOUTS`.
    path
        Its table, or its folder.
    columns
        What its columns are called.

    Raises
    ------
    InputError
        If there is no such layout, or nothing of it at ``path``; naming the row that is wrong.
    """
    if name not in LAYOUTS:
        raise InputError(f"layout {name!r} is not known{near(name, LAYOUTS)}")
    if not path.exists():
        raise InputError(f"{path.name}: is not there; it counts from the folder of the settings")
    table = LAYOUTS[name](path, columns).with_known(columns.missing)
    table.check()
    return table
