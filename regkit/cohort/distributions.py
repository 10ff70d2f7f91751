"""How the measures of a cohort are distributed, as charts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from regkit.report.charts import chart_row, dress, picture
from regkit.report.palette import BLUE
from regkit.report.picture import Picture

_BARS, _ACROSS = 24, 3


def distributions(names: Sequence[str], entries: Sequence[Mapping[str, Any]]) -> Iterator[Picture]:
    """Draw histograms, three side by side, of all measures that have two values or more.

    Parameters
    ----------
    names
        Of the measures.
    entries
        One a pair; a measure that it lacks is left out.
    """
    known = {name: [e[name] for e in entries if e.get(name) is not None] for name in names}
    varied = [name for name, values in known.items() if len(set(values)) > 1]
    for first in range(0, len(varied), _ACROSS):
        some = varied[first : first + _ACROSS]
        figure, axes = chart_row(_ACROSS)
        for ax, name in zip(axes, some, strict=False):
            ax.hist(known[name], bins=_BARS, color=BLUE)
            dress(ax, name, "")
            ax.locator_params(axis="x", nbins=4)
            ax.locator_params(axis="y", nbins=5, integer=True)
        for ax in axes[len(some) :]:
            ax.set_visible(False)
        yield picture(figure, f"Distribution of {', '.join(some)} over the pairs")
