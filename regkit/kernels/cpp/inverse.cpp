// Invert displacement fields.
#include <cmath>
#include <limits>

#include "kernels.hpp"
#include "placed.hpp"
#include "threads.hpp"

namespace loops {
namespace {

constexpr float kLongest = 2;  // voxels: a Newton step is trusted within neighbouring cells only
constexpr float kSingular = 0.02f;

// Of each of some voxels a vector.
struct Vectors {
    alignas(32) float x[kPart], y[kPart], z[kPart];

    void move(Index from, Index to) {
        x[to] = x[from];
        y[to] = y[from];
        z[to] = z[from];
    }
};

// Part of a row of v = -u(id + v), all in voxels of u. What is solved leaves the part.
template <class Offset>
class Equations {
  public:
    Vectors at;  // v, where it is looked at next; from `solve` on, the best that was found
    float error[kPart];  // of that, squared

    Equations(Images u, float tolerance)
        : u_(u), tolerance_(tolerance * tolerance), row_(shape_of(u[0])) {}

    // The row is at p, q; its voxel k at r + k step.
    void begin(double p, double q, double r, float step) {
        start_[0] = row_.x.begin(p);
        start_[1] = row_.y.begin(q);
        start_[2] = row_.z.begin(r);
        step_ = step;
    }

    void solve(Index count, int iterations) {
        for (Index k = 0; k < count; ++k) {
            voxel_[k] = static_cast<std::int32_t>(k);
            best_[k] = std::numeric_limits<float>::infinity();
        }
        good_ = at;
        Index left = count;
        for (int turn = 0; turn < iterations && left > 0; ++turn) {
            look(left);
            if (compare(left)) step(left);
            left = without_solved(left);
        }
        for (Index n = 0; n < left; ++n) keep(n);
        at = done_;
    }

  private:
    // What is left of the equations, v + u(id + v).
    void look(Index count) {
        const float a = start_[0], b = start_[1], c = start_[2], dz = step_;
        REGKIT_INDEPENDENT
        for (Index n = 0; n < count; ++n) {
            row_.x.at[n] = a + at.x[n];
            row_.y.at[n] = b + at.y[n];
            row_.z.at[n] = c + (dz * static_cast<float>(voxel_[n]) + at.z[n]);
        }
        row_.place(count);
        float *left[3] = {rest_.x, rest_.y, rest_.z};
        const float *v[3] = {at.x, at.y, at.z};
        for (int axis = 0; axis < 3; ++axis) {
            row_.fetch(u_[axis].data, count, corners_[axis]);
            float *to = left[axis];
            const float *from = v[axis];
            REGKIT_INDEPENDENT
            for (Index n = 0; n < count; ++n) to[n] = from[n] + row_.value(corners_[axis], n);
        }
    }

    // Keep what is better than before; whether something is not solved.
    bool compare(Index count) {
        int unsolved = 0;
        REGKIT_INDEPENDENT
        for (Index n = 0; n < count; ++n) {
            const float x = rest_.x[n], y = rest_.y[n], z = rest_.z[n];
            const float square = x * x + y * y + z * z;
            const bool better = square < best_[n];
            better_[n] = better ? 1.0f : 0.0f;
            best_[n] = better ? square : best_[n];
            good_.x[n] = better ? at.x[n] : good_.x[n];
            good_.y[n] = better ? at.y[n] : good_.y[n];
            good_.z[n] = better ? at.z[n] : good_.z[n];
            unsolved += best_[n] < tolerance_ ? 0 : 1;
        }
        return unsolved > 0;
    }

    // A Newton step from what was better; from what was not, half the way back.
    void step(Index count) {
        for (int axis = 0; axis < 3; ++axis) {
            Vectors &to = slope_[axis];
            const Corners &corners = corners_[axis];
            REGKIT_INDEPENDENT
            for (Index n = 0; n < count; ++n) row_.slopes(corners, n, to.x[n], to.y[n], to.z[n]);
        }
        const Range ix = Range::inner(row_.x), iy = Range::inner(row_.y), iz = Range::inner(row_.z);
        REGKIT_INDEPENDENT
        for (Index n = 0; n < count; ++n) {
            // The derivative of id + u, 0 for u along an axis on which a position was held inside.
            const float sx = ix.holds(row_.x.at[n]) ? 1.0f : 0.0f,
                        sy = iy.holds(row_.y.at[n]) ? 1.0f : 0.0f,
                        sz = iz.holds(row_.z.at[n]) ? 1.0f : 0.0f;
            const float a = 1 + sx * slope_[0].x[n], b = sy * slope_[0].y[n],
                        c = sz * slope_[0].z[n], d = sx * slope_[1].x[n],
                        e = 1 + sy * slope_[1].y[n], f = sz * slope_[1].z[n],
                        g = sx * slope_[2].x[n], h = sy * slope_[2].y[n],
                        m = 1 + sz * slope_[2].z[n];
            const float x = rest_.x[n], y = rest_.y[n], z = rest_.z[n];
            // By Cramer's rule; half the residual where nearly singular.
            const float ca = e * m - f * h, cb = f * g - d * m, cc = d * h - e * g;
            const float det = a * ca + b * cb + c * cc;
            const bool sound = det >= kSingular;
            const float inv = 1 / (sound ? det : 1.0f);
            float px = (x * ca - b * (y * m - f * z) + c * (y * h - e * z)) * inv;
            float py = (a * (y * m - f * z) + x * cb + c * (d * z - y * g)) * inv;
            float pz = (a * (e * z - y * h) - b * (d * z - y * g) + x * cc) * inv;
            const float square = px * px + py * py + pz * pz;
            const float far = larger(square, kLongest * kLongest);
            const float share = kLongest / std::sqrt(far);
            px = sound ? share * px : 0.5f * x;
            py = sound ? share * py : 0.5f * y;
            pz = sound ? share * pz : 0.5f * z;
            const bool better = better_[n] != 0;
            at.x[n] = better ? at.x[n] - px : 0.5f * (at.x[n] + good_.x[n]);
            at.y[n] = better ? at.y[n] - py : 0.5f * (at.y[n] + good_.y[n]);
            at.z[n] = better ? at.z[n] - pz : 0.5f * (at.z[n] + good_.z[n]);
        }
    }

