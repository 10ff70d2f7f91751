#!/usr/bin/env bash
# SimpleITK inverts the stored values of a MONOCHROME1 CT before it makes Hounsfield units of them.
#
# Package    SimpleITK 2.5.7, beside dcm2niix 1.0.20260724 (the CT of pydicom 3.0.2)
# Behaviour  One CT slice, once as MONOCHROME2 and once as MONOCHROME1, nothing else changed: dcm2niix
#            gives the same Hounsfield units. SimpleITK subtracts each stored value from the largest
#            or from -1, as the type has it, and then applies slope and intercept to the rest.
# Seen
#              MONOCHROME2: SimpleITK -896 to 1167, dcm2niix -896 to 1167
#              MONOCHROME1: SimpleITK -3216 to -1153, dcm2niix -896 to 1167
# Matters    The photometric interpretation says which end a display shows white (PS3.3 C.7.6.3.1.2);
#            the Modality LUT takes stored values as they are. Bone ends below air at numbers that no
#            tissue has, and every window, threshold and dose calibration misses.
# regkit     Leaves values as they are: tests/io/dicom/test_judges.py,
#            test_monochrome1_keeps_its_values.
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
import numpy as np
import pydicom
import SimpleITK as sitk
from pydicom.data import get_testdata_file

data, seen = pydicom.dcmread(get_testdata_file("CT_small.dcm")), {}
for kind in ("MONOCHROME2", "MONOCHROME1"):
    Path(kind).mkdir()
    data.PhotometricInterpretation = kind
    data.save_as(f"{kind}/slice.dcm")
    one = sitk.GetArrayFromImage(sitk.ReadImage(f"{kind}/slice.dcm"))
    words = [dcm2niix.bin, "-z", "n", "-b", "n", "-f", "out", "-o", kind, kind]
    subprocess.run(words, check=True, capture_output=True)
    other = np.asarray(nibabel.load(f"{kind}/out.nii").dataobj)
    seen[kind] = [(int(a.min()), int(a.max())) for a in (one, other)]
    print(f"{kind}: SimpleITK {one.min():.0f} to {one.max():.0f}, "
          f"dcm2niix {other.min():.0f} to {other.max():.0f}")
same = seen["MONOCHROME1"][1] == seen["MONOCHROME2"][1] == seen["MONOCHROME2"][0]
if not same or seen["MONOCHROME1"][0] == seen["MONOCHROME2"][0]:
    raise SystemExit("CHANGED: the readers treat MONOCHROME1 in another way")
PYTHON
