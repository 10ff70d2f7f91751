import numpy as np
import pytest
import torch

import regkit as rk
from regkit.cli import main
from regkit.geometry import World
from regkit.io import ReadOptions, open_image, preflight, read_header
from tests.io.geotiff.scenes import ROTATED, noise, write

rasterio = pytest.importorskip("rasterio")


@pytest.mark.parametrize("tag", ["Area", "Point"])
def test_pixel_centres_are_those_of_rasterio(tmp_path, tag):
    path = write(tmp_path / "a.tif", noise(1, 9, 7), tags={"AREA_OR_POINT": tag})
    grid = rk.read(path).grid
    with rasterio.open(path) as dataset:
        x, y = rasterio.transform.xy(dataset.transform, [0, 8, 3], [0, 6, 2])
        expected = np.stack([x, y], -1)
    index = torch.tensor([[0.0, 0.0], [6.0, 8.0], [2.0, 3.0]], dtype=torch.float64)
    there = grid.to_world(index).numpy()
    back = grid.to_index(torch.from_numpy(expected)).numpy()
    assert np.abs((there - expected) / grid.spacing).max() < 1e-9
    assert np.abs(back - index.numpy()).max() < 1e-9


def test_axes_are_columns_and_rows_in_the_crs_of_the_file(tmp_path):
    data = noise(2, 9, 7)
    volume = rk.read(write(tmp_path / "a.tif", data), channels="all")
    assert volume.grid.world == World.projected("EPSG:32632")
    assert volume.shape == (7, 9)
    assert np.array_equal(volume.data.numpy(), data.transpose(0, 2, 1))


def test_south_up(tmp_path):
    up = rasterio.Affine(10, 0, 500000, 0, 10, 4000000)
    grid = rk.read(write(tmp_path / "a.tif", noise(1, 9, 7), transform=up)).grid
    assert grid.affine[1, 1] == 10
    assert grid.affine[:2, 2].tolist() == [500005, 4000005]


def test_degrees_and_feet(tmp_path):
    tiny = rasterio.Affine(1e-4, 0, 9, 0, -1e-4, 48)
    one = rk.read(write(tmp_path / "a.tif", noise(1, 9, 7), crs="EPSG:4326", transform=tiny))
    other = rk.read(write(tmp_path / "b.tif", noise(1, 9, 7), crs="EPSG:2263"))
    assert (one.grid.world.unit, other.grid.world.unit) == ("degree", "us-ft")
    assert other.grid.world.scale_to("m") == pytest.approx(0.3048006096)


@pytest.mark.parametrize("dtype", ["uint8", "int16", "uint16", "int32", "float32", "float64"])
def test_values_come_as_they_are_stored(tmp_path, dtype):
    data = noise(1, 9, 7, dtype=dtype)
    found = rk.read(write(tmp_path / "a.tif", data)).data
    assert np.array_equal(found[0].numpy().T, data[0])


def test_nodata_of_any_band_that_is_meant_is_no_data(tmp_path):
    data = noise(2, 9, 7, dtype="int16")
    data[0, 3, 2], data[1, 4, 5] = -99, -99
    path = write(tmp_path / "a.tif", data, nodata=-99)
    both, first = rk.read(path, channels="all").valid, rk.read(path, channel=0).valid
    assert (~both).nonzero().tolist() == [[2, 3], [5, 4]]
    assert (~first).nonzero().tolist() == [[2, 3]]


def test_nan_and_infinity_are_no_data(tmp_path):
    data = noise(1, 9, 7, dtype="float32")
    data[0, 3, 2], data[0, 4, 5] = np.nan, np.inf
    volume = rk.read(write(tmp_path / "a.tif", data))
    assert (~volume.valid).nonzero().tolist() == [[2, 3], [5, 4]]
    assert bool(volume.data.isfinite().all())


