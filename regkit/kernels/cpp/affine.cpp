// What pulls at the affine that warps an image.
#include "kernels.hpp"
#include "rows.hpp"
#include "threads.hpp"

namespace loops {
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
