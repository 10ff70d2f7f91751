"""Judges: what one model loses on one data set, by the task."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from probes.images.bands import Bands
from probes.images.model_settings import ModelSettings
from probes.images.models import open_model
from probes.images.pairs import ImagePairs
from probes.images.samples import ImageSamples, check_named_classes, name_errors
from probes.reliance.answers import OnBatch, OnShare, RelianceCondition, ask_all
from probes.reliance.chance import chance
from probes.reliance.classifiers import class_answers
from probes.reliance.config import RelianceConfig
from probes.reliance.index import Reliance, reliance
from probes.reliance.registrations import open_registration, pair_scores, unregistered_dice
from probes.reliance.segmenters import guessed_dice, segmenter_scores
from probes.reliance.skill import Rows, check_truth, skill
from regkit.errors import InputError


@dataclass(frozen=True, eq=False)
class AskedData:
    """A data set with what is asked about it.

    Parameters
    ----------
    name
        Of the data set.
    samples, bands
        Its images, and their statistics.
    conditions, refused
        What is done to the images, and why some of it cannot be done.
    weights
        ``(1 + resamples, N)``: the bootstrap samples, the same for every model.
    """

    name: str
    samples: ImageSamples
    bands: Bands
    conditions: Sequence[RelianceCondition]
    refused: Mapping[RelianceCondition, str]
    weights: Rows

    @property
    def possible(self) -> list[RelianceCondition]:
        """The conditions that the images allow."""
        return [each for each in self.conditions if each not in self.refused]


def judge_model(
    config: RelianceConfig, asked: AskedData, model: ModelSettings, on_share: OnShare
) -> Reliance:
    """Ask one model about one data set.

    Parameters
    ----------
    config
        The study.
    asked
        The data set.
    model
        Which is opened here.
    on_share
        Called with the share that is done.

    Raises
    ------
    InputError
        If the model cannot be asked, or has no skill.
    """
    answers, truth, least = _JUDGES.get(config.task, _judge_classifier)(
        config, asked, model, on_share
    )
    return reliance(
        answers, asked.possible, truth, config.task, asked.weights, chance=least, level=config.level
    )


_Judged = tuple[NDArray[np.float32], Rows, Rows]


def _judge_classifier(
    config: RelianceConfig, asked: AskedData, model: ModelSettings, on_share: OnShare
) -> _Judged:
    truth = asked.samples.truth
    if truth is None:
        raise InputError(f"{asked.name}: has no labels of whole images")
    classes = truth.shape[1] if truth.ndim == 2 else int(truth.max()) + 1
    predict = open_model(model, asked.bands.count, classes)
    answers = _asked(config, asked, class_answers(name_errors(predict, model.name)), on_share)
    check_truth(config.task, truth, answers.shape[2])
    check_named_classes(asked.samples, classes, answers.shape[2])
    return answers, truth, chance(config.task, truth, asked.weights)


def _judge_segmenter(
    config: RelianceConfig, asked: AskedData, model: ModelSettings, on_share: OnShare
) -> _Judged:
    labels = asked.samples.labels
    if labels is None:
        raise InputError(f"{asked.name}: has no label maps")
    predict = open_model(model, asked.bands.count, int(labels.max()) + 1)
    scores = _asked(config, asked, segmenter_scores(name_errors(predict, model.name)), on_share)
    return _scored(config, asked, scores, guessed_dice(labels, asked.samples.valid))


def _judge_registration(
    config: RelianceConfig, asked: AskedData, model: ModelSettings, on_share: OnShare
) -> _Judged:
    pairs = asked.samples
    if not isinstance(pairs, ImagePairs):
        raise InputError(f"{asked.name}: has no pairs of images")
    scores = pair_scores(
        open_registration(model), pairs, asked.bands, asked.possible, span=config.span,
        seed=config.seed, on_share=on_share,
    )  # fmt: skip
    return _scored(config, asked, scores, unregistered_dice(pairs))


def _scored(
    config: RelianceConfig, asked: AskedData, scores: NDArray[np.float32], guessed: Rows
) -> _Judged:
    """Scores, and those of a guess on the same images: what differs is paired by image."""
    none = np.zeros(len(guessed))
    return scores, none, skill(config.task, guessed[:, None], none, asked.weights)


_JUDGES: Mapping[str, Callable[..., _Judged]] = {
    "segmentation": _judge_segmenter, "registration": _judge_registration,
}  # fmt: skip


def _asked(
    config: RelianceConfig, asked: AskedData, ask: OnBatch, on_share: OnShare
) -> NDArray[np.float32]:
    return ask_all(
        ask, asked.samples, asked.bands, asked.possible, seed=config.seed,
        batch_size=config.batch_size, on_share=on_share,
    )  # fmt: skip
