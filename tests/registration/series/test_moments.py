"""Mean and spread of frames against NumPy, with and without holes."""

import numpy as np
import torch

from regkit import Volume
from regkit.registration.series.moments import RunningMoments


def test_moments_are_those_of_numpy(head, generator):
    stack = torch.rand((5, *head.grid.shape), generator=generator) + 3
    stack[2, :4] = torch.nan
    seen = RunningMoments()
    for data in stack:
        seen.add(Volume(data, head.grid).without_nan())
    known = stack.double().numpy()
    assert np.allclose(seen.mean.data[0], np.nanmean(known, 0), rtol=1e-5)
    ratio = np.nanmean(known, 0) / np.nanstd(known, 0, ddof=1)
    assert np.allclose(seen.ratio.data[0], ratio, rtol=1e-4)


def test_what_never_varies_has_no_ratio(head):
    seen = RunningMoments()
    for _ in range(3):
        seen.add(head)
    assert float(seen.ratio.data.abs().max()) == 0