def test_alpha_says_where_there_are_data_and_is_no_band(tmp_path):
    data = noise(4, 9, 7, dtype="uint8")
    data[3] = 255
    data[3, 3, 2] = 0
    path = write(tmp_path / "a.tif", data, photometric="rgb", alpha="yes")
    volume = rk.read(path, channels="all")
    assert volume.channels == 3
    assert (~volume.valid).nonzero().tolist() == [[2, 3]]


def test_bands_by_name(tmp_path):
    data = noise(3, 9, 7)
    path = write(tmp_path / "a.tif", data, names=("Red", "Green", "NIR"))
    assert read_header(path).channel_names == ("Red", "Green", "NIR")
    volume = rk.read(path, channels=("nir", 0))
    assert np.array_equal(volume.data.numpy(), data[[2, 0]].transpose(0, 2, 1))
    with pytest.raises(rk.InputError, match="no channel 'Blue'; its channels: Red, Green, NIR"):
        rk.read(path, channels=("Blue",))


def test_a_window_and_an_overview(tmp_path):
    path = write(tmp_path / "a.tif", noise(1, 64, 48, dtype="float32"))
    with rasterio.open(path, "r+") as dataset:
        dataset.build_overviews([2], rasterio.enums.Resampling.average)
    whole, header = rk.read(path), preflight(path)
    part = open_image(header, window=(slice(3, 9), slice(5, 20)))
    assert torch.equal(part.data, whole.data[:, 3:9, 5:20])
    assert np.allclose(part.grid.affine, whole.grid.window((3, 5), (6, 15)).affine)
    coarse = open_image(header, level=1)
    mean = whole.data.reshape(1, 24, 2, 32, 2).mean((2, 4))
    assert torch.allclose(coarse.data, mean, atol=1e-5)
    assert np.allclose(coarse.grid.corners(), whole.grid.corners())


def test_a_plain_tiff_stays_a_picture(tmp_path):
    from PIL import Image

    Image.fromarray(noise(1, 9, 7, dtype="uint8")[0]).save(tmp_path / "a.tif")
    assert read_header(tmp_path / "a.tif").format == "TIFF"


def refused(path, match, options=None):
    with pytest.raises(rk.InputError, match=match) as error:
        open_image(path, options or ReadOptions())
    assert len(str(error.value).splitlines()) == 1


def test_no_crs(tmp_path):
    refused(write(tmp_path / "a.tif", noise(1, 9, 7), crs=None), "no CRS")


def test_ground_control_points_and_rpcs(tmp_path):
    corners = [(0, 0, 9, 48), (0, 7, 9.1, 48), (9, 0, 9, 47.9), (9, 7, 9.1, 47.9)]
    points = [rasterio.control.GroundControlPoint(*each) for each in corners]
    with rasterio.open(tmp_path / "a.tif", "w", driver="GTiff", width=7, height=9, count=1,
                       dtype="uint8", gcps=points, crs="EPSG:4326") as dataset:  # fmt: skip
        dataset.write(noise(1, 9, 7, dtype="uint8"))
    refused(tmp_path / "a.tif", r"4 ground control points \(GCPs\), not by a geotransform")
    one, few = [1.0] + [0.0] * 19, [0.0] * 20
    rpc = rasterio.rpc.RPC(
        height_off=100, height_scale=1, lat_off=48, lat_scale=1, long_off=9, long_scale=1,
        line_off=10, line_scale=10, samp_off=10, samp_scale=10, line_num_coeff=few,
        line_den_coeff=one, samp_num_coeff=few, samp_den_coeff=one,
    )  # fmt: skip
    with rasterio.open(tmp_path / "b.tif", "w", driver="GTiff", width=7, height=9, count=1,
                       dtype="uint8", rpcs=rpc) as dataset:  # fmt: skip
        dataset.write(noise(1, 9, 7, dtype="uint8"))
    refused(tmp_path / "b.tif", r"coefficients of a camera \(RPCs\), not by a geotransform")


