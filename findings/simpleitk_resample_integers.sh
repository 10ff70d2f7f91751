#!/usr/bin/env bash
# SimpleITK's Resample cuts integers towards zero instead of rounding them.
#
# Package    SimpleITK 2.5.7
# Behaviour  Linear interpolation of an integer image is computed in floating point and then cast:
#            positive voxels lose half a unit on average, negative ones gain half a unit.
# Seen
#              sign +1: mean of int16 minus float -0.500; 100% of voxels are the exact value cut towards zero
#              sign -1: mean of int16 minus float +0.500; 100% of voxels are the exact value cut towards zero
# Matters    Half a Hounsfield unit is little, but a count image, a map scaled to 0..10 or a
#            probability in per cent shrinks by half a unit with every resampling, always in the
#            same direction, so that averaging over voxels or patients does not remove it. SciPy's
#            ndimage and nibabel's resample_from_to round, so two pipelines differ by 0.5.
# regkit     Interpolates in floating point and rounds to the type of the image:
#            tests/test_resample.py, test_integers_are_rounded_where_simpleitk_cuts_them.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"${PYTHON:-python3}" -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-compile \
    numpy==2.3.5 SimpleITK==2.5.7
cd "$work"
venv/bin/python - <<'PYTHON'
import numpy as np
import SimpleITK as sitk

values = np.random.default_rng(0).integers(0, 100, (24, 24, 24)).astype(np.int16)
shift = sitk.TranslationTransform(3, (0.3, 0.4, 0.2))


def inside(image):
    moved = sitk.Resample(image, image, shift, sitk.sitkLinear, 0.0)
    return sitk.GetArrayFromImage(moved)[1:-1, 1:-1, 1:-1].astype(float)


biases = []
for sign in (1, -1):
    image = sitk.GetImageFromArray(sign * values)
    exact, stored = inside(sitk.Cast(image, sitk.sitkFloat64)), inside(image)
    biases.append((stored - exact).mean())
    # What lies within rounding of a whole number may fall either way.
    clear = np.abs(exact - exact.round()) > 1e-6
    cut = (stored == np.trunc(exact))[clear].mean()
    print(f"sign {sign:+d}: mean of int16 minus float {biases[-1]:+.3f}; "
          f"{cut:.0%} of voxels are the exact value cut towards zero")
if not (-0.55 < biases[0] < -0.45 and 0.45 < biases[1] < 0.55):
    raise SystemExit("CHANGED: integers are no longer cut towards zero")
PYTHON
