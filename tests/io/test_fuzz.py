"""Whatever a damaged file does, it ends in one sentence or in an image; never in a crash."""

from functools import partial

import nibabel as nib
import numpy as np
import pytest
import torch
from PIL import Image

from regkit import Affine, Grid, InputError, Volume, read, read_transform, write_transform
from regkit.io import save

CASES = 120


def damaged(content, random):
    out = bytearray(content)
    for _ in range(random.integers(1, 4)):
        kind, at = random.integers(4), int(random.integers(min(len(out), 500)))
        if kind == 0:
            out[at] = int(random.integers(256))
        elif kind == 1:
            out[at] ^= 1 << int(random.integers(8))
        elif kind == 2:
            out = out[: max(1, int(random.integers(len(out))))]
        else:
            out[at:at] = out[: int(random.integers(60))]
    return bytes(out)


def refusal(load, path):
    try:
        load(path)
    except InputError as error:
        return [str(error)]
    return []


IMAGES = ["a.nii", "a.nii.gz", "a.nrrd", "a.mha", "a.mgh", "a.mgz"]
PICTURES = ["a.png", "a.jpg", "a.tif", "a.npy", "a.hdr"]


def picture(path):
    data = np.arange(30, dtype=np.uint8).reshape(5, 6)
    if path.suffix == ".npy":
        np.save(path, data)
    elif path.suffix == ".hdr":
        nib.AnalyzeImage(data[..., None], np.eye(4)).to_filename(path)
    else:
        Image.fromarray(data).save(path)


def voxels(path, **choices):
    return read(path, **choices).load()


@pytest.mark.parametrize("name", [*IMAGES, *PICTURES, "a.tfm", "a.mat", "a.h5"])
def test_damaged_files(name, tmp_path):
    path, random = tmp_path / name, np.random.default_rng(7)
    if name.endswith((".tfm", ".mat", ".h5")):
        write_transform(Affine.identity(), path)
        load = read_transform
    elif name in PICTURES:
        picture(path)
        load = partial(voxels, assume_ras=True)
    else:
        save(Volume(torch.arange(120.0).reshape(4, 5, 6), Grid((4, 5, 6), np.eye(4))), path)
        load = voxels
    whole = path.read_bytes()
    messages = []
    for _ in range(CASES):
        path.write_bytes(damaged(whole, random))
        messages += refusal(load, path)
    assert all("\n" not in message and name in message for message in messages)
    beside = {"a.img"} if name == "a.hdr" else set()
    assert {found.name for found in tmp_path.iterdir()} == {name} | beside


BOTH = {"fixed": Grid((4, 5, 6), np.eye(4)), "moving": Grid((4, 5, 6), np.eye(4))}


@pytest.mark.parametrize(
    ("name", "program"),
    [("a.mat", "fsl"), ("a.1D", "afni"), ("a.dat", None), ("a.mat", "spm"), ("a.lta", None),
     ("a.xfm", None), ("a.x5", None), ("a.txt", "elastix"), ("a.nii", "fsl"), ("a.nii.gz", "afni")],
)  # fmt: skip
def test_damaged_transforms_of_other_programs(name, program, tmp_path):
    path, random = tmp_path / name, np.random.default_rng(7)
    write_transform(Affine.identity(), path, program=program, **BOTH)
    whole, messages = path.read_bytes(), []
    for _ in range(CASES):
        path.write_bytes(damaged(whole, random))
        messages += refusal(partial(read_transform, program=program, **BOTH), path)
    assert all("\n" not in message and name in message for message in messages)
    assert {found.name for found in tmp_path.iterdir()} == {name}
