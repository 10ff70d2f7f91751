"""Small files on the earth: rotated, of pixels that are not square, in UTM zone 32."""

import math

import numpy as np

try:
    import rasterio
except ModuleNotFoundError:
    rasterio = None

if rasterio is not None:
    ROTATED = (
        rasterio.Affine.translation(512345.5, 5312345.25)
        @ rasterio.Affine.rotation(math.degrees(0.3))
        @ rasterio.Affine.scale(10, -20)
    )


def noise(bands, rows, columns, *, dtype="float32", seed=0):
    values = np.random.default_rng(seed).integers(1, 120, (bands, rows, columns))
    return values.astype(dtype)


def write(path, data, *, crs="EPSG:32632", transform=None, names=(), tags=None, **profile):
    bands, rows, columns = data.shape
    with rasterio.open(
        path, "w", driver="GTiff", width=columns, height=rows, count=bands, dtype=data.dtype,
        crs=crs, transform=ROTATED if transform is None else transform, **profile,
    ) as dataset:  # fmt: skip
        dataset.write(data)
        for number, name in enumerate(names, start=1):
            dataset.set_band_description(number, name)
        dataset.update_tags(**(tags or {}))
    return path
