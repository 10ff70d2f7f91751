"""Rows 46 to 51 and 56 to 58: masks, labels, transforms, tables, weights, devices, settings."""

from __future__ import annotations

import base64
import gzip
import json
import pickle
from pathlib import Path

import h5py
import numpy as np
import torch
from safetensors.torch import save_file

from regkit import Affine, DisplacementField, Grid, read, write_transform
from tests.bad_inputs.case import (
    CONFIG,
    IMPORT,
    LABELS,
    MASK,
    MODEL,
    TABLE,
    TRANSFORM,
    WORDS,
    Case,
    NotYet,
)
from tests.bad_inputs.images import written, wrong

VECTORS = np.zeros((8, 9, 10, 3), np.float32)
RECORDED = Path(__file__).parents[1] / "io" / "transform_formats"
XFM = "MNI Transform File\nTransform_Type = "
TFM = b"#Insight Transform File V1.0\n#Transform 0\nTransform: AffineTransform_double_3_3\n"


def text(name, content):
    return written(name, content.encode())


def empty_mask(place):
    mask = read(place.mask)
    return mask.with_data(0 * mask.data).save(place.inputs / "mask.nii")


def tfm(*parameters):
    values = " ".join(map(str, parameters)).encode()
    return written("a.tfm", TFM + b"Parameters: " + values + b"\nFixedParameters: 0 0 0\n")


def linked(place):
    """A transform whose numbers are in another file, outside its folder."""
    path = write_transform(Affine.identity(), place.inputs / "a.h5")
    with h5py.File(path, "a") as file:
        group = file["TransformGroup/1"]
        del group["TransformParameters"]
        group["TransformParameters"] = h5py.ExternalLink("../canary.h5", "/secret")
    return path


def hdf5(change):
    def make(place):
        path = write_transform(Affine.identity(), place.inputs / "a.h5")
        with h5py.File(path, "a") as file:
            change(file)
        return path

    return make


def flat(place):
    return write_transform(Affine.identity(2), place.inputs / "flat.h5")


def nan_field(place):
    grid = Grid((8, 9, 10), np.eye(4))
    u = torch.zeros(3, 8, 9, 10)
    path = write_transform(DisplacementField(u, grid), place.inputs / "u.nii")
    content = bytearray(path.read_bytes())
    content[-4:] = np.array([np.nan], "<f4").tobytes()
    path.write_bytes(content)
    return path


def x5(change):
    """A field in X5 after a change."""

    def make(place):
        field = DisplacementField(torch.zeros(3, 8, 9, 10), Grid((8, 9, 10), np.eye(4)))
        path = write_transform(field, place.inputs / "a.x5")
        with h5py.File(path, "a") as file:
            change(file["TransformGroup/0"])
        return path

    return make


def vectors_elsewhere(group):
    del group["Transform"]
    group["Transform"] = h5py.ExternalLink("../canary.h5", "/secret")


def cut_warp(place):
    """A warp of FreeSurfer of which only the header is left."""
    recorded = RECORDED / "freesurfer.json"
    whole = gzip.decompress(base64.b64decode(json.loads(recorded.read_text())["abs_crs"]))
    (place.inputs / "w.mgh").write_bytes(whole[:300])
    return place.inputs / "w.mgh"


class Evil:
    """What a stranger would have run."""

    def __reduce__(self):
        return Path.touch, (Path("canary"),)


def pickled(place):
    path = place.inputs / "evil.pt"
    torch.save({"a": Evil()}, path)
    return path


def bare_pickle(place):
    path = place.inputs / "evil.trch"
    path.write_bytes(pickle.dumps(Evil()))
    return path


def other_keys(place):
    path = place.inputs / "other.safetensors"
    save_file({"layer": torch.zeros(2)}, path)
    return path


def cut_weights(place):
    path = other_keys(place)
    path.write_bytes(path.read_bytes()[:-6])
    return path


def with_device(name):
    return lambda place: [*place.run, "--device", name]


