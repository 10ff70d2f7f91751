"""The columns that every race of methods has."""

from __future__ import annotations

from collections.abc import Mapping

from benchmarks.measure import Cost
from benchmarks.methods import GREEDY, GREEDY_NMI, SYN_QUICK
from benchmarks.table import Row

COST = {"wall s": ".1f", "CPU s": ".1f", "peak GB": ".2f", "÷ greedy": ".2f", "÷ SyNQuick": ".2f"}


def timing(name: str, costs: Mapping[str, Cost | str]) -> Row:
    """The cost of the method ``name``, and its wall time over those of two peers in this race."""
    cost = costs[name]
    if isinstance(cost, str):
        return {"wall s": f"failed: {cost}"}
    return {
        "wall s": cost.wall,
        "CPU s": cost.cpu,
        "peak GB": cost.peak,
        "÷ greedy": _ratio(cost, costs.get(GREEDY.name) or costs.get(GREEDY_NMI.name)),
        "÷ SyNQuick": _ratio(cost, costs.get(SYN_QUICK.name)),
    }


def _ratio(cost: Cost, other: Cost | str | None) -> float | None:
    return cost.wall / other.wall if isinstance(other, Cost) else None
