"""The tables of an analysis of redundancy, as rows of CSV files."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from probes.diagnosis.redundancy.layers import LayerSpectra
from probes.diagnosis.redundancy.probing import SlimSkill
from probes.diagnosis.redundancy.spectrum import FeatureSpectrum

REDUNDANCY_TABLES = (
    "widths.csv",
    "spectra.csv",
    "layers.csv",
    "layer_spectra.csv",
    "layer_correlation.csv",
)
_SCORES = ("linear", "neighbours", "relative")
_OF_SPECTRUM = ("features", "rank", "effective_rank", "correlation")

CsvRow = Sequence[object]


@dataclass(frozen=True, eq=False)
class EncoderRedundancy:
    """What was found about an encoder: at every width, and layer by layer at its whole width."""

    curve: Sequence[SlimSkill]
    layers: LayerSpectra


def redundancy_tables(found: Mapping[str, EncoderRedundancy]) -> dict[str, list[CsvRow]]:
    """Return the rows of every table by the name of its file, the titles of its columns first.

    Parameters
    ----------
    found
        By the name of the encoder.
    """
    intervals = [f"{name}{end}" for name in _SCORES for end in ("", "_low", "_high")]
    columns: tuple[CsvRow, ...] = (
        ("encoder", "width", "operations", *intervals, *_OF_SPECTRUM),
        ("encoder", "width", "component", "explained"),
        ("encoder", "layer", *_OF_SPECTRUM, "for_95_percent"),
        ("encoder", "layer", "component", "explained"),
        ("encoder", "layer", "other", "correlation"),
    )
    rows = (_widths, _spectra, _layers, _layer_spectra, _correlations)
    return {
        name: [
            titles,
            *((encoder, *row) for encoder, each in found.items() for row in rows_of(each)),
        ]
        for name, titles, rows_of in zip(REDUNDANCY_TABLES, columns, rows, strict=True)
    }


def _widths(found: EncoderRedundancy) -> Iterator[CsvRow]:
    for each in found.curve:
        scores = [getattr(each, name) for name in _SCORES]
        ends = [value for score in scores for value in (score.estimate, score.low, score.high)]
        yield each.width, each.operations, *ends, *_of_spectrum(each.spectrum)


def _spectra(found: EncoderRedundancy) -> Iterator[CsvRow]:
    for each in found.curve:
        for number, ratio in enumerate(each.spectrum.ratios, start=1):
            yield each.width, number, ratio


def _layers(found: EncoderRedundancy) -> Iterator[CsvRow]:
    for name, each in found.layers.spectra.items():
        yield name, *_of_spectrum(each), each.needed(0.95)


def _layer_spectra(found: EncoderRedundancy) -> Iterator[CsvRow]:
    for name, each in found.layers.spectra.items():
        for number, ratio in enumerate(each.ratios, start=1):
            yield name, number, ratio


def _correlations(found: EncoderRedundancy) -> Iterator[CsvRow]:
    names = list(found.layers.spectra)
    for row, name in enumerate(names):
        for column in range(row + 1, len(names)):
            yield name, names[column], float(found.layers.correlation[row, column])


def _of_spectrum(spectrum: FeatureSpectrum) -> CsvRow:
    return [getattr(spectrum, name) for name in _OF_SPECTRUM]
