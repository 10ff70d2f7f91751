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
};

struct Shape {
    Index n0, n1, n2;

    Index count() const { return n0 * n1 * n2; }
};

template <class T>
inline Shape shape_of(const View<T, 3> &image) {
    return {image.shape[0], image.shape[1], image.shape[2]};
}

// The lower corners of positions, held inside an axis of n, and the upper one's shares: without a
// branch, so that whole rows are placed by vector instructions. What is no number is at 0.
inline void place(const double *p, Index count, Index n, std::int32_t *low, float *share) {
    const std::int32_t last = static_cast<std::int32_t>(larger<Index>(n - 2, 0));
    const double end = static_cast<double>(n - 1);
    REGKIT_INDEPENDENT
    for (Index k = 0; k < count; ++k) {
        double q = p[k] > 0.0 ? p[k] : 0.0;
        q = q < end ? q : end;
        const std::int32_t whole = static_cast<std::int32_t>(q);
        const std::int32_t corner = whole < last ? whole : last;
        low[k] = corner;
        share[k] = static_cast<float>(q - corner);
    }
}

// Offsets of 32 bits are gathered at twice the speed.
inline bool is_small(Shape shape) {
    return shape.count() < std::numeric_limits<std::int32_t>::max();
}

// How far the upper corner of a cell is from the lower one along each axis, in a flat array. The
// upper corner is the next voxel, or the same one where there is but one.
struct Steps {
    Index x, y, z;

    explicit Steps(Shape shape)
        : x(shape.n0 > 1 ? shape.n1 * shape.n2 : 0), y(shape.n1 > 1 ? shape.n2 : 0),
          z(shape.n2 > 1 ? 1 : 0) {}
};

// A row of positions, and the cells in which they lie.
template <class Offset>
struct Row {
    Room<double> p, q, r;
    Room<std::int32_t> x, y, z;
    Room<float> fx, fy, fz;
    Room<Offset> offset;

    explicit Row(Index n)
        : p(n), q(n), r(n), x(n), y(n), z(n), fx(n), fy(n), fz(n), offset(n) {}

    void place_in(Shape shape, Index count) {
        place(p.get(), count, shape.n0, x.get(), fx.get());
        place(q.get(), count, shape.n1, y.get(), fy.get());
        place(r.get(), count, shape.n2, z.get(), fz.get());
        const std::int32_t *i = x.get(), *j = y.get(), *k = z.get();
        Offset *to = offset.get();
        const Offset s = static_cast<Offset>(shape.n1), t = static_cast<Offset>(shape.n2);
        REGKIT_INDEPENDENT
        for (Index n = 0; n < count; ++n) to[n] = (i[n] * s + j[n]) * t + k[n];
    }
};

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

// Those of the cell whose lowest corner is `o`.
inline Eight<float> eight(const float *o, Steps step) {
    return {o[0], o[step.z], o[step.y], o[step.y + step.z], o[step.x], o[step.x + step.z],
            o[step.x + step.y], o[step.x + step.y + step.z]};
}

// Value between the eight corners of a cell whose lowest is flat[at].
template <class Offset>
inline float lerp_flat(const float *flat, Offset at, Steps step, float fx, float fy, float fz) {
    return eight(flat + at, step).value(fx, fy, fz);
}

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

    // Where `count` voxels of row i, j from `first` on go.
    template <class Offset>
    void lay(Index i, Index j, Index first, Index count, Row<Offset> &row) const {
        double *p = row.p.get(), *q = row.q.get(), *r = row.r.get();
        const double di = number(i), dj = number(j), dk = number(first);
        REGKIT_INDEPENDENT
        for (Index k = 0; k < count; ++k) {
            const double at = dk + number(k);
            p[k] = along(0, di, dj, at);
            q[k] = along(1, di, dj, at);
            r[k] = along(2, di, dj, at);
        }
    }
};

}  // namespace loops
