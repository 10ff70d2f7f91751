import numpy as np
import pytest
import torch

import regkit as rk
from regkit.geometry import Grid, World
from regkit.io import open_image, read_header, save_bands
from regkit.io.formats.geotiff.moved import moved_geotiff
from regkit.io.formats.geotiff.session import gdal
from tests.io.geotiff.scenes import noise, write

rasterio = pytest.importorskip("rasterio")


def copied(source, target):
    header = read_header(source)
    bands = (open_image(header.of(frame=0, channel=n)) for n in range(header.channels))
    save_bands(bands, target, grid=header.grid, like=header)
    return target


def same_head(one, other):
    with rasterio.open(one) as a, rasterio.open(other) as b:
        for name in ("crs", "nodata", "descriptions", "dtypes", "colorinterp", "units", "scales",
                     "offsets", "count", "shape"):  # fmt: skip
            assert getattr(a, name) == getattr(b, name), name
        assert np.allclose(a.transform, b.transform, rtol=1e-14)
        assert a.tags() == b.tags()
        assert [a.tags(n) for n in a.indexes] == [b.tags(n) for n in b.indexes]
        assert np.array_equal(a.read(), b.read(), equal_nan=True)
        assert np.array_equal(a.dataset_mask(), b.dataset_mask())


def test_all_that_a_file_says_is_in_the_copy(tmp_path):
    data = noise(3, 30, 20, dtype="uint16")
    data[0, :5] = 7
    path = write(tmp_path / "a.tif", data, nodata=7, names=("B4", "", "B8"),
                 tags={"SENSOR": "x", "AREA_OR_POINT": "Point"})  # fmt: skip
    with rasterio.open(path, "r+") as dataset:
        dataset.update_tags(2, wavelength="665")
        dataset.set_band_unit(1, "reflectance")
        dataset.scales, dataset.offsets = (1e-4, 1e-4, 2.0), (0.0, -0.1, 0.0)
    same_head(path, copied(path, tmp_path / "b.tif"))


def test_colour_table(tmp_path):
    path = write(tmp_path / "a.tif", noise(1, 30, 20, dtype="uint8"))
    with rasterio.open(path, "r+") as dataset:
        dataset.write_colormap(1, {n: (n, 2, 3, 255) for n in range(256)})
    copied(path, tmp_path / "b.tif")
    same_head(path, tmp_path / "b.tif")
    with rasterio.open(tmp_path / "b.tif") as dataset:
        assert dataset.colormap(1)[9] == (9, 2, 3, 255)


def test_alpha(tmp_path):
    data = noise(4, 30, 20, dtype="uint8")
    data[3] = 255
    data[:, 3, 2] = 0
    path = write(tmp_path / "a.tif", data, photometric="rgb", alpha="yes")
    same_head(path, copied(path, tmp_path / "b.tif"))


def test_no_data_without_a_value_becomes_a_mask_or_nan(tmp_path):
    grid = Grid((20, 30), np.diag([10.0, -10, 1]), World.projected("EPSG:32632"))
    valid = torch.ones(20, 30, dtype=torch.bool)
    valid[4, 5] = False
    for dtype in (torch.uint8, torch.float32):
        image = rk.Volume(torch.ones(2, 20, 30, dtype=dtype), grid, "x", valid)
        path = image.save(tmp_path / f"{dtype}.tif")
        assert torch.equal(rk.read(path, channels="all").valid, valid)
    with rasterio.open(path) as dataset:
        assert np.isnan(dataset.nodata)


def test_it_is_cloud_optimised(tmp_path):
    grid = Grid((1100, 1200), np.diag([10.0, -10, 1]), World.projected("EPSG:32632"))
    path = rk.Volume(torch.rand(1, 1100, 1200), grid).save(tmp_path / "a.tif")
    with rasterio.open(path) as dataset:
        assert dataset.block_shapes == [(512, 512)]
        assert dataset.overviews(1) == [2, 4]
        assert dataset.tags(ns="IMAGE_STRUCTURE")["LAYOUT"] == "COG"
    assert [each.name for each in tmp_path.iterdir()] == ["a.tif"]


def test_a_map_is_not_written_where_its_place_would_be_lost(tmp_path):
    grid = Grid((20, 30), np.diag([10.0, -10, 1]), World.projected("EPSG:32632"))
    with pytest.raises(rk.InputError, match=r"write \.tif"):
        rk.Volume(torch.rand(1, 20, 30), grid).save(tmp_path / "a.nii.gz")
    assert not list(tmp_path.iterdir())


def test_another_geotransform_changes_no_pixel(tmp_path):
    path = write(tmp_path / "a.tif", noise(2, 30, 20), tags={"A": "b"})
    header = read_header(path)
    affine = np.array(header.grid.affine)
    affine[:2, 2] += [3.25, -7]
    moved = header.grid.placed(header.grid.shape, affine)
    moved_geotiff(path, tmp_path / "b.tif", moved)
    with rasterio.open(path) as a, rasterio.open(tmp_path / "b.tif") as b:
        assert np.array_equal(a.read(), b.read())
        assert b.transform.c - a.transform.c == pytest.approx(3.25)
        assert (a.tags(), a.crs) == (b.tags(), b.crs)


def test_a_cloud_optimised_file_is_moved_too(tmp_path):
    grid = Grid(
        (30, 20),
        np.array([[10.0, 0, 690000], [0, -10, 5310000], [0, 0, 1]]),
        World.projected("EPSG:32632"),
    )
    path = rk.Volume(torch.rand(1, 30, 20), grid).save(tmp_path / "a.tif")
    affine = np.array(grid.affine)
    affine[:2, 2] += [3.25, -7]
    moved_geotiff(path, tmp_path / "b.tif", grid.placed(grid.shape, affine))
    assert np.allclose(rk.read(tmp_path / "b.tif").grid.affine, affine)
    assert torch.equal(rk.read(tmp_path / "b.tif").data, rk.read(path).data)


def test_gdal_takes_no_more_than_its_share(tmp_path):
    with gdal() as bounded:
        assert bounded.env.getenv()["GDAL_CACHEMAX"] == 64 << 20
