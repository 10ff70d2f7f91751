// Turn and differentiate displacement fields.
#include <cstring>

#include "kernels.hpp"
#include "threads.hpp"

namespace loops {
// out (d, N) = linear (d, d) u (d, N); out may be u.
void turn(View<const float, 2> u, View<const float, 2> linear, View<float, 2> out) {
    constexpr Index kPart = 1024;
    const Index parts = u.shape[0], size = u.shape[1];
    for_rows((size + kPart - 1) / kPart, [&](Index block) {
        const Index first = block * kPart, count = smaller(kPart, size - first);
        Room<float> sums(parts * kPart);
        fill(sums.get(), parts * kPart, 0.0f);
        for (Index a = 0; a < parts; ++a)
            for (Index b = 0; b < parts; ++b) {
                const float share = linear[a][b];
                const float *from = u[b].data + first;
                float *to = sums.get() + a * kPart;
                if (share == 0) continue;  // for most images, of all but one
                REGKIT_INDEPENDENT
                for (Index k = 0; k < count; ++k) to[k] += share * from[k];
            }
        for (Index a = 0; a < parts; ++a)
            std::memcpy(out[a].data + first, sums.get() + a * kPart,
                        static_cast<std::size_t>(count) * sizeof(float));
    });
}

// Determinant of linear (3, 3) + du/dx: central differences inside, one-sided at the border.
void determinant(Images u, const double *linear, Plane out) {
    const Shape size = shape_of(out);
    for_rows(size.n0, [&](Index i) {
        const Index x = held(i - 1, size.n0), X = held(i + 1, size.n0);
        for (Index j = 0; j < size.n1; ++j) {
            const Index y = held(j - 1, size.n1), Y = held(j + 1, size.n1);
            const float *lower[3][2], *upper[3][2], *here[3];
            for (int c = 0; c < 3; ++c) {
                lower[c][0] = u[c][x][j].data;
                upper[c][0] = u[c][X][j].data;
                lower[c][1] = u[c][i][y].data;
                upper[c][1] = u[c][i][Y].data;
                here[c] = u[c][i][j].data;
            }
            const double dx = 1.0 / static_cast<double>(X - x), dy = 1.0 / static_cast<double>(Y - y);
            float *to = out[i][j].data;
            // `back` and `ahead` are the neighbours along k.
            const auto part = [&](Index first, Index last, Index back, Index ahead) {
                const double dz = 1.0 / static_cast<double>(back + ahead);
                REGKIT_INDEPENDENT
                for (Index k = first; k < last; ++k) {
                    double s[9];
                    for (int c = 0; c < 3; ++c) {
                        s[3 * c] = linear[3 * c] + (upper[c][0][k] - lower[c][0][k]) * dx;
                        s[3 * c + 1] = linear[3 * c + 1] + (upper[c][1][k] - lower[c][1][k]) * dy;
                        s[3 * c + 2] =
                            linear[3 * c + 2] + (here[c][k + ahead] - here[c][k - back]) * dz;
                    }
                    to[k] = static_cast<float>(s[0] * (s[4] * s[8] - s[5] * s[7]) -
                                               s[1] * (s[3] * s[8] - s[5] * s[6]) +
                                               s[2] * (s[3] * s[7] - s[4] * s[6]));
                }
            };
            part(0, 1, 0, 1);
            part(1, size.n2 - 1, 1, 1);
            part(size.n2 - 1, size.n2, 1, 0);
        }
    });
}

}  // namespace loops
