// Interpolation by more than the eight nearest voxels: a product of weights along each axis.
#include <cmath>

#include "kernels.hpp"
#include "spline.hpp"
#include "threads.hpp"

namespace loops {

namespace {

// Cubic B-spline, of an image that is mirrored at the centres of its outermost voxels.
struct CubicTaps {
    static constexpr int count = 4;

    static void weigh(double t, float *w) {
        const Cubic cubic(t);
        for (int n = 0; n < count; ++n) w[n] = static_cast<float>(cubic.w[n]);
    }
    static Index place(Index i, Index n) {
        if (n == 1) return 0;
        while (i < 0 || i >= n) i = i < 0 ? -i : 2 * (n - 1) - i;
        return i;
    }
};

// Sinc under the window of Lanczos; the outermost voxels go on, and the weights sum up to 1.
struct SincTaps {
    static constexpr int count = 10, radius = count / 2;

    static void weigh(double t, float *w) {
        constexpr double pi = 3.14159265358979323846;
        double found[count], sum = 0;
        for (int n = 0; n < count; ++n) {
            const double x = pi * (t + radius - 1 - n);
            found[n] = std::fabs(x) < 1e-9 ? 1 : std::sin(x) / x * std::sin(x / radius) / (x / radius);
            sum += found[n];
        }
        for (int n = 0; n < count; ++n) w[n] = static_cast<float>(found[n] / sum);
    }
    static Index place(Index i, Index n) { return held(i, n); }
};

// The voxels of one axis about a position, and their weights.
template <class T>
struct Axis {
    Index at[T::count];
    float w[T::count];
    bool whole;  // whether they lie side by side

    Axis(double p, Index n) {
        const double inside = larger(0.0, smaller(p, static_cast<double>(n - 1)));
        const double low = std::floor(inside);
        const Index first = static_cast<Index>(low) - (T::count / 2 - 1);
        T::weigh(inside - low, w);
        whole = first >= 0 && first + T::count <= n;
        for (int k = 0; k < T::count; ++k) at[k] = T::place(first + k, n);
    }
};

template <class T>
inline float along(const float *row, const Axis<T> &axis) {
    float sum = 0;
    if (axis.whole) {
        const float *from = row + axis.at[0];
        for (int k = 0; k < T::count; ++k) sum += axis.w[k] * from[k];
    } else {
        for (int k = 0; k < T::count; ++k) sum += axis.w[k] * row[axis.at[k]];
    }
    return sum;
}

template <class T>
void sample_taps(Images image, Points points, float outside, View<float, 2> out) {
    const Index channels = image.shape[0], count = points.shape[0];
    const Shape shape = shape_of(image[0]);
    for_rows(count, [=](Index n) {
        const double *p = points[n].data;
        if (!(within(p[0], shape.n0) && within(p[1], shape.n1) && within(p[2], shape.n2))) {
            for (Index c = 0; c < channels; ++c) out.data[c * count + n] = outside;
            return;
        }
        const Axis<T> x(p[0], shape.n0), y(p[1], shape.n1), z(p[2], shape.n2);
        for (Index c = 0; c < channels; ++c) {
            const float *whole = image.data + c * shape.count();
            double sum = 0;
            for (int i = 0; i < T::count; ++i)
                for (int j = 0; j < T::count; ++j) {
                    const float *row = whole + (x.at[i] * shape.n1 + y.at[j]) * shape.n2;
                    sum += static_cast<double>(x.w[i] * y.w[j]) * along<T>(row, z);
                }
            out.data[c * count + n] = static_cast<float>(sum);
        }
    });
}

}  // namespace

void sample_cubic(Images coefficients, Points points, float outside, View<float, 2> out) {
    sample_taps<CubicTaps>(coefficients, points, outside, out);
}

void sample_sinc(Images image, Points points, float outside, View<float, 2> out) {
    sample_taps<SincTaps>(image, points, outside, out);
}

}  // namespace loops
