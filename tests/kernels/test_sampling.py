import pytest
import torch

from regkit.kernels.sampling import (
    sample,
    sample_linear_reference,
    sample_nearest_reference,
    sample_unit,
    unit_points,
    warp_unit,
)


@pytest.fixture
def points(shape, draw):
    """Inside, at the border and outside."""
    size = torch.tensor(shape, dtype=torch.float64)
    return (size - 1) / 2 + 0.6 * size * draw(500, len(shape)).double()


@pytest.mark.parametrize("outside", [0.0, -7.5])
def test_the_loop_samples_linearly_as_torch_does(shape, points, draw, outside):
    image = draw(2, *shape)
    expected = sample_linear_reference(image, points, outside)
    assert (expected == outside).any()
    torch.testing.assert_close(
        sample(image, points, outside=outside), expected, atol=2e-5, rtol=1e-5
    )


@pytest.mark.parametrize("dtype", [torch.float32, torch.uint8, torch.int16, torch.int64])
def test_the_loop_takes_the_nearest_voxel_as_torch_does(shape, points, draw, dtype):
    image = (50 + 10 * draw(2, *shape)).to(dtype)
    ours = sample(image, points, nearest=True, outside=3)
    assert ours.dtype is dtype
    assert torch.equal(ours, sample_nearest_reference(image, points, 3))


def test_the_border_belongs_to_the_image_half_a_voxel_far():
    image = torch.tensor([[1.0, 2.0], [3.0, 4.0]])[None]
    edge = torch.tensor([[-0.5, 0.0], [-0.51, 0.0], [1.49, 1.49], [1.0, 1.5], [1.5, 1.0]])
    for values in (
        sample(image, edge, outside=9),
        sample(image, edge, nearest=True, outside=9),
        sample(image.double(), edge, outside=9),
        sample_linear_reference(image, edge, 9),
        sample_nearest_reference(image, edge, 9),
    ):
        assert values.tolist() == [[1, 9, 4, 9, 9]]


def test_float64_is_interpolated_in_float64(on_torch):
    image = torch.tensor([[1e9, 1e9 + 1]], dtype=torch.float64)[None]
    assert sample(image, torch.tensor([[0.0, 0.25]])).item() == 1e9 + 0.25
    on_torch()
    assert sample(image, torch.tensor([[0.0, 0.25]])).item() == 1e9 + 0.25


def test_halves_round_up():
    image = torch.arange(4.0)[None, None]
    points = torch.tensor([[0.0, 0.5], [0.0, 1.5], [0.0, 2.49]])
    assert sample(image, points, nearest=True).tolist() == [[1, 2, 2]]


def test_points_keep_their_shape(draw):
    assert sample(draw(2, 5, 6, 7), torch.zeros(3, 4, 3)).shape == (2, 3, 4)


def test_integers_are_interpolated_in_float():
    image = torch.tensor([[[0, 1]]], dtype=torch.int16)
    assert sample(image, torch.tensor([[0.0, 0.25]])).tolist() == [[0.25]]


def test_not_a_number_is_outside(draw):
    points = torch.full((1, 3), torch.nan)
    assert sample(draw(1, 4, 4, 4), points, outside=5).tolist() == [[5]]


def test_memory_layout_does_not_matter(draw):
    image = draw(1, 5, 6, 7)
    turned = image.permute(0, 3, 2, 1).contiguous().permute(0, 3, 2, 1)
    points = 4 * torch.rand(50, 3, generator=torch.Generator().manual_seed(1))
    assert torch.equal(sample(turned, points), sample(image, points))


def test_gradients_flow_through_image_and_points():
    generator = torch.Generator().manual_seed(0)
    image = torch.rand(1, 4, 5, 6, generator=generator).requires_grad_()
    points = (1 + 2 * torch.rand(8, 3, generator=generator)).requires_grad_()
    sample(image, points).sum().backward()
    assert image.grad.sum() == pytest.approx(8, rel=1e-4)
    eps = 1e-2
    for axis in range(3):
        step = eps * torch.eye(3)[axis]
        numeric = (sample(image, points + step) - sample(image, points - step)) / (2 * eps)
        torch.testing.assert_close(points.grad[:, axis], numeric[0].detach(), atol=0.02, rtol=0.02)


def test_the_environment_chooses_the_reference(draw, on_torch, monkeypatch):
    on_torch()
    monkeypatch.setattr("regkit.kernels.sampling._sample_loops", None)
    assert sample(draw(1, 4, 4), torch.zeros(1, 2)).shape == (1, 1)


@pytest.mark.parametrize("shape", [(5, 4), (5, 4, 6), (3, 1, 2)], ids=str)
def test_unit_coordinates_are_shares_of_the_field_of_view(shape, monkeypatch):
    generator = torch.Generator().manual_seed(0)
    images = torch.rand(2, 3, *shape, generator=generator)
    points = 1.4 * torch.rand(1, len(shape), 7, *[3] * (len(shape) - 1), generator=generator) - 0.2
    found = sample_unit(images, points)
    size = torch.tensor(shape) - 1
    index = (points[0].movedim(0, -1).clamp(0, 1) * size).double()
    wanted = torch.stack(
        [sample_linear_reference(i, index.reshape(-1, len(shape)), 0.0) for i in images]
    )
    assert torch.allclose(found, wanted.reshape(found.shape), atol=1e-6)
    monkeypatch.setenv("REGKIT_KERNELS", "torch")
    assert torch.allclose(found, sample_unit(images, points), atol=1e-6)


@pytest.mark.parametrize("shape", [(5, 4), (5, 4, 6), (3, 1, 2)], ids=str)
@pytest.mark.parametrize("count", [1, 2])
def test_a_displacement_in_shares_warps_from_voxel_centres(shape, count, monkeypatch):
    generator = torch.Generator().manual_seed(0)
    images = torch.rand(2, 4, *shape, generator=generator)
    other = (7, 1, *shape[2:])
    u = torch.rand(count, len(shape), *other, generator=generator) - 0.5
    for backend in ("auto", "torch"):
        monkeypatch.setenv("REGKIT_KERNELS", backend)
        wanted = sample_unit(images, unit_points(other, u) + u)
        assert torch.allclose(warp_unit(images, u), wanted, atol=1e-6)


def test_what_is_warped_in_shares_has_gradients():
    image, u = torch.rand(2, 1, 3, 4, 4, 4, dtype=torch.float64).requires_grad_()
    assert torch.autograd.gradcheck(lambda a, b: warp_unit(a, 0.05 * b), (image, u))
