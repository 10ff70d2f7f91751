"""The headers of a group: whether its images can have a template at all, and what it takes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from regkit.errors import InputError
from regkit.geometry.world import check_same_world
from regkit.io import ReadOptions, read_header
from regkit.io.header import Header
from regkit.io.sizes import product
from regkit.registration.config import RegisterConfig
from regkit.runs import Needs
from regkit.runs.register.memory import needed_memory, needed_space, what_helps

_PER_VOXEL = 80  # bytes of the template in the process that averages


@dataclass(frozen=True)
class GroupHeaders:
    """What is known of the images of a group before their voxels are read."""

    images: tuple[Header, ...]

    def needs(self, config: RegisterConfig, voxel: float | None) -> Needs:
        """Estimate memory and disk; the memory is that of one registration, or of the averaging.

        Parameters
        ----------
        config
            How an image is registered.
        voxel
            Side of the template's voxels in world units; the mean of the images' if None.
        """
        largest = max(self.images, key=lambda each: product(each.grid.shape))
        size, own = self._voxels(voxel), product(largest.grid.shape)
        memory = max(needed_memory(size, own, config), (_PER_VOXEL + 30) * max(size, own))
        space = len(self.images) * needed_space(size, config)
        shape = "x".join(map(str, largest.grid.shape))
        return Needs(memory, space, f"{largest.name} ({shape})", what_helps(config))

    def _voxels(self, voxel: float | None) -> int:
        """At most how many the template has, if its images are as full as they are large."""
        views = [product(each.grid.shape) * each.grid.voxel_volume for each in self.images]
        sizes = [math.log(each.grid.voxel_volume) for each in self.images]
        one = math.exp(sum(sizes) / len(sizes))
        return math.ceil(max(views) / (voxel ** self.images[0].grid.ndim if voxel else one))


def read_group(images: Sequence[Path], reading: ReadOptions) -> GroupHeaders:
    """Read the headers of a group.

    Parameters
    ----------
    images
        Its files.
    reading
        How they are read.

    Raises
    ------
    InputError
        If an image is of another dimension or world than the first, has several channels of which
        none is chosen, or its header cannot be trusted.
    """
    found = []
    for path in images:
        header = read_header(path, reading).of(frame=reading.frame, channel=reading.channel)
        found.append(header)
        _check_like(found[0], header)
    return GroupHeaders(tuple(found))


def _check_like(first: Header, header: Header) -> None:
    if header.grid.ndim != first.grid.ndim:
        raise InputError(
            f"{header.name} is {header.grid.ndim}-D and {first.name} is {first.grid.ndim}-D; all "
            "images of a template must have the same dimension"
        )
    check_same_world(first.grid.world, header.grid.world, (first.name, header.name))
    if header.kept > 1:
        raise InputError(
            f"{header.name}: a template is made of one channel; choose it with --option channel=0"
        )
