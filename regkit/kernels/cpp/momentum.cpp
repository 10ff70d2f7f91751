// Bounded moves with momentum, in two sweeps.
#include <cmath>

#include "kernels.hpp"
#include "threads.hpp"

namespace loops {

// partial[i] gets slice i's sum of weight |force|^2 and of weight.
void mean_square(Images force, Image weight, View<double, 2> partial) {
    const Shape size = shape_of(weight);
    for_rows(size.n0, [&](Index i) {
        double square = 0, total = 0;
        for (Index j = 0; j < size.n1; ++j) {
            const float *a = force[0][i][j].data, *b = force[1][i][j].data,
                        *c = force[2][i][j].data, *m = weight[i][j].data;
            float part = 0, count = 0;
            for (Index k = 0; k < size.n2; ++k) {
                part += m[k] * (a[k] * a[k] + b[k] * b[k] + c[k] * c[k]);
                count += m[k];
            }
            square += part;
            total += count;
        }
        partial[i][0] = square;
        partial[i][1] = total;
    });
}

void momentum_step(Planes speed, Images force, float typical, float step, float momentum) {
    const Shape size = shape_of(force[0]);
    const Index count = size.n1 * size.n2;
    const float push = (1 - momentum) * step;
    for_rows(size.n0, [&](Index i) {
        const float *a = force[0][i].data, *b = force[1][i].data, *c = force[2][i].data;
        float *x = speed[0][i].data, *y = speed[1][i].data, *z = speed[2][i].data;
        REGKIT_INDEPENDENT
        for (Index k = 0; k < count; ++k) {
            const float length = std::sqrt(a[k] * a[k] + b[k] * b[k] + c[k] * c[k]);
            const float share = push / (length + typical);
            x[k] = momentum * x[k] - share * a[k];
            y[k] = momentum * y[k] - share * b[k];
            z[k] = momentum * z[k] - share * c[k];
        }
    });
}

}  // namespace loops
