"""A diagnosis of attribution: every model, its mosaics, all methods and metrics, as rows."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Generator, Tensor

from probes.diagnosis.attribution.config import AttributionChoices, AttributionConfig
from probes.diagnosis.attribution.explained import (
    AttributionMethod,
    ExplainedModel,
    MapQuestion,
    answers_of,
)
from probes.diagnosis.attribution.judging import MosaicTrial, judge, noise_maps, trial
from probes.diagnosis.attribution.labelled import LabelledImages, whole_images
from probes.diagnosis.attribution.methods import METHODS
from probes.diagnosis.attribution.mosaics import (
    Mosaics,
    crop_piece,
    mosaics,
    shapley_truth,
    shrink_piece,
)
from probes.diagnosis.attribution.opened import are_right, open_explained
from probes.diagnosis.attribution.rows import MethodRow, RelevanceRow, TrustRow
from probes.diagnosis.attribution.verdicts import (
    ExplainedImages,
    method_rows,
    sum_rows,
    trust_rows,
)
from probes.images.bands import Bands
from probes.images.samples import ImageSamples, check_named_classes
from probes.reliance.answers import OnShare
from probes.reliance.rows import ERROR, REFUSED
from regkit.errors import InputError

EXTENTS = ("part", "whole")
TRUTH, NOISE = "truth", "noise"
_PIECES = {"crop": crop_piece, "shrink": shrink_piece}
_CONTROLS = {TRUTH: shapley_truth, NOISE: noise_maps}


@dataclass(frozen=True, eq=False)
class ModelDiagnosis:
    """What was found of one model.

    Parameters
    ----------
    methods, trust, sums
        Rows of the three tables.
    explained
        Images with their maps; None where the model could not be asked.
    right, tried
        Of how many images the model is right, and how many mosaics were put together for those
        that were judged.
    """

    methods: Sequence[MethodRow]
    trust: Sequence[TrustRow] = ()
    sums: Sequence[RelevanceRow] = ()
    explained: ExplainedImages | None = None
    right: int = 0
    tried: int = 0


def run_attribution(
    config: AttributionConfig, samples: ImageSamples, on_share: OnShare = lambda share: None
) -> dict[str, ModelDiagnosis]:
    """Judge the methods and the metrics for every model.

    Parameters
    ----------
    config
        The diagnosis.
    samples
        Its data set.
    on_share
        Called with the share that is done.

    Returns
    -------
    dict
        By the names of the models; what went wrong with one of them is in its rows.

    Raises
    ------
    InputError
        If there are no labels, or a band is constant or not finite.
    """
    whole = whole_images(samples)
    found = {}
    for number, settings in enumerate(config.models):
        steps = _Steps(config, number, on_share)
        try:
            images = settings.scaled(whole.images)
            bands, classes = Bands.of(images), whole.labels.shape[1]
            model = open_explained(config, settings, bands, classes)
            check_named_classes(samples, classes, answers_of(model, images[:1]).shape[1])
            shown = replace(whole, images=images)
            found[settings.name] = diagnose_model(config, settings.name, model, shown, steps)
        except InputError as error:
            row = MethodRow(settings.name, "", status=ERROR, message=str(error))
            found[settings.name] = ModelDiagnosis([row])
    return found


class _Steps:
    """Counts passes over mosaics, so that a share can be told."""

    def __init__(self, config: AttributionConfig, model: int, on_share: OnShare) -> None:
        self._passes = (len(config.methods) + 3) * (config.draws + 4)
        self._done, self._config, self._model, self._on_share = 0, config, model, on_share

    def __call__(self) -> None:
        self._done += 1
        share = min(self._done / self._passes, 1)
        self._on_share((self._model + share) / len(self._config.models))


def diagnose_model(
    config: AttributionChoices,
    name: str,
    model: ExplainedModel,
    whole: LabelledImages,
    on_step: Callable[[], None] = lambda: None,
) -> ModelDiagnosis:
    """Judge the methods and the metrics for one model.

    Parameters
    ----------
    config
        How.
    name
        Of the model, in rows.
    model
        What is explained.
    whole
        Images with their labels, on the scale of the model.
    on_step
        Called after each pass over the mosaics.

    Raises
    ------
    InputError
        If the model is right about no image, or recognises too few mosaics.
    """
    images, labels = whole.images, whole.labels
    bands = Bands.of(images)
    right = np.nonzero(are_right(answers_of(model, images), labels, config.task))[0]
    if not len(right):
        raise InputError("the model is right about no image; nothing it says can be explained")
    asked = {
        extent: _trial(config, model, bands, images[right], labels[right], extent == "whole")
        for extent in EXTENTS
    }
    shown = right[np.linspace(0, len(right) - 1, min(config.shown, len(right))).astype(int)]
    plain = _plain(images[shown], labels[shown])
    controls = {
        extent: {name: judge(own, method, on_step) for name, method in _CONTROLS.items()}
        for extent, own in asked.items()
    }
    trust = [
        row
        for extent, found in controls.items()
        for row in trust_rows(name, extent, found[TRUTH][1], found[NOISE][1], config.level)
    ]
    rows, maps = _methods(config, name, asked["part"], plain, on_step)
    planted = asked["part"].mosaics
    names = [f"mosaic {number}" for number in range(len(planted))]
    names += [whole.names[int(number)] for number in shown.tolist()]
    unknown = torch.full((len(plain), *plain.images.shape[2:]), torch.nan)
    truth = torch.cat([controls["part"][TRUTH][0][:, 0], unknown])
    explained = _together(names, planted, plain, {TRUTH: truth, **maps})
    sums = list(sum_rows(name, model, explained))
    return ModelDiagnosis(rows, trust, sums, explained, len(right), planted.tried)


def _trial(
    config: AttributionChoices,
    model: ExplainedModel,
    bands: Bands,
    images: Tensor,
    labels: NDArray[np.bool_],
    fills: bool,
) -> MosaicTrial:
    planted = mosaics(
        model, images, labels, config.mosaics, pieces=_PIECES[config.pieces], fills=fills,
        generator=np.random.default_rng(config.seed),
    )  # fmt: skip
    return trial(model, planted, bands.std, draws=config.draws, seed=config.seed)


def _methods(
    config: AttributionChoices,
    name: str,
    asked: MosaicTrial,
    plain: Mosaics,
    on_step: Callable[[], None],
) -> tuple[list[MethodRow], dict[str, Tensor]]:
    """Rows of every method, and maps of mosaics and plain images of those that suit the model."""
    rows: list[MethodRow] = []
    maps: dict[str, Tensor] = {}
    for method in config.methods:
        try:
            found, scores = judge(asked, METHODS[method], on_step)
            own = _plain_maps(asked.model, METHODS[method], plain, config.seed)
        except InputError as error:
            rows.append(MethodRow(name, method, status=REFUSED, message=str(error)))
            continue
        rows += method_rows(name, method, scores, seed=config.seed, level=config.level)
        maps[method] = torch.cat([found[:, 0], own])
    return rows, maps


def _plain(images: Tensor, labels: NDArray[np.bool_]) -> Mosaics:
    """Images of the data set, with the first of their classes and no piece."""
    nowhere = torch.zeros(len(images), *images.shape[2:], dtype=torch.bool)
    return Mosaics(images, torch.from_numpy(labels.argmax(1))[:, None], nowhere, 0)


def _plain_maps(
    model: ExplainedModel, method: AttributionMethod, plain: Mosaics, seed: int
) -> Tensor:
    if not len(plain):
        return torch.zeros(0, *plain.images.shape[2:])
    generator = Generator().manual_seed(seed)
    return method(MapQuestion(model, plain.images, plain.targets, generator))[:, 0]


def _together(
    names: Sequence[str], planted: Mosaics, plain: Mosaics, maps: Mapping[str, Tensor]
) -> ExplainedImages:
    return ExplainedImages(
        names,
        torch.cat([planted.images, plain.images]),
        torch.cat([planted.targets[:, 0], plain.targets[:, 0]]),
        torch.cat([planted.masks, plain.masks]),
        maps,
    )
