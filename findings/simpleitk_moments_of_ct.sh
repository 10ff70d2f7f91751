#!/usr/bin/env bash
# CenteredTransformInitializer with MOMENTS moves a CT the wrong way.
#
# Package    SimpleITK 2.5.7
# Behaviour  The moments are those of the intensities as they are. In Hounsfield units the air is
#            -1000 and the body near 40: the air is the mass, and the body a hole in it. The centre
#            of mass then moves away from the body, and by a small part of the distance.
# Seen       A ball of 40 in -1000, moved by +24 mm along x:
#              true shift +24.00 mm; MOMENTS -1.72 mm; with 1000 added +24.00 mm
# Matters    No error, no warning, and a start that looks plausible (a shift of about a millimetre)
#            but has the wrong sign: a local optimiser then starts farther away than without it.
#            The same code is right on MR, where air is 0.
# regkit     Takes the centres of mass of the two bodies, not of the intensities:
#            tests/registration/test_start.py, test_moments_are_those_of_the_body_in_ct.
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

z, y, x = np.mgrid[:32, :32, :32]


def ball(centre):
    values = np.full(x.shape, -1000, np.float32)
    values[(x - centre) ** 2 + (y - 15) ** 2 + (z - 15) ** 2 < 8**2] = 40
    image = sitk.GetImageFromArray(values)
    image.SetSpacing((4, 4, 4))
    return image


def shift(fixed, moving):
    start = sitk.CenteredTransformInitializer(
        fixed, moving, sitk.Euler3DTransform(), sitk.CenteredTransformInitializerFilter.MOMENTS
    )
    return sitk.Euler3DTransform(start).GetTranslation()[0]


fixed, moving = ball(15), ball(21)
found = shift(fixed, moving)
lifted = shift(sitk.ShiftScale(fixed, 1000), sitk.ShiftScale(moving, 1000))
print(f"true shift +24.00 mm; MOMENTS {found:+.2f} mm; with 1000 added {lifted:+.2f} mm")
if not (found < 0 and abs(lifted - 24) < 0.01):
    raise SystemExit("CHANGED: MOMENTS no longer points away from the body")
PYTHON
