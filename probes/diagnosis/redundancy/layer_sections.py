"""What a report of redundancy says layer by layer."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from probes.diagnosis.redundancy.layers import LayerSpectra
from probes.diagnosis.redundancy.tables import EncoderRedundancy
from regkit.report import Check, Section, figure, hint, legend, table
from regkit.report.charts import chart_row, dress, picture
from regkit.report.heat_map import heat_map
from regkit.report.picture import Picture

_SHOWN = 12  # layers whose correlations a page has room for
_COLUMNS = (
    "encoder", "layer", "features", "rank", "for 95 %", "effective rank", "correlation",
    "with the layer before",
)  # fmt: skip
_SPECTRA = (
    "Features of the whole encoder after each layer that has weights. Left: the share of them that "
    "the principal components with 95 % of the variance come to. Right: the mean absolute "
    "correlation of two features. A layer with few components or much correlation has more "
    "channels than it uses."
)
_CORRELATION = (
    "How far two layers find the same images alike (centred kernel alignment, unbiased): 1 for "
    "layers that are copies of each other, rotated or scaled too, about 0 for unrelated ones. "
    "Neighbours near 1 do little to the features."
)


def layer_checks(found: Mapping[str, EncoderRedundancy]) -> Iterator[Check]:
    """Say which layers put out the same for all images.

    Parameters
    ----------
    found
        By the name of the encoder.
    """
    for name, each in found.items():
        if constant := each.layers.constant:
            yield Check(
                False,
                f"{name}: the features of {len(constant)} of {len(each.layers.spectra)} layers do "
                f"not vary between the images: {', '.join(constant[:5])}.",
            )


def layer_sections(
    found: Mapping[str, EncoderRedundancy], colours: Mapping[str, str]
) -> list[Section]:
    """Make the sections about layers.

    Parameters
    ----------
    found
        By the name of the encoder.
    colours
        Of the encoders in charts.
    """
    named = legend([(colour, name) for name, colour in colours.items()])
    maps = [figure(_map(each.layers), name) for name, each in found.items()]
    return [
        Section("Layer by layer", [named, figure(_curves(found, colours)), hint(_SPECTRA)]),
        Section("How alike layers are", [*maps, hint(_CORRELATION)]),
        Section("All layers", [_table(found)]),
    ]


def _curves(found: Mapping[str, EncoderRedundancy], colours: Mapping[str, str]) -> Picture:
    drawn, axes = chart_row(2)
    for name, each in found.items():
        spectra = list(each.layers.spectra.values())
        across = range(1, len(spectra) + 1)
        lines = ([s.needed(0.95) / s.features for s in spectra], [s.correlation for s in spectra])
        for ax, values in zip(axes, lines, strict=True):
            ax.plot(across, values, color=colours[name], marker="o", markersize=3)
            ax.set_ylim(bottom=0)
    dress(axes[0], "share of features for 95 % of the variance", "layer")
    dress(axes[1], "correlation of two features", "layer")
    return picture(drawn, f"Redundancy of the layers of {len(found)} encoders")


def _map(layers: LayerSpectra) -> Picture:
    """Of at most twelve layers, at even distances, the last one among them."""
    names = list(layers.spectra)
    shown = np.unique(np.linspace(len(names) - 1, 0, min(_SHOWN, len(names))).round().astype(int))
    titles = [names[n] for n in shown]
    values = {
        (names[row], names[column]): float(np.maximum(0, layers.correlation[row, column]))
        for row in shown
        for column in shown
    }
    return heat_map(titles, titles, values, "correlation")


def _table(found: Mapping[str, EncoderRedundancy]) -> str:
    rows = [row for name, each in found.items() for row in _rows(name, each.layers)]
    return table(_COLUMNS, rows, numbers=_COLUMNS[2:])


def _rows(encoder: str, layers: LayerSpectra) -> Iterator[Sequence[str]]:
    before = [float("nan"), *np.diagonal(layers.correlation, 1)]
    for (name, each), alike in zip(layers.spectra.items(), before, strict=True):
        yield (
            encoder, name, str(each.features), str(each.rank), str(each.needed(0.95)),
            f"{each.effective_rank:.1f}", _known(each.correlation), _known(alike),
        )  # fmt: skip


def _known(value: float) -> str:
    return "-" if np.isnan(value) else f"{value:.2f}"
