// Sub-pixel shifts of windows by Gauss-Newton steps, one window a thread.
#include <algorithm>
#include <cmath>
#include <limits>

#include "kernels.hpp"
#include "spline.hpp"
#include "threads.hpp"

namespace loops {
namespace {

// Weights in the type of the windows.
struct Spline {
    float taps[4], slopes[4];

    explicit Spline(double t) {
        const Cubic cubic(t);
        for (int k = 0; k < 4; ++k) {
            taps[k] = static_cast<float>(cubic.w[k]);
            slopes[k] = static_cast<float>(cubic.d[k]);
        }
    }
};

// Spline values and both derivatives in out (3, n, n); rows (2, n + 3) is room.
inline void evaluate(View<const float, 2> plane, Index first, Index second, const Spline &down,
                     const Spline &right, float *out, float *rows, Index n) {
    float *values = rows, *slopes = rows + n + 3;
    for (Index i = 0; i < n; ++i) {
        const float *line[4];
        for (int tap = 0; tap < 4; ++tap)
            line[tap] = plane[held(first + i + tap, plane.shape[0])].data;
        for (Index k = 0; k < n + 3; ++k) {
            const Index column = held(second + k, plane.shape[1]);
            float value = 0, slope = 0;
            for (int tap = 0; tap < 4; ++tap) {
                value += down.taps[tap] * line[tap][column];
                slope += down.slopes[tap] * line[tap][column];
            }
            values[k] = value;
            slopes[k] = slope;
        }
        float *to = out + i * n;
        for (Index j = 0; j < n; ++j) {
            float value = 0, by_row = 0, by_column = 0;
            for (int tap = 0; tap < 4; ++tap) {
                value += right.taps[tap] * values[j + tap];
                by_row += right.taps[tap] * slopes[j + tap];
                by_column += right.slopes[tap] * values[j + tap];
            }
            to[j] = value;
            to[j + n * n] = by_row;
            to[j + 2 * n * n] = by_column;
        }
    }
}

// Weight, means and central second moments of two windows.
struct Moments {
    double total = 0, a = 0, b = 0, aa = 0, bb = 0, ab = 0;

    Moments(const float *f, const float *v, const float *w, Index count) {
        for (Index k = 0; k < count; ++k) {
            const double g = w[k], x = f[k], y = v[k];
            total += g;
            a += g * x;
            b += g * y;
            aa += g * x * x;
            bb += g * y * y;
            ab += g * x * y;
        }
        total = larger(total, 1e-9);
        a /= total;
        b /= total;
        aa -= total * a * a;
        bb -= total * b * b;
        ab -= total * a * b;
    }
};

// A symmetric matrix of 2 x 2.
struct Square {
    double a = 0, b = 0, d = 0;

    void add_outer(double x, double y, double scale) {
        a += scale * x * x;
        b += scale * x * y;
        d += scale * y * y;
    }

    void add(const Square &other) {
        a += other.a;
        b += other.b;
        d += other.d;
    }
};

// Pixels along a side of a patch, within which what a shift leaves is not independent: it is noise
// that interpolation has spread, and whatever one image shows and the other does not.
constexpr Index PATCH = 8;
// Of the squared correlation of two windows: however unlike they are, a step stays bounded.
constexpr double UNLIKE = 0.05;

// How values of moving are turned into those of fixed in one window and channel.
struct Gain {
    double fixed, moving, factor, scale;

    // What has the slopes is taken to have no noise, so that noise of the other one, which makes
    // least squares find a gain that is too small, does not make what a shift leaves too small.
    Gain(const Moments &sums, double share) {
        const double squared = sums.ab * sums.ab / (sums.aa * sums.bb + 1e-9);
        fixed = sums.a;
        moving = sums.b;
        factor = sums.ab / (sums.bb + 1e-9) / std::pow(larger(squared, UNLIKE), share);
        // Channels count alike, whatever their units: divided by the variance of fixed.
        scale = 1 / larger(sums.aa / sums.total, 1e-12);
    }
};

// Normal equations of a shift, of the pixels of a patch or of all of a window.
struct Normal {
    Square slopes;
    double r0 = 0, r1 = 0, weight = 0, row = 0, column = 0;  // the last two by squared slopes

    void add(const Normal &other) {
        slopes.add(other.slopes);
        r0 += other.r0;
        r1 += other.r1;
    }

