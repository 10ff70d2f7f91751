"""Augmentations against what dates do to spectra, on scenes whose change over time is planted."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest
import rasterio
import torch
from PIL import Image

from probes.diagnosis.augmentation.changes import (
    BAND_AUGMENTATIONS,
    augment,
    augmentation_called,
)
from probes.diagnosis.augmentation.config import read_augmentation_audit
from probes.diagnosis.augmentation.consistency import consistency
from probes.diagnosis.augmentation.dates import median_of_dates, observed_place
from probes.images.bands import Bands
from regkit import InputError
from regkit.cli import main

_CONFIGS = Path(__file__).parents[3] / "configs" / "diagnosis"


@pytest.fixture(scope="module")
def stack() -> torch.Tensor:
    """Six dates of a colourful place of four bands, which differ by 10 % in brightness."""
    generator = torch.Generator().manual_seed(0)
    place = 0.1 + 0.5 * torch.rand(1, 4, 12, 12, generator=generator)
    place = torch.nn.functional.interpolate(place, (48, 48), mode="nearest")
    light = 1 + 0.1 * torch.randn(6, 1, 1, 1, generator=generator)
    return place * light + 0.005 * torch.randn(6, 4, 48, 48, generator=generator)


def _judged(name: str, strength: float, stack: torch.Tensor, **more: object):
    return consistency(augmentation_called(name), strength, stack, colours=(0, 1, 2), **more)


@pytest.mark.parametrize(
    ("name", "strength", "consistent"),
    [
        ("brightness", 0.02, True), ("contrast", 0.02, True), ("noise", 0.001, True),
        ("brightness", 0.8, False), ("hue", 0.5, False), ("shuffle-bands", 1.0, False),
        ("grayscale", 1.0, False), ("drop-band", 0.25, False), ("noise", 0.3, False),
    ],
)  # fmt: skip
def test_what_dates_do_not_do_is_flagged(stack, name, strength, consistent):
    assert _judged(name, strength, stack).consistent is consistent


def test_no_change_is_what_the_place_does_by_itself(stack):
    for each in _judged("brightness", 0.0, stack).deviations:
        assert each.augmented == pytest.approx(each.natural, rel=1e-4)
        assert each.beyond.estimate == pytest.approx(0.05, abs=0.005)


def test_the_angle_is_blind_to_brightness_and_the_distance_is_not(stack):
    found = {each.measure: each for each in _judged("brightness", 0.8, stack).deviations}
    assert found["distance"].beyond.estimate > 0.3
    exact = stack[:1].expand(6, -1, -1, -1) * torch.arange(1, 7.0).reshape(6, 1, 1, 1)
    found = {each.measure: each for each in _judged("brightness", 0.0, exact).deviations}
    assert found["angle"].natural == pytest.approx(0, abs=0.05)
    assert found["distance"].natural > 0.1


def test_pixels_without_data_take_no_part(stack):
    valid = torch.ones(6, 1, 48, 48, dtype=torch.bool)
    valid[0, :, 10:30] = False
    dirty = stack.where(valid, torch.tensor(99.0))
    first = _judged("gamma", 0.5, stack, valid=valid)
    second = _judged("gamma", 0.5, dirty, valid=valid)
    for one, other in zip(first.deviations, second.deviations, strict=True):
        assert one.beyond.estimate == pytest.approx(other.beyond.estimate, abs=0.01)
        assert one.natural == pytest.approx(other.natural, rel=1e-3)


@pytest.mark.parametrize("dates", [2, 3, 4, 7])
def test_the_median_of_dates_is_that_of_what_is_known(dates):
    generator = torch.Generator().manual_seed(dates)
    values = torch.rand(dates, 20, 20, generator=generator)
    gaps = torch.rand(dates, 20, 20, generator=generator) > 0.6
    wanted = values.masked_fill(gaps, torch.nan).nanmedian(0).values
    torch.testing.assert_close(median_of_dates(values, gaps), wanted, equal_nan=True)


def test_a_third_of_a_turn_of_hue_exchanges_the_colours():
    images = torch.rand(2, 3, 5, 5, generator=torch.Generator().manual_seed(1))
    bands = Bands(
        torch.zeros(3), torch.ones(3), images.mean((0, 2, 3)), torch.ones(3), torch.ones(3)
    )
    hue = augmentation_called("hue")
    found = augment(hue, images, bands, 2 / 3, torch.Generator().manual_seed(0), (0, 1, 2))
    either = [images[:, [1, 2, 0]], images[:, [2, 0, 1]]]
    assert any(torch.allclose(found, each, atol=1e-5) for each in either)


@pytest.mark.parametrize("name", list(BAND_AUGMENTATIONS))
def test_the_unit_of_the_images_does_not_matter(stack, name):
    each = augmentation_called(name)
    found = []
    for images in (stack, stack * 1e4):
        generator = torch.Generator().manual_seed(3)
        bands = Bands.of(images)
        found.append(augment(each, images, bands, each.strengths[0], generator, (0, 1, 2)))
    torch.testing.assert_close(found[0], found[1] / 1e4, atol=1e-3, rtol=1e-3)


@pytest.fixture
def audit(stack, tmp_path):
    np.save(tmp_path / "stack.npy", stack.permute(0, 2, 3, 1).numpy())

    def write(**more: object) -> Path:
        given = {
            "study": "A place", "stack": "stack.npy", "axes": "tyxc", "colours": [1, 2, 3],
            "augmentations": ["brightness", "hue"], "draws": 2,
        }  # fmt: skip
        file = tmp_path / "audit.yaml"
        kept = {key: value for key, value in (given | more).items() if value is not None}
        file.write_text(json.dumps(kept))
        return file

    return write


def diagnose(*words: object) -> int:
    return main(["diagnose", "augmentation", *map(str, words)])


def test_an_audit_as_a_user_types_it(audit, tmp_path, capsys):
    out = tmp_path / "out"
    assert diagnose(audit(), "-o", out) == 0
    assert "Beyond what the place does by itself" in capsys.readouterr().err
    with (out / "augmentations.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 2 * 3 * 3
    assert "hue moves spectra further than dates do" in (out / "report.html").read_text()
    words = ["rerun", out / "run.json", "-o", tmp_path / "again", "--data", tmp_path]
    assert main(list(map(str, words))) == 0
    name = "augmentations.csv"
    assert (tmp_path / "again" / name).read_bytes() == (out / name).read_bytes()


def test_dates_are_pictures_as_well(audit, stack, tmp_path):
    pixels = (stack[:, :3] * 255).clamp(0, 255).round().byte().permute(0, 2, 3, 1).numpy()
    names = [f"{number}.png" for number in range(6)]
    for name, date in zip(names, pixels, strict=True):
        Image.fromarray(date).save(tmp_path / name)
    np.save(tmp_path / "stack.npy", pixels)
    assert diagnose(audit(), "-o", tmp_path / "array", "--quiet") == 0
    given = audit(stack=None, dates=names)
    assert diagnose(given, "-o", tmp_path / "files", "--quiet") == 0
    first, second = (tmp_path / name / "augmentations.csv" for name in ("array", "files"))
    assert first.read_bytes() == second.read_bytes()


def _scene(path: Path, values: np.ndarray, east: float = 0.0) -> str:
    bands, rows, columns = values.shape
    profile = {
        "driver": "GTiff", "count": bands, "height": rows, "width": columns, "dtype": "float32",
        "crs": "EPSG:32631", "transform": rasterio.Affine(10, 0, 5e5 + east, 0, -10, 4e6),
    }  # fmt: skip
    with rasterio.open(path, "w", nodata=-9999, **profile) as file:
        file.write(values.astype(np.float32))
    return path.name


def test_nodata_of_dates_counts_for_nothing(audit, stack, tmp_path, capsys):
    values = stack.numpy().copy()
    values[1, :, :20, :30] = -9999
    names = [_scene(tmp_path / f"{n}.tif", date) for n, date in enumerate(values)]
    np.save(tmp_path / "stack.npy", values.transpose(0, 2, 3, 1))
    assert diagnose(audit(missing=-9999), "-o", tmp_path / "array", "--quiet") == 0
    assert diagnose(audit(stack=None, dates=names), "-o", tmp_path / "files") == 0
    assert "100 % of them on 3 dates or more" in capsys.readouterr().err
    first, second = (tmp_path / name / "augmentations.csv" for name in ("array", "files"))
    assert first.read_bytes() == second.read_bytes()


def test_nan_can_stand_for_no_data(audit, stack, tmp_path):
    values = stack.permute(0, 2, 3, 1).numpy().copy()
    values[1, :20] = -9999
    np.save(tmp_path / "stack.npy", values)
    assert diagnose(audit(missing=-9999), "-o", tmp_path / "number", "--quiet") == 0
    values[1, :20] = np.nan
    np.save(tmp_path / "stack.npy", values)
    assert diagnose(audit(missing=float("nan")), "-o", tmp_path / "nan", "--quiet") == 0
    first, second = (tmp_path / name / "augmentations.csv" for name in ("number", "nan"))
    assert first.read_bytes() == second.read_bytes()


def test_dates_of_another_place_are_named(audit, stack, tmp_path, capsys):
    dates = stack[:3].numpy()
    names = [_scene(tmp_path / f"{n}.tif", date, 30.0 * n) for n, date in enumerate(dates)]
    assert diagnose(audit(stack=None, dates=names), "-o", tmp_path / "out", "--quiet") == 2
    assert "1.tif: lies up to 30 m apart from 0.tif" in capsys.readouterr().err


def test_a_date_with_clouds_is_named(audit, stack, tmp_path, capsys):
    assert observed_place(stack).outlying_dates == {}
    cloudy = stack.clone()
    cloudy[3, :, :, 10:] = 0.9
    assert list(observed_place(cloudy).outlying_dates) == [4]
    np.save(tmp_path / "stack.npy", cloudy.permute(0, 2, 3, 1).numpy())
    out = tmp_path / "out"
    assert diagnose(audit(), "-o", out) == 0
    assert "date 4 lies" in capsys.readouterr().err
    assert "Date 4 lies" in (out / "report.html").read_text()
    assert list(json.loads((out / "run.json").read_text())["outlying_dates"]) == ["4"]


def test_dates_of_other_sizes_are_named(audit, tmp_path, capsys):
    for number in range(3):
        size = (20 + number, 30, 3)
        Image.fromarray(np.zeros(size, np.uint8)).save(tmp_path / f"{number}.png")
    given = audit(stack=None, dates=[f"{number}.png" for number in range(3)])
    assert diagnose(given, "-o", tmp_path / "out", "--quiet") == 2
    assert "1.png: is 3x30x21 (bands first), the first date 3x30x20" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"augmentations": ["hues"]}, "did you mean 'hue'"),
        ({"axes": "tyx"}, "must name t, c, y and x, once each"),
        ({"stack": None}, "give either stack, one array, or dates"),
        ({"stack": "no.npy"}, "there is no such file"),
        ({"colours": [1, 2]}, "three numbers of red, green and blue"),
        ({"colours": [1, 2, 9]}, "colours name band 9; there are 4"),
        ({"keep": [1, 9]}, "keep names date 9; there are 6"),
        ({"keep": [1, 2]}, "give at least 3 dates"),
    ],
)
def test_what_is_wrong_is_one_line(audit, tmp_path, capsys, more, message):
    assert diagnose(audit(**more), "-o", tmp_path / "out", "--quiet") == 2
    said = capsys.readouterr().err.strip()
    assert said.count("\n") == 0
    assert message in said
    assert not (tmp_path / "out").exists()


def test_hue_needs_colours(stack):
    with pytest.raises(InputError, match="which bands are red, green and blue"):
        consistency(augmentation_called("hue"), 0.5, stack)


def test_a_place_needs_three_dates_somewhere(stack):
    valid = torch.zeros(6, 1, 48, 48, dtype=torch.bool)
    valid[:2] = True
    with pytest.raises(InputError, match="no pixel has three dates with data"):
        _judged("noise", 0.1, stack, valid=valid)


def test_the_configuration_that_ships_is_read():
    found = read_augmentation_audit(_CONFIGS / "augmentation.yaml")
    assert found.augmentations == tuple(BAND_AUGMENTATIONS)
