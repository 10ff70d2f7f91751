// Cubic B-splines at points, and points carried along a velocity.
#include <cmath>
#include <cstdlib>

#include "kernels.hpp"
#include "spline.hpp"
#include "threads.hpp"

namespace loops {
namespace {

// The four coefficients that count along an axis at p, mirrored at both ends, and their weights.
struct Support {
    Index at[4];
    Cubic cubic;

    Support() = default;
    Support(double p, Index n) {
        const double low = std::floor(p);
        cubic = Cubic(p - low);
        const Index last = larger<Index>(n - 1, 1), first = static_cast<Index>(low) - 1;
        for (Index k = 0; k < 4; ++k) {
            const Index i = std::abs(first + k) % (2 * last);
            at[k] = smaller(i > last ? 2 * last - i : i, n - 1);
        }
    }
};

}  // namespace

// It is 0 half a voxel beyond the rim.
void spline_values(Image coefficients, Points points, View<double, 1> out) {
    for_rows(points.shape[0], [&](Index row) {
        const double *p = points[row].data;
        double total = 0;
        bool inside = true;
        for (int axis = 0; axis < 3; ++axis) inside &= within(p[axis], coefficients.shape[axis]);
        if (inside) {
            Support s[3];
            for (int axis = 0; axis < 3; ++axis) s[axis] = {p[axis], coefficients.shape[axis]};
            for (int a = 0; a < 4; ++a)
                for (int b = 0; b < 4; ++b) {
                    const float *line = coefficients[s[0].at[a]][s[1].at[b]].data;
                    double along = 0;
                    for (int c = 0; c < 4; ++c) along += s[2].cubic.w[c] * line[s[2].at[c]];
                    total += s[0].cubic.w[a] * s[1].cubic.w[b] * along;
                }
        }
        out[row] = total;
    });
}

// Values and slopes at x + u(x) for every voxel x that has a weight; mirrored beyond the rim.
void spline_warp(Image coefficients, Images u, Image weight, Plane out, Planes slopes) {
    const Shape shape = shape_of(coefficients);
    for_rows(shape.n0, [&](Index i) {
        for (Index j = 0; j < shape.n1; ++j)
            for (Index k = 0; k < shape.n2; ++k) {
                double value = 0, slope[3] = {};
                if (weight[i][j].data[k] > 0) {
                    const Support x(static_cast<double>(i) + u[0][i][j].data[k], shape.n0);
                    const Support y(static_cast<double>(j) + u[1][i][j].data[k], shape.n1);
                    const Support z(static_cast<double>(k) + u[2][i][j].data[k], shape.n2);
                    for (int a = 0; a < 4; ++a)
                        for (int b = 0; b < 4; ++b) {
                            const float *line = coefficients[x.at[a]][y.at[b]].data;
                            double row = 0, along = 0;
                            for (int c = 0; c < 4; ++c) {
                                row += z.cubic.w[c] * line[z.at[c]];
                                along += z.cubic.d[c] * line[z.at[c]];
                            }
                            const double both = x.cubic.w[a] * y.cubic.w[b];
                            value += both * row;
                            slope[0] += x.cubic.d[a] * y.cubic.w[b] * row;
                            slope[1] += x.cubic.w[a] * y.cubic.d[b] * row;
                            slope[2] += both * along;
                        }
                }
                out[i][j].data[k] = static_cast<float>(value);
                for (int axis = 0; axis < 3; ++axis)
                    slopes[axis][i][j].data[k] = static_cast<float>(slope[axis]);
            }
    });
}

namespace {

// The velocity at x into v; its divergence is returned. At the rim: none.
inline double velocity(View<const double, 4> coefficients, const double x[3], double v[3]) {
    v[0] = v[1] = v[2] = 0;
    Index corner[3];
    Cubic s[3];
    for (int axis = 0; axis < 3; ++axis) {
        const double low = std::floor(x[axis]);
        if (!(low >= 1 && low + 2 < static_cast<double>(coefficients.shape[axis]))) return 0;
        corner[axis] = static_cast<Index>(low) - 1;
        s[axis] = Cubic(x[axis] - low);
    }
    double divergence = 0;
    for (int a = 0; a < 4; ++a)
        for (int b = 0; b < 4; ++b) {
            const double *at = coefficients[corner[0] + a][corner[1] + b][corner[2]].data;
            double sum[3] = {}, slope = 0;
            for (int c = 0; c < 4; ++c) {
                for (int axis = 0; axis < 3; ++axis) sum[axis] += s[2].w[c] * at[3 * c + axis];
                slope += s[2].d[c] * at[3 * c + 2];
            }
            const double both = s[0].w[a] * s[1].w[b];
            for (int axis = 0; axis < 3; ++axis) v[axis] += both * sum[axis];
            divergence += s[0].d[a] * s[1].w[b] * sum[0] + s[0].w[a] * s[1].d[b] * sum[1] +
                          both * slope;
        }
    return divergence;
}

}  // namespace

// By Runge and Kutta's fourth order; growth gets the integral of the divergence (Liouville).
void carry(View<const double, 4> coefficients, View<double, 2> points, double time, int steps,
           View<double, 1> growth) {
    const double step = time / steps;
    for_rows(points.shape[0], [&](Index row) {
        double *x = points[row].data;
        double total = 0;
        for (int turn = 0; turn < steps; ++turn) {
            double y[3] = {x[0], x[1], x[2]}, moved[3] = {}, v[3];
            for (int stage = 0; stage < 4; ++stage) {
                const double share = stage == 0 || stage == 3 ? 1 : 2;
                total += share * step / 6 * velocity(coefficients, y, v);
                const double ahead = stage < 2 ? 0.5 : 1;
                for (int axis = 0; axis < 3; ++axis) {
                    moved[axis] += share * v[axis];
                    y[axis] = x[axis] + ahead * step * v[axis];
                }
            }
            for (int axis = 0; axis < 3; ++axis) x[axis] += step / 6 * moved[axis];
        }
        growth[row] += total;
    });
}

}  // namespace loops
