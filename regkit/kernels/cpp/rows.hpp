// Rows of an array: where they hold something, and weighted sums of several.
//
// A sum is kept in registers over all its terms: stored and read again for each, it costs more in
// memory than in additions.
#pragma once

#include <cstdint>
#include <cstring>

#include "lanes.hpp"

namespace loops {

struct Extent {
    Index first, last;
};

// Whether all of kLook voxels are 0: by their bits but for the signs, which are compared together.
constexpr Index kLook = 16;
inline bool is_nothing(const float *row) {
    std::uint64_t pair[kLook / 2], some = 0;
    std::memcpy(pair, row, sizeof(pair));
    for (const std::uint64_t bits : pair) some |= bits;
    return (some & 0x7fffffff7fffffffu) == 0;
}

// From the first voxel that is not 0 to behind the last one; two equal numbers if none is.
inline Extent extent(const float *row, Index count) {
    Index first = 0, last = count;
    while (last - first >= kLook && is_nothing(row + first)) first += kLook;
    while (first < last && row[first] == 0) ++first;
    while (last - first >= kLook && is_nothing(row + last - kLook)) last -= kLook;
    while (last > first && row[last - 1] == 0) --last;
    return {first, last};
}

// An odd number of weights.
struct Taps {
    const float *data;
    Index count;

    Index radius() const { return count / 2; }
};

// out[k] = sum over t of taps[t] row(t)[k], t from `first` to below `last`.
template <class Rows>
inline void weighted_sum(Rows &&row, const float *taps, Index first, Index last, float *out,
                         Index count) {
    for_wide_parts(count, [&](auto sum, Index k) {
        for (Index t = first; t < last; ++t) sum.add(taps[t], row(t) + k);
        sum.put(out + k);
    });
}

// out = sum taps[t] rows[middle + t - radius], of rows that lie `step` apart.
// `zero`: nothing lies outside, else the first and the last row do.
inline void across(const float *rows, Index n, Index step, Taps taps, Index middle, bool zero,
                   float *out, Index count) {
    const Index before = middle - taps.radius();
    const Index first = zero ? larger<Index>(0, -before) : 0;
    const Index last = zero ? smaller(taps.count, n - before) : taps.count;
    const auto row = [=](Index t) { return rows + held(before + t, n) * step; };
    weighted_sum(row, taps.data, first, last, out, count);
}

// out[k] = sum taps[t] wide[k + t]: a row that is continued by a radius at either end.
inline void along(const float *wide, Taps taps, float *out, Index count) {
    weighted_sum([=](Index t) { return wide + t; }, taps.data, 0, taps.count, out, count);
}

}  // namespace loops
