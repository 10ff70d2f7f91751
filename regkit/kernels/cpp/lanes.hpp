// Parts of a row that stay in registers, eight numbers each.
#pragma once

#include <cstring>

#include "view.hpp"

namespace loops {

#if defined(__GNUC__) || defined(__clang__)
using Lanes = float __attribute__((vector_size(32)));
#else
struct Lanes {
    float v[8];

    friend Lanes operator+(Lanes a, Lanes b) {
        for (int q = 0; q < 8; ++q) a.v[q] += b.v[q];
        return a;
    }
    friend Lanes operator-(Lanes a, Lanes b) {
        for (int q = 0; q < 8; ++q) a.v[q] -= b.v[q];
        return a;
    }
    friend Lanes operator*(Lanes a, Lanes b) {
        for (int q = 0; q < 8; ++q) a.v[q] *= b.v[q];
        return a;
    }
    friend Lanes operator*(float a, Lanes b) {
        for (int q = 0; q < 8; ++q) b.v[q] *= a;
        return b;
    }
};
#endif

// `count` registers of T side by side, T being Lanes or, for a short rest, float.
template <class T, int N>
struct Pack {
    using Register = T;
    static constexpr int count = N, width = static_cast<int>(sizeof(T) / sizeof(float));
};

template <class T>
inline T load(const float *from) {
    T found;
    std::memcpy(&found, from, sizeof(T));
    return found;
}

template <class T>
inline void store(float *to, T value) {
    std::memcpy(to, &value, sizeof(T));
}

// Call f(Pack, k) for parts of a row. The last part ends with the row, and so overlaps the one
// before: what f writes may depend on nothing that it has written.
template <int N, class F>
inline void for_parts(Index count, F &&f) {
    constexpr Index width = N * 8;
    if (count >= width) {
        for (Index k = 0; k + width < count; k += width) f(Pack<Lanes, N>{}, k);
        f(Pack<Lanes, N>{}, count - width);
    } else if constexpr (N > 1) {
        for_parts<1>(count, f);
    } else {
        for (Index k = 0; k < count; ++k) f(Pack<float, 1>{}, k);
    }
}

}  // namespace loops
