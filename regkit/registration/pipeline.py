"""The way of a pair: from two images to one transform, and everything that is told about it."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from regkit.errors import InputError
from regkit.geometry.grid import Grid
from regkit.kernels.backend import threads
from regkit.losses.registry import is_registered, names
from regkit.losses.similarity import Similarity
from regkit.metrics.landmarks import landmark_error, landmark_metrics
from regkit.metrics.overlap import dice, dice_metrics
from regkit.metrics.summary import summarise
from regkit.preprocess.channels import counted_channels
from regkit.registration.check import as_mask, check_beside, check_initial, check_mass, check_pair
from regkit.registration.config import RegisterConfig, make_config
from regkit.registration.devices import resolve_device
from regkit.registration.flat import flattened_with, one_dimension
from regkit.registration.guides import guides_from
from regkit.registration.identical import find_identity, is_one_image
from regkit.registration.label_loss import label_guide
from regkit.registration.label_place import check_structures, checked_place
from regkit.registration.landmark_loss import check_pair_of_landmarks, landmark_guide
from regkit.registration.outside import warp_into
from regkit.registration.pair import Pair, pair_of
from regkit.registration.placing import Placing, placing_of, rest_of
from regkit.registration.planar import drop_grid
from regkit.registration.preparation import image_of, prepared_side, with_modalities
from regkit.registration.prepared import PreparedImage
from regkit.registration.quality import Quality, assess
from regkit.registration.result import EngineProgress, EngineStage, OnEngineProgress, Result
from regkit.registration.scale import find_at_body_scale
from regkit.registration.state import EngineState, Found
from regkit.resample import warp
from regkit.transforms import DisplacementField, Transform, compose, links
from regkit.volume.points import Points
from regkit.volume.volume import Labels, Volume

if TYPE_CHECKING:
    from regkit.networks.models import Model


def register(
    fixed: Volume | PreparedImage,
    moving: Volume | PreparedImage,
    *,
    config: RegisterConfig | None = None,
    fixed_mask: Volume | None = None,
    moving_mask: Volume | None = None,
    fixed_labels: Labels | None = None,
    moving_labels: Labels | None = None,
    fixed_landmarks: Points | None = None,
    moving_landmarks: Points | None = None,
    initial: Transform | None = None,
    progress: OnEngineProgress | None = None,
    model: str | Model | None = None,
    **options: Any,
) -> Result:
    """Align ``moving`` with ``fixed``.

    Parameters
    ----------
    fixed, moving
        Images in 2-D or 3-D, on any grids in one world (RAS+ mm). Where that of
        ``fixed`` is sheared, results have ``fixed.grid.straightened()``. Both have the same
        channels (colours, bands, contrasts), each of which is compared with its own and counts as
        ``channel_weights`` say (an option). A network sees their mean, features are those of each.
        What :func:`regkit.prepare` made of an image stands for it, with the mask and the modality
        of the preparation, and gives the same result sooner.
    config
        What to do; the ``default`` preset if not given.
    fixed_mask, moving_mask
        Where each image counts, on its own grid, above 0.
    fixed_labels, moving_labels
        Structures on any grids in the world of their images. Their Dice is among the metrics
        (``dice_mean``, ``dice_worst``). With the option ``dice`` above 0 they guide as well: the
        deformable stages minimise their Dice loss too, with that weight (1 is about what the
        images weigh); values that both have count.
    fixed_landmarks, moving_landmarks
        The same landmarks in the worlds of their images, in one order. Their distances after
        registration are among the metrics (``landmark_error_mean``, ``landmark_error_max``). With
        the option ``landmark_weight`` above 0 they guide the field engine as well: 1 lets each
        count about as much as the voxels around it.
    initial
        World points of fixed to world points of moving, to start from instead of
        ``config.init``. An affine goes through the rigid and affine engines; a displacement
        (after an affine, or alone) goes to the field engine, smoothed where it folds, and
        everywhere if a smooth field turns out to explain the pair.
    progress
        Called at every iteration.
    model
        The network that goes before the field engine, over ``config.model``: installed weights,
        a file of them, or what :mod:`regkit.networks.models` made. ``auto`` takes the best
        weights that are installed, or none. ``config.refine`` says what follows.
    options
        Fields of :class:`~regkit.registration.config.RegisterConfig`, over ``config``; or
        ``preset``, where there is no config. ``similarity`` can be an object of
        :mod:`regkit.losses` (a :class:`~regkit.losses.FeatureSimilarity` of one's own network),
        which then guides the deformable stage.

    Returns
    -------
    Result
        With ``transform`` (fixed to moving), ``inverse``, ``warped`` and ``metrics``.

    Raises
    ------
    InputError
        If the images, masks or options cannot be used, or say something else of an image than its
        preparation.

    Examples
    --------
    >>> import regkit as rk
    >>> fixed, moving = rk.read("fixed.nii.gz"), rk.read("moving.nii.gz")  # doctest: +SKIP
    >>> result = rk.register(fixed, moving, similarity="mind", seed=0)  # doctest: +SKIP

    Two contrasts at each visit, the first of which counts twice as much:

    >>> first, second = (
    ...     rk.Volume.stacked([rk.read(f"{visit}_{name}.nii.gz") for name in ("t1", "t2")])
    ...     for visit in ("first", "second")
    ... )  # doctest: +SKIP
    >>> result = rk.register(first, second, channel_weights=(2, 1))  # doctest: +SKIP
    """
    given, own = _own_similarity(options)
    wanted = _configured(config, given)
    if own is not None:
        wanted = _named(wanted, own)
    given_sides = fixed, moving
    wanted = with_modalities(wanted, *given_sides)
    fixed, moving, notes = one_dimension(image_of(fixed), image_of(moving))
    shares = check_pair(fixed, moving, wanted.channel_weights)
    check_initial(initial, fixed.ndim)
    check_mass(fixed, moving, wanted)
    placing = placing_of(fixed, moving, initial)
    fixed_labels, moving_labels = (
        None if each is None else flattened_with(each, fixed)
        for each in (fixed_labels, moving_labels)
    )
    beside = (
        (fixed_labels, counted_channels(fixed, shares)),
        (moving_labels, counted_channels(moving, shares)),
    )
    notes = (*notes, *_label_notes(*beside))
    if fixed_labels is not None and moving_labels is not None:
        check_structures(fixed_labels, moving_labels)
    check_pair_of_landmarks((fixed, moving), fixed_landmarks, moving_landmarks)
    guides = guides_from(
        label_guide(
            fixed_labels,
            None if moving_labels is None else placing.placed(moving_labels),
            wanted,
            (fixed, placing.placed(moving)),
        ),
        landmark_guide(
            fixed_landmarks,
            moving_landmarks and placing.placed_points(moving_landmarks),
            wanted.landmark_weight,
        ),
    )
    wanted, network = _network(wanted, model, fixed.ndim)
    twice = (
        initial is None
        and guides is None
        and network is None
        and (wanted.similarity == "auto" or is_registered(wanted.similarity))
        and is_one_image(fixed, moving)
    )
    with threads(wanted.threads):
        here = prepared_side(given_sides[0], fixed, as_mask(fixed_mask, fixed), wanted.modality)
        there = prepared_side(
            given_sides[1],
            moving,
            as_mask(moving_mask, moving),
            wanted.moving_modality or wanted.modality,
        )
        pair = pair_of(
            here.straight,
            there.through(placing.placed),
            multiple=max(wanted.field.factors),
            max_voxels=wanted.field.max_voxels,
            device=resolve_device(wanted.device),
            shares=shares,
        )
        if twice:
            result = _result(here.straight.image, there, pair, wanted, find_identity(pair, wanted))
            result = _with_overlap(result, fixed_labels, moving_labels)
            return _with_errors(result, fixed_landmarks, moving_landmarks)
        start = EngineState.of(rest_of(initial), wanted)
        found = find_at_body_scale(pair, wanted, network, start, progress or _quiet, own, guides)
        found = _led_on(found, placing, notes)
        result = _result(here.straight.image, there, pair, wanted, found)
        result = _with_overlap(result, fixed_labels, moving_labels)
        return _with_errors(result, fixed_landmarks, moving_landmarks)


def _label_notes(*pairs: tuple[Labels | None, Volume]) -> list[str]:
    """What to say of labels beside their images; some are refused."""
    found = []
    for labels, image in pairs:
        if labels is not None:
            check_beside(labels, image)
            found.append(checked_place(labels, image))
    return [note for note in found if note is not None]


def _led_on(found: Found, placing: Placing, notes: Sequence[str]) -> Found:
    """What was found, led on to where moving lies, and what was noticed before."""
    noticed = [EngineStage("notice", "", "", 0.0, note=note) for note in notes]
    return replace(
        found,
        transform=placing.whole(found.transform),
        inverse=placing.back(found.inverse),
        stages=(*noticed, *placing.stages, *found.stages),
    )


def _network(
    config: RegisterConfig, model: str | Model | None, ndim: int
) -> tuple[RegisterConfig, Model | None]:
    """The model that was asked for, loaded, and the configuration that names it."""
    wanted = config.model if model is None else model
    if wanted is None or config.transform != "deformable":
        return config, None
    from regkit.networks import models
    from regkit.registration.network import check_dimension

    if isinstance(wanted, str):
        name, _ = models.resolve(wanted)
        wanted = None if name is None else models.load(name)
    if wanted is not None:
        check_dimension(wanted, ndim)
    name = None if wanted is None else wanted.name
    return config.model_copy(update={"model": name}), wanted


def _with_overlap(result: Result, fixed: Labels | None, moving: Labels | None) -> Result:
    """``result`` with the Dice of all structures among its metrics, where labels were given."""
    if fixed is None or moving is None:
        return result
    scores = dice(fixed, warp(moving, result.transform, onto=fixed.grid))
    return replace(result, metrics={**result.metrics, **dice_metrics(scores)})


def _with_errors(result: Result, fixed: Points | None, moving: Points | None) -> Result:
    """``result`` with the distances of landmarks among its metrics, where some were given."""
    if fixed is None or moving is None:
        return result
    found = landmark_metrics(landmark_error(result.transform, fixed, moving))
    return replace(result, metrics={**result.metrics, **found})


def _result(
    fixed: Volume, side: PreparedImage, pair: Pair, config: RegisterConfig, found: Found
) -> Result:
    begin, moving = time.perf_counter(), side.image
    # Where the field spreads out, its inverse has detail that the field's own grid cannot hold.
    fine = drop_grid(pair.grid) if pair.planar else pair.grid
    inverse = found.inverse or _inverse(found.transform, fine)
    metrics, jacobian = summarise(
        found.transform,
        inverse,
        fixed.grid,
        _field_grid(found.transform),
        _region(pair),
        moving_grid=moving.grid,
    )
    warped = warp_into(moving, found.transform, fixed.grid, side.modality)
    seconds = time.perf_counter() - begin
    return Result(
        fixed=fixed,
        moving=moving,
        warped=warped,
        transform=found.transform.between(fixed.grid.world, moving.grid.world),
        inverse=inverse.between(moving.grid.world, fixed.grid.world),
        jacobian=jacobian,
        metrics=metrics,
        stages=(*found.stages, EngineStage("output", "", "", seconds)),
        config=config.model_copy(
            update={"similarity": found.similarity, "device": str(pair.device)}
        ),
        reason=found.reason,
        quality=_quality(pair, found, metrics),
    )


def _quality(pair: Pair, found: Found, metrics: Mapping[str, float]) -> Quality:
    if found.evidence is None:
        return Quality(())
    axes = zip(pair.grid.shape, pair.grid.spacing, strict=True)
    extent = max(n * s for n, s in axes if n > 1)  # the slice of a lifted image has no size
    return assess(found.evidence, metrics, extent)


def _inverse(transform: Transform, grid: Grid) -> Transform:
    """The inverse of an affine after a displacement, that of the displacement on ``grid``."""
    return compose(
        *(
            link.inverse(grid) if isinstance(link, DisplacementField) else link.inverse()
            for link in reversed(links(transform))
        )
    )


def _field_grid(transform: Transform) -> Grid | None:
    """Of its displacement, if it has one."""
    fields = [link for link in links(transform) if isinstance(link, DisplacementField)]
    return fields[0].grid if fields else None


def _region(pair: Pair) -> Labels:
    """Where fixed counts, in the dimension of the images."""
    if not pair.planar:
        return pair.region
    return Labels(pair.region.data[:, 0], drop_grid(pair.region.grid))


def _configured(config: RegisterConfig | None, options: Mapping[str, Any]) -> RegisterConfig:
    if config is None:
        return make_config(**options)
    if "preset" in options:
        raise InputError("preset and config were both given; a config replaces the preset")
    return make_config(file=config.model_dump(), **options) if options else config


def _own_similarity(options: Mapping[str, Any]) -> tuple[dict[str, Any], Similarity | None]:
    """The options without a similarity that is an object, and that object."""
    given = dict(options)
    if isinstance(given.get("similarity"), Similarity):
        return given, given.pop("similarity")
    return given, None


def _named(config: RegisterConfig, own: Similarity) -> RegisterConfig:
    """``config`` with the name of a similarity of the user's own."""
    if config.transform != "deformable":
        raise InputError(
            f"similarity {own.name!r} is an object, which guides a deformable transform; for "
            f"{config.transform!r} name one of {', '.join(names())}"
        )
    return config.model_copy(update={"similarity": own.name})


def _quiet(_: EngineProgress) -> None:
    """Tell nobody."""
