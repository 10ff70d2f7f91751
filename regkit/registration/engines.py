"""From a prepared pair to a transform: start, linear engines, network and field engine, in turn."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np
from torch import Tensor

from regkit.errors import InputError
from regkit.geometry.affines import Matrix
from regkit.kernels import backend
from regkit.losses.lncc import LNCC
from regkit.losses.mind import MIND
from regkit.losses.mutual_information import MutualInformation
from regkit.losses.similarity import Similarity
from regkit.registration.alignment import align, polish
from regkit.registration.choice import choose, is_same_contrast, similarity_of
from regkit.registration.config import FieldConfig, RegisterConfig, TuningConfig
from regkit.registration.evidence import gather
from regkit.registration.field import SMOOTH, register_field
from regkit.registration.guides import Guides
from regkit.registration.pair import Pair, is_thin
from regkit.registration.planar import drop_field, drop_matrix, lift_matrix, lift_transform
from regkit.registration.quality import Evidence
from regkit.registration.result import Progress, Report, Stage
from regkit.registration.selection import compared
from regkit.transforms import Affine, DisplacementField, Transform, compose, links

if TYPE_CHECKING:
    from regkit.networks.models import Model
    from regkit.networks.steps import Registration


@dataclass(frozen=True)
class Start:
    """What ``initial`` gives to each engine; 3-D."""

    matrix: Matrix | None = None
    field: Callable[[Tensor], Tensor] | None = None

    @classmethod
    def of(cls, initial: Transform | None, config: RegisterConfig) -> Start:
        """Take apart an affine, a displacement, or the one before the other.

        Raises
        ------
        InputError
            If there is a displacement that no engine of ``config`` would refine.
        """
        if initial is None:
            return cls()
        first, *others = links(initial)
        outer = first.matrix if isinstance(first, Affine) else np.eye(initial.ndim + 1)
        rest = others if isinstance(first, Affine) else [first, *others]
        if rest and config.transform != "deformable":
            raise InputError(
                f"the initial transform holds a displacement, which transform="
                f"{config.transform!r} cannot refine; use 'deformable', or give an affine"
            )
        if initial.ndim == 3:
            return cls(outer, compose(*rest) if rest else None)
        return cls(lift_matrix(outer), lift_transform(compose(*rest)) if rest else None)


@dataclass(frozen=True)
class Found:
    """What the engines found, in the dimension of the images, and how."""

    transform: Transform
    stages: tuple[Stage, ...]
    similarity: str
    reason: str
    inverse: Transform | None = None
    evidence: Evidence | None = None


def find(
    pair: Pair,
    config: RegisterConfig,
    model: Model | None,
    start: Start,
    report: Report,
    own: Similarity | None = None,
    guides: Guides | None = None,
) -> Found:
    """Run the engines that ``config`` asks for, one after the other.

    ``own`` is a similarity that is made already, of the name that ``config`` has; ``guides`` are
    for the deformable stages.
    """
    stages: list[Stage] = []
    name, reason = config.similarity, "asked for"
    single = own
    if own is None and name != "auto":
        single = _similarity(name, config)
    if start.matrix is not None and start.field is not None:
        known = [start.matrix]
    else:
        known, stages = align(pair, config, start.matrix, report)
    matrix = known[-1]
    if single is None:
        name, reason = choose(pair, matrix)
        single = _similarity(name, config)
    linear = config.transform != "deformable"
    if linear or is_thin(pair):  # a field across few slices cannot mend what an affine leaves
        kind = config.transform if linear else "affine"
        local = reason != "asked for" and not single.traits.across_contrasts
        last = LNCC(config.linear.radius) if local else single
        matrix, stage = polish(pair, known, last, config, report, kind=kind)
        known.append(matrix)
        stages.append(stage)
        if linear:
            return Found(
                Affine(_dropped(pair, matrix)),
                tuple(stages),
                last.name,
                reason,
                evidence=gather(pair, matrix, None),
            )
    settings, first = config.field, start.field
    if model is not None:
        fields, records = _through(pair, matrix, model, config, single, first, report, guides)
        stages.extend(records)
        if config.refine != "field":
            evidence = gather(pair, matrix, fields[0])
            found = Found(Affine.identity(), tuple(stages), name, reason, evidence=evidence)
            return _unrefined(pair, matrix, fields, found)
        settings, first = shortened(settings, single), fields[0]
    similarity = pair.compared_by(single)
    field, stage = register_field(
        pair, matrix, similarity, settings, report, start=first, guides=guides
    )
    stages.append(stage)
    transform: Transform
    alone = None
    if start.field is None and guides is None:
        alone, records = _without_field(pair, known, field, stage, config, report)
        stages.extend(records)
    if alone is not None:
        evidence = gather(pair, alone, None)
        return Found(Affine(_dropped(pair, alone)), tuple(stages), name, reason, evidence=evidence)
    transform = compose(Affine(_dropped(pair, matrix)), _flat(pair, field))
    evidence = gather(pair, matrix, field)
    return Found(transform, tuple(stages), name, reason, evidence=evidence)


def _without_field(
    pair: Pair,
    known: Sequence[Matrix],
    field: DisplacementField,
    stage: Stage,
    config: RegisterConfig,
    report: Report,
) -> tuple[Matrix | None, list[Stage]]:
    """The affine to be left with where the field after it makes nothing better, and the record.

    Between contrasts of one person a field follows the contrast as much as the anatomy, so that
    it must show that something changed.
    """
    begin, alone, stages = time.perf_counter(), known[-1], []
    seen = compared(pair, alone, alone, field, fine=False)
    one_person = stage.note.startswith(SMOOTH) or seen.is_near
    one_person = one_person and not is_same_contrast(pair, alone)
    if one_person:
        alone, last = polish(pair, known, MutualInformation(), config, report, kind="affine")
        stages.append(last)
        seen = compared(pair, alone, known[-1], field, fine=True)
    drop = not seen.shows_change if one_person else seen.is_worse
    note = f"{'the field is dropped' if drop else 'the field is kept'}: {seen}"
    if one_person and drop:
        note = f"one anatomy in two contrasts, nothing changed shape; {note}"
    seconds, kernels = time.perf_counter() - begin, backend.name(pair.device)
    stages.append(Stage("selection", MIND.name, kernels, seconds, note=note))
    return alone if drop else None, stages


def _similarity(name: str, config: RegisterConfig) -> Similarity:
    return similarity_of(name, config.field.radius, config.features, config.seed)


def _through(
    pair: Pair,
    matrix: Matrix,
    model: Model,
    config: RegisterConfig,
    similarity: Similarity,
    first: Callable[[Tensor], Tensor] | None,
    report: Report,
    guides: Guides | None,
) -> tuple[list[DisplacementField], list[Stage]]:
    from regkit.registration.network import register_network

    if first is not None:
        raise InputError(
            "an initial displacement and a model both say where the field starts; give one of them"
        )
    directions = 1 if config.refine == "field" else 2
    tuning = _Tuning(similarity, config.tuning, config.dice, report)
    fields, stage = register_network(
        pair,
        matrix,
        model,
        config.network,
        report,
        directions=directions,
        same_contrast=not similarity.traits.across_contrasts,
        tune=tuning if config.refine == "weights" else None,
        guides=guides,
    )
    return fields, [*tuning.stages, stage]


@dataclass
class _Tuning:
    """Fine-tuning on the pair, and what there is to tell about it."""

    similarity: Similarity
    config: TuningConfig
    dice: float
    report: Report
    stages: list[Stage] = field(default_factory=list)

    def __call__(
        self,
        network: Registration,
        moving: Tensor,
        fixed: Tensor,
        weights: tuple[Tensor, Tensor] | None,
        labels: tuple[Tensor, Tensor] | None,
    ) -> Registration:
        from regkit.registration.tuning import tuned

        begin, name = time.perf_counter(), self.similarity.name

        def told(step: int, value: float) -> None:
            self.report(Progress("tuning", name, 1, 1, step, self.config.iterations, value))

        found, losses = tuned(
            network,
            moving,
            fixed,
            self.similarity,
            self.config,
            told,
            weights=weights,
            labels=labels,
            dice=self.dice,
        )
        note = f"{len(losses) - 1} steps, loss {losses[0]:.4f} to {min(losses):.4f}"
        seconds = time.perf_counter() - begin
        self.stages.append(Stage("tuning", name, "torch", seconds, note=note))
        return found


def _unrefined(pair: Pair, matrix: Matrix, fields: list[DisplacementField], found: Found) -> Found:
    """What the network found in both directions, around the affine."""
    there, back = (_flat(pair, field) for field in fields)
    affine = Affine(_dropped(pair, matrix))
    return replace(found, transform=compose(affine, there), inverse=compose(back, affine.inverse()))


def shortened(config: FieldConfig, similarity: Similarity) -> FieldConfig:
    """What is left to do after a network, where there is more than one level.

    A tenth of the first level's iterations, which tell whether the images show one anatomy, and a
    quarter of the next one's, or half if it is the last. A third level gets one more, or two
    between contrasts: there they are worth most, for less than what is saved before.
    """
    if len(config.iterations) == 1:
        return config
    first, second, *rest = config.iterations
    if rest and rest[-1]:
        rest[-1] += 2 if similarity.traits.across_contrasts else 1
    left = -(-first // 10), -(-second // (4 if rest else 2)), *rest
    return config.model_copy(update={"iterations": left})


def _flat(pair: Pair, field: DisplacementField) -> DisplacementField:
    return drop_field(field) if pair.planar else field


def _dropped(pair: Pair, matrix: Matrix) -> Matrix:
    return drop_matrix(matrix) if pair.planar else matrix
