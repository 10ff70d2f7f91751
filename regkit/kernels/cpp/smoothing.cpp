// Separable convolution, one pass an axis, vectorised along the last one.
#include "kernels.hpp"
#include "rows.hpp"
#include "threads.hpp"

namespace loops {

// `out` may be the image itself: rows are copied before they are written.
void along_first(Images image, View<const float, 1> taps, bool zero, Planes out) {
    const Index channels = image.shape[0];
    const Shape size = shape_of(image[0]);
    const Taps weights{taps.data, taps.shape[0]};
    for_rows(size.n1, [&](Index j) {
        Room<float> plane(size.n0 * size.n2);
        for (Index c = 0; c < channels; ++c) {
            for (Index i = 0; i < size.n0; ++i) {
                const float *line = image[c][i][j].data;
                float *row = plane.get() + i * size.n2;
                for (Index k = 0; k < size.n2; ++k) row[k] = line[k];
            }
            for (Index i = 0; i < size.n0; ++i)
                across(plane.get(), size.n0, size.n2, weights, i, zero, out[c][i][j].data, size.n2);
        }
    });
}

void along_others(Images image, View<const float, 1> taps_j, View<const float, 1> taps_k,
                  bool zero, Planes out) {
    const Index channels = image.shape[0];
    const Shape size = shape_of(image[0]);
    const Taps down{taps_j.data, taps_j.shape[0]}, right{taps_k.data, taps_k.shape[0]};
    const Index radius = right.radius();
    for_rows(size.n0, [&](Index i) {
        Room<float> plane(size.n1 * size.n2), wide(size.n2 + 2 * radius);
        for (Index c = 0; c < channels; ++c) {
            for (Index j = 0; j < size.n1; ++j)
                across(image[c][i].data, size.n1, size.n2, down, j, zero,
                       plane.get() + j * size.n2, size.n2);
            for (Index j = 0; j < size.n1; ++j) {
                const float *line = plane.get() + j * size.n2;
                fill(wide.get(), radius, zero ? 0.0f : line[0]);
                fill(wide.get() + radius + size.n2, radius, zero ? 0.0f : line[size.n2 - 1]);
                for (Index k = 0; k < size.n2; ++k) wide[radius + k] = line[k];
                along(wide.get(), right, out[c][i][j].data, size.n2);
            }
        }
    });
}

}  // namespace loops
