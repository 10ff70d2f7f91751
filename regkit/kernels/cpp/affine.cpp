// What pulls at the affine that warps an image.
#include "kernels.hpp"
#include "placed.hpp"
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

// Sums over a row of what pulls along each axis, and of that times the place in the row.
struct RowPull {
    double whole[3] = {}, along[3] = {};

    // Of `count` voxels, the first of which is at `first`.
    template <class Offset>
    void add(const float *upstream, const Row<Offset> &row, const Corners &corners, Index first,
             Index count) {
        const Range sx = Range::seen(row.x), sy = Range::seen(row.y), sz = Range::seen(row.z);
        const Range tx = Range::inner(row.x), ty = Range::inner(row.y), tz = Range::inner(row.z);
        float x = 0, y = 0, z = 0, ax = 0, ay = 0, az = 0;
        REGKIT_INDEPENDENT
        for (Index k = 0; k < count; ++k) {
            const float p = row.x.at[k], q = row.y.at[k], r = row.z.at[k];
            const bool there = sx.holds(p) & sy.holds(q) & sz.holds(r);
            const float w = there ? upstream[k] : 0.0f, place = static_cast<float>(number(k));
            float px, py, pz;
            row.slopes(corners, k, px, py, pz);
            px *= tx.holds(p) ? w : 0.0f;
            py *= ty.holds(q) ? w : 0.0f;
            pz *= tz.holds(r) ? w : 0.0f;
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
            along[axis] += number(first) * sums[axis] + placed[axis];
        }
    }
};

template <class Offset>
void affine_force_with(Images image, Affine m, Images upstream, View<double, 3> partial) {
    const Index channels = image.shape[0];
    const Shape shape = shape_of(image[0]), size = shape_of(upstream[0]);
    for_rows(size.n0, [&](Index i) {
        double g[12] = {};
        Row<Offset> row(shape);
        Corners corners;
        for (Index j = 0; j < size.n1; ++j) {
            const Extent some = busy(upstream, i, j);
            RowPull pull;
            for_row_parts(some.first, some.last, [&](Index first, Index count) {
                const Moved<Offset> moved(m, i, j, first, row);
                moved.lay(count, [](Index, float &p, float &q, float &r) { p = q = r = 0; });
                row.place(count);
                for (Index c = 0; c < channels; ++c) {
                    row.fetch(image[c].data, count, corners);
                    pull.add(upstream[c][i][j].data + first, row, corners, first, count);
                }
            });
            for (int axis = 0; axis < 3; ++axis) {
                double *to = g + 4 * axis;
                to[0] += number(i) * pull.whole[axis];
                to[1] += number(j) * pull.whole[axis];
                to[2] += pull.along[axis];
                to[3] += pull.whole[axis];
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
