"""What to cite for the methods that a result used."""

from __future__ import annotations

from regkit.losses.registry import parts_of, traits_of
from regkit.registration.result import Result


def citations(result: Result, version: str) -> list[str]:
    """The software, then the papers behind the similarities of the stages that ran."""
    names = [result.config.similarity, *(stage.similarity for stage in result.stages)]
    parts = [part for name in names for _, part in parts_of(name)]
    papers = [traits_of(part).citation for part in parts]
    return [f"regkit, version {version} (Apache-2.0).", *dict.fromkeys(filter(None, papers))]
