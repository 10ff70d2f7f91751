// Joint histogram with Parzen windows, and the gradient that a table of weights gives back.
#include "kernels.hpp"
#include "spline.hpp"
#include "threads.hpp"

namespace loops {
namespace {

// Knot below and offset of an intensity in [0, 1]; three bins are the spline's border.
struct Bin {
    std::int32_t low;
    float offset;

    Bin(float value, std::int32_t bins) {
        float held = value > 0 ? value : 0.0f;
        held = held < 1 ? held : 1.0f;
        const float position = held * static_cast<float>(bins - 4) + 1;
        low = smaller(static_cast<std::int32_t>(position), bins - 3);
        offset = position - static_cast<float>(low);
    }
};

inline std::int32_t bins_of(Index bins) { return static_cast<std::int32_t>(bins); }

// The entries of a table about the bins of a voxel, weighed by `b` along warped.
inline float weighed(const float *table, std::int32_t bins, Bin f, Bin w, const float b[4]) {
    const std::int32_t at = f.low * bins + w.low - 1;
    const float *low = table + at, *high = low + bins;
    const float a = b[0] * low[0] + b[1] * low[1] + b[2] * low[2] + b[3] * low[3];
    const float c = b[0] * high[0] + b[1] * high[1] + b[2] * high[2] + b[3] * high[3];
    return a + f.offset * (c - a);
}

}  // namespace

// partial[i] (bins, bins): the histogram of slice i, linear in fixed, cubic in warped.
void joint(Image fixed, Image warped, Image weight, View<double, 3> partial) {
    const Index count = fixed.shape[1] * fixed.shape[2];
    const std::int32_t bins = bins_of(partial.shape[1]);
    for_rows(fixed.shape[0], [&](Index i) {
        Room<double> h(bins * bins);
        fill(h.get(), bins * bins, 0.0);
        const float *f = fixed[i].data, *w = warped[i].data, *m = weight[i].data;
        for (Index k = 0; k < count; ++k) {
            if (!(m[k] > 0)) continue;
            const Bin row(f[k], bins), column(w[k], bins);
            const Cubic cubic(column.offset);
            const double upper = static_cast<double>(m[k]) * row.offset, lower = m[k] - upper;
            double *low = h.get() + row.low * bins + column.low - 1, *high = low + bins;
            for (int n = 0; n < 4; ++n) low[n] += lower * cubic.w[n];
            for (int n = 0; n < 4; ++n) high[n] += upper * cubic.w[n];
        }
        for (Index n = 0; n < bins * bins; ++n) partial[i].data[n] = h[n];
    });
}

// out = d sum(table * histogram) / d warped.
void joint_gradient(Image fixed, Image warped, Image weight, View<const float, 2> table,
                    Plane out) {
    const Index count = fixed.shape[1] * fixed.shape[2];
    const std::int32_t bins = bins_of(table.shape[0]);
    for_rows(fixed.shape[0], [&](Index i) {
        const float *f = fixed[i].data, *w = warped[i].data, *m = weight[i].data;
        float *to = out[i].data;
        const float scale = static_cast<float>(bins - 4);
        for (Index k = 0; k < count; ++k) {
            to[k] = 0;
            if (!((m[k] > 0) & (w[k] >= 0) & (w[k] <= 1))) continue;
            const Bin row(f[k], bins), column(w[k], bins);
            const CubicOf<float> cubic(column.offset);
            to[k] = m[k] * scale * weighed(table.data, bins, row, column, cubic.d);
        }
    });
}

// out: the entries of the table that a voxel's windows weigh, 0 without weight.
void lookup(Image fixed, Image warped, Image weight, View<const float, 2> table, Plane out) {
    const Index count = fixed.shape[1] * fixed.shape[2];
    const std::int32_t bins = bins_of(table.shape[0]);
    for_rows(fixed.shape[0], [&](Index i) {
        const float *f = fixed[i].data, *w = warped[i].data, *m = weight[i].data;
        float *to = out[i].data;
        for (Index k = 0; k < count; ++k) {
            to[k] = 0;
            if (!(m[k] > 0)) continue;
            const Bin row(f[k], bins), column(w[k], bins);
            const CubicOf<float> cubic(column.offset);
            to[k] = weighed(table.data, bins, row, column, cubic.w);
        }
    });
}

}  // namespace loops
