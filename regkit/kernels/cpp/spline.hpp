// Cubic B-splines.
#pragma once

namespace loops {

// Weights of four coefficients at t behind the second one, and their derivatives by t.
template <class T>
struct CubicOf {
    T w[4], d[4];

    CubicOf() = default;
    explicit CubicOf(T t) {
        const T s = 1 - t;
        w[0] = s * s * s / 6;
        w[1] = static_cast<T>(2.0 / 3) - t * t * (2 - t) / 2;
        w[2] = static_cast<T>(2.0 / 3) - s * s * (2 - s) / 2;
        w[3] = t * t * t / 6;
        d[0] = -s * s / 2;
        d[1] = t * (3 * t - 4) / 2;
        d[2] = -s * (3 * s - 4) / 2;
        d[3] = t * t / 2;
    }
};
using Cubic = CubicOf<double>;

}  // namespace loops
