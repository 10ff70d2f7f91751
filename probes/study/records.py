"""Read a study by probes again from its record."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from probes.study.config import ProbeConfig
from probes.table import ProbeTable
from regkit.digests import sha256
from regkit.errors import InputError
from regkit.runs import InputFile
from regkit.settings import validate

OF_RUN = {"cache", "table"}
"""Settings that decide no result: where things lie."""


def table_inputs(config: ProbeConfig, table: ProbeTable, *, full_paths: bool) -> list[InputFile]:
    """List the tables of a study by their place below the folder that was named.

    Parameters
    ----------
    config
        Whose table is a file or a folder.
    table
        What was read of it.
    full_paths
        Whether folders may be shown.
    """
    root = config.table
    return [
        InputFile(
            "table" if path == root else f"table:{path.relative_to(root).as_posix()}",
            path, full_paths,
        )
        for path in table.files
    ]  # fmt: skip


def data_digests(table: ProbeTable) -> list[dict[str, str]]:
    """List the base name and the SHA-256 of every image and label map."""
    return [{"file": path.name, "sha256": sha256(path)} for path in table.images()]


def config_again(record: Mapping[str, Any], inputs: Sequence[InputFile], model: type[Any]) -> Any:
    """Return the configuration of a record, with its table where it is now.

    Parameters
    ----------
    record
        Of a study by probes.
    inputs
        Its tables.
    model
        Which configuration it is.

    Raises
    ------
    InputError
        If it is none, or names no table.
    """
    first = next((each for each in inputs if each.role.partition(":")[0] == "table"), None)
    if first is None:
        raise InputError("the record must name a table; it is damaged")
    inner = first.role.partition(":")[2]
    root = first.path if not inner else first.path.parents[inner.count("/")]
    return validate(model, {**record["asked"], "table": str(root)}, "the record")


def refuse_other_images(record: Mapping[str, Any], table: ProbeTable) -> None:
    """Refuse images that are not those of a record.

    Parameters
    ----------
    record
        Of a study by probes.
    table
        What its table names now.

    Raises
    ------
    InputError
        If they are others, or not as many.
    """
    if record.get("data") != data_digests(table):
        raise InputError(
            f"{table.name}: its images are not those of the run (their SHA-256 differ); give the "
            "folder of the run with --data"
        )