    // One channel of the patch that begins at (top, left); `share` of the slopes is that of fixed,
    // the rest that of moving.
    void add_patch(const float *f, const float *out, const float *w, const Gain &gain, double share,
                   Index n, Index top, Index left) {
        for (Index i = top; i < smaller(top + PATCH, n); ++i) {
            const Index up = held(i - 1, n), low = held(i + 1, n);
            for (Index j = left; j < smaller(left + PATCH, n); ++j) {
                const Index before = held(j - 1, n), after = held(j + 1, n), at = i * n + j;
                const double g = gain.scale * w[at];
                const double rest =
                    (f[at] - gain.fixed) - gain.factor * (out[at] - gain.moving);
                const double by_row = (f[low * n + j] - f[up * n + j]) / static_cast<float>(low - up);
                const double by_column =
                    (f[i * n + after] - f[i * n + before]) / static_cast<float>(after - before);
                const double d = share * by_row + (1 - share) * gain.factor * out[at + n * n];
                const double c = share * by_column + (1 - share) * gain.factor * out[at + 2 * n * n];
                const double power = g * (d * d + c * c);
                slopes.add_outer(d, c, g);
                r0 += g * d * rest;
                r1 += g * c * rest;
                weight += w[at];
                row += power * static_cast<double>(i);
                column += power * static_cast<double>(j);
            }
        }
    }

    void write(double *to) const {
        const double all[] = {slopes.a, slopes.b, slopes.d, r0, r1, row, column, weight};
        std::copy(all, all + 8, to);
    }
};

}  // namespace

// fixed (N, C, n, n), weight (N, n, n), coefficients (C, H, W) of the spline of moving, corners and
// start (N, 2); found (N, 5) becomes shift beyond start, standard errors, and likeness, NaN where
// the shift grew beyond `far`; patches (N, P, 8) becomes the equations of each patch at that shift.
void refine_shifts(Images fixed, Image weight, Image coefficients,
                   View<const std::int64_t, 2> corners, View<const std::int64_t, 2> start,
                   double share, int steps, double far, double done, View<double, 2> found,
                   View<double, 3> patches) {
    const Index channels = fixed.shape[1], n = fixed.shape[2], count = patches.shape[1];
    const Index across = (n + PATCH - 1) / PATCH;
    for_rows(fixed.shape[0], [&](Index w) {
        Room<float> out(3 * n * n), rows(2 * (n + 3));
        Room<Normal> parts(count);
        double x = 0, y = 0, likeness = 0;
        bool lost = false;
        for (int step = 0; step < steps; ++step) {
            std::fill(parts.get(), parts.get() + count, Normal());
            likeness = 0;
            const double whole0 = std::floor(x), whole1 = std::floor(y);
            const Spline down(x - whole0), right(y - whole1);
            const Index first = corners[w][0] + start[w][0] + static_cast<Index>(whole0) - 1;
            const Index second = corners[w][1] + start[w][1] + static_cast<Index>(whole1) - 1;
            for (Index c = 0; c < channels; ++c) {
                const float *f = fixed[w][c].data, *m = weight[w].data;
                evaluate(coefficients[c], first, second, down, right, out.get(), rows.get(), n);
                const Moments sums(f, out.get(), m, n * n);
                const Gain gain(sums, share);
                for (Index p = 0; p < count; ++p)
                    parts[p].add_patch(f, out.get(), m, gain, share, n, p / across * PATCH,
                                       p % across * PATCH);
                likeness += sums.ab / std::sqrt(larger(sums.aa * sums.bb, 1e-12)) /
                            static_cast<double>(channels);
            }
            Normal all;
            Square v;  // how much the right side varies from patch to patch
            for (Index p = 0; p < count; ++p) {
                all.add(parts[p]);
                v.add_outer(parts[p].r0, parts[p].r1, 1);
            }
            const Square &h = all.slopes;
            const double ridge = 1e-4 * (h.a + h.d) + 1e-9;
            const double a = h.a + ridge, b = h.b, d = h.d + ridge;
            const double det = a * d - b * b;
            const double dx = (d * all.r0 - b * all.r1) / det;
            const double dy = (a * all.r1 - b * all.r0) / det;
            // The variance of what the equations solve, whatever the noise is like (White 1980).
            found[w][2] = std::sqrt(larger(d * d * v.a - 2 * b * d * v.b + b * b * v.d, 0.0)) / det;
            found[w][3] = std::sqrt(larger(a * a * v.d - 2 * a * b * v.b + b * b * v.a, 0.0)) / det;
            const bool still = std::abs(dx) < done && std::abs(dy) < done;
            if (step == steps - 1 || (step > 0 && still)) break;
            x += dx;
            y += dy;
            if (!(std::abs(x) < far && std::abs(y) < far)) {
                lost = true;
                break;
            }
        }
        for (Index p = 0; p < count; ++p) parts[p].write(patches[w][p].data);
        found[w][0] = x;
        found[w][1] = y;
        found[w][4] = lost ? std::numeric_limits<double>::quiet_NaN() : likeness;
    });
}

}  // namespace loops
