#!/usr/bin/env bash
# SimpleITK gives a single DICOM slice a thickness of 1 mm, whatever its SliceThickness says.
#
# Package    SimpleITK 2.5.7, beside dcm2niix 1.0.20260724 (slices of pydicom 3.0.2)
# Behaviour  Of one slice there is no step between positions. dcm2niix takes SliceThickness;
#            SimpleITK takes SpacingBetweenSlices, an optional tag, and where that is missing 1 mm.
# Seen
#              CT: SliceThickness 5, SpacingBetweenSlices 5: SimpleITK 5, dcm2niix 5
#              CT: SliceThickness 5, no SpacingBetweenSlices: SimpleITK 1, dcm2niix 5
#              MR: SliceThickness 0.8, no SpacingBetweenSlices: SimpleITK 1, dcm2niix 0.8
# Matters    The volume of a lesion or of a muscle that is outlined on one slice, as in the CT of the
#            third lumbar vertebra, is wrong by the thickness, five times here, and no line says so.
# regkit     Takes SpacingBetweenSlices, else SliceThickness, else refuses without --spacing:
#            tests/io/dicom/test_series.py, test_a_single_slice_has_its_thickness.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"${PYTHON:-python3}" -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-compile \
    numpy==2.3.5 SimpleITK==2.5.7 pydicom==3.0.2 dcm2niix==1.0.20260724 nibabel==5.4.2
cd "$work"
venv/bin/python - <<'PYTHON'
import subprocess
from pathlib import Path

import dcm2niix
import nibabel
import pydicom
import SimpleITK as sitk
from pydicom.data import get_testdata_file

seen = []
for number, (name, bare) in enumerate((("CT", False), ("CT", True), ("MR", False))):
    data = pydicom.dcmread(get_testdata_file(f"{name}_small.dcm"))
    if bare:
        del data.SpacingBetweenSlices
    folder = Path(str(number))
    folder.mkdir()
    data.save_as(folder / "slice.dcm")
    words = [dcm2niix.bin, "-z", "n", "-b", "n", "-f", "out", "-o", str(folder), str(folder)]
    subprocess.run(words, check=True, capture_output=True)
    one = sitk.ReadImage(str(folder / "slice.dcm")).GetSpacing()[2]
    other = float(nibabel.load(folder / "out.nii").header.get_zooms()[2])
    between = data.get("SpacingBetweenSlices")
    told = f"SpacingBetweenSlices {between:g}" if between else "no SpacingBetweenSlices"
    print(f"{name}: SliceThickness {data.SliceThickness:g}, {told}: SimpleITK {one:g}, "
          f"dcm2niix {other:g}")
    seen.append((one, round(other, 3)))
if seen != [(5.0, 5.0), (1.0, 5.0), (1.0, 0.8)]:
    raise SystemExit("CHANGED: a single slice has another thickness")
PYTHON
