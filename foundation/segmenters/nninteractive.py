"""nnInteractive 2: points, boxes in one slice, scribbles, and a mask to begin with."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from foundation.prompts import PromptKind, Prompts
from foundation.segmenters.given import check_one_channel, given_image
from foundation.segmenters.nninteractive_prompts import (
    clicks_of,
    drawn_scribble,
    index_box,
    mask_array,
)
from foundation.segmenters.segmenter import (
    Capabilities,
    MissingWeightsError,
    Segmentation,
    UnsupportedPromptError,
)
from foundation.segmenters.weights import as_named
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
            f"{as_named('nninteractive', path)}: there is no {_CHECKPOINT}; download a model from "
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
        check_one_channel(image, self.name)
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
                mask_array(prompts.mask, grid, self.name), run_prediction=alone
            )
        boxes = [index_box(box, grid) for box in prompts.boxes]
        for box in boxes:
            self.session.add_bbox_interaction(box, include_interaction=True)
        for line in prompts.scribbles:
            drawn, sign = drawn_scribble(line, grid, self.session.preferred_scribble_thickness)
            self.session.add_scribble_interaction(drawn, include_interaction=sign)
        for index, sign in clicks_of(prompts.points, grid):
            self.session.add_point_interaction(index, include_interaction=sign)
        return boxes


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
