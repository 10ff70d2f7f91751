// Vectors in the order in which files of ITK keep them.
#include "kernels.hpp"
#include "threads.hpp"

namespace loops {

namespace {

constexpr Index kBlock = 16;  // voxels along k: as many rows of `out` are written in turn

}  // namespace

// out (K, J, I, C) of u (C, I, J, K), from voxel `first` along k on, each part times its sign.
void stored_order(Images u, View<const float, 1> signs, Index first, Planes out) {
    const Index parts = u.shape[0], n0 = u.shape[1], n1 = u.shape[2];
    const Index deep = out.shape[0];
    for_rows((deep + kBlock - 1) / kBlock, [&](Index block) {
        const Index low = block * kBlock, high = smaller(low + kBlock, deep);
        for (Index j = 0; j < n1; ++j)
            for (Index c = 0; c < parts; ++c)
                for (Index i = 0; i < n0; ++i) {
                    const float *from = u[c][i][j].data + first;
                    float *to = out[low][j][i].data + c;
                    for (Index k = low; k < high; ++k, to += n1 * n0 * parts)
                        *to = signs[c] * from[k];
                }
    });
}

}  // namespace loops