CASES = [
    Case(46, "other grid", wrong("mask.nii"), ("lies on", "resample the mask"), MASK),
    Case(46, "empty", empty_mask, ("no voxel above 0",), MASK),
    Case(
        46,
        "NaN",
        wrong("mask.nii", data=np.full((8, 9, 10), np.nan, np.float32)),
        ("720 of 720 voxels", "--nan 0"),
        MASK,
    ),
    Case(
        47,
        "halves",
        wrong("labels.nii", data=np.full((8, 9, 10), 1.5, np.float32)),
        ("720 voxels", "1.5", "must be whole"),
        LABELS,
    ),
    Case(48, "columns", text("p.csv", "a,b\n1,2\n"), ("line 1", "x,y,z"), TABLE),
    Case(48, "NaN", text("p.csv", "x,y,z\n1,2,3\n1,nan,3\n"), ("line 3", "'nan'"), TABLE),
    Case(48, "word", text("p.csv", "x,y,z\n1,two,3\n"), ("line 2", "'two'"), TABLE),
    Case(48, "short line", text("p.csv", "x,y,z\n1,2\n"), ("line 2", "2 columns"), TABLE),
    Case(48, "LPS", text("p.csv", "x_lps,y_lps,z_lps\n1,2,3\n"), ("line 1", "Negate"), TABLE),
    Case(48, "2-D", text("p.csv", "x,y\n1,2\n"), ("2-D", "3-D"), TABLE),
    Case(48, "no point", text("p.csv", "x,y,z\n"), ("holds no point",), TABLE),
    Case(48, "missing", lambda p: p.inputs / "no.csv", ("not found",), TABLE),
    Case(49, "singular", tfm(*[0] * 9, 1, 2, 3), ("a.tfm", "singular"), TRANSFORM),
    Case(49, "not finite", tfm("nan", *[0] * 11), ("a.tfm",), TRANSFORM),
    Case(49, "3x3", flat, ("2-D", "3-D"), ("init",)),
    Case(49, "3x3", flat, ("3", "2"), ("apply transform", "points transform")),
    Case(49, "LTA", text("a.lta", "type = 1\n"), ("of an LTA", "it is cut"), TRANSFORM),
    Case(
        49,
        "bare matrix",
        text("a.mat", "1 0 0 0\n0 1 0 0\n0 0 1 0\n0 0 0 1\n"),
        ("fsl, greedy, niftyreg", "--from fsl"),
        TRANSFORM,
    ),
    Case(
        49,
        "elastix",
        text("a.txt", '(Transform "AffineTransform")\n'),
        ("lacks UseDirectionCosines", "cut"),
        TRANSFORM,
    ),
    Case(49, "too few", tfm(*[1] * 11), ("needs 12 parameters", "found 11 and 3"), TRANSFORM),
    Case(49, "text cut", written("a.tfm", TFM + b"Parameters: 1 0"), ("file is cut",), TRANSFORM),
    Case(
        49,
        "FNIRT",
        wrong("u.nii", data=VECTORS, intent_code=2006),
        ("a field of FSL", "--moving IMAGE"),
        TRANSFORM,
    ),
    Case(
        49,
        "NiftyReg",
        wrong(
            "u.nii",
            data=VECTORS[..., None, :],
            intent_code=1007,
            intent_name=b"NREG_TRANS",
            intent_p1=3,
        ),
        ("a velocity field", "NiftyReg", "reg_transform"),
        TRANSFORM,
    ),
    Case(
        49,
        "few control points",
        wrong(
            "u.nii",
            data=VECTORS[:3, :, :, None],
            intent_code=1007,
            intent_name=b"NREG_TRANS",
            intent_p1=2,
        ),
        ("u.nii", "3x9x10 control points", "4 along each axis"),
        TRANSFORM,
    ),
    Case(
        49,
        "FNIRT coefficients",
        wrong("u.nii", data=VECTORS, intent_code=2007),
        ("a coefficient file of FSL", "--fixed IMAGE"),
        TRANSFORM,
    ),
    Case(
        49,
        "TOPUP coefficients",
        wrong("u.nii", data=VECTORS, intent_code=2016),
        ("TOPUP", "a shift in Hz", "applytopup"),
        TRANSFORM,
    ),
    Case(
        49,
        "xfm of elsewhere",
        text("a.xfm", f"{XFM}Grid_Transform;\nDisplacement_Volume = ../../etc/secret.mnc;\n"),
        ("'secret.mnc', which is not beside it", "copy it there"),
        TRANSFORM,
    ),
    Case(49, "xfm cut", text("a.xfm", f"{XFM}Grid_Transform"), ("a.xfm", "it is cut"), TRANSFORM),
    Case(49, "warp cut", cut_warp, ("w.mgh", "cut"), TRANSFORM),
    Case(49, "m3z", written("a.m3z", b"\x1f\x8b"), ("a.m3z", "mri_warp_convert"), TRANSFORM),
    Case(
        49,
        "X5 of elsewhere",
        x5(vectors_elsewhere),
        ("link to elsewhere", "refused"),
        TRANSFORM,
    ),
    Case(
        49,
        "X5 surface",
        x5(lambda group: group.attrs.__setitem__("SubType", "mesh")),
        ("of type nonlinear mesh", "densefield"),
        TRANSFORM,
    ),
    Case(49, "NaN field", nan_field, ("u.nii", "1 of 2160"), TRANSFORM),
    Case(49, "an image", lambda p: p.fixed, ("fixed.nii", "not a displacement"), TRANSFORM),
    Case(49, "cut", lambda p: cut(p), ("a.h5",), TRANSFORM),
    Case(49, "missing", lambda p: p.inputs / "no.h5", ("no.h5",), TRANSFORM),
    Case(51, "link", linked, ("link to elsewhere", "refused"), TRANSFORM),
    Case(
        51, "no group", hdf5(lambda f: f.pop("TransformGroup")), ("no TransformGroup",), TRANSFORM
    ),
    Case(51, "not ITK's", written("a.h5", b"text" * 99), ("not an HDF5 file",), TRANSFORM),
    Case(56, "not here", lambda _: Path("multigradicon"), ("weights fetch",), MODEL),
    Case(56, "no file", lambda p: p.inputs / "no.trch", ("no such file",), (*MODEL, *IMPORT)),
    Case(56, "pickle", pickled, ("evil.pt", "more than tensors"), IMPORT),
    Case(56, "bare pickle", bare_pickle, ("evil.trch",), IMPORT),
    Case(56, "cut", cut_weights, ("other.safetensors", "cut short"), IMPORT),
    Case(56, "other keys", other_keys, ("other.safetensors",), IMPORT),
    Case(57, "no GPU", with_device("cuda:9"), ("'cuda:9'", "here: cpu"), WORDS),
    Case(57, "no Apple", with_device("mps"), ("'mps'", "here: cpu"), WORDS),
    Case(57, "no such", with_device("tpu"), ("device", "'tpu'", "auto"), WORDS),
    Case(58, "key", text("s.yaml", "similarty: mse\n"), ("s.yaml", "mean 'similarity'?"), CONFIG),
    Case(58, "type", text("s.yaml", "seed: often\n"), ("s.yaml", "seed", "'often'"), CONFIG),
    Case(58, "range", text("s.yaml", "field: {radius: 0}\n"), ("field.radius", "got 0"), CONFIG),
    Case(
        58,
        "tag",
        text("s.yaml", "seed: !!python/object/apply:os.system ['touch canary']\n"),
        ("s.yaml", "not YAML", "python/object"),
        CONFIG,
    ),
    Case(58, "alias", text("s.yaml", "a: &a [1]\nb: [*a, *a]\n"), ("s.yaml", "aliases"), CONFIG),
    Case(58, "deep", text("s.yaml", "a: " + "[" * 9000), ("s.yaml", "nested"), CONFIG),
    Case(58, "date", text("s.yaml", "seed: 2020-99-99\n"), ("s.yaml", "not YAML"), CONFIG),
    Case(58, "binary", written("s.yaml", b"\xff\xfe\x00" * 20), ("s.yaml", "UTF-8"), CONFIG),
    Case(58, "missing", lambda p: p.inputs / "no.yaml", ("no.yaml", "not found"), CONFIG),
]

NOT_YET = [
    NotYet(48, "points outside the field of view", "regkit points is given no image"),
    NotYet(49, "inverse direction", "no transform file says its direction, so none can be checked"),
]


def cut(place):
    path = write_transform(Affine.identity(), place.inputs / "a.h5")
    path.write_bytes(path.read_bytes()[:-2000])
    return path
