#!/usr/bin/env bash
# SimpleITK takes the printing density of a JPEG for millimetres, and that of a PNG not.
#
# Package    SimpleITK 2.5.7 (files written by Pillow 13.0.0)
# Behaviour  The same pixels with the same density: as JPEG and TIFF the spacing is 25.4 / dpi mm,
#            as PNG it is 1. A PNG that SimpleITK writes carries its spacing all the same, in a
#            chunk where Pillow finds no density.
# Seen
#              jpg of 72 dpi: spacing 0.3528
#              tif of 72 dpi: spacing 0.3528
#              png of 72 dpi: spacing 1.0000
#              png by SimpleITK: spacing 0.7000 x 0.3000, density for Pillow None
# Matters    A density such as 72 dpi says how large to print a picture, and nothing about the
#            scene. A photograph or a histological slide saved as JPEG and registered with one
#            saved as PNG starts with a scale of 2.83 that no pixel has, and all lengths in the
#            transform carry it.
# regkit     Takes PNG and JPEG for pixels, whatever their density says:
#            tests/io/test_other_formats.py, test_density_of_a_photograph_is_no_spacing.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"${PYTHON:-python3}" -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-compile \
    numpy==2.3.5 SimpleITK==2.5.7 pillow==13.0.0
cd "$work"
venv/bin/python - <<'PYTHON'
import numpy as np
import SimpleITK as sitk
from PIL import Image

picture = Image.fromarray(np.arange(600, dtype=np.uint32).astype(np.uint8).reshape(20, 30))
spacing = {}
for suffix in ("jpg", "tif", "png"):
    picture.save(f"a.{suffix}", dpi=(72, 72))
    spacing[suffix] = sitk.ReadImage(f"a.{suffix}").GetSpacing()[0]
    print(f"{suffix} of 72 dpi: spacing {spacing[suffix]:.4f}")
image = sitk.GetImageFromArray(np.asarray(picture))
image.SetSpacing((0.7, 0.3))
sitk.WriteImage(image, "b.png")
again = sitk.ReadImage("b.png").GetSpacing()
print(f"png by SimpleITK: spacing {again[0]:.4f} x {again[1]:.4f}, "
      f"density for Pillow {Image.open('b.png').info.get('dpi')}")
if not (abs(spacing["jpg"] - 25.4 / 72) < 1e-3 and spacing["png"] == 1):
    raise SystemExit("CHANGED: JPEG and PNG of one density have other spacings")
PYTHON
