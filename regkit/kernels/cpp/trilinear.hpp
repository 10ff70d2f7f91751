// The trilinear cell: where a position lies, its value and its slope.
#pragma once

#include <cmath>
#include <limits>

#include "view.hpp"

namespace loops {

// ITK's rule of what lies inside an axis of n voxels: the far rim does not.
inline bool within(double p, Index n) { return (p >= -0.5) & (p < n - 0.5); }

// Lower corner, upper corner, weight of the upper one, and slope (0 where clamped).
struct Cell {
    Index low, high;
    float share, slope;

    static Cell of(double p, Index n) {
        if (!(p > 0.0)) return {0, 0, 0.0f, 0.0f};
        if (p >= n - 1) return {n - 1, n - 1, 0.0f, 0.0f};
        const Index low = static_cast<Index>(p);
        return {low, low + 1, static_cast<float>(p - low), 1.0f};
    }
};

// Where voxel i of n lies on an axis that cuts the same extent into `other`.
inline double nested_position(Index i, Index n, Index other) {
    return (i + 0.5) * other / n - 0.5;
}

// What voxels have of a row that is coarser, by linear interpolation.
struct Between {
    const std::int32_t *low, *high;
    const float *share;

    template <class T>
    T of(const T *row, Index k) const {
        const T from = row[low[k]];
        return from + share[k] * (row[high[k]] - from);
    }
};

// Where each voxel of n lies among `other` of the same extent.
struct Cells {
    Room<std::int32_t> low, high;
    Room<float> share;

    Cells(Index n, Index other) : low(n), high(n), share(n) {
        for (Index i = 0; i < n; ++i) {
            const Cell cell = Cell::of(nested_position(i, n, other), other);
            low[i] = static_cast<std::int32_t>(cell.low);
            high[i] = static_cast<std::int32_t>(cell.high);
            share[i] = cell.share;
        }
    }

    // Those from a voxel on.
    Between from(Index first) const {
        return {low.get() + first, high.get() + first, share.get() + first};
    }
};

struct Shape {
    Index n0, n1, n2;

    Index count() const { return n0 * n1 * n2; }
};

template <class T>
inline Shape shape_of(const View<T, 3> &image) {
    return {image.shape[0], image.shape[1], image.shape[2]};
}

// What lies at the eight corners of a cell: one number, or several that belong together.
template <class T>
struct Eight {
    T v000, v001, v010, v011, v100, v101, v110, v111;

    T value(float fx, float fy, float fz) const {
        const T a = v000 + fz * (v001 - v000), b = v010 + fz * (v011 - v010);
        const T d = v100 + fz * (v101 - v100), e = v110 + fz * (v111 - v110);
        const T lower = a + fy * (b - a), upper = d + fy * (e - d);
        return lower + fx * (upper - lower);
    }

    // What `value` gains a voxel along each axis.
    void slopes(float fx, float fy, float fz, T &x, T &y, T &z) const {
        const T a = v000 + fz * (v001 - v000), b = v010 + fz * (v011 - v010);
        const T d = v100 + fz * (v101 - v100), e = v110 + fz * (v111 - v110);
        const T back = b - a, front = e - d, low = v001 - v000, high = v101 - v100;
        const T near = low + fy * (v011 - v010 - low), far = high + fy * (v111 - v110 - high);
        x = d + fy * front - (a + fy * back);
        y = back + fx * (front - back);
        z = near + fx * (far - near);
    }
};

// The eight corners about a position, in an array of any channels.
struct Corner {
    Cell x, y, z;
    Index o00, o01, o10, o11;

    Corner(double p, double q, double r, Shape shape)
        : x(Cell::of(p, shape.n0)), y(Cell::of(q, shape.n1)), z(Cell::of(r, shape.n2)),
          o00((x.low * shape.n1 + y.low) * shape.n2), o01((x.low * shape.n1 + y.high) * shape.n2),
          o10((x.high * shape.n1 + y.low) * shape.n2), o11((x.high * shape.n1 + y.high) * shape.n2) {}

    // What `get` finds at each of them.
    template <class Get>
    auto found(Get &&get) const -> Eight<decltype(get(Index{}))> {
        const Index l = z.low, h = z.high;
        return {get(o00 + l), get(o00 + h), get(o01 + l), get(o01 + h),
                get(o10 + l), get(o10 + h), get(o11 + l), get(o11 + h)};
    }

    // `stride` is how far two voxels are apart along the last axis.
    float value(const float *image, Index stride = 1) const {
        const auto at = [=](Index voxel) { return image[voxel * stride]; };
        return found(at).value(x.share, y.share, z.share);
    }
};

// u (3, G0, G1, G2) along the row i, j of a grid of `size`, in voxels of that, into line (3, G2).
template <class U>
inline void displacement_row(View<const U, 4> u, Index i, Index j, Shape size, U *line) {
    const Shape own = shape_of(u[0]);
    const Cell x = Cell::of(nested_position(i, size.n0, own.n0), own.n0);
    const Cell y = Cell::of(nested_position(j, size.n1, own.n1), own.n1);
    const U scale[3] = {static_cast<U>(static_cast<double>(size.n0) / own.n0),
                        static_cast<U>(static_cast<double>(size.n1) / own.n1),
                        static_cast<U>(static_cast<double>(size.n2) / own.n2)};
    const U fx = x.share, fy = y.share;
    for (int c = 0; c < 3; ++c) {
        const U *v00 = u[c][x.low][y.low].data, *v01 = u[c][x.low][y.high].data,
                *v10 = u[c][x.high][y.low].data, *v11 = u[c][x.high][y.high].data;
        U *out = line + c * own.n2;
        const U s = scale[c];
        REGKIT_INDEPENDENT
        for (Index k = 0; k < own.n2; ++k) {
            const U lower = v00[k] + fy * (v01[k] - v00[k]);
            const U upper = v10[k] + fy * (v11[k] - v10[k]);
            out[k] = s * (lower + fx * (upper - lower));
        }
    }
}

// An affine map (4, 4) or (3, 4) of double, in C order.
struct Affine {
    const double *m;

    double along(int axis, double i, double j, double k) const {
        const double *row = m + 4 * axis;
        return row[0] * i + row[1] * j + row[2] * k + row[3];
    }
};

}  // namespace loops
