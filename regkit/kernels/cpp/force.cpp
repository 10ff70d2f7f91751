// What pulls at a warped image: the derivative of a loss by a step aside.
#include <utility>

#include "gather.hpp"
#include "kernels.hpp"
#include "rows.hpp"
#include "threads.hpp"

namespace loops {
namespace {

// A neighbouring row, and where it is known.
struct Neighbour {
    const float *value, *known;
};

// Add `up` times the difference between two neighbours, or to the one that is known.
inline void add_slope(const float *up, Neighbour here, Neighbour low, Neighbour high,
                      float *out, Index count) {
    REGKIT_INDEPENDENT
    for (Index k = 0; k < count; ++k) {
        const bool above = here.known[k] * high.known[k] > 0;
        const bool below = here.known[k] * low.known[k] > 0;
        const float rise = (above ? high.value[k] : here.value[k]) -
                           (below ? low.value[k] : here.value[k]);
        out[k] += up[k] * ((above & below) ? 0.5f * rise : rise);
    }
}

// The force upstream grad(warped) of slices, on a grid that is coarser along j and k.
class Slices {
  public:
    Slices(Images warped, Image known, Images upstream, Index g1, Index g2)
        : warped_(warped), known_(known), upstream_(upstream), size_(shape_of(known)), g1_(g1),
          along_(size_.n2, g2), nothing_(size_.n2) {
        fill(nothing_.get(), size_.n2, 0.0f);
    }

    // That of slice i into planes (3, G1, G2).
    void run(Index i, View<float, 3> planes) const {
        const Index before = held(i - 1, size_.n0), after = held(i + 1, size_.n0);
        const Index width = 3 * size_.n2;
        Room<float> whole(width), rows(2 * width), value(size_.n2 + 2), there(size_.n2 + 2);
        // Sums over the rows that lie nearest to row `at` of the planes, and to the next one.
        float *near = rows.get(), *far = near + width;
        Index at = 0;
        bool some_near = false, some_far = false;
        fill(near, 2 * width, 0.0f);
        const auto finish = [&] {
            for (int c = 0; c < 3; ++c) {
                fill(planes[c][at].data, along_.other, 0.0f);
                if (some_near) along_.add(near + c * size_.n2, planes[c][at].data);
            }
            if (some_near) fill(near, width, 0.0f);
            std::swap(near, far);
            some_near = some_far, some_far = false;
            ++at;
        };
        value[0] = there[0] = 0;
        for (Index j = 0; j < size_.n1; ++j) {
            const Cell y = Cell::of(nested_position(j, size_.n1, g1_), g1_);
            while (at < y.low) finish();
            const Extent some = extent(known_[i][j].data, size_.n2);
            const Index count = some.last - some.first;
            if (count == 0) continue;
            const Index left = held(j - 1, size_.n1), right = held(j + 1, size_.n1);
            const float *m = known_[i][j].data + some.first;
            // Beyond the first and the last voxel that is known there is none.
            for (Index k = 0; k < count; ++k) there[k + 1] = m[k];
            there[count + 1] = value[count + 1] = 0;
            fill(whole.get(), width, 0.0f);
            for (Index c = 0; c < warped_.shape[0]; ++c) {
                const float *up = upstream_[c][i][j].data + some.first;
                const Neighbour here{warped_[c][i][j].data + some.first, m};
                for (Index k = 0; k < count; ++k) value[k + 1] = here.value[k];
                const auto beside = [&](Index s, Index t, bool is_there) {
                    return Neighbour{warped_[c][s][t].data + some.first,
                                     is_there ? known_[s][t].data + some.first : nothing_.get()};
                };
                float *out = whole.get() + some.first;
                add_slope(up, here, beside(before, j, i > 0), beside(after, j, i < size_.n0 - 1),
                          out, count);
                add_slope(up, here, beside(i, left, j > 0), beside(i, right, j < size_.n1 - 1),
                          out + size_.n2, count);
                add_slope(up, here, {value.get(), there.get()}, {value.get() + 2, there.get() + 2},
                          out + 2 * size_.n2, count);
            }
            const float share = y.share, rest = 1 - y.share, *force = whole.get();
            some_near = some_far = true;
            REGKIT_INDEPENDENT
            for (Index k = 0; k < width; ++k) {
                near[k] += rest * force[k];
                far[k] += share * force[k];
            }
        }
        while (at < g1_) finish();
    }

  private:
    Images warped_;
    Image known_;
    Images upstream_;
    Shape size_;
    Index g1_;
    Gather along_;
    Room<float> nothing_;
};

constexpr Index kBlock = 32;  // slices of the result

}  // namespace

// upstream grad(warped), gathered on the grid of force (3, G0, G1, G2). Slices of voxels follow one
// another in blocks: a ring holds what each has for as long as a slice of force still takes of it.
void displacement_gradient(Images warped, Image known, Images upstream, Planes force) {
    const Index n0 = known.shape[0], g0 = force.shape[1], g1 = force.shape[2], g2 = force.shape[3];
    const Slices slices(warped, known, upstream, g1, g2);
    const Gather across(n0, g0);
    const Index block = larger<Index>(kBlock, 4 * thread_count()), plane = g1 * g2;
    const Index ring = (n0 + g0 - 1) / g0 * block + across.count;
    const Room<float> room(ring * 3 * plane);
    const Planes kept{room.get(), {ring, 3, g1, g2}};
    Index known_to = 0;
    for (Index first = 0; first < g0; first += block) {
        const Index last = smaller(first + block, g0);
        const Index begin = known_to, end = larger(begin, across.first[last - 1] + across.count);
        for_rows(end - begin, [&](Index n) { slices.run(begin + n, kept[(begin + n) % ring]); });
        known_to = end;
        for_rows(last - first, [&](Index n) {
            const Index at = first + n;
            for (int c = 0; c < 3; ++c) {
                float *out = force[c][at].data;
                fill(out, plane, 0.0f);
                for (Index t = 0; t < across.count; ++t) {
                    const float share = across.share[t * g0 + at];
                    if (share == 0) continue;
                    const float *of = kept[(across.first[at] + t) % ring][c].data;
                    REGKIT_INDEPENDENT
                    for (Index k = 0; k < plane; ++k) out[k] += share * of[k];
                }
            }
        });
    }
}

}  // namespace loops
