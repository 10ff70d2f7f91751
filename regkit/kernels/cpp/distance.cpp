// The least of squares of distances along an axis.
#include "kernels.hpp"
#include "threads.hpp"

namespace loops {

void nearest_along(View<const double, 3> source, double step, double face, double most,
                   View<double, 3> out) {
    const Index size = source.shape[1], width = source.shape[2];
    for_rows(source.shape[0] * size, [&](Index row) {
        const Index i = row % size;
        const double *from = source[row / size].data;
        double *to = out.data + row * width;
        for (Index b = 0; b < width; ++b) {
            double best = from[i * width + b];
            for (Index n = 1; n < size; ++n) {
                const double way = (static_cast<double>(n) - face) * step, gap = way * way;
                // What is farther along this axis alone cannot be nearer.
                if (gap >= best || gap > most) break;
                if (i >= n) best = smaller(best, from[(i - n) * width + b] + gap);
                if (i + n < size) best = smaller(best, from[(i + n) * width + b] + gap);
            }
            to[b] = best;
        }
    });
}

}  // namespace loops
