// Trilinear interpolation of images and of displacements.
#include <cmath>
#include <limits>

#include "kernels.hpp"
#include "rows.hpp"
#include "threads.hpp"

namespace loops {

void sample_linear(Images image, Points points, float outside, View<float, 2> out) {
    const Index channels = image.shape[0], count = points.shape[0];
    const Shape shape = shape_of(image[0]);
    for_rows(count, [=](Index n) {
        const double *at = points[n].data;
        const bool inside = within(at[0], shape.n0) && within(at[1], shape.n1) &&
                            within(at[2], shape.n2);
        const Corner corner(at[0], at[1], at[2], shape);
        for (Index c = 0; c < channels; ++c)
            out.data[c * count + n] =
                inside ? corner.value(image.data + c * shape.count()) : outside;
    });
}

namespace {

// Halves round up, as ITK's nearest neighbour does.
inline Index nearest(double p, Index n) {
    return held(static_cast<Index>(std::floor(p + 0.5)), n);
}

}  // namespace

template <class T>
void sample_nearest(View<const T, 4> image, Points points, T outside, View<T, 2> out) {
    const Index channels = image.shape[0], count = points.shape[0];
    const Shape shape = shape_of(image[0]);
    for_rows(count, [=](Index n) {
        const double *at = points[n].data;
        const bool inside = within(at[0], shape.n0) && within(at[1], shape.n1) &&
                            within(at[2], shape.n2);
        const Index voxel = inside ? (nearest(at[0], shape.n0) * shape.n1 +
                                      nearest(at[1], shape.n1)) * shape.n2 +
                                         nearest(at[2], shape.n2)
                                   : 0;
        for (Index c = 0; c < channels; ++c)
            out.data[c * count + n] = inside ? image.data[c * shape.count() + voxel] : outside;
    });
}

namespace {

// row = m (x + u(x)): `count` voxels of row i, j from `first` on.
template <class U, class Offset>
inline void move_row(const U *line, Index g2, const Cells &cells, Affine m, Index i, Index j,
                     Index first, Index count, Row<Offset> &row) {
    const U *l0 = line, *l1 = line + g2, *l2 = line + 2 * g2;
    const std::int32_t *low = cells.low.get() + first, *high = cells.high.get() + first;
    const float *share = cells.share.get() + first;
    double *p = row.p.get(), *q = row.q.get(), *r = row.r.get();
    const double di = static_cast<double>(i), dj = static_cast<double>(j),
                 dk = static_cast<double>(first);
    REGKIT_INDEPENDENT
    for (Index k = 0; k < count; ++k) {
        const std::int32_t e = low[k], E = high[k];
        const U f = share[k];
        const double a = di + (l0[e] + f * (l0[E] - l0[e]));
        const double b = dj + (l1[e] + f * (l1[E] - l1[e]));
        const double d = (dk + number(k)) + (l2[e] + f * (l2[E] - l2[e]));
        p[k] = m.along(0, a, b, d);
        q[k] = m.along(1, a, b, d);
        r[k] = m.along(2, a, b, d);
    }
}

template <class Offset>
void warp_with(Images image, Affine m, Images u, Image weight, Planes out, Plane inside) {
    const Index channels = image.shape[0], g2 = u.shape[3];
    const Shape shape = shape_of(image[0]), size = shape_of(weight);
    const Steps steps(shape);
    const Cells cells(size.n2, g2);
    // A displacement that is 0 everywhere, as an affine has it, need not be interpolated.
    const bool still = u.step() == 1 && u.data[0] == 0 && u.data[1] == 0 && u.data[2] == 0;
    for_rows(size.n0, [&](Index i) {
        Room<float> line(3 * g2);
        Row<Offset> row(size.n2);
        for (Index j = 0; j < size.n1; ++j) {
            fill(inside[i][j].data, size.n2, 0.0f);
            for (Index c = 0; c < channels; ++c) fill(out[c][i][j].data, size.n2, 0.0f);
            const Extent some = extent(weight[i][j].data, size.n2);
            const Index count = some.last - some.first;
            if (count == 0) continue;
            if (still) {
                m.lay(i, j, some.first, count, row);
            } else {
                displacement_row(u, i, j, size, line.get());
                move_row(line.get(), g2, cells, m, i, j, some.first, count, row);
            }
            row.place_in(shape, count);
            const double *p = row.p.get(), *q = row.q.get(), *r = row.r.get();
            const float *wanted = weight[i][j].data + some.first;
            float *known = inside[i][j].data + some.first;
            REGKIT_INDEPENDENT
            for (Index k = 0; k < count; ++k) {
                const bool there = within(p[k], shape.n0) & within(q[k], shape.n1) &
                                   within(r[k], shape.n2);
                known[k] = there ? wanted[k] : 0.0f;
            }
            const float *fx = row.fx.get(), *fy = row.fy.get(), *fz = row.fz.get();
            const Offset *offset = row.offset.get();
            for (Index c = 0; c < channels; ++c) {
                const float *flat = image[c].data;
                float *to = out[c][i][j].data + some.first;
                REGKIT_INDEPENDENT
                for (Index k = 0; k < count; ++k) {
                    const float value = lerp_flat(flat, offset[k], steps, fx[k], fy[k], fz[k]);
                    to[k] = known[k] != 0 ? value : 0.0f;
                }
            }
        }
    });
}

}  // namespace

void warp(Images image, Affine m, Images u, Image weight, Planes out, Plane inside) {
    if (is_small(shape_of(image[0])))
        warp_with<std::int32_t>(image, m, u, weight, out, inside);
    else
        warp_with<std::int64_t>(image, m, u, weight, out, inside);
}

namespace {

// The voxels nearest to positions inside an image, -1 for others: by vector instructions.
template <class Offset>
inline void nearest_voxels(const Row<Offset> &row, Shape shape, Index count, Offset *voxel) {
    const double *p = row.p.get(), *q = row.q.get(), *r = row.r.get();
    const Offset n0 = static_cast<Offset>(shape.n0), n1 = static_cast<Offset>(shape.n1),
                 n2 = static_cast<Offset>(shape.n2);
    REGKIT_INDEPENDENT
    for (Index k = 0; k < count; ++k) {
        const bool inside = within(p[k], shape.n0) & within(q[k], shape.n1) &
                            within(r[k], shape.n2);
        // What is inside is above -1, so that a cut towards zero is the floor.
        const Offset x = static_cast<std::int32_t>(inside ? p[k] + 0.5 : 0.0),
                     y = static_cast<std::int32_t>(inside ? q[k] + 0.5 : 0.0),
                     z = static_cast<std::int32_t>(inside ? r[k] + 0.5 : 0.0);
        const Offset at =
            (smaller(x, n0 - 1) * n1 + smaller(y, n1 - 1)) * n2 + smaller(z, n2 - 1);
        voxel[k] = inside ? at : -1;
    }
}

template <class Offset, class T, class U>
void warp_nearest_with(View<const T, 4> image, Affine m, View<const U, 4> u, T outside,
                       View<T, 4> out) {
    const Index channels = image.shape[0], g2 = u.shape[3];
    const Shape shape = shape_of(image[0]), size = shape_of(out[0]);
    const Cells cells(size.n2, g2);
    for_rows(size.n0, [&](Index i) {
        Room<U> line(3 * g2);
        Row<Offset> row(size.n2);
        const Offset *voxel = row.offset.get();
        for (Index j = 0; j < size.n1; ++j) {
            displacement_row(u, i, j, size, line.get());
            move_row(line.get(), g2, cells, m, i, j, 0, size.n2, row);
            nearest_voxels(row, shape, size.n2, row.offset.get());
            for (Index c = 0; c < channels; ++c) {
                const T *flat = image[c].data;
                T *to = out[c][i][j].data;
                for (Index k = 0; k < size.n2; ++k)
                    to[k] = voxel[k] < 0 ? outside : flat[voxel[k]];
            }
        }
    });
}

}  // namespace

template <class T, class U>
void warp_nearest(View<const T, 4> image, Affine m, View<const U, 4> u, T outside,
                  View<T, 4> out) {
    if (is_small(shape_of(image[0])))
        warp_nearest_with<std::int32_t>(image, m, u, outside, out);
    else
        warp_nearest_with<std::int64_t>(image, m, u, outside, out);
}

#define REGKIT_NEAREST(T)                                                                         \
    template void sample_nearest(View<const T, 4>, Points, T, View<T, 2>);                        \
    template void warp_nearest(View<const T, 4>, Affine, View<const float, 4>, T, View<T, 4>);    \
    template void warp_nearest(View<const T, 4>, Affine, View<const double, 4>, T, View<T, 4>);
REGKIT_NEAREST(std::uint8_t)
REGKIT_NEAREST(std::int16_t)
REGKIT_NEAREST(std::int32_t)
REGKIT_NEAREST(std::int64_t)

namespace {

template <class Offset>
void compose_with(Images u, Images v, Planes out) {
    const Shape shape = shape_of(u[0]);
    const Steps steps(shape);
    for_rows(shape.n0, [&](Index i) {
        Row<Offset> row(shape.n2);
        for (Index j = 0; j < shape.n1; ++j) {
            const float *a = v[0][i][j].data, *b = v[1][i][j].data, *d = v[2][i][j].data;
            double *p = row.p.get(), *q = row.q.get(),
                               *r = row.r.get();
            const double di = static_cast<double>(i), dj = static_cast<double>(j);
            REGKIT_INDEPENDENT
            for (Index k = 0; k < shape.n2; ++k) {
                p[k] = di + a[k];
                q[k] = dj + b[k];
                r[k] = number(k) + d[k];
            }
            row.place_in(shape, shape.n2);
            const float *fx = row.fx.get(), *fy = row.fy.get(), *fz = row.fz.get();
            const Offset *offset = row.offset.get();
            for (Index c = 0; c < 3; ++c) {
                const float *flat = u[c].data, *step = v[c][i][j].data;
                float *to = out[c][i][j].data;
                REGKIT_INDEPENDENT
                for (Index k = 0; k < shape.n2; ++k)
                    to[k] = step[k] + lerp_flat(flat, offset[k], steps, fx[k], fy[k], fz[k]);
            }
        }
    });
}

}  // namespace

void compose(Images u, Images v, Planes out) {
    if (is_small(shape_of(u[0])))
        compose_with<std::int32_t>(u, v, out);
    else
        compose_with<std::int64_t>(u, v, out);
}

}  // namespace loops
