// Local normalised cross-correlation over box windows, value and gradient in two sweeps.
//
// Slices follow one another in blocks: coef (ring, 3, J, K) holds slice i at i % ring for as long as
// a window still needs it. A slice is only looked at inside the box that its weight occupies; what
// neighbouring slices need of it lies within the union of their boxes, its span.
#include <cmath>

#include "kernels.hpp"
#include "rows.hpp"
#include "threads.hpp"

namespace loops {
namespace {

constexpr int kMoments = 6;  // w, wF, wW, wFF, wWW, wFW

struct Box {
    Index j0, j1, k0, k1;

    static Box of(Boxes boxes, Index i) {
        const std::int64_t *b = boxes[i].data;
        return {static_cast<Index>(b[0]), static_cast<Index>(b[1]), static_cast<Index>(b[2]),
                static_cast<Index>(b[3])};
    }
};

// Box sums of plane (J, K) within a box; windows end at the border. `wide` (K + 2 radius) is room
// for a row, 0 at its ends.
inline void box_plane(const float *plane, Index n1, Index n2, Taps ones, Box box, float *wide,
                      float *out) {
    const Index radius = ones.radius();
    const Index low = larger<Index>(box.k0 - radius, 0), high = smaller(box.k1 + radius, n2);
    for (Index j = box.j0; j < box.j1; ++j) {
        across(plane + low, n1, n2, ones, j, true, wide + low + radius, high - low);
        along(wide + box.k0, ones, out + j * n2 + box.k0, box.k1 - box.k0);
    }
}

// A part of one row of both images and of the weight.
struct Part {
    const float *f, *w, *m;

    Part(const Windows &all, Index i, Index j, Index k)
        : f(all.fixed[i][j].data + k), w(all.warped[i][j].data + k),
          m(all.weight[i][j].data + k) {}
};

// A row of the moments of the slices near .. far.
inline void sum_products(const Windows &all, Index near, Index far, Index j, Index low,
                         float *const sums[kMoments], Index count) {
    for_parts<1>(count, [&](auto pack, Index k) {
        using T = typename decltype(pack)::Register;
        T n{}, sf{}, sw{}, sff{}, sww{}, sfw{};
        for (Index s = near; s < far; ++s) {
            const Part at(all, s, j, low + k);
            const T f = load<T>(at.f), w = load<T>(at.w), m = load<T>(at.m);
            const T mf = m * f, mw = m * w;
            n = n + m;
            sf = sf + mf;
            sw = sw + mw;
            sff = sff + mf * f;
            sww = sww + mw * w;
            sfw = sfw + mf * w;
        }
        const T found[kMoments] = {n, sf, sw, sff, sww, sfw};
        for (int c = 0; c < kMoments; ++c) store(sums[c] + k, found[c]);
    });
}

// The correlation of the windows of a row, and what pulls at their voxels.
struct Pull {
    bool squared;
    float eps;

    float row(const float *const t[kMoments], const float *m, float *alpha, float *beta,
              float *gamma, Index count) const {
        const float *n = t[0], *sf = t[1], *sw = t[2], *sff = t[3], *sww = t[4], *sfw = t[5];
        float part = 0;
        REGKIT_INDEPENDENT
        for (Index k = 0; k < count; ++k) {
            const float inv = 1.0f / larger(n[k], 1e-6f);
            const float mean_f = sf[k] * inv, mean_w = sw[k] * inv;
            const float var_f = positive(sff[k] * inv - mean_f * mean_f) + eps;
            const float var_w = positive(sww[k] * inv - mean_w * mean_w) + eps;
            const float cov = sfw[k] * inv - mean_f * mean_w, share = m[k] * inv;
            float cc, a, b;
            if (squared) {
                const float norm = 1.0f / (var_f * var_w), ratio = cov * norm;
                cc = cov * ratio;
                a = 2 * ratio * share;
                b = 2 * cc * (norm * var_f) * share;
            } else {
                const float norm = 1.0f / std::sqrt(var_f * var_w);
                cc = cov * norm;
                a = norm * share;
                b = cc * (norm * norm * var_f) * share;
            }
            part += m[k] * cc;
            alpha[k] = a;
            beta[k] = b;
            gamma[k] = b * mean_w - a * mean_f;
        }
        return part;
    }

