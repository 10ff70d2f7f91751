"""The configurations that ship, as a user runs them, on small trees of the layouts they are for."""

from __future__ import annotations

import csv
import json
import shutil
from pathlib import Path

import numpy as np
import pyarrow
import pyarrow.parquet as parquet
import pytest
import rasterio
from safetensors.torch import save_file

from regkit.cli import main
from regkit.optional_packages import mend_torchvision

_CONFIGS = Path(__file__).parents[3] / "configs" / "reliance"


def _scene(path: Path, values: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    bands, rows, columns = values.shape
    profile = {
        "driver": "GTiff", "count": bands, "height": rows, "width": columns, "dtype": "uint16",
        "crs": "EPSG:32631", "transform": rasterio.Affine(10, 0, 5e5, 0, -10, 4e6),
    }  # fmt: skip
    with rasterio.open(path, "w", **profile) as file:
        file.write(values.astype(np.uint16))


def _weights(folder: Path, bands: int, classes: int) -> None:
    mend_torchvision()
    import timm

    network = timm.create_model("resnet18", pretrained=False, in_chans=bands, num_classes=classes)
    save_file(network.state_dict(), folder / "resnet18.safetensors")


def _eurosat(folder: Path, drawn: np.random.Generator) -> None:
    for n in range(8):
        kind = ("Forest", "River")[n % 2]
        values = drawn.normal(1500 + 400 * (n % 2), 300, (13, 64, 64)).clip(1)
        _scene(folder / "EuroSAT_MS" / kind / f"{kind}_{n}.tif", values)
    _weights(folder, 13, 2)


def _bigearthnet(folder: Path, drawn: np.random.Generator) -> None:
    labels = (["Pastures"], ["Water bodies"], ["Pastures", "Airports"])
    for n in range(9):
        name = f"S2A_MSIL2A_2017_{n}"
        patch = folder / "BigEarthNet-v1.0" / name
        for band, size in (("B01", 20), ("B02", 120), ("B03", 120), ("B04", 120), ("B08", 60)):
            values = drawn.normal(900 + 300 * (n % 3), 200, (1, size, size)).clip(1)
            _scene(patch / f"{name}_{band}.tif", values)
        text = json.dumps({"labels": labels[n % 3]})
        (patch / f"{name}_labels_metadata.json").write_text(text)
    _weights(folder, 4, 3)


def _bigearthnet2(folder: Path, drawn: np.random.Generator) -> None:
    """Version 2, under the name that the configuration has for version 1."""
    labels = (["Pastures"], ["Inland waters"], ["Pastures", "Urban fabric"])
    scene = "S2A_MSIL2A_20170613T101031_N9999_R022_T33UUP"
    rows = []
    for n in range(12):
        name, home = f"{scene}_{n:02}_57", folder / "BigEarthNet-v1.0"
        split = "test" if n < 9 else "train"
        rows.append({
            "patch_id": name, "labels": labels[n % 3], "split": split, "country": "Austria",
            "s1_name": "", "s2v1_name": "", "contains_seasonal_snow": False,
            "contains_cloud_or_shadow": False,
        })  # fmt: skip
        if split == "test":
            patch = home / "BigEarthNet-S2" / scene / name
            for band, size in (("B01", 20), ("B02", 120), ("B03", 120), ("B04", 120), ("B08", 60)):
                values = drawn.normal(900 + 300 * (n % 3), 200, (1, size, size)).clip(1)
                _scene(patch / f"{name}_{band}.tif", values)
    parquet.write_table(pyarrow.Table.from_pylist(rows), home / "metadata.parquet")
    _weights(folder, 4, 3)


@pytest.mark.parametrize("make", [_eurosat, _bigearthnet, _bigearthnet2])
def test_a_configuration_runs_on_its_layout(make, tmp_path, capsys):
    """A network with random weights is asked under every condition, and has no skill to lose."""
    name = make.__name__.strip("_2")
    make(tmp_path, np.random.default_rng(0))
    shutil.copy(_CONFIGS / f"{name}.yaml", tmp_path)
    out = tmp_path / "out"
    assert main(["reliance", "run", str(tmp_path / f"{name}.yaml"), "-o", str(out)]) in (0, 3)
    size, bands = (64, 13) if name == "eurosat" else (120, 4)
    assert f"images of {size}x{size}, {bands} bands" in capsys.readouterr().err
    with (out / "skill.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    said = {row["message"] for row in rows if row["status"] == "error"}
    assert all("no skill of which a share could be lost" in each for each in said)
    assert {row["cue"] for row in rows} == {"", "shape", "seams", "texture", "colour"}
