"""deepbet: the brain in a head, by two networks that the package of that name carries."""

from __future__ import annotations

from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import torch
from scipy import ndimage
from torch import Tensor, nn

from foundation.prompts import PromptKind, Prompts
from foundation.segmenters.given import check_one_channel, given_image
from foundation.segmenters.link_net import LinkNet3D
from foundation.segmenters.segmenter import Capabilities, MissingWeightsError, Segmentation
from regkit.digests import sha256
from regkit.errors import InputError
from regkit.geometry import Grid
from regkit.resample import warp
from regkit.transforms import Affine
from regkit.volume import Volume

BRAIN_FILE, BOX_FILE = "model.pt", "bbox_model.pt"
_KINDS = (PromptKind.NONE, PromptKind.CLASSES)
_CAPABILITIES = Capabilities(_KINDS, classes=("brain",), licence="MIT")
_SMALL, _LARGE, _MARGIN = 128, 256, 0.1  # as deepbet has them
_LEAST_SHARE = 0.02  # of a slice, for it to count as one with brain


def open_deepbet(path: Path | None) -> Deepbet:
    """Brain extraction by the networks of deepbet 1.0.2 (MIT).

    Parameters
    ----------
    path
        ``model.pt`` of the package, beside ``bbox_model.pt``, or their folder; None: those of the
        package that is installed, of which nothing is imported.

    Raises
    ------
    MissingWeightsError
        If they are not there.
    InputError
        If they are not those of deepbet.
    """
    return _opened(deepbet_folder(path))


@dataclass
class Deepbet:
    """A first network finds the box of the brain, a second the brain in the box.

    Parameters
    ----------
    brain, box
        Networks that turn ``(1, 1, n, n, n)`` into two channels, of which 1 is the brain.
    shape, small
        Voxels an axis that the second and the first network see.
    """

    brain: nn.Module
    box: nn.Module
    shape: int = _LARGE
    small: int = _SMALL
    name: str = "deepbet"
    capabilities: Capabilities = _CAPABILITIES
    image: Volume | None = None
    found: Segmentation | None = None

    def __post_init__(self) -> None:
        for network in (self.brain, self.box):
            network.eval().requires_grad_(False)

    def set_image(self, image: Volume) -> None:
        """Take a 3-D image of one channel ``(1, i, j, k)``, T1 MRI of a head.

        Raises
        ------
        InputError
            If it is another.
        """
        check_one_channel(image, self.name)
        self.image, self.found = image, None

    def segment(self, prompts: Prompts) -> Segmentation:
        """Find the brain; once an image, whatever is asked.

        Raises
        ------
        UnsupportedPromptError
            If another class than ``brain`` is given, or another kind of prompt.
        InputError
            If no image was set, or it holds no brain.
        """
        image = given_image(self.image, self.name)
        self.capabilities.check(prompts, self.name)
        if self.found is None:
            self.found = self._brain(image)
        return self.found

    def reset(self) -> None:
        """Forget the image."""
        self.image = self.found = None

    def _brain(self, image: Volume) -> Segmentation:
        whole = image.grid.reoriented("RAS") if image.grid.world.anatomical else image.grid
        small = whole.with_shape((self.small,) * 3)
        seen = _at(image, small)
        low, high = (float(np.quantile(seen.numpy(), q)) for q in (0.005, 0.995))
        if not high > low:
            raise InputError(f"{image.name or 'image'}: {self.name} needs an image with contrast")
        rough = _largest(self.box(_scaled(seen, low, high))[0, 1] > 0.5)
        part = _with_margin(rough, whole, image.name)
        grid = part.with_shape((self.shape,) * 3)
        chance = self.brain(_scaled(_at(image, grid), low, high))[0, 1]
        body = torch.from_numpy(ndimage.binary_fill_holes(_largest(chance > 0.5).numpy()))
        chance = torch.where(body, chance.clamp(min=0.5 + 1e-6), chance.clamp(max=0.5))
        onto = warp(Volume(chance[None], grid, image.name), Affine.identity(), onto=image.grid)
        details = {"box_shape": list(part.shape), "box_centre": [float(x) for x in part.centre]}
        return Segmentation.of(onto, details)


def deepbet_folder(path: Path | None) -> Path:
    """Return the folder of both networks.

    Parameters
    ----------
    path
        As for :func:`open_deepbet`.

    Raises
    ------
    MissingWeightsError
        If one of them is not there.
    """
    folder = _installed() if path is None else path.parent if path.is_file() else path
    for file in (BRAIN_FILE, BOX_FILE):
        if folder is None or not (folder / file).is_file():
            raise MissingWeightsError(
                f"model deepbet: {file} is not here; pip install --no-deps deepbet==1.0.2, or "
                "unpack its wheel and write deepbet=FOLDER with its folder data/models"
            )
    return Path(folder or ".")


def _installed() -> Path | None:
    spec = find_spec("deepbet")
    return (
        None
        if spec is None or spec.origin is None
        else Path(spec.origin).parents[1] / "data/models"
    )


def _opened(folder: Path) -> Deepbet:
    weights = sha256(folder / BRAIN_FILE)
    capabilities = replace(_CAPABILITIES, weights=weights)
    brain, box = (link_net(folder / name) for name in (BRAIN_FILE, BOX_FILE))
    return Deepbet(brain, box, capabilities=capabilities)


def link_net(path: Path) -> LinkNet3D:
    """Read the weights of one of the networks of deepbet.

    Raises
    ------
    InputError
        If the file is no TorchScript, or of another network.
    """
    network = LinkNet3D()
    try:
        network.load_state_dict(torch.jit.load(str(path), map_location="cpu").state_dict())
    except RuntimeError as error:
        raise InputError(f"{path.name}: is no network of deepbet 1.0.2; get it again") from error
    return network.eval()


def _at(image: Volume, grid: Grid) -> Tensor:
    smooth = Volume(image.data.float().nan_to_num(), image.grid, image.name)
    return warp(smooth, Affine.identity(), onto=grid).data[0]


def _scaled(seen: Tensor, low: float, high: float) -> Tensor:
    """As deepbet shows images ``(i, j, k)`` to its networks."""
    unit = ((seen - low) / (high - low)).clamp(0, 1)
    return (0.226 * (unit - unit.mean()) / unit.std() + 0.449)[None, None]


def _largest(mask: Tensor) -> Tensor:
    numbers, count = ndimage.label(mask.numpy())
    if not count:
        return mask
    return torch.from_numpy(numbers == 1 + int(np.argmax(np.bincount(numbers.ravel())[1:])))


def _with_margin(rough: Tensor, whole: Grid, name: str) -> Grid:
    """The part of ``whole`` that holds the brain found on a coarser grid of the same field."""
    slices = [rough.float().mean([b for b in range(3) if b != a]) > _LEAST_SHARE for a in range(3)]
    if not all(bool(each.any()) for each in slices):
        raise InputError(f"{name or 'image'}: deepbet found no brain in it")
    places = [torch.nonzero(each).flatten() for each in slices]
    factor = np.array(whole.shape) / np.array(rough.shape)
    low = factor * np.array([float(each.min()) for each in places])
    high = factor * np.array([float(each.max()) + 1 for each in places])
    room = _MARGIN * (high - low)
    first = np.maximum(0, np.rint(low - room)).astype(int)
    last = np.minimum(whole.shape, np.rint(high + room)).astype(int)
    return whole.window(first.tolist(), (last - first).tolist())
