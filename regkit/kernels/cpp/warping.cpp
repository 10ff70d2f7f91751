// Trilinear interpolation of images and of displacements.
#include <cmath>

#include "kernels.hpp"
#include "placed.hpp"
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

template <class Offset>
void warp_with(Images image, Affine m, Images u, Image weight, Planes out, Plane inside) {
    const Index channels = image.shape[0], g2 = u.shape[3];
    const Shape shape = shape_of(image[0]), size = shape_of(weight);
    const Cells cells(size.n2, g2);
    // A displacement that is 0 everywhere, as an affine has it, need not be interpolated.
    const bool still = u.step() == 1 && u.data[0] == 0 && u.data[1] == 0 && u.data[2] == 0;
    for_rows(size.n0, [&](Index i) {
        Room<float> line(3 * g2);
        const float *l0 = line.get(), *l1 = l0 + g2, *l2 = l1 + g2;
        Row<Offset> row(shape);
        Corners corners;
        for (Index j = 0; j < size.n1; ++j) {
            fill(inside[i][j].data, size.n2, 0.0f);
            for (Index c = 0; c < channels; ++c) fill(out[c][i][j].data, size.n2, 0.0f);
            const Extent some = extent(weight[i][j].data, size.n2);
            if (some.first == some.last) continue;
            if (!still) displacement_row(u, i, j, size, line.get());
            for_row_parts(some.first, some.last, [&](Index first, Index count) {
                const Moved<Offset> moved(m, i, j, first, row);
                const Between between = cells.from(first);
                if (still)
                    moved.lay(count, [](Index, float &p, float &q, float &r) { p = q = r = 0; });
                else
                    moved.lay(count, [=](Index k, float &p, float &q, float &r) {
                        p = between.of(l0, k);
                        q = between.of(l1, k);
                        r = between.of(l2, k);
                    });
                row.place(count);
                const Range x = Range::seen(row.x), y = Range::seen(row.y), z = Range::seen(row.z);
                const float *wanted = weight[i][j].data + first;
                float *known = inside[i][j].data + first;
                REGKIT_INDEPENDENT
                for (Index k = 0; k < count; ++k) {
                    const bool there =
                        x.holds(row.x.at[k]) & y.holds(row.y.at[k]) & z.holds(row.z.at[k]);
                    known[k] = there ? wanted[k] : 0.0f;
                }
                for (Index c = 0; c < channels; ++c) {
                    row.fetch(image[c].data, count, corners);
                    float *to = out[c][i][j].data + first;
                    REGKIT_INDEPENDENT
                    for (Index k = 0; k < count; ++k) {
                        const float value = row.value(corners, k);
                        to[k] = known[k] != 0 ? value : 0.0f;
                    }
                }
            });
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

// Positions of a row in double precision: at a tie the last bit says which voxel is the nearest.
struct Positions {
    Room<double> p, q, r;

    explicit Positions(Index n) : p(n), q(n), r(n) {}

    // Those of m (x + u(x)) in row i, j; `line` has the displacement, in cells of g2.
    template <class U>
    void move(const U *line, Index g2, Between between, Affine m, Index i, Index j, Index count) {
        const U *l0 = line, *l1 = line + g2, *l2 = line + 2 * g2;
        double *x = p.get(), *y = q.get(), *z = r.get();
        const double di = number(i), dj = number(j);
        REGKIT_INDEPENDENT
        for (Index k = 0; k < count; ++k) {
            const double a = di + between.of(l0, k);
            const double b = dj + between.of(l1, k);
            const double d = number(k) + between.of(l2, k);
            x[k] = m.along(0, a, b, d);
            y[k] = m.along(1, a, b, d);
            z[k] = m.along(2, a, b, d);
        }
    }
};

// The voxels nearest to positions inside an image, -1 for others: by vector instructions.
template <class Offset>
inline void nearest_voxels(const Positions &at, Shape shape, Index count, Offset *voxel) {
    const double *p = at.p.get(), *q = at.q.get(), *r = at.r.get();
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
        const Offset found =
            (smaller(x, n0 - 1) * n1 + smaller(y, n1 - 1)) * n2 + smaller(z, n2 - 1);
        voxel[k] = inside ? found : -1;
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
        Positions at(size.n2);
        Room<Offset> voxel(size.n2);
        for (Index j = 0; j < size.n1; ++j) {
            displacement_row(u, i, j, size, line.get());
            at.move(line.get(), g2, cells.from(0), m, i, j, size.n2);
            nearest_voxels(at, shape, size.n2, voxel.get());
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
    const double one[12] = {1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0};
    for_rows(shape.n0, [&](Index i) {
        Row<Offset> row(shape);
        Corners corners;
        for (Index j = 0; j < shape.n1; ++j)
            for_row_parts(0, shape.n2, [&](Index first, Index count) {
                const float *a = v[0][i][j].data + first, *b = v[1][i][j].data + first,
                            *d = v[2][i][j].data + first;
                const Moved<Offset> moved({one}, i, j, first, row);
                moved.lay(count, [=](Index k, float &p, float &q, float &r) {
                    p = a[k];
                    q = b[k];
                    r = d[k];
                });
                row.place(count);
                for (Index c = 0; c < 3; ++c) {
                    row.fetch(u[c].data, count, corners);
                    const float *step = v[c][i][j].data + first;
                    float *to = out[c][i][j].data + first;
                    REGKIT_INDEPENDENT
                    for (Index k = 0; k < count; ++k) to[k] = step[k] + row.value(corners, k);
                }
            });
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