  private:
    static float positive(float x) { return x < 0 ? 0.0f : x; }  // what is no number stays none
};

}  // namespace

// The box of each slice's weight, (0, 0, 0, 0) where there is none, and its sum.
void extents(Image weight, View<std::int64_t, 2> boxes, View<double, 1> totals) {
    const Shape size = shape_of(weight);
    for_rows(size.n0, [&](Index i) {
        Index j0 = size.n1, j1 = 0, k0 = size.n2, k1 = 0;
        double total = 0;
        for (Index j = 0; j < size.n1; ++j) {
            const float *row = weight[i][j].data;
            float part = 0;
            for (Index k = 0; k < size.n2; ++k) part += row[k];
            if (part == 0) continue;
            total += part;
            const Extent some = extent(row, size.n2);
            if (some.first == some.last) continue;
            j0 = smaller(j0, j);
            j1 = j + 1;
            k0 = smaller(k0, some.first);
            k1 = larger(k1, some.last);
        }
        const bool none = j1 == 0;
        const std::int64_t box[4] = {none ? 0 : j0, j1, none ? 0 : k0, k1};
        for (int n = 0; n < 4; ++n) boxes[i][n] = box[n];
        totals[i] = total;
    });
}

// Correlation of every window; the in-plane sums of its gradient's coefficients in coef.
void coefficients(Windows all, Boxes spans, bool squared, float eps, Planes coef,
                  View<double, 1> value) {
    const Shape size = shape_of(all.weight);
    const Index n1 = size.n1, n2 = size.n2, radius = all.radius, plane = n1 * n2;
    Room<float> weights(2 * radius + 1);
    fill(weights.get(), 2 * radius + 1, 1.0f);
    const Taps ones{weights.get(), 2 * radius + 1};
    for_rows(all.last - all.first, [&](Index number) {
        const Index i = all.first + number;
        const Box box = Box::of(all.boxes, i);
        Room<float> moments(kMoments * plane), total(kMoments * plane), planes(3 * plane),
            wide(n2 + 2 * radius);
        fill(planes.get(), 3 * plane, 0.0f);
        fill(wide.get(), n2 + 2 * radius, 0.0f);
        const Index low = larger<Index>(box.k0 - radius, 0), high = smaller(box.k1 + radius, n2);
        const Index near = larger<Index>(i - radius, 0), far = smaller(i + radius + 1, size.n0);
        for (Index j = larger<Index>(box.j0 - radius, 0); j < smaller(box.j1 + radius, n1); ++j) {
            float *sums[kMoments];
            for (int q = 0; q < kMoments; ++q)
                sums[q] = moments.get() + q * plane + j * n2 + low;
            sum_products(all, near, far, j, low, sums, high - low);
        }
        for (int q = 0; q < kMoments; ++q)
            box_plane(moments.get() + q * plane, n1, n2, ones, box, wide.get(),
                      total.get() + q * plane);
        double sum = 0;
        const Pull pull{squared, eps};
        for (Index j = box.j0; j < box.j1; ++j) {
            const Index at = j * n2 + box.k0;
            const float *rows[kMoments];
            for (int q = 0; q < kMoments; ++q) rows[q] = total.get() + q * plane + at;
            float *to = planes.get() + at;
            sum += pull.row(rows, all.weight[i][j].data + box.k0, to, to + plane, to + 2 * plane,
                            box.k1 - box.k0);
        }
        value[i] = sum;
        const Box span = Box::of(spans, i);
        for (int q = 0; q < 3; ++q)
            box_plane(planes.get() + q * plane, n1, n2, ones, span, wide.get(),
                      coef[i % coef.shape[0]][q].data);
    });
}

// out = scale * weight * (alpha F - beta W + gamma), coefficients summed along i.
void gradient(Windows all, Images coef, float scale, Plane out) {
    const Shape size = shape_of(all.fixed);
    const Index ring = coef.shape[0], plane = size.n1 * size.n2;
    for_rows(all.last - all.first, [&](Index number) {
        const Index i = all.first + number;
        const Index low = larger<Index>(i - all.radius, 0),
                    high = smaller(i + all.radius + 1, size.n0);
        const Box box = Box::of(all.boxes, i);
        const Index count = box.k1 - box.k0;
        for (Index j = 0; j < size.n1; ++j) {
            fill(out[i][j].data, size.n2, 0.0f);
            if (j < box.j0 || j >= box.j1) continue;
            const Part part(all, i, j, box.k0);
            float *line = out[i][j].data + box.k0;
            const float *first = coef.data + j * size.n2 + box.k0;
            for_parts<2>(count, [&](auto pack, Index k) {
                using T = typename decltype(pack)::Register;
                T alpha[pack.count] = {}, beta[pack.count] = {}, gamma[pack.count] = {};
                for (Index s = low; s < high; ++s) {
                    const float *source = first + (s % ring) * 3 * plane + k;
                    for (int q = 0; q < pack.count; ++q) {
                        const float *from = source + q * pack.width;
                        alpha[q] = alpha[q] + load<T>(from);
                        beta[q] = beta[q] + load<T>(from + plane);
                        gamma[q] = gamma[q] + load<T>(from + 2 * plane);
                    }
                }
                for (int q = 0; q < pack.count; ++q) {
                    const Index at = k + q * pack.width;
                    const T f = load<T>(part.f + at), w = load<T>(part.w + at),
                            m = load<T>(part.m + at);
                    store(line + at, scale * m * (alpha[q] * f - beta[q] * w + gamma[q]));
                }
            });
        }
    });
}

}  // namespace loops