def test_nodata_everywhere(tmp_path):
    path = write(tmp_path / "a.tif", np.zeros((1, 9, 9), "uint8"), nodata=0)
    volume = rk.read(path)
    with pytest.raises(rk.InputError, match="no voxel has data"):
        volume.data_values()


def test_a_band_without_data_does_not_hide_the_others(tmp_path, capsys):
    data = np.stack([np.zeros((9, 9), "uint8"), np.full((9, 9), 7, "uint8")])
    path = write(tmp_path / "a.tif", data, nodata=0)
    assert main(["info", str(path)]) == 0
    assert "lowest      7" in capsys.readouterr().out
    empty = write(tmp_path / "b.tif", np.zeros((2, 9, 9), "uint8"), nodata=0)
    assert main(["info", str(empty)]) == 2
    assert "no voxel has data" in capsys.readouterr().err


def test_cut_tiles(tmp_path):
    path = write(tmp_path / "a.tif", noise(1, 300, 200, dtype="float32"))
    path.write_bytes(path.read_bytes()[:-100_000])
    refused(path, "a.tif: cannot be read .*cut or damaged")


def test_a_virtual_raster_is_refused_whatever_its_name(tmp_path):
    text = b"<VRTDataset rasterXSize='8' rasterYSize='8'></VRTDataset>"
    for name in ("a.tif", "a.vrt"):
        (tmp_path / name).write_bytes(text)
        refused(tmp_path / name, "VRT")


@pytest.mark.parametrize("name", ["/vsicurl/http://127.0.0.1/a.tif", "https://127.0.0.1/a.tif"])
def test_no_network_is_opened(name):
    refused(name, "not found")


def test_complex_values(tmp_path):
    path = write(tmp_path / "a.tif", noise(1, 9, 7).astype("complex64"))
    refused(path, "type complex64.*Give the magnitude")


def test_shear_is_refused_unless_it_is_allowed(tmp_path):
    sheared = rasterio.Affine(10, 3, 500000, 0, -10, 4000000)
    path = write(tmp_path / "a.tif", noise(1, 9, 7), transform=sheared)
    refused(path, "geotransform is sheared")
    assert rk.read(path, allow_shear=True).grid.affine[0, 1] == 3
    assert not np.allclose(ROTATED.e, 0)


def test_gaps_that_a_file_beside_it_tells_of(tmp_path):
    path = write(tmp_path / "a.tif", noise(1, 9, 7, dtype="uint8"))
    with rasterio.Env(GDAL_TIFF_INTERNAL_MASK=False), rasterio.open(path, "r+") as dataset:
        dataset.write_mask(np.arange(63).reshape(9, 7) > 20)
    refused(path, "a.tif: has a mask in a file beside it, a.tif.msk, which is not read")
    other = write(tmp_path / "b.tif", noise(1, 9, 7, dtype="uint8"))
    said = '<PAMDataset><PAMRasterBand band="1">{}</PAMRasterBand></PAMDataset>'
    beside = tmp_path / "b.tif.aux.xml"
    beside.write_text(said.format("<NoDataValue>0</NoDataValue>"))
    refused(other, "b.tif: has its nodata value in a file beside it, b.tif.aux.xml")
    beside.write_text(said.format("<Metadata/>"))
    assert rk.read(other).valid is None


@pytest.mark.parametrize(("name", "start", "what"), [
    ("B04.jp2", b"\0\0\0\x0cjP  \r\n\x87\n", "JPEG 2000, as bands of Sentinel-2 .*gdal_translate"),
    ("b.img", b"EHFA_HEADER_TAG\0", "ERDAS Imagine"),
])  # fmt: skip
def test_what_scenes_come_in_is_named(tmp_path, name, start, what):
    (tmp_path / name).write_bytes(start + bytes(300))
    refused(tmp_path / name, what)


def test_a_product_of_sentinel_is_no_image(tmp_path):
    (tmp_path / "S2A_MSIL2A.SAFE").mkdir()
    refused(tmp_path / "S2A_MSIL2A.SAFE", "give its bands")
