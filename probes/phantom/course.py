"""The course of one person: who it is, how the brain changes, and when and how it is scanned."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.ndimage import gaussian_filter

from probes.flow import Flow, Reals
from probes.phantom.anatomy import Anatomy
from probes.phantom.atrophy import AtrophyRates, atrophy_velocity, lattice_of
from regkit.errors import InputError
from regkit.geometry import Grid
from regkit.geometry.affines import Matrix, about, homogeneous, rotation

_WIDTH = 20.0  # mm: how far a person's shape stays alike
_AGES = 55.0, 85.0
_AIR = 4.0  # mm around the brain, wherever the head lies


@dataclass(frozen=True, eq=False)
class Scan:
    """One visit to the scanner.

    Parameters
    ----------
    name
        Of the session.
    years
        Since the first visit.
    pose
        Rigid ``(4, 4)``: world of the scan to world of the person (RAS+ mm).
    grid
        Of the scan.
    noise
        Standard deviation of each channel of the complex signal, as a share of white matter.
    gain
        By which the signal is multiplied.
    shading
        How much the gain varies over the head, as a share: the amplitude of a slow wave.
    seed
        Of the noise, and of the phase of the wave.
    """

    name: str
    years: float
    pose: Matrix
    grid: Grid
    noise: float
    gain: float
    shading: float
    seed: int


@dataclass(frozen=True, eq=False)
class Course:
    """One person from visit to visit.

    Parameters
    ----------
    subject
        Name of the person.
    shape
        From the source brain to the person's at the first visit.
    change
        Of one year, in the world of the source brain.
    visits
        The scans.
    rates
        What ``change`` was made of.
    age
        In years, at the first visit.
    """

    subject: str
    shape: Flow
    change: Flow
    visits: tuple[Scan, ...]
    rates: AtrophyRates
    age: float = 0.0

    def to_source(self, visit: Scan, points: Reals) -> Reals:
        """Map world points ``(N, 3)`` of a scan to the source brain, where its voxels are read."""
        person = points @ visit.pose[:3, :3].T + visit.pose[:3, 3]
        before = self.shape.times(-1).carried(person)[0]
        return self.change.times(-visit.years).carried(before)[0] if visit.years else before

    def growth(self, visit: Scan, points: Reals) -> Reals:
        """Return the log-Jacobian, from source brain to scan, at world points ``(N, 3)``."""
        moved, growth = points, np.zeros(len(points))
        if visit.years:
            moved, growth = self.change.times(visit.years).carried(points)
        return growth + self.shape.carried(moved)[1]


def random_course(
    anatomy: Anatomy,
    subject: str,
    rates: AtrophyRates,
    *,
    seed: int,
    years: Sequence[float] = (0.0, 1.0),
    shape: float = 3.0,
    turn: float = 4.0,
    shift: float = 4.0,
    noise: Sequence[float] = (0.02,),
    gain: float = 0.15,
    shading: float = 0.0,
    spacing: float | None = None,
) -> Course:
    """Draw a person and the circumstances of every visit.

    Parameters
    ----------
    anatomy
        The source brain.
    subject
        Name of the person.
    rates
        How the brain changes.
    seed
        The same one gives the same course, bit by bit.
    years
        When the visits are, the first at 0.
    shape
        Root of the mean square of how far the person's shape differs from the source, mm.
    turn, shift
        How far the head lies from its place at the most: degrees about each axis, mm along it.
    noise
        For each visit in turn; see :class:`Scan`.
    gain
        Standard deviation of the logarithm of the gain.
    shading
        See :class:`Scan`.
    spacing
        Of the scans in mm; that of the source if None.

    Raises
    ------
    InputError
        If the first visit is not at 0, or there is none.
    """
    if not len(years) or years[0] != 0:
        raise InputError(f"years are {list(years)}; the first visit must be at 0")
    draw = np.random.default_rng(seed)
    form = _random_shape(anatomy, draw, shape)
    scan = scan_grid(anatomy, spacing, _frame(anatomy, shape, turn, shift))
    visits = tuple(
        Scan(
            name=f"{number + 1:02d}",
            years=float(when),
            pose=_random_pose(anatomy, draw, turn, shift),
            grid=scan,
            noise=noise[number % len(noise)],
            gain=float(np.exp(gain * draw.standard_normal())),
            shading=shading,
            seed=int(draw.integers(1 << 31)),
        )
        for number, when in enumerate(years)
    )
    age = round(float(draw.uniform(*_AGES)), 1)
    return Course(subject, form, atrophy_velocity(anatomy, rates), visits, rates, age)


def _frame(anatomy: Anatomy, shape: float, turn: float, shift: float) -> float:
    """How far beyond the box of the source brain a person's brain may reach, in mm."""
    inside = anatomy.points_in(anatomy.mask_of(anatomy.structures))
    centre = anatomy.grid.centre
    reach = max(float(np.linalg.norm(points - centre, axis=1).max()) for points in inside)
    return _AIR + shift + float(np.sqrt(3) * np.deg2rad(turn)) * reach + 2 * shape


def scan_grid(anatomy: Anatomy, spacing: float | None, frame: float) -> Grid:
    """Return the grid of a scan: the box of the brain and what is around it.

    Parameters
    ----------
    anatomy
        The source brain, along whose axes the scan lies.
    spacing
        Of the voxels in mm; that of the source if None.
    frame
        How far it reaches beyond the brain on every side, in mm.
    """
    inside = np.argwhere(anatomy.mask_of(anatomy.structures))
    room = [int(np.ceil(frame / s)) for s in anatomy.grid.spacing]
    start, stop = inside.min(axis=0) - room, inside.max(axis=0) + room + 1
    box = anatomy.grid.window(start.tolist(), (stop - start).tolist())
    return box if spacing is None else box.with_spacing(spacing)


def _random_shape(anatomy: Anatomy, draw: np.random.Generator, size: float) -> Flow:
    lattice = lattice_of(anatomy.grid)
    width = [_WIDTH / s for s in lattice.spacing]
    raw = draw.standard_normal((3, *lattice.shape))
    smooth = np.stack([gaussian_filter(part, width, mode="reflect") for part in raw])
    scale = size / max(float(np.sqrt((smooth**2).sum(axis=0).mean())), 1e-12)
    return Flow.of(scale * smooth, lattice)


def _random_pose(anatomy: Anatomy, draw: np.random.Generator, turn: float, shift: float) -> Matrix:
    angles, places = draw.uniform(-1, 1, 3), draw.uniform(-1, 1, 3)
    turned = about(anatomy.grid.centre, rotation((np.deg2rad(turn) * angles).tolist()))
    out: Matrix = homogeneous(np.eye(3), shift * places) @ turned
    return out
