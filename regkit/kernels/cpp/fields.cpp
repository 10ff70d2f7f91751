// Invert and differentiate displacement fields.
#include <cmath>
#include <cstring>
#include <limits>

#include "kernels.hpp"
#include "lanes.hpp"
#include "threads.hpp"

namespace loops {
namespace {

constexpr double kLongest = 2.0;  // voxels: a Newton step is trusted within neighbouring cells only

struct Vector {
    double x, y, z;

    double square() const { return x * x + y * y + z * z; }
};

// Cramer's rule for the rows (a b c), (d e f), (g h m); half the residual where nearly singular.
inline Vector newton(const double s[9], Vector r) {
    const double a = s[0], b = s[1], c = s[2], d = s[3], e = s[4], f = s[5], g = s[6], h = s[7],
                 m = s[8];
    const double det = a * (e * m - f * h) - b * (d * m - f * g) + c * (d * h - e * g);
    if (!(det >= 0.02)) return {0.5 * r.x, 0.5 * r.y, 0.5 * r.z};
    const double inv = 1 / det;
    Vector step{(r.x * (e * m - f * h) - b * (r.y * m - f * r.z) + c * (r.y * h - e * r.z)) * inv,
                (a * (r.y * m - f * r.z) - r.x * (d * m - f * g) + c * (d * r.z - r.y * g)) * inv,
                (a * (e * r.z - r.y * h) - b * (d * r.z - r.y * g) + r.x * (d * h - e * g)) * inv};
    const double square = step.square();
    if (square > kLongest * kLongest) {
        const double share = kLongest / std::sqrt(square);
        step = {step.x * share, step.y * share, step.z * share};
    }
    return step;
}

// A displacement with its three parts side by side, so that one load brings all of them.
class Mixed {
  public:
    explicit Mixed(Images u) : shape_(shape_of(u[0])), data_(4 * shape_.count()) {
        const Index plane = shape_.n1 * shape_.n2;
        for_rows(shape_.n0, [&](Index i) {
            const float *x = u[0][i].data, *y = u[1][i].data, *z = u[2][i].data;
            float *to = data_.get() + 4 * i * plane;
            for (Index k = 0; k < plane; ++k, to += 4) {
                to[0] = x[k];
                to[1] = y[k];
                to[2] = z[k];
                to[3] = 0.0f;
            }
        });
    }

    Quad at(Index voxel) const { return load<Quad>(data_.get() + 4 * voxel); }
    Shape shape() const { return shape_; }

  private:
    Shape shape_;
    Room<float> data_;
};

// Value and slopes of a displacement in the cell about a position.
struct Around {
    Corner corner;
    Eight<Quad> at;

    Around(const Mixed &u, double p, double q, double r)
        : corner(p, q, r, u.shape()),
          at(corner.found([&](Index voxel) { return u.at(voxel); })) {}

    Quad value() const { return at.value(corner.x.share, corner.y.share, corner.z.share); }

