"""Have the tools of MINC write grids and send points by them: ``minc.json`` beside this file.

``python -m tests.io.transform_formats.record_minc``; needs rawtominc and transformtags, of Debian's
minc-tools. Prints how far libminc and regkit are apart.
"""

from __future__ import annotations

import base64
import gzip
import json
import subprocess
import tempfile
from pathlib import Path

import numpy as np
import torch

from regkit import Grid, read_transform
from regkit.geometry.affines import homogeneous, rotation
from tests.io.transform_formats.pair import TURN, bend_on

ORACLES = Path(__file__).with_name("minc.json")
TITLE = "MNI Transform File\n\n"
GRID_KIND = "Transform_Type = Grid_Transform;\n"
# Oblique, anisotropic and left-handed, every 3 mm or so.
STEP = np.array([2.8, -3.1, 2.5])
NODES = Grid((14, 13, 12), homogeneous(rotation([0.2, -0.15, 0.3]) @ np.diag(STEP), [-8, 20, -18]))
PLACES = np.random.default_rng(10).uniform(0.05, np.array(NODES.shape) - 1.05, (1000, 3))
POINTS = NODES.to_world(torch.from_numpy(PLACES)).numpy()


def volume(path, *words):
    """A MINC file of the vectors of a bend, whose axes lie as those of ``NODES``."""
    values = bend_on(NODES).u.permute(3, 2, 1, 0).contiguous().numpy()
    turned = NODES.affine[:3, :3] / STEP
    start = np.linalg.solve(turned, NODES.affine[:3, 3])
    words = list(words)
    for axis, column, step, first in zip("xyz", turned.T, STEP, start, strict=True):
        words += [f"-{axis}step", str(step), f"-{axis}start", str(first)]
        words += [f"-{axis}dircos", *map(str, column)]
    command = ["rawtominc", "-clobber", "-input", "/dev/stdin", "-float", "-vector", "3", "-range",
               "-10", "10", "-scan_range", *words, path, *map(str, NODES.shape[::-1])]  # fmt: skip
    subprocess.run(command, input=values.tobytes(), check=True)


def transformed(folder, xfm):
    """Where libminc sends the points by an .xfm."""
    rows = "\n".join(f' {x:.12f} {y:.12f} {z:.12f} ""' for x, y, z in POINTS)
    (folder / "p.tag").write_text(f"MNI Tag Point File\nVolumes = 1;\n\nPoints =\n{rows};\n")
    (folder / "o.tag").unlink(missing_ok=True)
    words = ["transformtags", "-transformation", xfm, folder / "p.tag", folder / "o.tag"]
    subprocess.run(words, check=True)
    table = (folder / "o.tag").read_text().split("Points =")[1].strip().splitlines()
    return np.array([[float(word) for word in row.split()[:3]] for row in table])


def texts():
    """Transforms by name: ``forth`` is the inverse of what regkit reads, ``back`` is it."""
    rows = "\n".join(" ".join(f"{each:.17g}" for each in row) for row in TURN.matrix[:3])
    linear = f"Transform_Type = Linear;\nLinear_Transform =\n{rows};\n"
    grid = "Displacement_Volume = grid.mnc;\n"
    return {
        "forth": f"{TITLE}{GRID_KIND}{grid}",
        "back": f"{TITLE}{GRID_KIND}Invert_Flag = True;\n{grid}",
        "linear": f"{TITLE}{linear}",
        # The second is applied last, and so its inverse first.
        "both": f"{TITLE}{linear}{GRID_KIND}{grid}",
    }


def led_back(key, there):
    """Which points the grid can lead back: those that are and stay two nodes within it."""
    start = TURN(POINTS) if key == "both" else POINTS
    index = np.stack([NODES.to_index(torch.tensor(each)).numpy() for each in (start, there)])
    return ((index > 2) & (index < np.array(NODES.shape) - 3)).all((0, 2))


def main():
    found = {}
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        for name, words in (("1", ()), ("2", ("-2",)), ("short", ("-2", "-oshort"))):
            volume(folder / "grid.mnc", *words)
            packed = gzip.compress((folder / "grid.mnc").read_bytes(), mtime=0)
            found[f"grid {name}"] = base64.b64encode(packed).decode()
            for key, text in texts().items():
                (folder / f"{key}.xfm").write_text(text)
            there = transformed(folder, folder / "forth.xfm")
            ours = read_transform(folder / "back.xfm")(POINTS)
            print(f"grid, MINC {name}: transformtags {np.abs(ours - there).max():.2g} mm")
        volume(folder / "grid.mnc")
        found["forth"] = np.round(transformed(folder, folder / "forth.xfm"), 6).tolist()
        found["linear"] = np.round(transformed(folder, folder / "linear.xfm"), 6).tolist()
        found["both"] = np.round(transformed(folder, folder / "both.xfm"), 6).tolist()
        for key in ("forth", "linear", "both"):
            back = read_transform(folder / f"{key}.xfm")(np.array(found[key]))
            worst = np.abs(back - POINTS)[led_back(key, found[key])].max()
            print(f"{key}: regkit leads back to {worst:.2g} mm")
        theirs = transformed(folder, folder / "back.xfm")
        again = read_transform(folder / "back.xfm")(theirs)
        worst = np.abs(again - POINTS)[led_back("forth", theirs)].max()
        print(f"libminc's own inverse: {worst:.2g} mm")
    ORACLES.write_text(json.dumps(found) + "\n")


if __name__ == "__main__":
    main()
