"""Fill voxels without data, so that no border of them looks like an edge."""

from __future__ import annotations

import numpy as np
import scipy
import torch

from regkit.volume.volume import Volume


def fill_nodata(volume: Volume) -> Volume:
    """Give voxels of ``volume`` without data the value of the nearest voxel that has some.

    What is compared there counts for nothing; but descriptors look a few voxels around, and a
    warp mixes neighbours. ``valid`` stays as it is.

    Examples
    --------
    >>> import numpy as np
    >>> scan = Volume(np.array([[7.0, 9.0, -3024.0]]), np.eye(3)).with_padding(-3024)
    >>> fill_nodata(scan).data.tolist()
    [[[7.0, 9.0, 9.0]]]
    """
    valid = volume.valid
    if valid is None or bool(valid.all()) or not bool(valid.any()):
        return volume
    nearest = scipy.ndimage.distance_transform_edt(
        ~valid.cpu().numpy(),
        sampling=volume.spacing,
        return_distances=False,
        return_indices=True,
    )
    flat = torch.from_numpy(np.ravel_multi_index(tuple(nearest), volume.shape))
    return volume.with_data(volume.data.flatten(1)[:, flat])
