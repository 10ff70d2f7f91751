"""What is known of a similarity beside its values."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Traits:
    """What engines, plans of memory and reports ask instead of a name.

    Parameters
    ----------
    across_contrasts
        Whether it is low for aligned images of different contrasts, such as T1 and T2.
    worst_value
        What the loss of no two images exceeds, their intensities in [0, 1]; infinite if unknown.
    bytes_per_voxel
        What the field engine takes with it at its peak, a voxel of the finest grid.
    citation
        Whom to cite; empty if nobody.
    by_loops
        Whether the compiled loops compute it, so that PyTorch has little to do between them.
    """

    across_contrasts: bool = False
    worst_value: float = math.inf
    bytes_per_voxel: int = 8
    citation: str = ""
    by_loops: bool = False

    @classmethod
    def of_sum(cls, parts: Iterable[tuple[float, Traits]]) -> Traits:
        """Return the traits of a weighted sum: it is as picky and as large as one of its parts.

        Examples
        --------
        >>> Traits.of_sum([(1, Traits(worst_value=2)), (0.5, Traits(worst_value=1))]).worst_value
        2.5
        """
        counted = [(weight, each) for weight, each in parts if weight > 0]
        if not counted:
            return cls()
        papers = dict.fromkeys(each.citation for _, each in counted if each.citation)
        return cls(
            all(each.across_contrasts for _, each in counted),
            sum(weight * each.worst_value for weight, each in counted),
            max(each.bytes_per_voxel for _, each in counted),
            "\n".join(papers),
            all(each.by_loops for _, each in counted),
        )
