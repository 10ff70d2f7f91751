// Positions of a part of a row, and the cells of an image in which they lie.
//
// By vector instructions all through: no branch, single precision, and what lies at the corners of
// the cells fetched first.
#pragma once

#include <cmath>
#include <cstring>
#include <limits>

#include "trilinear.hpp"

namespace loops {

constexpr Index kPart = 128;  // voxels of a row that are placed together

// Call f(first, count) for the parts of a row.
template <class F>
inline void for_row_parts(Index first, Index last, F &&f) {
    for (Index k = first; k < last; k += kPart) f(k, smaller(kPart, last - k));
}

// Offsets of 32 bits are computed at twice the speed.
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

// Positions along an axis of n voxels. They are told from a whole voxel near the first of them on:
// then single precision is as good in a large image as in a small one.
struct Line {
    Index n;
    Index whole = 0;
    alignas(32) float at[kPart];
    alignas(32) float share[kPart];     // of the upper corner
    alignas(32) std::int32_t low[kPart];  // the lower corner

    explicit Line(Index n) : n(n) {}

    // Let `start` be told from a whole voxel on: how far it is from there.
    float begin(double start) {
        const double below = std::floor(start);
        whole = below > 0 ? static_cast<Index>(smaller(below, number(n - 1))) : 0;
        return static_cast<float>(start - number(whole));
    }

    // What is no number is at 0; the rest is held inside.
    void place(Index count) {
        const std::int32_t from = static_cast<std::int32_t>(whole),
                           last = static_cast<std::int32_t>(larger<Index>(n - 2, 0)) - from;
        const float least = told(0), most = told(number(n - 1));
        REGKIT_INDEPENDENT
        for (Index k = 0; k < count; ++k) {
            float p = at[k] > least ? at[k] : least;
            p = p < most ? p : most;
            std::int32_t corner = static_cast<std::int32_t>(p);
            corner -= static_cast<float>(corner) > p ? 1 : 0;  // towards zero is not always down
            corner = corner < last ? corner : last;
            low[k] = corner + from;
            share[k] = p - static_cast<float>(corner);
        }
    }

    // A position as `at` has it.
    float told(double p) const { return static_cast<float>(p - number(whole)); }
};

// Between two positions.
struct Range {
    float least, most;

    // Where an image is known, by ITK's rule: the far rim is outside.
    static Range seen(const Line &line) {
        return {line.told(-0.5), line.told(number(line.n) - 0.5)};
    }

    // Where an image slopes: beyond, positions are held at its ends.
    static Range inner(const Line &line) {
        const float first = line.told(0);
        return {std::nextafter(first, first + 1), line.told(number(line.n - 1))};
    }

    bool holds(float p) const { return (p >= least) & (p < most); }
};

struct Pair {
    float low, high;
};

// What an image has at the corners of cells: along z at (x, y), (x, Y), (X, y) and (X, Y).
struct Corners {
    alignas(32) Pair found[4][kPart];

    Eight<float> eight(Index k) const {
        return {found[0][k].low, found[0][k].high, found[1][k].low, found[1][k].high,
                found[2][k].low, found[2][k].high, found[3][k].low, found[3][k].high};
    }
};

// A part of a row of positions, and the cells in which they lie.
template <class Offset>
struct Row {
    Line x, y, z;
    Steps step;
    Offset offset[kPart];  // of the lowest corner in a flat array

    explicit Row(Shape shape) : x(shape.n0), y(shape.n1), z(shape.n2), step(shape) {}

    void place(Index count) {
        x.place(count);
        y.place(count);
        z.place(count);
        const Offset n1 = static_cast<Offset>(y.n), n2 = static_cast<Offset>(z.n);
        REGKIT_INDEPENDENT
        for (Index k = 0; k < count; ++k) offset[k] = (x.low[k] * n1 + y.low[k]) * n2 + z.low[k];
    }

    float value(const Corners &corners, Index k) const {
        return corners.eight(k).value(x.share[k], y.share[k], z.share[k]);
    }
    void slopes(const Corners &corners, Index k, float &dx, float &dy, float &dz) const {
        corners.eight(k).slopes(x.share[k], y.share[k], z.share[k], dx, dy, dz);
    }

    // Bring what an image has at the corners of the cells.
    void fetch(const float *flat, Index count, Corners &to) const {
        if (step.z == 1)
            fetch_with(flat, count, to, [](const float *from) {
                Pair two;
                std::memcpy(&two, from, sizeof(two));
                return two;
            });
        else
            fetch_with(flat, count, to, [](const float *from) { return Pair{*from, *from}; });
    }

  private:
    template <class Load>
    void fetch_with(const float *flat, Index count, Corners &to, Load &&load) const {
        for (Index k = 0; k < count; ++k) {
            const float *from = flat + offset[k];
            to.found[0][k] = load(from);
            to.found[1][k] = load(from + step.y);
            to.found[2][k] = load(from + step.x);
            to.found[3][k] = load(from + step.x + step.y);
        }
    }
};

// An affine map of a part of a row: where it begins, and what a voxel's step and displacement add.
template <class Offset>
class Moved {
  public:
    // From voxel i, j, first on.
    Moved(Affine m, Index i, Index j, Index first, Row<Offset> &row) : row_(row) {
        for (int axis = 0; axis < 3; ++axis) {
            const double start = m.along(axis, number(i), number(j), number(first));
            start_[axis] = line(axis).begin(start);
            for (int other = 0; other < 3; ++other)
                linear_[axis][other] = static_cast<float>(m.m[4 * axis + other]);
        }
    }

    // Of `count` voxels that are displaced by `u(k, to)`.
    template <class Displacement>
    void lay(Index count, Displacement &&u) const {
        const float a = start_[0], b = start_[1], c = start_[2];
        const float m00 = linear_[0][0], m01 = linear_[0][1], m02 = linear_[0][2],
                    m10 = linear_[1][0], m11 = linear_[1][1], m12 = linear_[1][2],
                    m20 = linear_[2][0], m21 = linear_[2][1], m22 = linear_[2][2];
        float *x = row_.x.at, *y = row_.y.at, *z = row_.z.at;
        REGKIT_INDEPENDENT
        for (Index k = 0; k < count; ++k) {
            float p, q, r;
            u(k, p, q, r);
            r += static_cast<float>(static_cast<std::int32_t>(k));
            x[k] = a + (m00 * p + m01 * q + m02 * r);
            y[k] = b + (m10 * p + m11 * q + m12 * r);
            z[k] = c + (m20 * p + m21 * q + m22 * r);
        }
    }

  private:
    Line &line(int axis) const { return axis == 0 ? row_.x : axis == 1 ? row_.y : row_.z; }

    Row<Offset> &row_;
    float start_[3], linear_[3][3];
};

}  // namespace loops
