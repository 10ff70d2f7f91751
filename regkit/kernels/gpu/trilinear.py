"""The trilinear cell: where positions lie, and values there."""

from __future__ import annotations

import triton.language as tl

from regkit.kernels.gpu.jit import inline


@inline
def within(p, n):
    """ITK's rule of what lies inside an axis of ``n`` voxels: the far rim does not."""
    return (p >= -0.5) & (p < n - 0.5)


@inline
def cell(p, n):
    """Lower corner, upper corner and weight of the upper one; positions are clamped."""
    q = tl.minimum(tl.maximum(p, 0.0), n - 1.0)
    low = q.to(tl.int32)
    return low, tl.minimum(low + 1, n - 1), q - low


@inline
def quotient(n, other):
    """``n / other``, exactly 1 where they are equal: Triton's own division is approximate."""
    return tl.div_rn(n.to(tl.float32), other.to(tl.float32))


@inline
def nested_position(i, n, other):
    """Where voxel ``i`` of ``n`` lies on an axis that cuts the same extent into ``other``."""
    return (i + 0.5) * quotient(other, n) - 0.5


@inline
def lerp8(image, n1, n2, x, X, y, Y, z, Z, fx, fy, fz, mask):
    """Value of ``image (.., n1, n2)`` between the eight corners; 0 where masked."""
    nn, nf = (x * n1 + y) * n2, (x * n1 + Y) * n2
    fn, ff = (X * n1 + y) * n2, (X * n1 + Y) * n2
    a = _lerp(image + nn + z, image + nn + Z, fz, mask)
    b = _lerp(image + nf + z, image + nf + Z, fz, mask)
    d = _lerp(image + fn + z, image + fn + Z, fz, mask)
    e = _lerp(image + ff + z, image + ff + Z, fz, mask)
    lower = a + fy * (b - a)
    upper = d + fy * (e - d)
    return lower + fx * (upper - lower)


@inline
def _lerp(low, high, f, mask):
    a = tl.load(low, mask=mask, other=0.0)
    return a + f * (tl.load(high, mask=mask, other=0.0) - a)
