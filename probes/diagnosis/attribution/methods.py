"""Five methods of attribution, each from a model, images and classes to maps of what counted."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

import torch
from torch import Tensor

from probes.diagnosis.attribution.explained import (
    AttributionMethod,
    MapQuestion,
    answers_of,
    cells,
    partial_answers,
    spread_over,
)
from probes.diagnosis.attribution.gradcam import gradcam_maps
from probes.diagnosis.attribution.relevance import relevance
from regkit.errors import InputError, require
from regkit.settings import near

_CELLS = 8  # along each axis, of Occlusion and LIME
_RIDGE, _WIDTH = 1.0, 0.25  # of LIME; the width of its kernel is that of its authors for images


def occlusion(asked: MapQuestion) -> Tensor:
    """Take one cell of a grid away after the other (Zeiler and Fergus 2014)."""
    grid = cells(tuple(asked.images.shape[2:]), _CELLS)
    kept = grid != torch.arange(int(grid.max()) + 1).reshape(-1, *[1] * grid.ndim)
    whole = answers_of(asked.model, asked.images)[:, None]
    drops = whole - partial_answers(asked.model, asked.images, kept)
    return spread_over(_of_targets(drops, asked.targets), grid)


def lime(asked: MapQuestion) -> Tensor:
    """Fit a linear model to what is said when random cells are absent (Ribeiro et al. 2016).

    Cells are squares of a grid, the same ones absent in every image; the linear model is a ridge
    regression whose weights fall with the cosine distance from the whole image.
    """
    grid = cells(tuple(asked.images.shape[2:]), _CELLS)
    count = int(grid.max()) + 1
    drawn = torch.rand(asked.model.samples, count, generator=asked.generator) < 0.5
    said = partial_answers(asked.model, asked.images, drawn[:, grid])
    answers = _of_targets(said, asked.targets)
    apart = 1 - drawn.double().mean(1).sqrt()  # from a row of ones, by the cosine
    weight = (-(apart**2) / _WIDTH**2).exp()
    design = torch.cat([drawn.double(), torch.ones(len(drawn), 1)], 1)
    penalty = _RIDGE * torch.eye(count + 1, dtype=torch.float64)
    penalty[-1, -1] = 0
    normal = design.T @ (weight[:, None] * design) + penalty
    fit = torch.linalg.solve(normal, design.T * weight)[:-1]
    return spread_over(torch.einsum("cs,nts->ntc", fit, answers.double()).float(), grid)


def gradcam(asked: MapQuestion) -> Tensor:
    """Weight the maps of a layer by their gradients.

    See :mod:`probes.diagnosis.attribution.gradcam`.
    """
    network = asked.model.required_module("gradcam")
    return _each_target(
        asked, lambda shown, target: gradcam_maps(network, shown, target, asked.model.layer)
    )


def lrp(asked: MapQuestion) -> Tensor:
    """Share out the logit layer by layer; see :mod:`probes.diagnosis.attribution.relevance`."""
    network = asked.model.required_module("lrp")
    return _each_target(asked, lambda shown, target: relevance(network, shown, target)[0])


def deeplift(asked: MapQuestion) -> Tensor:
    """Compare activations with those of absent images (Shrikumar et al. 2017), by captum.

    Activations must be modules, each used once.

    Raises
    ------
    InputError
        If contributions do not sum to the difference of the logits.
    """
    model = asked.model
    network = model.required_module("deeplift")
    explainer = require("captum.attr", extra="probes").DeepLift(network)

    def explain(shown: Tensor, target: Tensor) -> Tensor:
        with _quiet():
            found: Tensor = explainer.attribute(shown, model.absent(shown), target=target)
        return found.detach()

    try:
        maps = _each_target(asked, explain)
    except (AssertionError, AttributeError, RuntimeError) as error:
        said = str(error).strip().split("\n")[0]
        raise InputError(f"DeepLIFT of captum cannot take this network: {said:.160}") from error
    _check_differences(asked, maps)
    return maps


METHODS: Mapping[str, AttributionMethod] = {
    "occlusion": occlusion, "lime": lime, "gradcam": gradcam, "lrp": lrp, "deeplift": deeplift,
}  # fmt: skip
"""Every method by its name."""


def method_called(name: str) -> AttributionMethod:
    """Find a method.

    Parameters
    ----------
    name
        Such as ``lrp``.

    Raises
    ------
    InputError
        If there is none of that name.
    """
    if name not in METHODS:
        raise InputError(f"there is no method of attribution {name!r:.60}{near(name, METHODS)}")
    return METHODS[name]


def _of_targets(answers: Tensor, targets: Tensor) -> Tensor:
    """``(N, M, K)`` to ``(N, T, M)``."""
    places = targets[:, None].expand(-1, answers.shape[1], -1)
    return answers.gather(2, places).movedim(2, 1)


def _each_target(asked: MapQuestion, explain: Callable[[Tensor, Tensor], Tensor]) -> Tensor:
    """Maps ``(N, T, *spatial)``: sums over bands of what a method gives for one class each."""
    size = asked.model.batch_size
    found = [
        torch.cat([
            explain(shown, own).sum(1)
            for shown, own in zip(
                asked.images.split(size), target.split(size), strict=True
            )
        ])
        for target in asked.targets.T
    ]  # fmt: skip
    return torch.stack(found, 1)


def _check_differences(asked: MapQuestion, maps: Tensor) -> None:
    """Activations that are no modules are passed by captum without a word."""
    model, images = asked.model, asked.images
    apart = answers_of(model, images) - answers_of(model, model.absent(images))
    wanted = apart.gather(1, asked.targets)
    worst = float(((maps.flatten(2).sum(2) - wanted).abs().median()) / wanted.abs().median())
    if not worst < 0.05:
        raise InputError(
            f"DeepLIFT is {100 * worst:.0f} % off the difference of the logits: some activations "
            "of this network are functions or are used twice; give each a module of its own"
        )


@contextmanager
def _quiet() -> Iterator[None]:
    """Captum says at every call that it sets hooks and takes them away again."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        yield
