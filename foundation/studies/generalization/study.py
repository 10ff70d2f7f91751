"""A study of domain generalisation, in three steps: images, atlas labels on them, and answers."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from foundation.studies.config import StudyCase
from foundation.studies.generalization.config import ATLAS, AtlasCase, GeneralizationConfig
from foundation.studies.generalization.job import GeneralizationJob
from foundation.studies.generalization.page import generalization_page
from foundation.studies.generalization.shift_job import ShiftJob
from foundation.studies.job import open_with_model
from foundation.studies.label_maps import LabelMap, check_label_maps, maps_of_cases
from foundation.studies.rows import (
    STUDY_REPORT,
    gather_cells,
    is_whole,
    plan_rows,
    row_name,
    write_study_cells,
)
from regkit.cohort import CohortDone, PairRow, Plan, RowKind, kind_called
from regkit.digests import sha256
from regkit.errors import InputError
from regkit.io import read_header
from regkit.report import write_page
from regkit.runs import OnProgress, check, ignore, is_finished, run

RunPlan = Callable[[Plan], CohortDone]


@dataclass(frozen=True)
class Variant:
    """One case, as it is or shifted."""

    number: int
    case: StudyCase
    shift: str
    severity: int

    @property
    def name(self) -> str:
        """What its files are called."""
        shifted = (f"{self.shift}-{self.severity}",) if self.severity else ()
        return row_name(self.case.name, *shifted)


@dataclass(frozen=True)
class GeneralizationStudy:
    """A configuration and where its results go.

    Parameters
    ----------
    file
        Where the configuration is from, as messages name it.
    config
        The study.
    folder
        Where results go: ``images``, ``atlas`` and ``answers``, the table and the report.
    overwrite, resume
        Whether results may be there already.
    """

    file: Path
    config: GeneralizationConfig
    folder: Path
    overwrite: bool = False
    resume: bool = False

    def variants(self) -> Iterator[Variant]:
        """Every case with every shift."""
        for number, case in enumerate(self.config.cases, start=1):
            for shift, severity in self.config.variants():
                yield Variant(number, case, shift, severity)

    def image(self, variant: Variant) -> Path:
        """The image of a variant: the case's own where it is not shifted."""
        if not variant.severity:
            return variant.case.image
        return self.folder / "images" / f"{variant.name}.nii.gz"

    def check(self) -> Plan:
        """Judge what is there by headers before anything starts, writing nothing.

        The plan that is returned is of the images as they are.

        Raises
        ------
        TableError
            With everything that is wrong, each with the number of its case.
        InputError
            If a structure occurs in no label map, left and right are exchanged in one, or the
            atlas is the image of a case.
        """
        images = {variant.name: variant.case.image for variant in self.variants()}
        plan = self._answers(images, self._stand_in())
        self._plan_registrations(images)
        check_label_maps(self.config, maps_of_cases(self.config), self.file.name)
        if self._atlas is not None:
            self._check_atlas(self._atlas)
        return plan

    def _check_atlas(self, atlas: AtlasCase) -> None:
        check_label_maps(self.config, [LabelMap(atlas.labels, atlas.table)], self.file.name)
        for case in self.config.cases:
            same_size = case.image.stat().st_size == atlas.image.stat().st_size
            if same_size and sha256(case.image) == sha256(atlas.image):
                raise InputError(
                    f"{self.file.name}: the atlas is the image of case {case.name!r}, so its "
                    "labels would be the truth; give another atlas"
                )

    def shift_images(self, on_progress: OnProgress = ignore) -> None:
        """Store the shifted images; those that are whole are left as they are under ``resume``."""
        for variant in self.variants():
            if variant.severity:
                self._shift(variant, on_progress)

    def plan_atlas(self) -> Plan | None:
        """Plan the registrations of the atlas to every image, where a source needs them."""
        return self._plan_registrations({v.name: self.image(v) for v in self.variants()})

    def _plan_registrations(self, images: Mapping[str, Path]) -> Plan | None:
        atlas = self._atlas
        if atlas is None:
            return None
        rows = [
            (
                variant.number,
                {
                    "fixed": str(images[variant.name].absolute()), "moving": str(atlas.image),
                    "moving_labels": str(atlas.labels), "output": variant.name,
                },
            )
            for variant in self.variants()
        ]  # fmt: skip
        return plan_rows(
            self.file, kind_called("register"), rows, self.folder / "atlas",
            overwrite=self.overwrite, resume=self.resume, options=self.config.registration,
        )  # fmt: skip

    def plan_answers(self, atlas: Plan | None = None) -> Plan:
        """Plan what is asked, once images and the registrations of ``atlas`` are there."""
        images = {variant.name: self.image(variant) for variant in self.variants()}
        return self._answers(images, _warped_labels(atlas))

    def finish(self, plan: Plan) -> tuple[Path, Path]:
        """Write the table of all cells and the report, and return their paths."""
        cells, failed = gather_cells(plan)
        unit = read_header(self.config.cases[0].image).grid.world.unit
        table = write_study_cells(cells, self.folder)
        page = generalization_page(self.config, cells, unit, failed)
        return table, write_page(page, self.folder / STUDY_REPORT)

    @property
    def _atlas(self) -> AtlasCase | None:
        return self.config.atlas if ATLAS in self.config.sources else None

    def _stand_in(self) -> dict[str, Path]:
        atlas = self._atlas
        return {} if atlas is None else {v.name: atlas.labels for v in self.variants()}

    def _answers(self, images: Mapping[str, Path], atlas: Mapping[str, Path]) -> Plan:
        kind = RowKind(
            "generalization", partial(make_generalization_job, self.config, self.resume),
            required=("image", "labels"), optional=("atlas",),
            options=("model", "case", "shift", "severity"), open=open_with_model,
        )  # fmt: skip
        rows = [
            (variant.number, self._row(model, variant, images[variant.name], atlas))
            for model in self.config.models
            for variant in self.variants()
        ]
        return plan_rows(
            self.file, kind, rows, self.folder / "answers", overwrite=self.overwrite,
            resume=self.resume,
        )  # fmt: skip

    def _row(
        self, model: str, variant: Variant, image: Path, atlas: Mapping[str, Path]
    ) -> dict[str, Any]:
        labels = atlas.get(variant.name)
        options = {
            "model": model, "case": variant.case.name, "shift": variant.shift,
            "severity": variant.severity,
        }  # fmt: skip
        return {
            "image": str(image.absolute()), "labels": str(variant.case.labels), "options": options,
            "subject": variant.case.owner, "output": row_name(model, variant.name),
            **({} if labels is None else {"atlas": str(labels.absolute())}),
        }  # fmt: skip

    def _shift(self, variant: Variant, on_progress: OnProgress) -> None:
        output = self.image(variant)
        output.parent.mkdir(parents=True, exist_ok=True)
        job = ShiftJob(
            variant.case.image, variant.case.name, variant.shift, variant.severity,
            self.config.seed, output, self.overwrite or self.resume,
        )  # fmt: skip
        if self.resume and is_finished(job):
            return
        check(job)
        run(job, job.look().open(), on_progress=on_progress)


def _warped_labels(atlas: Plan | None) -> dict[str, Path]:
    """Labels of the atlas by the name of a variant; a registration that failed gave none."""
    found = {}
    for each in () if atlas is None else atlas.pairs:
        warped = sorted(each.job.outputs.folder.glob("warped_*.nii.gz"))
        if warped and is_whole(each.job):
            found[each.row.name] = warped[0]
    return found


def make_generalization_job(
    config: GeneralizationConfig, resume: bool, row: PairRow, folder: Path
) -> GeneralizationJob:
    """Make the job of a row.

    Parameters
    ----------
    config
        The study.
    resume
        Whether to go on with the answers that a stopped run has left.
    row
        One model and one variant of a case.
    folder
        Where its results go.
    """
    return GeneralizationJob(
        config=config, folder=folder, image=row.file("image"),
        atlas_labels=row.file_or_none("atlas"), overwrite=True, resume=resume, **row.options,
    )  # fmt: skip
