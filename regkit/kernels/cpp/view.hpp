// Arrays in C order, and room for rows of them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

// Before a loop whose turns do not touch what others write: then it uses vector instructions,
// without a look at every pointer first.
#if defined(__clang__)
#define REGKIT_INDEPENDENT _Pragma("clang loop vectorize(assume_safety)")
#elif defined(__GNUC__)
#define REGKIT_INDEPENDENT _Pragma("GCC ivdep")
#elif defined(_MSC_VER)
#define REGKIT_INDEPENDENT __pragma(loop(ivdep))
#else
#define REGKIT_INDEPENDENT
#endif

namespace loops {

using Index = std::ptrdiff_t;

// `data` with a shape; view[i] is the i-th part, of one axis less.
template <class T, int N>
struct View {
    T *data;
    Index shape[N];

    Index step() const {
        Index found = 1;
        for (int axis = 1; axis < N; ++axis) found *= shape[axis];
        return found;
    }

    View<T, N - 1> operator[](Index i) const {
        View<T, N - 1> part;
        part.data = data + i * step();
        for (int axis = 1; axis < N; ++axis) part.shape[axis - 1] = shape[axis];
        return part;
    }
};

template <class T>
struct View<T, 1> {
    T *data;
    Index shape[1];

    T &operator[](Index i) const { return data[i]; }
};

// Memory that nobody has written to.
template <class T>
class Room {
  public:
    explicit Room(Index count) : data_(new T[count > 0 ? count : 1]) {}
    T *get() const { return data_.get(); }
    T &operator[](Index i) const { return data_[i]; }

  private:
    std::unique_ptr<T[]> data_;
};

template <class T>
inline T smaller(T a, T b) {
    return b < a ? b : a;
}

template <class T>
inline T larger(T a, T b) {
    return a < b ? b : a;
}

// Index i, kept among n.
inline Index held(Index i, Index n) { return smaller(larger<Index>(i, 0), n - 1); }

// An index of an axis as a number: 64 bits would keep a loop from using vector instructions.
inline double number(Index k) { return static_cast<std::int32_t>(k); }

template <class T>
inline void fill(T *out, Index count, T value) {
    for (Index k = 0; k < count; ++k) out[k] = value;
}

}  // namespace loops
