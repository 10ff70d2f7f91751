"""A smooth field through the patches of matched windows, as stiff as these ask for."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import reduce
from operator import add

import numpy as np
from scipy.special import expit

from regkit.registration.scenes.equations import FieldEquations, FittedField, freedom
from regkit.registration.scenes.fields import Functions, ShiftPlane, ShiftSplines
from regkit.registration.scenes.patches import WindowPatches
from regkit.registration.scenes.ties import TiePoints
from regkit.registration.scenes.windows import Floats

_STIFFNESS = (1e-3, 1e-2, 1e-1, 1.0, 10.0, 100.0, 1e3, 1e4)
_BESIDE = (10**-0.5, 10**0.5)
_RIGID = float("inf")
_CAUTION = 1.4  # times the freedom of a field: Kim and Gu, JRSS B 2004
_FOLDS = 4
_UNLIKELY = 0.01
_EXACT = 1e-12  # of a number: what is left of images that are the same


@dataclass(frozen=True, eq=False)
class Surface:
    """A field of shifts in pixels.

    Parameters
    ----------
    functions
        Of which each component is a sum.
    coefficients
        Of these sums, ``(K, 2)``.
    freedom
        How many numbers it could choose: ``2 K``, fewer where bending costs.
    stiffness
        What bending costs, as a share of what the patches say; infinite for what cannot bend.
    """

    functions: Functions
    coefficients: Floats
    freedom: float
    stiffness: float

    def __call__(self, index: Floats) -> Floats:
        """Evaluate at points ``(N, 2)``, in pixels: ``(N, 2)``."""
        found: Floats = self.functions.rows(index) @ self.coefficients
        return found

    def misfit(self, patches: WindowPatches) -> float:
        """What it leaves of patches."""
        return patches.misfit(self(patches.index.reshape(-1, 2)).reshape(patches.index.shape))


def fit_plane(patches: WindowPatches, shape: tuple[int, ...], *, sloped: bool) -> Surface:
    """Fit an affine or a translation.

    Parameters
    ----------
    patches
        In pixels of an image.
    shape
        Of the image.
    sloped
        Whether it may be an affine.
    """
    plane = ShiftPlane(shape, sloped)
    fitted = _equations(plane, patches).fitted(None, _RIGID)
    return Surface(plane, fitted.coefficients, fitted.coefficients.size, _RIGID)


def fit_surface(patches: WindowPatches, shape: tuple[int, ...], step: float) -> Surface:
    """Fit a translation, an affine or splines, whichever the patches prove.

    More freedom is believed if it lessens what is left by more than chance does (Schwarz, Annals
    of Statistics 1978); a translation and an affine that are nearly as likely are mixed. How stiff
    splines are is chosen by generalised cross-validation (Craven and Wahba, Numerische Mathematik
    1979).

    Parameters
    ----------
    patches
        In pixels of an image.
    shape
        Of the image.
    step
        Pixels from knot to knot of the splines.

    Raises
    ------
    RuntimeError
        If the patches determine no surface.
    """
    still, sloped = (fit_plane(patches, shape, sloped=each) for each in (False, True))
    splines = _fit_splines(patches, ShiftSplines(shape, step))
    doubts = [_doubt(each, patches) for each in (still, sloped, splines)]
    if doubts[2] == min(doubts):
        return splines
    # The odds of an affine (Schwarz): where patches cannot tell, little noise would decide.
    share = float(expit((doubts[0] - doubts[1]) / 2))
    return still if share < _UNLIKELY else _between(still, sloped, share)


def left_out(surface: Surface, kept: TiePoints, patches: WindowPatches) -> Floats:
    """Tell how far tie points are off a surface like this one that does not know them, in pixels.

    Parameters
    ----------
    surface
        Its functions and its stiffness are kept.
    kept
        Tie points, which are left out in turn, a fourth at a time.
    patches
        Of their windows.
    """
    functions, off = surface.functions, np.zeros(len(kept))
    groups = np.array_split(np.random.default_rng(0).permutation(len(kept)), _FOLDS)
    parts = [_equations(functions, patches.of_windows(each)) for each in groups]
    whole = reduce(add, parts)
    for group, part in zip(groups, parts, strict=True):
        if 0 < len(group) < len(kept):
            without = (whole - part).fitted(functions.bending, surface.stiffness)
            shift = functions.rows(kept.index[group]) @ without.coefficients
            off[group] = np.linalg.norm(shift - kept.shift[group], axis=1)
    return off


def _between(still: Surface, sloped: Surface, share: float) -> Surface:
    """The mean of a translation and an affine that has a share in it."""
    constant = np.zeros_like(sloped.coefficients)
    constant[0] = still.coefficients[0]
    mixed = share * sloped.coefficients + (1 - share) * constant
    return replace(sloped, coefficients=mixed)


def _fit_splines(patches: WindowPatches, splines: ShiftSplines) -> Surface:
    """The stiffness of least risk: the nearest power of ten, and half of one beside."""
    equations = _equations(splines, patches)
    fitted = [equations.fitted(splines.bending, each) for each in _STIFFNESS]
    free = freedom([each.volume for each in fitted], _STIFFNESS, len(equations.right))

    def surface(found: FittedField, stiffness: float) -> Surface:
        return Surface(splines, found.coefficients, free(stiffness), stiffness)

    def risk(one: Surface) -> float:
        return _risk(one, patches)

    best = min(map(surface, fitted, _STIFFNESS), key=risk)
    beside = np.clip([best.stiffness * each for each in _BESIDE], _STIFFNESS[0], _STIFFNESS[-1])
    more = [surface(equations.fitted(splines.bending, each), each) for each in beside.tolist()]
    return min([best, *more], key=risk)


def _risk(surface: Surface, patches: WindowPatches) -> float:
    """What is to be expected of patches that it does not know."""
    bound = 1 - _CAUTION * surface.freedom / patches.count
    return surface.misfit(patches) / bound**2 if bound > 0 else float("inf")


def _doubt(surface: Surface, patches: WindowPatches) -> float:
    """What is left, and what freedom costs."""
    count = max(patches.count, 1.0)
    left = max(surface.misfit(patches), _EXACT * count)
    return float(count * np.log(left) + surface.freedom * np.log(count))


def _equations(functions: Functions, patches: WindowPatches) -> FieldEquations:
    return FieldEquations.of(functions.rows(patches.index.reshape(-1, 2)), patches)
