"""nnInteractive 2: points, boxes in one slice, scribbles, and a mask to begin with."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import ndimage
from torch import Tensor

from foundation.prompts import Box, PointPrompt, PromptKind, Prompts
from foundation.segmenters.given import given_image
from foundation.segmenters.on_grid import index_of, mask_on
from foundation.segmenters.segmenter import (
    Capabilities,
    MissingWeightsError,
    Segmentation,
    UnsupportedPromptError,
)
from regkit.digests import sha256
from regkit.errors import InputError, require
from regkit.geometry import Grid
from regkit.networks.weights.checkpoint import read_checkpoint
from regkit.volume import Volume

_OF_SESSION = {
    "points": PromptKind.POINTS, "bbox3d": PromptKind.BOX, "bbox2d": PromptKind.SLICE_BOX,
    "scribble": PromptKind.SCRIBBLES,
}  # fmt: skip
_CHECKPOINT = "fold_*/checkpoint_final.pth"
_STATE = "network_weights"
_STEPS = 2  # samples a voxel along a scribble
_SCALAR = np.float64(0).__reduce__()[0]
# What nnU-Net keeps beside weights, under the names that two versions of numpy give it.
_NUMBERS: tuple[Any, ...] = (
    _SCALAR, (_SCALAR, "numpy.core.multiarray.scalar"), np.dtype,
    *(type(np.dtype(kind)) for kind in ("f4", "f8", "i4", "i8", "b1")),
)  # fmt: skip


def open_nninteractive(path: Path | None) -> NnInteractive:
    """Interactive segmentation by nnInteractive 2, in nninteractive=FOLDER (weights unverified).

    Parameters
    ----------
    path
        The folder of a model, with ``plans.json`` and ``fold_0/checkpoint_final.pth``.

    Raises
    ------
    MissingWeightsError
        If the folder does not hold them.
    InputError
        If the package is not installed, or the weights hold code or are of another network.
    """
    found = sorted(path.glob(_CHECKPOINT)) if path is not None else []
    if path is None or len(found) != 1:
        raise MissingWeightsError(
            f"model nninteractive={path or ''}: there is no {_CHECKPOINT}; download a model from "
            "huggingface.co/nnInteractive/nnInteractive and write nninteractive=FOLDER (its "
            "weights are not for commercial use)"
        )
    package = require("nnInteractive.inference.inference_session", extra="nninteractive")
    with torch.serialization.safe_globals([*_NUMBERS]):
        read_checkpoint(found[0], entry=_STATE)  # the package itself would run what is in it
    with _quiet():
        session = package.nnInteractiveInferenceSession(
            device=torch.device("cpu"),
            torch_n_threads=torch.get_num_threads(),
            enable_undo=False,
            interactions_storage="tensor",
        )
        _initialise(session, path)
    return NnInteractive(session, capabilities_of(session, sha256(found[0])))


def capabilities_of(session: Any, weights: str = "", *, trained: bool = True) -> Capabilities:
    """Return what the model of a session takes, which its checkpoint says.

    Parameters
    ----------
    session
        That of nnInteractive, with a model.
    weights
        SHA-256 of their file.
    trained
        False for a network with random weights.
    """
    kinds = [kind for name, kind in _OF_SESSION.items() if session.supported_interactions.get(name)]
    if session.supports_initial_label:
        kinds.append(PromptKind.MASK)
    return Capabilities(
        tuple(kinds), combinable=True, licence=str(session.license or ""), weights=weights,
        trained=trained,
    )  # fmt: skip


@dataclass
class NnInteractive:
    """A session, to which all prompts of one structure are given one after the other.

    A mask comes first, since it makes the session forget the others; then boxes, scribbles and
    points, with a prediction after each.

    Parameters
    ----------
    session
        An ``nnInteractiveInferenceSession`` with a model.
    capabilities
        As of every segmenter; see :func:`capabilities_of`.
    """

    session: Any
    capabilities: Capabilities
    name: str = "nninteractive"
    image: Volume | None = None

    def set_image(self, image: Volume) -> None:
        """Take a 3-D image of one channel ``(1, i, j, k)``, which it sees in RAS order.

        Raises
        ------
        InputError
            If it is another, or has no contrast.
        """
        if image.channels != 1 or image.ndim != 3:
            raise InputError(f"{image.name}: {self.name} takes one channel in 3-D")
        seen = image.reoriented("RAS") if image.grid.world.anatomical else image
        data = seen.data.float().numpy()
        if not np.ptp(data) > 0:
            raise InputError(f"{image.name or 'image'}: {self.name} needs an image with contrast")
        with _quiet():
            self.session.set_image(data)
            # A second image would otherwise wait for ever: each holds one of two threads until a
            # third task is done (2.6.0).
            self.session.preprocess_future.result()
            self.session.set_target_buffer(np.zeros(seen.shape, np.uint8))
        self.image = image

    def segment(self, prompts: Prompts) -> Segmentation:
        """Segment what the prompts show; probabilities are 0 and 1.

        Raises
        ------
        UnsupportedPromptError
            If a kind is given that the model does not take, or none.
        InputError
            If no image was set, the mask is empty, or a prompt lies outside the image.
        """
        image = given_image(self.image, self.name)
        self.capabilities.check(prompts, self.name)
        if prompts.kinds == (PromptKind.NONE,):
            raise UnsupportedPromptError(f"{self.name} needs a prompt; give one")
        grid = image.grid.reoriented("RAS") if image.grid.world.anatomical else image.grid
        with _quiet():
            self.session.reset_interactions()
            boxes = self._interact(prompts, grid)
        found = torch.from_numpy(np.asarray(self.session.target_buffer).copy())[None].float()
        seen = Volume(found, grid, image.name)
        onto = seen.reoriented(image.grid.orientation) if image.grid.world.anatomical else seen
        chance = Volume(onto.data, image.grid, image.name)
        return Segmentation.of(chance, {"boxes": boxes})

    def reset(self) -> None:
        """Forget the image."""
        self.image = None

    def _interact(self, prompts: Prompts, grid: Grid) -> list[list[list[int]]]:
        """Give all prompts to the session; the boxes as they were given."""
        if prompts.mask is not None:
            alone = len(prompts.kinds) == 1
            self.session.add_initial_seg_interaction(
                _mask(prompts.mask, grid, self.name), run_prediction=alone
            )
        boxes = [index_box(box, grid) for box in prompts.boxes]
        for box in boxes:
            self.session.add_bbox_interaction(box, include_interaction=True)
        for line in prompts.scribbles:
            drawn, sign = drawn_scribble(line, grid, self.session.preferred_scribble_thickness)
            self.session.add_scribble_interaction(drawn, include_interaction=sign)
        for index, sign in _clicks(prompts.points, grid):
            self.session.add_point_interaction(index, include_interaction=sign)
        return boxes


def index_box(box: Box, grid: Grid) -> list[list[int]]:
    """Return the voxels of a box as half-open ranges of index, one for each axis.

    Parameters
    ----------
    box
        In the world of the grid. One that is flat is one voxel thick, along the index axis that
        points most along its flat side; where the grid is oblique, the others hold all of it.
    grid
        Of the image.

    Raises
    ------
    InputError
        If it lies outside the image.
    """
    corners = grid.to_index(torch.from_numpy(box.corners()))
    low, high = corners.amin(0), corners.amax(0)
    first, last = low.ceil().long(), high.floor().long() + 1
    middle = ((low + high) / 2).round().long()
    directions = np.abs(grid.affine[:-1, :-1] / grid.spacing)
    flat = [int(np.argmax(directions[axis])) for axis, side in enumerate(box.size) if side == 0]
    for axis in {*flat, *torch.nonzero(last <= first).flatten().tolist()}:
        first[axis], last[axis] = middle[axis], middle[axis] + 1
    first, last = first.clamp(min=0), torch.minimum(last, torch.tensor(grid.shape))
    if bool((last <= first).any()):
        raise InputError(f"box {box.lower} to {box.upper} lies outside the image; give another")
    return [[int(a), int(b)] for a, b in zip(first, last, strict=True)]


def drawn_scribble(
    line: PointPrompt, grid: Grid, thickness: list[int] | tuple[int, ...]
) -> tuple[NDArray[np.uint8], bool]:
    """Draw a line through points.

    Parameters
    ----------
    line
        Its points, one after the other, all of one sign.
    grid
        Of the image.
    thickness
        In voxels, along each axis.

    Returns
    -------
    drawn, positive
        ``grid.shape``, 1 on the line, and its sign.

    Raises
    ------
    InputError
        If nothing of it lies in the image.
    UnsupportedPromptError
        If its points have both signs.
    """
    signs = torch.as_tensor(line.positive)
    if bool(signs.any()) != bool(signs.all()):
        raise UnsupportedPromptError("a scribble has points of both signs; give two scribbles")
    index = _between(grid.to_index(line.points.xyz)).round().long()
    index = index[((index >= 0) & (index < torch.tensor(grid.shape))).all(1)]
    if not len(index):
        raise InputError("a scribble lies outside the image; give one that is in it")
    drawn = np.zeros(grid.shape, bool)
    drawn[tuple(index.T.numpy())] = True
    thick = ndimage.binary_dilation(drawn, np.ones([int(n) for n in thickness], bool))
    return np.asarray(thick, np.uint8), bool(signs.all())


def _between(corners: Tensor) -> Tensor:
    """Places ``(N, 3)`` along the line through ``corners (M, 3)``, at least two a voxel."""
    parts = [corners[:1]]
    for a, b in pairwise(corners):
        shares = torch.linspace(0, 1, int(_STEPS * float(torch.dist(a, b))) + 2)[:, None]
        parts.append(torch.lerp(a, b, shares.to(a.dtype)))
    return torch.cat(parts)


def _mask(mask: Volume, grid: Grid, model: str) -> NDArray[np.uint8]:
    inside = (mask_on(mask, grid)[0] > 0.5).numpy().astype(np.uint8)
    if not inside.any():
        raise InputError(f"{model}: the mask holds no voxel of the image; give one that does")
    return np.asarray(inside)


def _clicks(points: PointPrompt | None, grid: Grid) -> Iterator[tuple[tuple[int, ...], bool]]:
    if points is None:
        return
    for place, index, sign in zip(
        points.points.xyz,
        index_of(points.points, grid),
        torch.as_tensor(points.positive),
        strict=True,
    ):
        if not bool(grid.contains(place)):
            raise InputError(f"point {place.tolist()} lies outside the image; give one that is in")
        yield tuple(index.tolist()), bool(sign)


def _initialise(session: Any, path: Path) -> None:
    try:
        session.initialize_from_trained_model_folder(str(path))
    except Exception as error:  # whatever the package raises
        reason = " ".join(str(error).split())[:200] or type(error).__name__
        raise InputError(f"{path.name}: is no model of nnInteractive: {reason}") from error


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """The package prints how it is getting on."""
    with contextlib.redirect_stdout(io.StringIO()):
        yield
