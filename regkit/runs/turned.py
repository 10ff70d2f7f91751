"""Turned: images of vectors or tensors, turned along with the space that they lie in."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import torch

from regkit.errors import InputError
from regkit.geometry import Grid
from regkit.io.components import ComponentAxes, Components, TensorOrder
from regkit.io.header import Header
from regkit.transforms import Transform
from regkit.transforms.derivative import derivative
from regkit.transforms.reorientation import TURNINGS, Turning
from regkit.volume import Volume

_VOXELS = 1 << 17  # of a slab: their matrices take 200 bytes each and more


@dataclass(frozen=True)
class TurnedValues:
    """What the values of an image mean together, and how they are turned.

    Parameters
    ----------
    components
        Which of them are a vector or a tensor, and along which axes.
    turning
        As of :mod:`regkit.transforms.reorientation`; None for the usual way.

    Raises
    ------
    InputError
        If that is not a way of turning such values.
    """

    components: Components
    turning: Turning | None = None

    def __post_init__(self) -> None:
        allowed = TURNINGS[self.components.kind][1]
        if self.turning not in (None, *allowed):
            raise InputError(
                f"--turn {self.turning!s:.20} is not for {self.components.kind}; allowed: "
                f"{', '.join(allowed)}"
            )

    @property
    def way(self) -> Turning:
        """How they are turned."""
        return self.turning or TURNINGS[self.components.kind][1][0]

    @classmethod
    def asked_for(
        cls,
        tensors: TensorOrder | None = None,
        vectors: bool = False,
        axes: ComponentAxes | None = None,
        turning: Turning | None = None,
    ) -> TurnedValues | None:
        """What a user means; None where nothing is turned.

        Parameters
        ----------
        tensors
            The image holds tensors in this program's order.
        vectors
            It holds vectors.
        axes, turning
            As of :class:`regkit.io.components.Components` and of this class; None for the usual.

        Raises
        ------
        InputError
            If they do not go together.
        """
        if tensors and vectors:
            raise InputError("--tensors and --vectors both say what IMAGE holds; give one of them")
        if tensors:
            return cls(Components.of("tensors", axes=axes, order=tensors), turning)
        if vectors:
            return cls(Components.of("vectors", axes=axes), turning)
        if axes or turning:
            raise InputError("--axes and --turn are of --tensors or --vectors; give one")
        return None

    def as_record(self) -> dict[str, Any]:
        """All of it, as JSON can hold it."""
        return {**asdict(self.components), "turning": self.way}

    @classmethod
    def of_record(cls, asked: Mapping[str, Any]) -> TurnedValues:
        """Undo :meth:`as_record`.

        Raises
        ------
        InputError
            If the record is damaged.
        """
        try:
            given = dict(asked)
            turning = given.pop("turning")
            return cls(Components(**given), turning)
        except (KeyError, TypeError, ValueError) as error:
            raise InputError(f"the record does not say how values are turned: {error}") from error

    def check(self, header: Header, frames: int, channels: int) -> None:
        """Refuse an image that holds other values.

        Parameters
        ----------
        header
            Of the image.
        frames, channels
            How many of them are read.

        Raises
        ------
        InputError
            If it is a scene on the earth, or the values of a voxel, or the frames, are not as many
            as they must be.
        """
        kind, wanted = self.components.kind, self.components.count(header.grid.ndim)
        if header.grid.world.crs is not None:
            raise InputError(
                f"{header.name}: the bands of a scene on the earth are no {kind}; leave out "
                f"--{kind}"
            )
        if kind == "tensors" and header.grid.ndim != 3:
            raise InputError(f"{header.name}: is 2-D; tensors are turned in 3-D images")
        if channels != wanted and (channels, frames) != (1, wanted):
            raise InputError(
                f"{header.name}: has {frames} frames of {channels} values a voxel; {kind} have "
                f"{wanted} values, as channels or as frames"
            )

    def turn(
        self, frames: Sequence[Volume], own: Grid, phi: Transform
    ) -> tuple[list[Volume], float]:
        """Turn frames that were resampled already.

        Parameters
        ----------
        frames
            On the grid of the result, each as it was interpolated.
        own
            The grid on which they lay before.
        phi
            World points of the result to those of ``own``.

        Returns
        -------
        frames, folding
            The frames in the same arrangement, and the share of voxels where the transform folds
            and no direction is kept.
        """
        if frames[0].channels > 1:
            found = [self._turned(frame, own, phi) for frame in frames]
            return [each for each, _ in found], found[0][1]
        whole, folding = self._turned(Volume.stacked(frames, frames[0].name), own, phi)
        return list(whole.split()), folding

    def _turned(self, image: Volume, own: Grid, phi: Transform) -> tuple[Volume, float]:
        out, folded = torch.empty_like(image.data), 0
        for rows, values, count in self._slabs(image, own, phi):
            out[:, rows] = values.to(out.dtype)
            folded += count
        return image.with_data(out), folded / image.data[0].numel()

    def _slabs(
        self, image: Volume, own: Grid, phi: Transform
    ) -> Iterator[tuple[slice, torch.Tensor, int]]:
        turn, _ = TURNINGS[self.components.kind]
        for rows in image.grid.slabs(_VOXELS):
            slopes = derivative(phi, image.grid, rows)
            world = self.components.in_world(image.data[:, rows], own)
            turned = turn(world, slopes, self.way)
            bad = torch.linalg.det(slopes) <= 0
            count = int(bad.expand(image.data[0, rows].shape).count_nonzero())
            yield rows, self.components.as_stored(turned, image.grid), count
