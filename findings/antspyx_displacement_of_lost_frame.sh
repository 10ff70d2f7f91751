#!/usr/bin/env bash
# motion_correction says that a frame without signal, and the one after it, did not move.
#
# Package    antspyx 0.6.3
# Behaviour  A frame whose voxels are all alike is not registered: its entry in motion_parameters is
#            the string "NA". Its framewise displacement, FD, stays at the 0 that the array began
#            with. The next frame has nothing to be compared with and is compared with itself: its
#            FD is 0 as well, however far it moved.
# Seen       Shifts of 0, 3, (lost), 9, 9 mm, in two runs (the second and the last FD vary):
#              FD 0.0, 3.3, 0.0, 0.0, 1.0; shifts 0.0, 3.0, NA, 9.0, 9.0 mm
#              FD 0.0, 3.5, 0.0, 0.0, 0.1; shifts 0.0, 3.0, NA, 9.0, 9.0 mm
# Matters    Studies leave frames out by a threshold on FD, such as 0.5 mm. The lost frame and the
#            jump of 6 mm after it have the lowest FD of the series and are kept.
# regkit     Writes n/a for both, and names the lost frame in the output, the record and the report:
#            tests/registration/series/test_correction.py,
#            test_frames_that_go_wrong_are_said_by_number.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"${PYTHON:-python3}" -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-compile \
    numpy==2.3.5 scipy==1.15.3 antspyx==0.6.3
cd "$work"
venv/bin/python - <<'PYTHON'
import ants
import numpy as np
from scipy.ndimage import gaussian_filter, shift

noise = gaussian_filter(np.random.default_rng(0).random((24, 24, 24)), 2)
away = np.indices(noise.shape) - 11.5
head = (noise - noise.min()) * np.exp(-(((away / 8) ** 2).sum(0) ** 2))
head = (1000 * head / head.max()).astype(np.float32)


def moved(voxels):
    return shift(head, (voxels, 0, 0), order=1)


frames = [head, moved(1), np.full_like(head, 7), moved(3), moved(3)]
series = ants.from_numpy(np.stack(frames, -1), spacing=(3, 3, 3, 1))
fixed = ants.from_numpy(head, spacing=(3, 3, 3))
found = ants.motion_correction(series, fixed=fixed, random_seed=1)
shifts = [
    files if files == "NA" else f"{ants.read_transform(files[0]).parameters[9]:.1f}"
    for files in found["motion_parameters"]
]
print("FD", ", ".join(f"{value:.1f}" for value in found["FD"]), "; shifts", ", ".join(shifts), "mm")
lost = shifts[2] == "NA" and found["FD"][2] == found["FD"][3] == 0
if not (lost and abs(float(shifts[3]) - 9) < 0.3 and found["FD"][1] > 2):
    raise SystemExit("CHANGED: a lost frame no longer hides the motion that follows it")
PYTHON
