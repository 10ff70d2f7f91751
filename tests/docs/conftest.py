"""The files that the pages name, as small phantoms."""

import csv
import shutil

import numpy as np
import pytest
import torch
from PIL import Image

import regkit as rk
from regkit.geometry.affines import homogeneous, rotation
from tests.registration.scenes.pairs import Ground, grid


def _moved(volume, angles, shift):
    """The volume with a header that lies elsewhere, as of a person who lay otherwise."""
    there = homogeneous(rotation(angles), shift) @ volume.grid.affine
    return type(volume)(volume.data, rk.Grid(volume.grid.shape, there))


def _tomography(head):
    """A CT of the head: another contrast, air around it, padding at the rim."""
    data = torch.where(head.data > 5, 60 - 0.5 * head.data, torch.full_like(head.data, -1000))
    data[:, :2] = -3024
    return head.with_data(data)


def _slide(volume):
    """The middle slice as a slide in colours: dark where there is tissue."""
    grey = 255 - 2 * volume.data[0, :, :, volume.grid.shape[2] // 2].clamp(0, 120)
    fine = torch.nn.functional.interpolate(grey[None, None], scale_factor=3, mode="bilinear")[0]
    colours = torch.cat([fine, 0.8 * fine, 0.9 * fine]).to(torch.uint8)
    return Image.fromarray(colours.permute(2, 1, 0).contiguous().numpy())


def _scenes(folder):
    ground, onto = Ground(), grid(160, 150)
    shift = torch.tensor([12.3, -7.1], dtype=torch.float64)
    seen = ground.seen(onto, lambda points: points + shift)
    ground.seen(onto).save(folder / "reference.tif")
    for name in ("scene", "another_band"):
        seen.save(folder / f"{name}.tif")


def _study(folder):
    from tests.io.dicom.conftest import VIEWS, phantom
    from tests.io.dicom.writer import MR, write_series

    write_series(folder / "ct", phantom(VIEWS["oblique"], shape=(24, 20, 12)), number=2)
    turned = phantom(VIEWS["axial"], shape=(26, 21, 13), origin=(22.0, -12, 1))
    write_series(folder / "mr", turned, kind=MR, number=5)


def _tables(folder):
    rows = {
        "inhale_landmarks.csv": [("x", "y", "z"), (3, -10, 23.5), (7, -7, 21.5)],
        "landmarks.csv": [("x", "y", "z"), (0, -8, 22), (4, -5, 20)],
        "images.csv": [("image", "subject"), ("subject.nii.gz", "1"), ("other.nii.gz", "2")],
        "pairs.csv": [("fixed", "moving"), ("fixed.nii.gz", "moving.nii.gz")],
    }
    for name, lines in rows.items():
        with (folder / name).open("w", newline="") as file:
            csv.writer(file).writerows(lines)


def _images(head, parts, bend):
    """Every image that the pages name, by the name of its file."""
    bent, bent_parts = (rk.warp(each, bend, onto=head.grid) for each in (head, parts))
    moved = _moved(bent, [0.05, 0.02, -0.04], [3, -2, 1.5])
    moved_parts = _moved(bent_parts, [0.05, 0.02, -0.04], [3, -2, 1.5])
    small = rk.Grid(head.grid.shape, np.diag([0.1, 0.1, 0.1, 1]) @ head.grid.affine)
    brain = head.with_data(head.data.clamp(max=120))
    return {
        **dict.fromkeys(("fixed", "mr", "exhale", "first", "subject"), head),
        **dict.fromkeys(("moving", "inhale", "second", "atlas", "other"), moved),
        **dict.fromkeys(("fixed_labels", "exhale_lungs", "first_labels"), parts),
        **dict.fromkeys(
            ("moving_labels", "atlas_labels", "inhale_lungs", "inhale_labels"), moved_parts
        ),
        "ct": _moved(_tomography(head), [0.05, 0, 0], [2, 0, 1]),
        "ct_structures": _moved(parts, [0.05, 0, 0], [2, 0, 1]),
        "mouse_a": rk.Volume(brain.data, small),
        "mouse_b": rk.Volume(bent.data, small),
    }


@pytest.fixture(scope="session")
def phantoms(tmp_path_factory, head, parts, bend):
    folder = tmp_path_factory.mktemp("phantoms")
    images = _images(head, parts, bend)
    for name, volume in images.items():
        volume.save(folder / f"{name}.nii.gz")
    for name, volume in (("he", head), ("ihc", images["mouse_b"])):
        _slide(volume).save(folder / f"{name}.png")
    _tables(folder)
    return folder


@pytest.fixture
def desk(phantoms, tmp_path, monkeypatch):
    """A folder of one's own with all files, in which the test stands."""
    folder = shutil.copytree(phantoms, tmp_path / "desk")
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def study(desk):
    """The same with a study of a CT and an MR, which need the extra dicom."""
    pytest.importorskip("pydicom")
    _study(desk / "study")
    return desk


@pytest.fixture
def scenes(desk):
    """The same with two scenes, which need the extra geo."""
    pytest.importorskip("rasterio")
    _scenes(desk)
    return desk