    Index without_solved(Index count) {
        Index left = 0;
        for (Index n = 0; n < count; ++n) {
            if (best_[n] < tolerance_) {
                keep(n);
                continue;
            }
            if (left != n) {
                voxel_[left] = voxel_[n];
                best_[left] = best_[n];
                at.move(n, left);
                good_.move(n, left);
            }
            ++left;
        }
        return left;
    }

    void keep(Index n) {
        const Index k = voxel_[n];
        done_.x[k] = good_.x[n];
        done_.y[k] = good_.y[n];
        done_.z[k] = good_.z[n];
        error[k] = best_[n];
    }

    Images u_;
    float tolerance_;
    Row<Offset> row_;
    Corners corners_[3];
    float start_[3] = {}, step_ = 0;
    Vectors good_, rest_, done_, slope_[3];
    float best_[kPart], better_[kPart];
    std::int32_t voxel_[kPart];
};

template <class Offset>
void invert_with(Images u, Images first, Planes v, int iterations, double tolerance,
                 Plane residual) {
    const Shape own = shape_of(u[0]), size = shape_of(residual);
    const Cells cells(size.n2, own.n2);
    const Index sizes[3] = {size.n0, size.n1, size.n2}, owns[3] = {own.n0, own.n1, own.n2};
    float scale[3], inv[3];
    for (int axis = 0; axis < 3; ++axis) {
        scale[axis] = static_cast<float>(number(sizes[axis]) / number(owns[axis]));
        inv[axis] = static_cast<float>(number(owns[axis]) / number(sizes[axis]));
    }
    for_rows(size.n0, [&](Index i) {
        Room<float> line(3 * own.n2);
        const float *l0 = line.get(), *l1 = l0 + own.n2, *l2 = l1 + own.n2;
        Equations<Offset> some(u, static_cast<float>(tolerance));
        for (Index j = 0; j < size.n1; ++j) {
            displacement_row(first, i, j, size, line.get());
            for_row_parts(0, size.n2, [&](Index from, Index count) {
                const Between between = cells.from(from);
                REGKIT_INDEPENDENT
                for (Index k = 0; k < count; ++k) {
                    some.at.x[k] = inv[0] * between.of(l0, k);
                    some.at.y[k] = inv[1] * between.of(l1, k);
                    some.at.z[k] = inv[2] * between.of(l2, k);
                }
                some.begin(nested_position(i, size.n0, own.n0), nested_position(j, size.n1, own.n1),
                           nested_position(from, size.n2, own.n2), inv[2]);
                some.solve(count, iterations);
                float *x = v[0][i][j].data + from, *y = v[1][i][j].data + from,
                      *z = v[2][i][j].data + from, *left = residual[i][j].data + from;
                REGKIT_INDEPENDENT
                for (Index k = 0; k < count; ++k) {
                    x[k] = scale[0] * some.at.x[k];
                    y[k] = scale[1] * some.at.y[k];
                    z[k] = scale[2] * some.at.z[k];
                    left[k] = std::sqrt(some.error[k]);
                }
            });
        }
    });
}

}  // namespace

// Solve v = -u(id + v), voxel by voxel, by damped Newton steps from `first` on the grid of u;
// `residual` is what is left. v may live on a finer grid of the same extent; each is in voxels of
// its own.
void invert(Images u, Images first, Planes v, int iterations, double tolerance, Plane residual) {
    if (is_small(shape_of(u[0])))
        invert_with<std::int32_t>(u, first, v, iterations, tolerance, residual);
    else
        invert_with<std::int64_t>(u, first, v, iterations, tolerance, residual);
}

}  // namespace loops
