// What pulls at a warped image: the derivative of a loss by a step aside, or by the affine.
#include <utility>

#include "kernels.hpp"
#include "rows.hpp"
#include "threads.hpp"

namespace loops {
namespace {

// A neighbouring row, and where it is known.
struct Neighbour {
    const float *value, *known;
};

// Add `up` times the difference between two neighbours, or to the one that is known.
inline void add_slope(const float *up, Neighbour here, Neighbour low, Neighbour high,
                      float *out, Index count) {
    REGKIT_INDEPENDENT
    for (Index k = 0; k < count; ++k) {
        const bool above = here.known[k] * high.known[k] > 0;
        const bool below = here.known[k] * low.known[k] > 0;
        const float rise = (above ? high.value[k] : here.value[k]) -
                           (below ? low.value[k] : here.value[k]);
        out[k] += up[k] * ((above & below) ? 0.5f * rise : rise);
    }
}

// The adjoint of linear interpolation along a row, from voxels to `other` of the same extent: what
// each of these takes of `count` voxels from `first` on.
struct Gather {
    Index other, count;
    Room<std::int32_t> first;
    Room<float> share; // (count, other)

    Gather(const Cells &cells, Index n, Index other)
        : other(other), count(widest(cells, n, other)), first(other), share(count * other) {
        fill(share.get(), count * other, 0.0f);
        fill<std::int32_t>(first.get(), other, -1);
        for (Index k = n - 1; k >= 0; --k)
            for (const std::int32_t at : {cells.low[k], cells.high[k]})
                first[at] = static_cast<std::int32_t>(k);
        for (Index at = 0; at < other; ++at)
            first[at] = static_cast<std::int32_t>(held(first[at], n - count + 1));
        for (Index k = 0; k < n; ++k) {
            const Index low = cells.low[k], high = cells.high[k];
            share[(k - first[low]) * other + low] += 1 - cells.share[k];
            share[(k - first[high]) * other + high] += cells.share[k];
        }
    }

    // out[at] += what it takes of a row.
    void add(const float *row, float *out) const {
        for (Index t = 0; t < count; ++t) {
            const float *of = share.get() + t * other, *from = row + t;
            const std::int32_t *start = first.get();
            REGKIT_INDEPENDENT
            for (Index at = 0; at < other; ++at) out[at] += of[at] * from[start[at]];
        }
    }

  private:
    // The most voxels that lie between the first and the last that one takes from.
    static Index widest(const Cells &cells, Index n, Index other) {
        Index found = 1;
        Room<Index> from(other);
        fill<Index>(from.get(), other, n);
        for (Index k = 0; k < n; ++k)
            for (const std::int32_t at : {cells.low[k], cells.high[k]}) {
                from[at] = smaller(from[at], k);
                found = larger(found, k - from[at] + 1);
            }
        return found;
    }
};

}  // namespace

// upstream grad(warped), gathered along j and k: planes (3, I, G1, G2). gather_first does the rest.
void displacement_gradient(Images warped, Image known, Images upstream, Planes planes) {
    const Index channels = warped.shape[0], g1 = planes.shape[2], g2 = planes.shape[3];
    const Shape size = shape_of(known);
    const Gather along(Cells(size.n2, g2), size.n2, g2);
    const Room<float> nothing(size.n2);
    fill(nothing.get(), size.n2, 0.0f);
    for_rows(size.n0, [&](Index i) {
        const Index before = held(i - 1, size.n0), after = held(i + 1, size.n0);
        const Index width = 3 * size.n2;
        Room<float> whole(width), rows(2 * width), value(size.n2 + 2), there(size.n2 + 2);
        // Sums over the rows that lie nearest to row `at` of the planes, and to the next one.
        float *near = rows.get(), *far = near + width;
        Index at = 0;
        bool some_near = false, some_far = false;
        fill(near, 2 * width, 0.0f);
        const auto finish = [&] {
            for (int c = 0; c < 3; ++c) {
                fill(planes[c][i][at].data, g2, 0.0f);
                if (some_near) along.add(near + c * size.n2, planes[c][i][at].data);
            }
            if (some_near) fill(near, width, 0.0f);
            std::swap(near, far);
            some_near = some_far, some_far = false;
            ++at;
        };
        value[0] = there[0] = 0;
        for (Index j = 0; j < size.n1; ++j) {
            const Cell y = Cell::of(nested_position(j, size.n1, g1), g1);
            while (at < y.low) finish();
            const Extent some = extent(known[i][j].data, size.n2);
            const Index count = some.last - some.first;
            if (count == 0) continue;
            const Index left = held(j - 1, size.n1), right = held(j + 1, size.n1);
            const float *m = known[i][j].data + some.first;
            // Beyond the first and the last voxel that is known there is none.
            for (Index k = 0; k < count; ++k) there[k + 1] = m[k];
            there[count + 1] = value[count + 1] = 0;
            fill(whole.get(), width, 0.0f);
            for (Index c = 0; c < channels; ++c) {
                const float *up = upstream[c][i][j].data + some.first;
                const Neighbour here{warped[c][i][j].data + some.first, m};
                for (Index k = 0; k < count; ++k) value[k + 1] = here.value[k];
                const auto beside = [&](Index s, Index t, bool is_there) {
                    return Neighbour{warped[c][s][t].data + some.first,
                                     is_there ? known[s][t].data + some.first : nothing.get()};
                };
                float *out = whole.get() + some.first;
                add_slope(up, here, beside(before, j, i > 0), beside(after, j, i < size.n0 - 1),
                          out, count);
                add_slope(up, here, beside(i, left, j > 0), beside(i, right, j < size.n1 - 1),
                          out + size.n2, count);
                add_slope(up, here, {value.get(), there.get()}, {value.get() + 2, there.get() + 2},
                          out + 2 * size.n2, count);
            }
            const float share = y.share, rest = 1 - y.share, *force = whole.get();
            some_near = some_far = true;
            REGKIT_INDEPENDENT
            for (Index k = 0; k < width; ++k) {
                near[k] += rest * force[k];
                far[k] += share * force[k];
            }
        }
        while (at < g1) finish();
    });
}

// The adjoint of linear interpolation along i: planes (3, I, ...) to a coarser grid.
void gather_first(Images planes, Planes force) {
    const Index size = planes.shape[1], g0 = force.shape[1];
    const Index plane = force.shape[2] * force.shape[3];
    for_rows(g0, [&](Index i) {
        for (int c = 0; c < 3; ++c) fill(force[c][i].data, plane, 0.0f);
        const Index low = static_cast<Index>((i - 0.5) * size / g0) - 1;
        const Index high = static_cast<Index>((i + 1.5) * size / g0) + 2;
        for (Index s = larger<Index>(low, 0); s < smaller(high, size); ++s) {
            const Cell x = Cell::of(nested_position(s, size, g0), g0);
            const float share = (x.low == i ? 1 - x.share : 0) + (x.high == i ? x.share : 0);
            if (share == 0) continue;
            for (int c = 0; c < 3; ++c) {
                const float *line = planes[c][s].data;
                float *out = force[c][i].data;
                REGKIT_INDEPENDENT
                for (Index k = 0; k < plane; ++k) out[k] += share * line[k];
            }
        }
    });
}

namespace {

// Where a row has something to pull at in any channel.
inline Extent busy(Images upstream, Index i, Index j) {
    const Index count = upstream.shape[3];
    Extent found{count, 0};
    for (Index c = 0; c < upstream.shape[0]; ++c) {
        const Extent some = extent(upstream[c][i][j].data, count);
        if (some.first == some.last) continue;
        found = {smaller(found.first, some.first), larger(found.last, some.last)};
    }
    return found.first < found.last ? found : Extent{0, 0};
}

// 1 inside an axis of n voxels, where an image slopes; 0 where positions are held at its ends.
inline float sloping(double p, Index n) { return (p > 0.0) & (p < n - 1) ? 1.0f : 0.0f; }

// Sums over a row of what pulls along each axis, and of that times the place in the row.
struct RowPull {
    float whole[3] = {}, along[3] = {};

