#!/usr/bin/env bash
# Greedy rounds the warp that it returns to a tenth of a voxel.
#
# Package    picsl-greedy 1.4.0.3 (read with SimpleITK 2.5.7)
# Behaviour  A deformable run without -wp stores a displacement field whose components are whole
#            multiples of 0.1 voxel, in the file and in the image handed back in memory alike. The
#            rounding is there so that the file compresses well; -wp 0 switches it off.
# Seen
#              default      27 values, smallest step 0.20000 mm, sd of the Jacobian 0.0683
#              -wp 0     20305 values, smallest step 0.00001 mm, sd of the Jacobian 0.0597
#              whole multiples of 0.2 mm: True; largest difference 0.100 mm
# Matters    The steps are 0.2 mm on a 2 mm grid. They hardly change an overlap, but the Jacobian
#            determinant is a derivative: rounding alone adds a seventh to its spread here. A judge
#            that compares tools by the smoothness of their fields blames greedy for it.
# regkit     Takes a field as its file holds it. The peers of its benchmarks are run with -wp 0:
#            tests/benchmarks/test_peers.py, test_greedy_keeps_its_warp_unrounded.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"${PYTHON:-python3}" -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-compile \
    numpy==2.3.5 SimpleITK==2.5.7 picsl-greedy==1.4.0.3
cd "$work"
venv/bin/python - <<'PYTHON'
import numpy as np
import SimpleITK as sitk
from picsl_greedy import Greedy3D

z, y, x = np.mgrid[:24, :24, :24]


def blob(centre):
    image = sitk.GetImageFromArray(
        (1000 * np.exp(-((x - centre) ** 2 + (y - 12) ** 2 + (z - 12) ** 2) / 32)).astype("f4")
    )
    image.SetSpacing((2, 2, 2))
    return image


def spread(field):
    columns = [np.stack(np.gradient(field[..., i], 2.0)[::-1], -1) for i in range(3)]
    return np.linalg.det(np.stack(columns, -2) + np.eye(3)).std()


fields = {}
for option in ("", "-wp 0"):
    command = f"-d 3 -i fixed moving -o warp.nii.gz -m SSD -n 20x10 -threads 1 -V 0 {option}"
    Greedy3D().execute(command, fixed=blob(12), moving=blob(13.8))
    field = fields[option] = sitk.GetArrayFromImage(sitk.ReadImage("warp.nii.gz"))
    values = np.unique(field.round(5))
    print(f"{option or 'default':8} {len(values):6} values, smallest step "
          f"{np.diff(values).min():.5f} mm, sd of the Jacobian {spread(field):.4f}")
steps = fields[""] / 0.2
rounded = np.abs(steps - steps.round()).max() < 1e-3
apart = np.abs(fields[""] - fields["-wp 0"]).max()
print(f"whole multiples of 0.2 mm: {rounded}; largest difference {apart:.3f} mm")
if not (rounded and 0.05 < apart < 0.11):
    raise SystemExit("CHANGED: the default warp is no longer rounded to 0.1 voxel")
PYTHON
