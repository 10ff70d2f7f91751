"""One image given twice: nothing has to move, and nothing has to be computed."""

from __future__ import annotations

import numpy as np
import torch

from regkit.losses.mse import MSE
from regkit.registration.canonical import canonical
from regkit.registration.config import RegisterConfig
from regkit.registration.evidence import gather
from regkit.registration.pair import Pair
from regkit.registration.result import EngineStage
from regkit.registration.state import EngineResult
from regkit.transforms import Affine
from regkit.volume.volume import Volume

NOTHING = "fixed and moving are one image; nothing has to move"


def is_one_image(fixed: Volume, moving: Volume) -> bool:
    """Tell whether two images have equal voxels in the same places, in whatever order and type."""
    if sorted(fixed.grid.shape) != sorted(moving.grid.shape):
        return False
    here, there = canonical(fixed), canonical(moving)
    if here.grid != there.grid or here.channels != there.channels:
        return False
    slices = zip(here.data.unbind(1), there.data.unbind(1), strict=True)
    return all(torch.equal(one.double(), other.double()) for one, other in slices)


def find_identity(pair: Pair, config: RegisterConfig) -> EngineResult:
    """Return the identity and why; ``auto`` becomes the similarity that would show a difference."""
    ndim = 2 if pair.planar else 3
    name = MSE.name if config.similarity == "auto" else config.similarity
    stage = EngineStage("identity", name, "", 0.0, note=NOTHING)
    evidence = gather(pair, np.eye(4), None)
    return EngineResult(Affine.identity(ndim), (stage,), name, NOTHING, evidence=evidence)
