"""Links of HDF5, which libhdf5 would follow into other files: found before anything is read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from regkit.errors import InputError, require
from regkit.io.header_checks import MAX_DEFLATE
from regkit.io.names import display_name


def check_links(path: Path, depth: int) -> None:
    """Refuse an HDF5 file with links, with data stored in other files, or with sizes that lie.

    Parameters
    ----------
    path
        An HDF5 file.
    depth
        How many groups may lie in each other; a loop of links has no end.

    Raises
    ------
    InputError
        If there is such a thing.
    OSError, RuntimeError, KeyError, ValueError
        If h5py cannot read it.
    """
    h5py = require("h5py", extra="all")
    with h5py.File(path, "r") as file:
        _check_group(path, h5py, file, depth)


def _check_group(path: Path, h5py: Any, group: Any, depth: int) -> None:
    name = display_name(path)
    if depth <= 0:
        raise InputError(f"{name}: its groups are nested too deep; it is damaged")
    for key in group:
        if not isinstance(group.get(key, getlink=True), h5py.HardLink):
            raise InputError(f"{name}: {key!r} is a link to elsewhere; links are refused")
        item = group[key]
        if isinstance(item, h5py.Group):
            _check_group(path, h5py, item, depth - 1)
        elif isinstance(item, h5py.Dataset):
            _check_set(path, key, item)


def _check_set(path: Path, key: str, item: Any) -> None:
    name, found = display_name(path), path.stat().st_size
    if item.is_virtual or item.external:
        raise InputError(f"{name}: {key!r} is stored in another file; that is refused")
    if item.nbytes > MAX_DEFLATE * found:
        raise InputError(
            f"{name}: {key!r} claims {item.nbytes} bytes, found {found}; the file is cut or its "
            "header is damaged"
        )
