// Numbers that stay in registers: eight of a row, or what belongs to one voxel.
#pragma once

#include <cstring>

#include "view.hpp"

namespace loops {

#if defined(__GNUC__) || defined(__clang__)
using Lanes = float __attribute__((vector_size(32)));
using Quad = float __attribute__((vector_size(16)));
#else
template <int N>
struct Numbers {
    float v[N];

    float operator[](int q) const { return v[q]; }
    friend Numbers operator+(Numbers a, Numbers b) {
        for (int q = 0; q < N; ++q) a.v[q] += b.v[q];
        return a;
    }
    friend Numbers operator-(Numbers a, Numbers b) {
        for (int q = 0; q < N; ++q) a.v[q] -= b.v[q];
        return a;
    }
    friend Numbers operator*(Numbers a, Numbers b) {
        for (int q = 0; q < N; ++q) a.v[q] *= b.v[q];
        return a;
    }
    friend Numbers operator*(float a, Numbers b) {
        for (int q = 0; q < N; ++q) b.v[q] *= a;
        return b;
    }
};
using Lanes = Numbers<8>;
using Quad = Numbers<4>;
#endif

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

// Registers side by side. Named, since compilers keep an array of them in memory.
template <class T>
struct One {
    static constexpr Index width = static_cast<Index>(sizeof(T) / sizeof(float));
    T a{};

    void add(const float *from) { a = a + load<T>(from); }
    void add(float weight, const float *from) { a = a + weight * load<T>(from); }
    void put(float *to) const { store(to, a); }
};

struct Four {
    static constexpr Index width = 4 * One<Lanes>::width;
    One<Lanes> a, b, c, d;

    void add(const float *from) {
        a.add(from);
        b.add(from + 8);
        c.add(from + 16);
        d.add(from + 24);
    }
    void add(float weight, const float *from) {
        a.add(weight, from);
        b.add(weight, from + 8);
        c.add(weight, from + 16);
        d.add(weight, from + 24);
    }
    void put(float *to) const {
        a.put(to);
        b.put(to + 8);
        c.put(to + 16);
        d.put(to + 24);
    }
};

// Call f(zeros, k) for parts of a row, `zeros` being registers as wide as the part. The last part
// ends with the row, and so overlaps the one before: what f writes may depend on nothing that it
// has written.
template <class F>
inline void for_parts(Index count, F &&f) {
    using Eight = One<Lanes>;
    if (count >= Eight::width) {
        for (Index k = 0; k + Eight::width < count; k += Eight::width) f(Eight{}, k);
        f(Eight{}, count - Eight::width);
    } else {
        for (Index k = 0; k < count; ++k) f(One<float>{}, k);
    }
}

template <class F>
inline void for_wide_parts(Index count, F &&f) {
    if (count < Four::width) {
        for_parts(count, f);
        return;
    }
    for (Index k = 0; k + Four::width < count; k += Four::width) f(Four{}, k);
    f(Four{}, count - Four::width);
}

}  // namespace loops