    template <class Offset>
    void add(const float *flat, const float *upstream, const Row<Offset> &row, Shape shape,
             Steps step, Index count) {
        const double *p = row.p.get(), *q = row.q.get(), *r = row.r.get();
        const float *tx = row.fx.get(), *ty = row.fy.get(), *tz = row.fz.get();
        const Offset *offset = row.offset.get();
        float x = 0, y = 0, z = 0, ax = 0, ay = 0, az = 0;
        REGKIT_INDEPENDENT
        for (Index k = 0; k < count; ++k) {
            const bool there = within(p[k], shape.n0) & within(q[k], shape.n1) &
                               within(r[k], shape.n2);
            const float w = there ? upstream[k] : 0.0f, place = static_cast<float>(number(k));
            float px, py, pz;
            eight(flat + offset[k], step).slopes(tx[k], ty[k], tz[k], px, py, pz);
            px *= w * sloping(p[k], shape.n0);
            py *= w * sloping(q[k], shape.n1);
            pz *= w * sloping(r[k], shape.n2);
            x += px;
            y += py;
            z += pz;
            ax += place * px;
            ay += place * py;
            az += place * pz;
        }
        const float sums[3] = {x, y, z}, placed[3] = {ax, ay, az};
        for (int axis = 0; axis < 3; ++axis) {
            whole[axis] += sums[axis];
            along[axis] += placed[axis];
        }
    }
};

template <class Offset>
void affine_force_with(Images image, Affine m, Images upstream, View<double, 3> partial) {
    const Index channels = image.shape[0];
    const Shape shape = shape_of(image[0]), size = shape_of(upstream[0]);
    const Steps steps(shape);
    for_rows(size.n0, [&](Index i) {
        double g[12] = {};
        Row<Offset> row(size.n2);
        for (Index j = 0; j < size.n1; ++j) {
            const Extent some = busy(upstream, i, j);
            const Index count = some.last - some.first;
            if (count == 0) continue;
            const double di = number(i), dj = number(j), dk = number(some.first);
            m.lay(i, j, some.first, count, row);
            row.place_in(shape, count);
            RowPull pull;
            for (Index c = 0; c < channels; ++c)
                pull.add(image[c].data, upstream[c][i][j].data + some.first, row, shape, steps,
                         count);
            for (int axis = 0; axis < 3; ++axis) {
                double *to = g + 4 * axis;
                const double whole = pull.whole[axis];
                to[0] += di * whole;
                to[1] += dj * whole;
                to[2] += dk * whole + pull.along[axis];
                to[3] += whole;
            }
        }
        for (int n = 0; n < 12; ++n) partial[i].data[n] = g[n];
    });
}

}  // namespace

// partial[i] = d loss / d m (3, 4) of slice i, where the displacement is 0.
void affine_force(Images image, Affine m, Images upstream, View<double, 3> partial) {
    if (is_small(shape_of(image[0])))
        affine_force_with<std::int32_t>(image, m, upstream, partial);
    else
        affine_force_with<std::int64_t>(image, m, upstream, partial);
}

}  // namespace loops
