"""Probe: one interface to the three questions, for scripts and notebooks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import astuple, dataclass, field, fields
from typing import Any, Protocol

from torch import Tensor, nn

from probes.diagnosis.attribution.config import AttributionChoices
from probes.diagnosis.attribution.labelled import whole_images
from probes.diagnosis.attribution.opened import explained_model
from probes.diagnosis.attribution.page import attribution_page
from probes.diagnosis.attribution.rows import MethodRow
from probes.diagnosis.attribution.study import diagnose_model
from probes.diagnosis.augmentation.changes import augmentation_called
from probes.diagnosis.augmentation.consistency import all_consistencies
from probes.diagnosis.augmentation.dates import observed_place
from probes.diagnosis.augmentation.page import augmentation_page
from probes.diagnosis.augmentation.table import augmentation_rows
from probes.diagnosis.redundancy.config import RedundancyChoices
from probes.diagnosis.redundancy.page import redundancy_page
from probes.diagnosis.redundancy.study import encoder_redundancy
from probes.diagnosis.redundancy.tables import redundancy_tables
from probes.images.bands import Bands
from probes.images.samples import ImageSamples, Predict, leave_out_gaps
from regkit.report import Page

_MODEL = "model"


@dataclass(frozen=True, eq=False)
class DiagnosisTable:
    """What was found, as rows, and the report of it.

    Parameters
    ----------
    columns
        Their titles.
    rows
        One value a column.
    page
        The same page that the command writes; :func:`regkit.report.write_page` writes it.
    """

    columns: Sequence[str]
    rows: Sequence[Sequence[object]]
    page: Page

    def records(self) -> list[dict[str, object]]:
        """Return every row by the titles, as ``pandas.DataFrame`` takes them."""
        return [dict(zip(self.columns, row, strict=True)) for row in self.rows]


class Probe(Protocol):
    """A question to a model about data."""

    def run(self, model: Any, data: Any) -> DiagnosisTable:
        """Ask it; what cannot be asked is an :class:`~regkit.errors.InputError`."""


@dataclass(frozen=True)
class RedundancyProbe:
    """How much of an encoder is needed.

    Parameters
    ----------
    choices
        Widths or operations, and how probes are fitted.
    study
        Title of the report.
    """

    choices: RedundancyChoices = field(default_factory=RedundancyChoices)
    study: str = "Redundancy"

    def run(self, model: nn.Module, data: ImageSamples) -> DiagnosisTable:
        """Cut an encoder, and probe it.

        Parameters
        ----------
        model
            See :func:`~probes.diagnosis.redundancy.slimming.slim`.
        data
            Images on its scale, with one class each; those with gaps are left out.

        Returns
        -------
        DiagnosisTable
            A row for each width.

        Raises
        ------
        InputError
            If the encoder cannot be slimmed, or the classes do not suit probes.
        """
        found = {_MODEL: encoder_redundancy(self.choices, model, leave_out_gaps(data)[0])}
        columns, *rows = redundancy_tables(found)["widths.csv"]
        return DiagnosisTable(
            [str(each) for each in columns], rows, redundancy_page(self.study, found)
        )


@dataclass(frozen=True)
class AttributionProbe:
    """Which pixels counted, and which methods and metrics can be trusted.

    Parameters
    ----------
    choices
        Methods, and how they are judged.
    study
        Title of the report.
    """

    choices: AttributionChoices = field(default_factory=AttributionChoices)
    study: str = "Attribution"

    def run(self, model: Predict, data: ImageSamples) -> DiagnosisTable:
        """Explain a model on mosaics of images, and judge the maps.

        Parameters
        ----------
        model
            Images to logits; the layers of an ``nn.Module`` are known.
        data
            Images on its scale, with classes or labels; those with gaps are left out.

        Returns
        -------
        DiagnosisTable
            A row for each method and metric.

        Raises
        ------
        InputError
            If there are no labels, or the model is right about too few images.
        """
        whole = whole_images(data)
        explained = explained_model(self.choices, model, Bands.of(whole.images))
        found = {_MODEL: diagnose_model(self.choices, _MODEL, explained, whole)}
        rows = [astuple(row) for row in found[_MODEL].methods]
        page = attribution_page(self.study, self.choices, found)
        return DiagnosisTable([each.name for each in fields(MethodRow)], rows, page)


@dataclass(frozen=True)
class AugmentationProbe:
    """Which augmentations go beyond what dates do.

    Parameters
    ----------
    colours
        The places of red, green and blue among the bands, from 0, if there are any.
    draws, seed
        How often each is drawn.
    study
        Title of the report.
    """

    colours: tuple[int, int, int] | None = None
    draws: int = 5
    seed: int = 0
    study: str = "Augmentations"

    def run(self, model: Sequence[str], data: Tensor) -> DiagnosisTable:
        """Compare augmentations with the dates of a place.

        Parameters
        ----------
        model
            Names of augmentations, as
            :data:`~probes.diagnosis.augmentation.changes.BAND_AUGMENTATIONS` has them.
        data
            ``(T, C, rows, columns)``, three dates at least; NaN where there are no data.

        Returns
        -------
        DiagnosisTable
            A row for each augmentation, strength and measure.

        Raises
        ------
        InputError
            If there is none of a name, or too few dates or bands.
        """
        known = data.isfinite().all(1, keepdim=True)
        place = observed_place(data.where(known, 0), known)
        found = all_consistencies(
            [augmentation_called(name) for name in model], place, seed=self.seed, draws=self.draws,
            colours=self.colours,
        )  # fmt: skip
        columns, *rows = augmentation_rows(found)
        page = augmentation_page(self.study, place, found)
        return DiagnosisTable([str(each) for each in columns], rows, page)
