#!/usr/bin/env bash
# Coefficients of FNIRT are read along the axes of the file of the reference, not along FSL's.
#
# Package    fslpy 3.29.1
# Behaviour  FSL turns the first axis of a right-handed image (positive determinant, such as RAS)
#            round when it reads it, and reads a coefficient file raw (read_orig_volume4D in its
#            fnirt_file_reader.cpp): coefficients run along FSL's own x. fslpy indexes them by the
#            voxels of the reference as they are stored. So one coefficient file is two transforms
#            for one reference image, by the way in which its voxels are stored; for displacement
#            fields and FLIRT matrices, which lie in FSL's coordinates, it makes no difference.
# Seen
#            same FSL coordinates of 200 world points, stored LAS and RAS: True
#            fslpy moves them apart by up to 5.4 mm, with displacements of at most 5.5 mm
#            the mirrored coefficients of the RAS image are those of the LAS image: True
#            FSL itself was not run; what it does is said by its source.
# Matters    FSL's own templates are LAS, where both agree. A reference that another program stored
#            as RAS gets a mirrored warp, which is smooth and looks like a poor registration, not
#            like a fault.
# regkit     Reads them along FSL's axes: tests/io/transform_formats/test_control_points.py,
#            test_coefficients_lie_along_the_axes_of_fsl.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"${PYTHON:-python3}" -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-compile \
    fslpy==3.29.1 numpy==2.3.5 nibabel==5.4.2 scipy==1.15.3
cd "$work"
venv/bin/python -W ignore - <<'PYTHON'
import nibabel as nib
import numpy as np
from fsl.data.image import Image
from fsl.transform.affine import transform
from fsl.transform.nonlinear import CoefficientField

shape, knots = (31, 31, 31), (5, 5, 5)  # knots lie alike from both ends
las = np.array([[-2.0, 0, 0, 30], [0, 2, 0, -30], [0, 0, 2, -30], [0, 0, 0, 1]])
turned = np.diag([-1.0, 1, 1, 1])
turned[0, 3] = shape[0] - 1
rng = np.random.default_rng(0)
size = [-(-(n + 1) // k) + 2 for n, k in zip(shape, knots)]
values = rng.normal(0, 4, (*size, 3)).astype("f4")
voxels = rng.integers(4, 24, (200, 3))
world = voxels @ las[:3, :3].T + las[:3, 3]


def image(affine):
    return Image(nib.Nifti1Image(np.zeros(shape, "f4"), affine))


def moved(values, affine):
    field = CoefficientField(values, image(las), image(affine), srcSpace="fsl", refSpace="fsl",
                             knotSpacing=knots, fieldToRefMat=np.diag([*knots, 1.0]),
                             header=nib.Nifti1Header())
    return field.transform(world, from_="world", to="world")


ras = las @ turned
same = [transform(world, image(each).getAffine("world", "fsl")) for each in (las, ras)]
left, right = moved(values, las), moved(values, ras)
apart = np.linalg.norm(left - right, axis=1).max()
print("same FSL coordinates of 200 world points, stored LAS and RAS:", np.allclose(*same))
print(f"fslpy moves them apart by up to {apart:.1f} mm, with displacements of at most "
      f"{np.linalg.norm(left - world, axis=1).max():.1f} mm")
agree = np.allclose(moved(values[::-1].copy(), ras), left, atol=1e-4)
print("the mirrored coefficients of the RAS image are those of the LAS image:", agree)
if not (np.allclose(*same) and apart > 1 and agree):
    raise SystemExit("CHANGED: fslpy reads coefficients of a right-handed reference as FSL does")
PYTHON
