#!/usr/bin/env bash
# PyTorch repeats the first row of an image of one column where it is resized with antialias.
#
# Package    torch 2.13.0 (CPU), beside Pillow 13.0.0
# Behaviour  `interpolate(antialias=True)` of rows x 1 gives every row of the result the value of the
#            first one, for bilinear and bicubic, smaller and larger, in single and double precision.
#            With two columns, with one row, and without antialias the result is right.
# Seen
#              8x1 to 4x1: torch 1.71 1.71 1.71 1.71, Pillow 1.71 3.50 5.50 7.29
#              8x2 to 4x2: torch 1.71 3.50 5.50 7.29, Pillow 1.71 3.50 5.50 7.29
#              8x1 to 4x1 without antialias: torch 1.50 3.50 5.50 7.50
# Matters    Antialias takes 2-D images alone, so that volumes are resized axis by axis, with the
#            other axes folded into one: of a volume of one slice, or at the last axis, one column is
#            left. Line profiles, spectra and series of one voxel become constant, without a word.
# regkit     Puts the axis that changes last, where one row is left: tests/probes/reliance/
#            test_data.py, test_arrays_and_volumes_take_a_size_too.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"${PYTHON:-python3}" -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-compile \
    numpy==2.3.5 torch==2.13.0 pillow==13.0.0
cd "$work"
venv/bin/python - <<'PYTHON'
import numpy as np
import torch
from PIL import Image
from torch.nn.functional import interpolate

line = np.arange(1, 9, dtype=np.float32)
seen = {}
for columns, antialias in ((1, True), (2, True), (1, False)):
    image = np.repeat(line[:, None], columns, axis=1)
    found = interpolate(
        torch.from_numpy(image)[None, None], (4, columns), mode="bilinear", antialias=antialias
    )[0, 0, :, 0].numpy()
    text = " ".join(f"{value:.2f}" for value in found)
    told = f"8x{columns} to 4x{columns}{'' if antialias else ' without antialias'}: torch {text}"
    if antialias:
        peer = np.array(Image.fromarray(image).resize((columns, 4), Image.Resampling.BILINEAR))
        told += ", Pillow " + " ".join(f"{value:.2f}" for value in peer[:, 0])
        seen[columns] = bool(np.allclose(found, peer[:, 0], atol=1e-4))
    print(told)
if seen != {1: False, 2: True}:
    raise SystemExit("CHANGED: images of one column are resized in another way")
PYTHON
