"""The way of a pair: from two images to one transform, and everything that is told about it."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import replace
from typing import Unpack

from regkit.kernels.backend import loops_alone, single_blas, threads
from regkit.kernels.heap import reuse_memory
from regkit.losses.registry import traits_of
from regkit.registration.check import as_mask, check_initial, check_mass, check_pair
from regkit.registration.config import RegisterConfig
from regkit.registration.devices import resolve_device
from regkit.registration.flat import one_dimension
from regkit.registration.identical import find_identity, is_one_image
from regkit.registration.marks import Marks
from regkit.registration.measured import measure_result
from regkit.registration.options import RegisterOptions
from regkit.registration.pair import Pair, pair_of
from regkit.registration.placing import Placing, placing_of, rest_of
from regkit.registration.preparation import image_of, prepared_side, with_modalities
from regkit.registration.prepared import PreparedImage
from regkit.registration.request import request_of
from regkit.registration.result import EngineStage, Result
from regkit.registration.scale import find_at_body_scale
from regkit.registration.state import EngineResult, EngineState
from regkit.transforms import Transform
from regkit.volume.points import Points
from regkit.volume.volume import Labels, Volume


def register(
    fixed: Volume | PreparedImage,
    moving: Volume | PreparedImage,
    *,
    fixed_mask: Volume | None = None,
    moving_mask: Volume | None = None,
    fixed_labels: Labels | None = None,
    moving_labels: Labels | None = None,
    fixed_landmarks: Points | None = None,
    moving_landmarks: Points | None = None,
    initial: Transform | None = None,
    **options: Unpack[RegisterOptions],
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
    options
        Those of :class:`~regkit.registration.options.RegisterOptions`. ``config`` says what to do,
        by default the ``default`` preset; fields of
        :class:`~regkit.registration.config.RegisterConfig` change it, or ``preset`` where there is
        no config. ``progress`` is called at every iteration. ``model`` is the network that goes
        before the field engine, over ``config.model``: installed weights, a file of them, or what
        :mod:`regkit.networks.models` made; ``auto`` takes the best weights that are installed, or
        none, and ``config.refine`` says what follows. ``similarity`` can be an object of
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
    request = request_of(options)
    config = with_modalities(request.config, fixed, moving)
    one, other, notes = one_dimension(image_of(fixed), image_of(moving))
    shares = check_pair(one, other, config.channel_weights)
    check_initial(initial, one.ndim)
    check_mass(one, other, config)
    placing = placing_of(one, other, initial)
    marks = Marks((fixed_labels, moving_labels), (fixed_landmarks, moving_landmarks)).flattened(one)
    notes = (*notes, *marks.check((one, other), shares))
    guides = marks.guides((one, other), placing, config)
    request, network = replace(request, config=config).network(one.ndim)
    config = request.config
    guided = initial is not None or guides is not None or network is not None
    is_same = not guided and request.can_find_identity and is_one_image(one, other)
    reuse_memory()
    by_loops = network is None and request.similarity is None and _by_loops(config.candidates)
    alone = loops_alone() if by_loops else nullcontext()
    with threads(config.threads), single_blas(), alone:
        here = prepared_side(fixed, one, as_mask(fixed_mask, one), config.modality)
        there = prepared_side(
            moving, other, as_mask(moving_mask, other), config.moving_modality or config.modality
        )
        pair = _pair(here, there, placing, config, shares)
        if is_same:
            found = find_identity(pair, config)
        else:
            start = EngineState.of(rest_of(initial), config)
            found = find_at_body_scale(
                pair, config, network, start, request.on_progress, request.similarity, guides
            )
            found = _led_on(found, placing, notes)
        for given, levels in ((fixed, pair.fixed_levels), (moving, pair.moving_levels)):
            if not isinstance(given, PreparedImage):  # nobody will want them again
                levels.forget()
        return marks.measured(measure_result(here.straight.image, there, pair, config, found))


def _by_loops(similarities: Sequence[str]) -> bool:
    return all(traits_of(name).by_loops for name in similarities)


def _pair(
    fixed: PreparedImage,
    moving: PreparedImage,
    placing: Placing,
    config: RegisterConfig,
    shares: Sequence[float],
) -> Pair:
    return pair_of(
        fixed.straight,
        moving.through(placing.placed),
        multiple=max(config.field.factors),
        max_voxels=config.field.max_voxels,
        device=resolve_device(config.device),
        shares=shares,
    )


def _led_on(found: EngineResult, placing: Placing, notes: Sequence[str]) -> EngineResult:
    """What was found, led on to where moving lies, and what was noticed before."""
    noticed = [EngineStage("notice", "", "", 0.0, note=note) for note in notes]
    return replace(
        found,
        transform=placing.whole(found.transform),
        inverse=placing.back(found.inverse),
        stages=(*noticed, *placing.stages, *found.stages),
    )
