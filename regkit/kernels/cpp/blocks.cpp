// Distances of blocks between two images of descriptors, at many places.
#include "kernels.hpp"
#include "threads.hpp"

namespace loops {

// out[p] gets, for every block, what `fixed` differs there from `wide` seen from corners[p].
void block_distances(Images fixed, Images wide, Image weight,
                     View<const std::int64_t, 2> corners, Planes out) {
    const Shape size = shape_of(weight);
    const Index channels = fixed.shape[0], places = out.shape[0], across = out.shape[3];
    const Index high = size.n0 / out.shape[1], deep = size.n1 / out.shape[2],
                wide_block = size.n2 / across, used = across * wide_block;
    const float scale = 1.0f / static_cast<float>(channels * high * deep * wide_block);
    for_rows(out.shape[1], [&](Index row) {
        Room<float> apart(used);
        for (Index p = 0; p < places; ++p) {
            const Index di = corners[p][0], dj = corners[p][1], dk = corners[p][2];
            for (Index column = 0; column < out.shape[2]; ++column) {
                float *sums = out[p][row][column].data;
                fill(sums, across, 0.0f);
                for (Index i = row * high; i < (row + 1) * high; ++i)
                    for (Index j = column * deep; j < (column + 1) * deep; ++j) {
                        float *far = apart.get();
                        fill(far, used, 0.0f);
                        for (Index c = 0; c < channels; ++c) {
                            const float *f = fixed[c][i][j].data,
                                        *w = wide[c][i + di][j + dj].data + dk;
                            REGKIT_INDEPENDENT
                            for (Index k = 0; k < used; ++k) far[k] += (f[k] - w[k]) * (f[k] - w[k]);
                        }
                        const float *m = weight[i][j].data;
                        for (Index b = 0; b < across; ++b) {
                            float sum = 0;
                            for (Index k = b * wide_block; k < (b + 1) * wide_block; ++k)
                                sum += far[k] * m[k];
                            sums[b] += scale * sum;
                        }
                    }
            }
        }
    });
}

}  // namespace loops
