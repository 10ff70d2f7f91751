"""SliceStack: slices in order of where they lie, and the grid that they make."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from regkit.errors import InputError
from regkit.geometry.affines import Matrix, homogeneous
from regkit.io.formats.dicom.slices import TELLING, DicomSlice, SlicePlace

# Headers round positions; what is nearer than the first lies at one place.
_ONE_PLACE = 0.002
_ROUNDING = 0.01
_BESIDE = 0.05
_UNEVEN = 0.01
_TURNED = 1e-3


@dataclass(frozen=True, eq=False)
class SliceStack:
    """Slices in order.

    Parameters
    ----------
    frames
        The slices of every frame, from one side to the other.
    told_by
        The tags in which frames differ; empty where there is one frame.
    step
        From one slice to the next ``(3,)``, LPS in mm; None of a single slice.
    """

    frames: tuple[tuple[DicomSlice, ...], ...]
    told_by: tuple[str, ...]
    step: Matrix | None


def stack_slices(name: str, slices: Sequence[DicomSlice]) -> SliceStack:
    """Order the slices of a series by their positions along the normal that they share.

    Parameters
    ----------
    name
        The series, for messages.
    slices
        At least one.

    Raises
    ------
    InputError
        If one does not say where it lies, they differ in size or orientation, some are missing or
        there twice, or they do not lie evenly along a line.
    """
    check_alike(name, slices)
    places = _by_place(slices)
    frames, told_by = _in_frames(name, places)
    _check_one_place(name, frames)
    return SliceStack(frames, told_by, _step(name, frames[0]))


def stack_affine(stack: SliceStack, step: Matrix) -> Matrix:
    """Return the matrix ``(4, 4)`` from column, row and slice to LPS mm.

    ``step`` ``(3,)`` leads from one slice to the next.
    """
    first = slice_place(stack.frames[0][0])
    columns = np.array([*(first.along * np.array(first.spacing)[:, None]), step]).T
    return homogeneous(columns, first.position)


def slice_place(each: DicomSlice) -> SlicePlace:
    """Return where a slice lies.

    Raises
    ------
    InputError
        If its file does not say.
    """
    if each.place is None:
        raise InputError(
            f"{each.name}: has no {each.missing}, so that nobody knows where its slices "
            "lie; send it again from the scanner"
        )
    return each.place


def check_alike(name: str, slices: Sequence[DicomSlice]) -> None:
    """Refuse slices that differ in size, orientation or spacing.

    Raises
    ------
    InputError
        Naming the file that differs.
    """
    first = slices[0]
    for each in slices:
        if (each.shape, each.layout.samples) != (first.shape, first.layout.samples):
            raise InputError(
                f"{name}: {each.name} has {_size(each)} pixels and {first.name} "
                f"{_size(first)}; a series has one size"
            )
    along = slice_place(first).along
    turned = [p for p in slices if np.abs(slice_place(p).along - along).max() > _TURNED]
    if turned:
        raise InputError(
            f"{name}: its slices have several orientations, as those of a localiser ("
            f"{len(turned)} of {len(slices)} differ from {first.name}); choose another series"
        )
    other = [p for p in slices if not np.allclose(p.spacing or 0, first.spacing or 0, rtol=1e-3)]
    if other:
        raise InputError(
            f"{name}: {other[0].name} has another PixelSpacing than {first.name}; a series has one"
        )


def _size(each: DicomSlice) -> str:
    return "x".join(map(str, each.shape))


def _by_place(slices: Sequence[DicomSlice]) -> list[list[DicomSlice]]:
    """Slices that lie at one place together, from one side to the other."""
    far = np.array([slice_place(each).position for each in slices]) @ slice_place(slices[0]).normal
    order = np.argsort(far, kind="stable")
    starts = np.flatnonzero(np.diff(far[order], prepend=-np.inf) > _ONE_PLACE)
    return [[slices[n] for n in group] for group in np.split(order, starts[1:])]


def _in_frames(
    name: str, places: list[list[DicomSlice]]
) -> tuple[tuple[tuple[DicomSlice, ...], ...], tuple[str, ...]]:
    counts = [len(each) for each in places]
    most = max(counts)
    if min(counts) != most:
        least = sum(count < most for count in counts)
        raise InputError(
            f"{name}: {least} of its {len(places)} slice positions hold fewer images than the "
            f"{most} of the others; slices are missing or there twice"
        )
    if most == 1:
        return (tuple(each[0] for each in places),), ()
    told_by = _consistent(places)
    ordered = [sorted(each, key=lambda p: _key(p, told_by)) for each in places]
    if any(len({_key(p, told_by) for p in each}) < most for each in places):
        told_by = ()
        ordered = [sorted(each, key=lambda one: one.time) for each in places]
        if any(len({one.time for one in each}) < most for each in places):
            raise InputError(
                f"{name}: has {most} images at each slice position, and nothing tells them apart "
                f"({ordered[0][0].name}, {ordered[0][1].name}); remove duplicates"
            )
    names = tuple(TELLING[n] for n in told_by) or ("AcquisitionTime",)
    return tuple(zip(*ordered, strict=True)), names


def _check_one_place(name: str, frames: Sequence[Sequence[DicomSlice]]) -> None:
    """Refuse frames of which one lies beside another."""
    positions = np.array([[slice_place(each).position for each in frame] for frame in frames])
    apart = float(np.abs(positions - positions[0]).max())
    if apart > _BESIDE:
        raise InputError(
            f"{name}: its frames lie {apart:.3g} mm beside each other; they are images of several "
            "places. Choose another series"
        )


def _consistent(places: list[list[DicomSlice]]) -> tuple[int, ...]:
    """Which of ``TELLING`` differ at a place and have the same values at all of them."""
    out = []
    for n in range(len(TELLING)):
        values = [sorted(one.tells[n] for one in each) for each in places]
        if len(set(values[0])) > 1 and all(each == values[0] for each in values):
            out.append(n)
    return tuple(out)


def _key(each: DicomSlice, told_by: tuple[int, ...]) -> tuple[tuple[float | str, ...], ...]:
    return tuple(tuple(map(_ordered, each.tells[n])) for n in told_by)


def _ordered(word: str) -> float | str:
    try:
        return float(word)
    except ValueError:
        return word


def _step(name: str, slices: Sequence[DicomSlice]) -> Matrix | None:
    """The mean step from slice to slice, once it is known that all are the same."""
    if len(slices) == 1:
        return None
    positions = np.array([slice_place(each).position for each in slices])
    steps = np.diff(positions, axis=0) @ slice_place(slices[0]).normal
    _check_even(name, slices, steps)
    mean: Matrix = (positions[-1] - positions[0]) / (len(slices) - 1)
    line = positions[0] + np.arange(len(slices))[:, None] * mean
    off = float(np.abs(positions - line).max())
    if off > max(_BESIDE, _UNEVEN * float(np.median(steps))):
        raise InputError(
            f"{name}: its slices do not lie on one line: up to {off:.3g} mm beside it; choose "
            "another series"
        )
    return mean


def _check_even(name: str, slices: Sequence[DicomSlice], steps: Matrix) -> None:
    usual = float(np.median(steps))
    uneven = np.abs(steps - usual) > max(_ROUNDING, _UNEVEN * usual)
    if not uneven.any():
        return
    times = steps[uneven] / usual
    worst = int(np.argmax(np.where(uneven, steps, 0)))
    if np.abs(times - times.round()).max() < _UNEVEN * 5 and times.min() > 1.5:
        count = int((times.round() - 1).sum())
        raise InputError(
            f"{name}: {'1 slice is' if count == 1 else f'{count} slices are'} missing, the first "
            f"gap is {steps[worst]:.4g} mm instead of {usual:.4g} between {slices[worst].name} and "
            f"{slices[worst + 1].name}; copy the whole series"
        )
    raise InputError(
        f"{name}: its slices lie {steps.min():.4g} to {steps.max():.4g} mm apart; one grid has one "
        "spacing. Choose another series"
    )
