// Sums of voxels on a coarser grid of the same extent.
#pragma once

#include "trilinear.hpp"

namespace loops {

// The adjoint of linear interpolation along an axis, from n voxels to `other` of the same extent:
// what each of these takes of `count` voxels from `first` on, which grows from one to the next.
struct Gather {
    Index other, count;
    Room<std::int32_t> first;
    Room<float> share; // (count, other)

    Gather(Index n, Index other) : Gather(Cells(n, other), n, other) {}

    // out[at] += what it takes of a row.
    void add(const float *row, float *out) const {
        for (Index t = 0; t < count; ++t) {
            const float *of = share.get() + t * other, *from = row + t;
            const std::int32_t *start = first.get();
            REGKIT_INDEPENDENT
            for (Index at = 0; at < other; ++at) out[at] += of[at] * from[start[at]];
        }
    }

  private:
    Gather(const Cells &cells, Index n, Index other)
        : other(other), count(widest(cells, n, other)), first(other), share(count * other) {
        fill(share.get(), count * other, 0.0f);
        fill<std::int32_t>(first.get(), other, -1);
        for (Index k = n - 1; k >= 0; --k)
            for (const std::int32_t at : {cells.low[k], cells.high[k]})
                first[at] = static_cast<std::int32_t>(k);
        for (Index at = 0; at < other; ++at)
            first[at] = static_cast<std::int32_t>(held(first[at], n - count + 1));
        for (Index k = 0; k < n; ++k) {
            const Index low = cells.low[k], high = cells.high[k];
            share[(k - first[low]) * other + low] += 1 - cells.share[k];
            share[(k - first[high]) * other + high] += cells.share[k];
        }
    }

    // The most voxels that lie between the first and the last that one takes from.
    static Index widest(const Cells &cells, Index n, Index other) {
        Index found = 1;
        Room<Index> from(other);
        fill<Index>(from.get(), other, n);
        for (Index k = 0; k < n; ++k)
            for (const std::int32_t at : {cells.low[k], cells.high[k]}) {
                from[at] = smaller(from[at], k);
                found = larger(found, k - from[at] + 1);
            }
        return found;
    }
};

}  // namespace loops
