// The least of squares of distances along an axis.
#include "kernels.hpp"
#include "threads.hpp"

namespace loops {
namespace {

constexpr Index kPart = 4096;  // voxels that are looked at together

// to[x] = the least of to[x] and from[x] + gap, the largest of which is returned.
inline double lessen(const double *from, double gap, double *to, Index count) {
    double largest = 0;
    REGKIT_INDEPENDENT
    for (Index x = 0; x < count; ++x) {
        to[x] = smaller(to[x], from[x] + gap);
        largest = larger(largest, to[x]);
    }
    return largest;
}

}  // namespace

// The rows (n, b) of source (a, n, b) behind one another, so that a step along n is one by b.
void nearest_along(View<const double, 3> source, double step, double face, double most,
                   View<double, 3> out) {
    const Index size = source.shape[1], width = source.shape[2], all = size * width;
    const Index parts = (all + kPart - 1) / kPart;
    for_rows(source.shape[0] * parts, [&](Index part) {
        const double *from = source[part / parts].data;
        double *to = out[part / parts].data;
        const Index first = part % parts * kPart, last = smaller(first + kPart, all);
        for (Index x = first; x < last; ++x) to[x] = from[x];
        for (Index n = 1; n < size; ++n) {
            const double way = (static_cast<double>(n) - face) * step, gap = way * way;
            if (gap > most) break;
            const Index shift = n * width, low = larger(first, smaller(shift, last)),
                        high = larger(smaller(last, all - shift), first);
            lessen(from + first + shift, gap, to + first, high - first);
            lessen(from + low - shift, gap, to + low, last - low);
            // What is farther along this axis alone cannot be nearer.
            if (gap >= lessen(to + first, 0.0, to + first, last - first)) break;
        }
    });
}

}  // namespace loops
