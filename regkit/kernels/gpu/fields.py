"""Compose displacement fields."""

from __future__ import annotations

import torch
import triton.language as tl
from torch import Tensor

from regkit.kernels.fields import drop_lifted, lift_field
from regkit.kernels.gpu.jit import kernel, launch
from regkit.kernels.gpu.trilinear import cell, lerp8


def compose_fields(u: Tensor, v: Tensor, *, out: Tensor | None = None) -> Tensor:
    """The twin of :func:`regkit.kernels.fields.compose_fields`."""
    u3, v3 = lift_field(u).contiguous(), lift_field(v).contiguous()
    spare = out is not None and len(out) == 3 and out.is_contiguous()
    room = out if out is not None and spare else torch.empty_like(v3)
    launch(_compose, v3, v3[0].numel(), u3, v3, room, *v3.shape[1:])
    return drop_lifted(room, len(u))


@kernel
def _compose(u, v, out, n0, n1, n2, BLOCK: tl.constexpr):
    """``out = v + u(x + v)``, all ``(3, n0, n1, n2)``; u is clamped outside."""
    voxels = n0 * n1 * n2
    o = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    here = o < voxels
    v1, v2 = v + voxels, v + voxels + voxels
    a, b, d = tl.load(v + o, here, 0.0), tl.load(v1 + o, here, 0.0), tl.load(v2 + o, here, 0.0)
    x, X, fx = cell(o // (n1 * n2) + a, n0)
    y, Y, fy = cell(o // n2 % n1 + b, n1)
    z, Z, fz = cell(o % n2 + d, n2)
    a += lerp8(u, n1, n2, x, X, y, Y, z, Z, fx, fy, fz, here)
    u += voxels
    b += lerp8(u, n1, n2, x, X, y, Y, z, Z, fx, fy, fz, here)
    u += voxels
    d += lerp8(u, n1, n2, x, X, y, Y, z, Z, fx, fy, fz, here)
    tl.store(out + o, a, here)
    tl.store(out + voxels + o, b, here)
    tl.store(out + voxels + voxels + o, d, here)
