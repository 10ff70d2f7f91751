"""What to cite for the methods that a result used."""

from __future__ import annotations

from regkit.losses.registry import parts_of, traits_of
from regkit.registration.result import Result


def citations(result: Result) -> list[str]:
    """List the papers behind the similarities of the stages that ran."""
    names = [result.config.similarity, *(stage.similarity for stage in result.stages)]
    parts = [part for name in filter(None, names) for _, part in parts_of(name)]
    papers = [traits_of(part).citation for part in parts]
    return list(dict.fromkeys(filter(None, papers)))
