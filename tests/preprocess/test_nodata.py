import numpy as np
import torch

from regkit import Volume
from regkit.preprocess.foreground import foreground
from regkit.preprocess.nodata import fill_nodata


def test_the_nearest_voxel_by_its_distance_in_the_world_gives_its_value():
    data = torch.tensor([[1.0, 2.0, 3.0], [4.0, 0.0, 5.0], [6.0, 7.0, 8.0]])
    known = data > 0
    wide = np.diag([1.0, 3.0, 1.0])
    assert float(fill_nodata(Volume(data, wide, valid=known)).data[0, 1, 1]) in (2.0, 7.0)
    tall = np.diag([3.0, 1.0, 1.0])
    assert float(fill_nodata(Volume(data, tall, valid=known)).data[0, 1, 1]) in (4.0, 5.0)


def test_every_channel_is_filled_and_what_is_known_stays():
    data, known = torch.rand(3, 5, 6), torch.ones(5, 6, dtype=torch.bool)
    known[2:4, 1:3] = False
    out = fill_nodata(Volume(data, np.eye(3), valid=known))
    assert torch.equal(out.data[:, known], data[:, known])
    assert torch.equal(out.data[:, 2, 1], out.data[:, 2, 0])
    assert torch.equal(out.valid, known)


def test_an_image_with_data_everywhere_is_itself(head):
    assert fill_nodata(head) is head
    assert fill_nodata(Volume(head.data, head.grid, valid=torch.ones(head.shape))).data is head.data


def test_no_data_moves_no_threshold_of_the_foreground(head):
    """Zeros all around would count as background."""
    bright = head.with_data(0.5 + head.data / 200)
    known = torch.zeros(head.shape, dtype=torch.bool)
    known[6:18, 6:22, 4:16] = True
    holed = Volume(bright.data * known, head.grid, valid=known)
    inside = foreground(holed).data[0].bool() & known
    window = bright.window((6, 6, 4), (12, 16, 12))
    alone = foreground(window).data[0].bool()
    assert float((inside[6:18, 6:22, 4:16] == alone).float().mean()) > 0.9
