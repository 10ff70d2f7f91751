// Trilinear interpolation at shares of the field of view, channels last.
#include "kernels.hpp"
#include "threads.hpp"

namespace loops {
namespace {

struct LastChannels {
    const float *data;
    Index channels;
    Shape shape;
    float s0, s1, s2;

    explicit LastChannels(Images image)
        : data(image.data), channels(image.shape[3]),
          shape{image.shape[0], image.shape[1], image.shape[2]},
          s0(static_cast<float>(shape.n0 - 1)), s1(static_cast<float>(shape.n1 - 1)),
          s2(static_cast<float>(shape.n2 - 1)) {}

    void at(float p, float q, float r, float *out) const {
        const Corner corner(p * s0, q * s1, r * s2, shape);
        for (Index c = 0; c < channels; ++c) out[c] = corner.value(data + c, channels);
    }
};

inline float share_of(Index i, Index n) {
    return static_cast<float>(i) / static_cast<float>(larger<Index>(n - 1, 1));
}

}  // namespace

void sample_unit(Images image, View<const float, 2> points, View<float, 2> out) {
    const LastChannels from(image);
    for_rows(points.shape[0], [&](Index n) {
        const float *p = points[n].data;
        from.at(p[0], p[1], p[2], out[n].data);
    });
}

void warp_unit(Images image, Images u, Planes out) {
    const LastChannels from(image);
    const Index m0 = u.shape[0], m1 = u.shape[1], m2 = u.shape[2];
    for_rows(m0, [&](Index i) {
        for (Index j = 0; j < m1; ++j) {
            const float *step = u[i][j].data;
            float *to = out[i][j].data;
            for (Index k = 0; k < m2; ++k)
                from.at(share_of(i, m0) + step[3 * k], share_of(j, m1) + step[3 * k + 1],
                        share_of(k, m2) + step[3 * k + 2], to + k * from.channels);
        }
    });
}

}  // namespace loops