    // The derivative of id + u: row c of `system` is that of part c, 0 for u along an axis on
    // which the position was held inside.
    void derivative(double system[9]) const {
        Quad x, y, z;
        at.slopes(corner.x.share, corner.y.share, corner.z.share, x, y, z);
        x = corner.x.slope * x;
        y = corner.y.slope * y;
        z = corner.z.slope * z;
        for (int c = 0; c < 3; ++c) {
            system[3 * c] = x[c] + (c == 0 ? 1.0 : 0.0);
            system[3 * c + 1] = y[c] + (c == 1 ? 1.0 : 0.0);
            system[3 * c + 2] = z[c] + (c == 2 ? 1.0 : 0.0);
        }
    }
};

}  // namespace

// Solve v = -u(id + v), voxel by voxel, by damped Newton steps from `first` on the grid of u;
// `residual` is what is left. v may live on a finer grid of the same extent; each is in voxels of
// its own.
void invert(Images u, Images first, Planes v, int iterations, double tolerance, Plane residual) {
    const Shape own = shape_of(u[0]), size = shape_of(residual);
    const Cells cells(size.n2, own.n2);
    const Mixed mixed(u);
    const double scale[3] = {static_cast<double>(size.n0) / own.n0,
                             static_cast<double>(size.n1) / own.n1,
                             static_cast<double>(size.n2) / own.n2};
    const double inv[3] = {1 / scale[0], 1 / scale[1], 1 / scale[2]};
    Room<double> along(size.n2);
    for (Index k = 0; k < size.n2; ++k) along[k] = nested_position(k, size.n2, own.n2);
    for_rows(size.n0, [&](Index i) {
        Room<float> line(3 * own.n2);
        const float *l0 = line.get(), *l1 = l0 + own.n2, *l2 = l1 + own.n2;
        const double p = nested_position(i, size.n0, own.n0);
        for (Index j = 0; j < size.n1; ++j) {
            const double q = nested_position(j, size.n1, own.n1);
            float *to[3] = {v[0][i][j].data, v[1][i][j].data, v[2][i][j].data};
            displacement_row(first, i, j, size, line.get());
            for (Index k = 0; k < size.n2; ++k) {
                const std::int32_t e = cells.low[k], E = cells.high[k];
                const float f = cells.share[k];
                Vector at{(l0[e] + f * (l0[E] - l0[e])) * inv[0],
                          (l1[e] + f * (l1[E] - l1[e])) * inv[1],
                          (l2[e] + f * (l2[E] - l2[e])) * inv[2]};
                Vector good = at;
                const double r = along[k];
                double best = std::numeric_limits<double>::infinity();
                for (int turn = 0; turn < iterations; ++turn) {
                    const Around around(mixed, p + at.x, q + at.y, r + at.z);
                    const Quad value = around.value();
                    const Vector rest{at.x + value[0], at.y + value[1], at.z + value[2]};
                    const double error = rest.square();
                    if (!(error < best)) {
                        at = {(at.x + good.x) / 2, (at.y + good.y) / 2, (at.z + good.z) / 2};
                        continue;
                    }
                    best = error;
                    good = at;
                    if (error < tolerance * tolerance) break;
                    double system[9];
                    around.derivative(system);
                    const Vector step = newton(system, rest);
                    at = {at.x - step.x, at.y - step.y, at.z - step.z};
                }
                to[0][k] = static_cast<float>(scale[0] * good.x);
                to[1][k] = static_cast<float>(scale[1] * good.y);
                to[2][k] = static_cast<float>(scale[2] * good.z);
                residual[i][j].data[k] = static_cast<float>(std::sqrt(best));
            }
        }
    });
}

// out (d, N) = linear (d, d) u (d, N); out may be u.
void turn(View<const float, 2> u, View<const float, 2> linear, View<float, 2> out) {
    constexpr Index kPart = 1024;
    const Index parts = u.shape[0], size = u.shape[1];
    for_rows((size + kPart - 1) / kPart, [&](Index block) {
        const Index first = block * kPart, count = smaller(kPart, size - first);
        Room<float> sums(parts * kPart);
        fill(sums.get(), parts * kPart, 0.0f);
        for (Index a = 0; a < parts; ++a)
            for (Index b = 0; b < parts; ++b) {
                const float share = linear[a][b];
                const float *from = u[b].data + first;
                float *to = sums.get() + a * kPart;
                if (share == 0) continue;  // for most images, of all but one
                REGKIT_INDEPENDENT
                for (Index k = 0; k < count; ++k) to[k] += share * from[k];
            }
        for (Index a = 0; a < parts; ++a)
            std::memcpy(out[a].data + first, sums.get() + a * kPart,
                        static_cast<std::size_t>(count) * sizeof(float));
    });
}

// Determinant of linear (3, 3) + du/dx: central differences inside, one-sided at the border.
void determinant(Images u, const double *linear, Plane out) {
    const Shape size = shape_of(out);
    for_rows(size.n0, [&](Index i) {
        const Index x = held(i - 1, size.n0), X = held(i + 1, size.n0);
        for (Index j = 0; j < size.n1; ++j) {
            const Index y = held(j - 1, size.n1), Y = held(j + 1, size.n1);
            const float *lower[3][2], *upper[3][2], *here[3];
            for (int c = 0; c < 3; ++c) {
                lower[c][0] = u[c][x][j].data;
                upper[c][0] = u[c][X][j].data;
                lower[c][1] = u[c][i][y].data;
                upper[c][1] = u[c][i][Y].data;
                here[c] = u[c][i][j].data;
            }
            const double dx = 1.0 / static_cast<double>(X - x), dy = 1.0 / static_cast<double>(Y - y);
            float *to = out[i][j].data;
            // `back` and `ahead` are the neighbours along k.
            const auto part = [&](Index first, Index last, Index back, Index ahead) {
                const double dz = 1.0 / static_cast<double>(back + ahead);
                REGKIT_INDEPENDENT
                for (Index k = first; k < last; ++k) {
                    double s[9];
                    for (int c = 0; c < 3; ++c) {
                        s[3 * c] = linear[3 * c] + (upper[c][0][k] - lower[c][0][k]) * dx;
                        s[3 * c + 1] = linear[3 * c + 1] + (upper[c][1][k] - lower[c][1][k]) * dy;
                        s[3 * c + 2] =
                            linear[3 * c + 2] + (here[c][k + ahead] - here[c][k - back]) * dz;
                    }
                    to[k] = static_cast<float>(s[0] * (s[4] * s[8] - s[5] * s[7]) -
                                               s[1] * (s[3] * s[8] - s[5] * s[6]) +
                                               s[2] * (s[3] * s[7] - s[4] * s[6]));
                }
            };
            part(0, 1, 0, 1);
            part(1, size.n2 - 1, 1, 1);
            part(size.n2 - 1, size.n2, 1, 0);
        }
    });
}

}  // namespace loops
