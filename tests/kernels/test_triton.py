"""The Triton kernels against the PyTorch references: on a GPU, or in Triton's interpreter."""

import subprocess
import sys

import numpy as np
import pytest
import torch

from regkit.geometry.affines import homogeneous, rotation
from regkit.kernels import backend
from regkit.kernels.fields import compose_fields, compose_reference
from regkit.kernels.smoothing import gaussian, gaussian_reference, gaussian_taps
from regkit.kernels.warping import (
    displacement_gradient,
    step_force_reference,
    warp_index,
    warp_reference,
)
from regkit.kernels.windows import gradient_reference, lncc_gradient, lncc_reference

CLOSE = {"atol": 3e-5, "rtol": 1e-4}


@pytest.fixture
def run(on_triton, monkeypatch):
    """Call a function on the kernels' device; what it gives comes back to the CPU."""
    assert backend.name(on_triton) == "triton"
    ran = []
    import_module = backend.import_module
    monkeypatch.setattr(backend, "import_module", lambda n: ran.append(n) or import_module(n))

    def call(function, *args, **kwargs):
        on = [a.to(on_triton) if isinstance(a, torch.Tensor) else a for a in args]
        ran.clear()
        out = function(*on, **kwargs)
        assert ran, "another implementation ran"
        parts = out if isinstance(out, tuple) else (out,)
        back = tuple(p.cpu() if isinstance(p, torch.Tensor) else p for p in parts)
        return back if isinstance(out, tuple) else back[0]

    return call


@pytest.mark.parametrize("zero", [False, True])
def test_gaussian(run, shape, draw, zero):
    image, sigma = draw(2, *shape), [1.3, 0.05, 2.1][: len(shape)]
    ours = run(gaussian, image, sigma, zero=zero)
    taps = [gaussian_taps(s if n > 1 else 0) for s, n in zip(sigma, shape, strict=True)]
    torch.testing.assert_close(ours, gaussian_reference(image, taps, zero=zero), **CLOSE)


def test_gaussian_of_nothing_is_a_copy(run, draw, on_triton):
    image = draw(1, 4, 5, 6).to(on_triton)
    ours = gaussian(image, 0.01)
    assert torch.equal(ours, image)
    assert ours.data_ptr() != image.data_ptr()


def test_compose_fields(run, shape, draw):
    u, v = 3 * draw(len(shape), *shape), 3 * draw(len(shape), *shape)
    torch.testing.assert_close(run(compose_fields, u, v), compose_reference(u, v), **CLOSE)


def test_compose_fields_uses_the_memory_it_is_given(draw, on_triton):
    u, v = (draw(3, 4, 5, 6).to(on_triton) for _ in range(2))
    room = torch.empty_like(u)
    out = compose_fields(u, v, out=room)
    assert out.data_ptr() == room.data_ptr()
    assert torch.equal(out, compose_fields(u, v))


