"""Interpolation by more than the nearest voxels, judged by SimpleITK and by its own reference."""

import numpy as np
import pytest
import SimpleITK as sitk
import torch

from regkit.kernels import backend
from regkit.kernels.interpolation import (
    sample_smoothly,
    sample_smoothly_reference,
    spline_coefficients,
    vote,
)

SHAPE = (19, 23, 17)
METHODS = ["cubic", "sinc"]


def points(count=2000, margin=0.0, shape=SHAPE, seed=3):
    drawn = torch.rand(count, len(shape), generator=torch.Generator().manual_seed(seed)).double()
    size = torch.tensor(shape, dtype=torch.float64)
    return drawn * (size - 1 - 2 * margin) + margin


def voxels():
    axes = [torch.arange(n, dtype=torch.float64) for n in SHAPE]
    return torch.stack(torch.meshgrid(*axes, indexing="ij"), -1)


def image(channels=2, shape=SHAPE):
    return torch.randn(channels, *shape, generator=torch.Generator().manual_seed(5))


def prepared(whole, method):
    return spline_coefficients(whole) if method == "cubic" else whole


def by_itk(whole, at, interpolator):
    """SimpleITK at index coordinates: a row of voxels, each moved to where it is wanted."""
    moved = at.flip(-1).numpy().copy()
    moved = moved[:, ::-1]
    field = np.zeros((*[1] * (at.shape[1] - 1), len(at), at.shape[1]))
    field[..., :, :] = moved
    field[..., 0] -= np.arange(len(at))
    source = sitk.GetImageFromArray(whole.numpy().transpose(range(whole.ndim)[::-1]))
    transform = sitk.DisplacementFieldTransform(
        sitk.GetImageFromArray(np.ascontiguousarray(field), isVector=True)
    )
    filter_ = sitk.ResampleImageFilter()
    filter_.SetSize([len(at), *[1] * (at.shape[1] - 1)])
    filter_.SetTransform(transform)
    filter_.SetInterpolator(interpolator)
    filter_.SetNumberOfThreads(1)
    return sitk.GetArrayFromImage(filter_.Execute(source)).ravel()


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("shape", [SHAPE, (21, 30), (1, 9, 14), (3, 2, 4)])
def test_the_loops_do_what_the_reference_does(method, shape):
    source = prepared(image(shape=shape), method)
    at = points(shape=shape) * 1.8 - 0.7  # some lie outside, some between the edge and its centre
    found = sample_smoothly(source, at, method, outside=-7)
    reference = sample_smoothly_reference(source, at, method, -7)
    torch.testing.assert_close(found, reference, atol=3e-5, rtol=1e-5)
    assert (found == -7).any()


def test_threads_change_no_byte():
    at, found = points(30000), []
    for count in (1, 2):
        with backend.threads(count):
            found.append(sample_smoothly(image(), at, "sinc"))
    assert torch.equal(*found)


@pytest.mark.parametrize("method", METHODS)
def test_voxels_and_constants_stay(method):
    whole = image()
    found = sample_smoothly(prepared(whole, method), voxels(), method)
    torch.testing.assert_close(found, whole, atol=2e-5, rtol=1e-4)
    level = sample_smoothly(prepared(torch.full((1, *SHAPE), 4.0), method), points(), method)
    torch.testing.assert_close(level, torch.full_like(level, 4.0), atol=1e-5, rtol=0)


def test_cubic_splines_are_those_of_itk():
    """SimpleITK 2.5.7, sitkBSpline, inside of the outermost centres."""
    whole, at = image(1), points(margin=0.01)
    found = sample_smoothly(spline_coefficients(whole), at, "cubic")[0]
    np.testing.assert_allclose(found, by_itk(whole[0], at, sitk.sitkBSpline), atol=2e-4)


def test_the_sinc_is_that_of_itk_but_for_the_sum_of_its_weights():
    """SimpleITK 2.5.7, sitkLanczosWindowedSinc, radius 5, whose weights do not sum up to 1."""
    whole, at = image(1), points(margin=5)
    ones = by_itk(torch.ones(SHAPE), at, sitk.sitkLanczosWindowedSinc)
    theirs = by_itk(whole[0], at, sitk.sitkLanczosWindowedSinc) / ones
    np.testing.assert_allclose(sample_smoothly(whole, at, "sinc")[0], theirs, atol=2e-4)
    assert abs(ones - 1).max() > 1e-4


def test_what_is_smooth_is_met_better_than_by_lines():
    def wave(p):
        return torch.sin(1.3 * p[..., 0]) * torch.cos(1.1 * p[..., 1]) + torch.sin(0.9 * p[..., 2])

    at = points(margin=5)
    source, truth = wave(voxels())[None].float(), wave(at)
    found = {each: sample_smoothly(prepared(source, each), at, each)[0] for each in METHODS}
    errors = {each: float((values - truth).abs().mean()) for each, values in found.items()}
    assert errors["sinc"] < errors["cubic"] < 0.03


def test_labels_are_voted_for():
    """The judge: for each label its own linear interpolation, and the largest of them."""
    labels = torch.randint(0, 4, (1, *SHAPE), generator=torch.Generator().manual_seed(1))
    at = points(4000)
    chances = torch.tensor(
        np.stack([by_itk((labels[0] == v).float(), at, sitk.sitkLinear) for v in range(4)])
    )
    found = vote(labels, at)[0]
    torch.testing.assert_close(
        chances.gather(0, found[None])[0], chances.amax(0), atol=1e-6, rtol=0
    )
    theirs = by_itk(labels[0].to(torch.uint8), at, sitk.sitkLabelLinear)
    best = chances.sort(0).values
    clear = (best[-1] - best[-2] > 1e-6).numpy()
    np.testing.assert_array_equal(found.numpy()[clear], theirs[clear])
    assert vote(labels, torch.tensor([[-9.0, 0, 0]]), outside=3).tolist() == [[3]]