@pytest.mark.parametrize("ratio", [1, 2])
@pytest.mark.parametrize("sizes", [((9, 10, 11), (8, 6, 12)), ((1, 10, 11), (1, 8, 8))], ids=str)
def test_warp_index(run, draw, sizes, ratio):
    source, target = sizes
    turn = rotation([0.3, 0.0, 0.0] if source[0] == 1 else [0.2, -0.1, 0.3])
    matrix = homogeneous(turn * 1.05, [0.0, 0.7, -0.4])
    image, weight = draw(2, *source), draw(*target).clamp(min=0)
    u = draw(3, *(max(n // ratio, 1) for n in target))
    u[0] *= source[0] > 1
    ours, inside = run(warp_index, image, matrix, u, weight)
    theirs, same = warp_reference(image, matrix, u, target)
    assert 0 < (inside[weight > 0] > 0).float().mean() < 1
    assert torch.equal(inside, same * weight)
    torch.testing.assert_close(ours, theirs * (weight > 0), **CLOSE)


@pytest.mark.parametrize("coarse", [(8, 6, 12), (4, 3, 6), (3, 5, 5), (8, 3, 12)], ids=str)
def test_step_force(run, draw, coarse):
    shape = (8, 6, 12)
    known = (draw(*shape) > -1).float()
    given = draw(2, *shape), known, draw(2, *shape) * known
    torch.testing.assert_close(
        run(displacement_gradient, *given, coarse), step_force_reference(*given, coarse), **CLOSE
    )


def test_step_force_of_a_plane(run, draw):
    given = draw(1, 1, 9, 8), torch.ones(1, 9, 8), draw(1, 1, 9, 8), (1, 9, 8)
    ours = run(displacement_gradient, *given)
    assert (ours[0] == 0).all()
    torch.testing.assert_close(ours, step_force_reference(*given), **CLOSE)


@pytest.fixture(params=[(8, 9, 10), (1, 9, 10), (3, 19, 4)], ids=str)
def images(request, draw):
    """Fixed, warped and a mask with a hole and fractions."""
    fixed, noise = torch.sigmoid(draw(*request.param)), torch.sigmoid(draw(*request.param))
    weight = torch.sigmoid(draw(*request.param))
    weight[:, :3, 2:] = 0
    return fixed, 0.6 * fixed + 0.4 * noise, weight


@pytest.mark.parametrize("floor", [1e-5, 1e-2])
@pytest.mark.parametrize("squared", [False, True])
@pytest.mark.parametrize(("radius", "stride"), [(1, 1), (3, 1), (3, 2), (4, 3)])
def test_lncc_gradient(run, images, radius, stride, squared, floor):
    asked = {"squared": squared, "floor": floor, "stride": stride}
    value, force = run(lncc_gradient, *images, radius, **asked)
    same, expected = gradient_reference(*images, radius, **asked)
    assert value == pytest.approx(same, abs=1e-5)
    torch.testing.assert_close(force, expected, atol=1e-6, rtol=2e-3)


@pytest.mark.parametrize("squared", [False, True])
def test_lncc_gradient_is_the_slope_of_the_value(run, images, squared, draw):
    fixed, warped, weight = images
    _, force = run(lncc_gradient, *images, 2, squared=squared)
    way = draw(*warped.shape).double()
    ends = [
        float(lncc_reference(fixed.double(), w, weight.double(), 2, squared=squared))
        for w in (warped + 1e-5 * way, warped - 1e-5 * way)
    ]
    slope = (ends[0] - ends[1]) / 2e-5
    assert float((force.double() * way).sum()) == pytest.approx(slope, rel=1e-3, abs=1e-6)


def test_no_weight_is_no_error(run, images):
    fixed, warped, weight = images
    value, force = run(lncc_gradient, fixed, warped, 0 * weight, 2, squared=True)
    assert np.isfinite(value)
    assert (force == 0).all()


def test_the_same_input_gives_the_same_bytes(run, images, draw):
    ours = [run(lncc_gradient, *images, 2, squared=True) for _ in range(2)]
    assert ours[0][0] == ours[1][0]
    assert torch.equal(ours[0][1], ours[1][1])
    given = draw(2, 8, 6, 12), torch.ones(8, 6, 12), draw(2, 8, 6, 12), (4, 3, 6)
    assert torch.equal(*(run(displacement_gradient, *given) for _ in range(2)))


def test_gradients_and_other_types_go_to_the_reference(on_triton):
    leaf = torch.ones(1, 4, 4, device=on_triton, requires_grad=True)
    assert backend.implementation(leaf) == "torch"
    assert backend.implementation(leaf.detach()) == "triton"
    assert backend.implementation(leaf.detach().double()) != "triton"


_COMPILE = """
import sys
import torch, triton
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource
from regkit.kernels.gpu import fields, jit, smoothing, warping, windows

compiled = set()
TYPES = {int: "i32", float: "fp32", torch.Tensor: "*fp32"}

def compile_only(code, like, size, *arguments, rows=1, **fixed):
    given = {**dict(zip(code.arg_names, arguments)), **fixed, "BLOCK": jit.BLOCK}
    constant = {name: v for name, v in given.items() if name.isupper()}
    signature = {n: "constexpr" if n in constant else TYPES[type(v)] for n, v in given.items()}
    target = GPUTarget("cuda", int(sys.argv[1]), 32)
    triton.compile(ASTSource(code, signature, constant), target=target)
    compiled.add(code)

for module in (fields, smoothing, warping, windows):
    module.launch = compile_only
image, field = torch.ones(4, 4, 4), torch.ones(3, 4, 4, 4)
fields.compose_fields(field, field)
warping.warp_index(image[None], torch.eye(4).numpy(), field, image)
warping.displacement_gradient(image[None], image, image[None], (2, 2, 2))
for flag in (False, True):
    smoothing.convolve(field, [(0.5, 0.0, 0.5)] * 3, zero=flag, spare=False)
    windows.lncc_gradient(image, image, image, 1, squared=flag)
sys.stdout.write(str(len(compiled)))
"""


@pytest.mark.parametrize("capability", ["80", "90"])
def test_every_kernel_compiles_for_a_gpu(on_triton, capability, monkeypatch):
    """What the interpreter accepts, the compiler may not; it needs no GPU."""
    monkeypatch.delenv("TRITON_INTERPRET", raising=False)
    words = [sys.executable, "-c", _COMPILE, capability]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout == "8"
