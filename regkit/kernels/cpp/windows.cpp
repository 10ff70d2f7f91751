// Local normalised cross-correlation over box windows, value and gradient in two sweeps.
//
// The first sweep finds, for every window, the coefficients of what it does to its voxels, and sums
// them within their slice; the second sums these over slices. Slices follow one another in blocks: a
// ring holds the sums of a slice for as long as a window still needs them.
//
// Only the box that a slice's weight occupies is looked at. Groups of slices share their sums along
// i, and rows come one after the other, so that what is at hand stays in the second cache.
#include <cmath>
#include <vector>

#include "kernels.hpp"
#include "rows.hpp"
#include "threads.hpp"

namespace loops {
namespace {

constexpr int kGroup = 4;        // slices; windows are wider than that by a radius of 2
constexpr int kMoments = 6;      // w, wF, wW, wFF, wWW, wFW
constexpr int kCoefficients = 3; // alpha, beta, gamma
constexpr Index kStrip = 8;      // rows

struct Range {
    Index first, last;

    bool holds(Index i) const { return first <= i && i < last; }
    Range wider(Index by, Index n) const {
        return {larger<Index>(first - by, 0), smaller(last + by, n)};
    }
};

// Where a slice has weight; last <= first where it has none.
struct Box {
    Range j{0, 0}, k{0, 0};

    bool empty() const { return j.last <= j.first; }

    void add(const Box &other) {
        if (other.empty()) return;
        if (empty()) {
            *this = other;
            return;
        }
        j = {smaller(j.first, other.j.first), larger(j.last, other.j.last)};
        k = {smaller(k.first, other.k.first), larger(k.last, other.k.last)};
    }
};

struct Pair {
    Image fixed, warped, weight;
    Shape size;
    Index radius;

    Index window() const { return 2 * radius + 1; }
};

// The box and the sum of a slice's weight.
Box box_of(View<const float, 2> weight, double &total) {
    Box found;
    total = 0;
    for (Index j = 0; j < weight.shape[0]; ++j) {
        const float *row = weight[j].data;
        float part = 0;
        for (Index k = 0; k < weight.shape[1]; ++k) part += row[k];
        if (part == 0) continue;
        total += part;
        const Extent some = extent(row, weight.shape[1]);
        if (some.first < some.last) found.add({{j, j + 1}, {some.first, some.last}});
    }
    return found;
}

// The union of the boxes of the slices `from` to below `to`.
Box union_of(const std::vector<Box> &boxes, Index from, Index to) {
    Box found;
    for (Index i = larger<Index>(from, 0); i < smaller(to, static_cast<Index>(boxes.size())); ++i)
        found.add(boxes[static_cast<std::size_t>(i)]);
    return found;
}

// Sums over the windows of kGroup slices from `first` on, along i. Sums has add(s), which adds slice
// s; put(k) keeps what was added as the sums of slice first + k, more(k) adds it to them. What all
// windows have in common is added once.
template <class Sums>
inline void sum_group(Sums sums, Index first, Index radius, Range slices) {
    const Sums none = sums;
    const Index common = smaller(first + radius + 1, slices.last);
    for (Index s = larger(first + kGroup - 1 - radius, slices.first); s < common; ++s) sums.add(s);
    sums.put(kGroup - 1);
    for (int k = kGroup - 2; k >= 0; --k) {
        if (slices.holds(first - radius + k)) sums.add(first - radius + k);
        sums.put(k);
    }
    sums = none;
    for (int k = 1; k < kGroup; ++k) {
        if (slices.holds(first + radius + k)) sums.add(first + radius + k);
        sums.more(k);
    }
}

// Sums of the moments of a part of a row; slices lie `plane` apart, and the results of a slice
// `slice`, of a moment `width`.
template <class T>
struct MomentSums {
    const float *fixed, *warped, *weight;
    float *to;
    Index plane, slice, width;
    T n{}, f{}, w{}, ff{}, ww{}, fw{};

    void add(Index s) {
        const T x = load<T>(fixed + s * plane), y = load<T>(warped + s * plane),
                m = load<T>(weight + s * plane);
        const T mx = m * x, my = m * y;
        n = n + m;
        f = f + mx;
        w = w + my;
        ff = ff + mx * x;
        ww = ww + my * y;
        fw = fw + mx * y;
    }
    void put(int k) const {
        float *at = to + k * slice;
        store(at, n);
        store(at + width, f);
        store(at + 2 * width, w);
        store(at + 3 * width, ff);
        store(at + 4 * width, ww);
        store(at + 5 * width, fw);
    }
    void more(int k) const {
        float *at = to + k * slice;
        store(at, load<T>(at) + n);
        store(at + width, load<T>(at + width) + f);
        store(at + 2 * width, load<T>(at + 2 * width) + w);
        store(at + 3 * width, load<T>(at + 3 * width) + ff);
        store(at + 4 * width, load<T>(at + 4 * width) + ww);
        store(at + 5 * width, load<T>(at + 5 * width) + fw);
    }
};

// Sums of the coefficients of a part of a row, from a ring of slices that lie `stride` apart.
template <class T>
struct PullSums {
    const float *from;
    float *to;
    Index ring, stride, plane;
    T alpha{}, beta{}, gamma{};

    void add(Index s) {
        const float *at = from + s % ring * stride;
        alpha = alpha + load<T>(at);
        beta = beta + load<T>(at + plane);
        gamma = gamma + load<T>(at + 2 * plane);
    }
    void put(int k) const {
        float *at = to + k * kCoefficients * 8;
        store(at, alpha);
        store(at + 8, beta);
        store(at + 16, gamma);
    }
    void more(int k) const {
        float *at = to + k * kCoefficients * 8;
        store(at, load<T>(at) + alpha);
        store(at + 8, load<T>(at + 8) + beta);
        store(at + 16, load<T>(at + 16) + gamma);
    }
};

// out = the sum of some rows.
inline void sum_rows(const float *const *rows, Index some, float *out, Index count) {
    for_wide_parts(count, [&](auto sum, Index k) {
        for (Index t = 0; t < some; ++t) sum.add(rows[t] + k);
        sum.put(out + k);
    });
}

// out[k] = wide[k] + ... + wide[k + window - 1].
inline void sum_along(const float *wide, Index window, float *out, Index count) {
    for_wide_parts(count, [&](auto sum, Index k) {
        for (Index t = 0; t < window; ++t) sum.add(wide + k + t);
        sum.put(out + k);
    });
}

// The correlation of the windows of a row, and what pulls at their voxels.
struct Pull {
    bool squared;
    float eps;

    float row(const float *const t[kMoments], const float *m, float *alpha, float *beta,
              float *gamma, Index count) const {
        return squared ? row_of<true>(t, m, alpha, beta, gamma, count)
                       : row_of<false>(t, m, alpha, beta, gamma, count);
    }

  private:
    // Compilers leave the loop without vector instructions where the choice is inside it.
    template <bool is_squared>
    float row_of(const float *const t[kMoments], const float *m, float *alpha, float *beta,
                 float *gamma, Index count) const {
        const float *n = t[0], *sf = t[1], *sw = t[2], *sff = t[3], *sww = t[4], *sfw = t[5];
        float part = 0;
        REGKIT_INDEPENDENT
        for (Index k = 0; k < count; ++k) {
            const float inv = 1.0f / larger(n[k], 1e-6f);
            const float mean_f = sf[k] * inv, mean_w = sw[k] * inv;
            const float var_f = positive(sff[k] * inv - mean_f * mean_f) + eps;
            const float var_w = positive(sww[k] * inv - mean_w * mean_w) + eps;
            const float cov = sfw[k] * inv - mean_f * mean_w, share = m[k] * inv;
            float cc, a, b;
            if (is_squared) {
                const float norm = 1.0f / (var_f * var_w), ratio = cov * norm;
                cc = cov * ratio;
                a = 2 * ratio * share;
                b = 2 * cc * (norm * var_f) * share;
            } else {
                const float norm = 1.0f / std::sqrt(var_f * var_w);
                cc = cov * norm;
                a = norm * share;
                b = cc * (norm * norm * var_f) * share;
            }
            part += m[k] * cc;
            alpha[k] = a;
            beta[k] = b;
            gamma[k] = b * mean_w - a * mean_f;
        }
        return part;
    }

    static float positive(float x) { return x < 0 ? 0.0f : x; }  // what is no number stays none
};

// The last rows of several planes; the row of index j is at j modulo their number.
class Ring {
  public:
    Ring(Index rows, Index planes, Index width)
        : rows_(rows), planes_(planes), width_(width), data_(rows * planes * width) {
        fill(data_.get(), rows * planes * width, 0.0f);
    }

    float *row(Index j, Index plane) const {
        return data_.get() + (j % rows_ * planes_ + plane) * width_;
    }

    // The rows `some` of a plane, cut to start at column k.
    const float **pointers(Range some, Index plane, Index k, const float **to) const {
        for (Index j = some.first; j < some.last; ++j) to[j - some.first] = row(j, plane) + k;
        return to;
    }

  private:
    Index rows_, planes_, width_;
    Room<float> data_;
};

// The first sweep, of kGroup slices from `first` on.
class GroupSweep {
  public:
    GroupSweep(const Pair &pair, Pull pull, const std::vector<Box> &boxes, Index first)
        : pair_(pair), pull_(pull), first_(first), n1_(pair.size.n1), n2_(pair.size.n2),
          whole_(union_of(boxes, first, first + kGroup)),
          moments_(pair.window(), kGroup * kMoments, n2_),
          pulls_(pair.window(), kGroup * kCoefficients, n2_), wide_(n2_ + 2 * pair.radius),
          total_(kMoments * n2_), rows_(pair.window()) {
        fill(wide_.get(), n2_ + 2 * pair.radius, 0.0f);
        for (int k = 0; k < kGroup; ++k) {
            box_[k] = union_of(boxes, first + k, first + k + 1);
            span_[k] = union_of(boxes, first + k - pair.radius, first + k + pair.radius + 1);
            all_.add(span_[k]);
        }
    }

    // coef (ring, 3, J, K), value (I).
    void run(Planes coef, View<double, 1> value) {
        double sums[kGroup] = {};
        const Index r = pair_.radius;
        // Row t of the moments makes row t - r of the pulls, and that row t - 2 r of their sums.
        const Index begin = smaller(whole_.j.first - r, all_.j.first + 2 * r);
        const Index end = larger(whole_.j.last + r, all_.j.last + 2 * r);
        for (Index t = begin; t < end; ++t) {
            if (whole_.j.wider(r, n1_).holds(t)) sum_products(t);
            for (int k = 0; k < kGroup; ++k) {
                if (first_ + k >= pair_.size.n0) break;
                if (box_[k].j.holds(t - r)) sums[k] += pull_at(k, t - r);
                if (span_[k].j.holds(t - 2 * r)) sum_pulls(k, t - 2 * r, coef);
            }
        }
        for (int k = 0; k < kGroup; ++k)
            if (first_ + k < pair_.size.n0) value[first_ + k] = sums[k];
    }

  private:
    // Row j of the moments of all windows along i.
    void sum_products(Index j) {
        const Range columns = whole_.k.wider(pair_.radius, n2_);
        const Index slice = kMoments * n2_;
        for_parts(columns.last - columns.first, [&](auto part, Index k) {
            using T = decltype(part.a);
            const Index at = columns.first + k, voxel = j * n2_ + at;
            const MomentSums<T> sums{pair_.fixed.data + voxel, pair_.warped.data + voxel,
                                     pair_.weight.data + voxel, moments_.row(j, 0) + at,
                                     n1_ * n2_, slice, n2_};
            sum_group(sums, first_, pair_.radius, {0, pair_.size.n0});
        });
    }

    // Row j of the pulls of slice first + k; the sum of its correlations is returned.
    double pull_at(int k, Index j) {
        const Index r = pair_.radius;
        const Range rows = Range{j, j + 1}.wider(r, n1_), columns = box_[k].k;
        const Range wide = columns.wider(r, n2_);
        const float *sums[kMoments];
        for (int q = 0; q < kMoments; ++q) {
            moments_.pointers(rows, k * kMoments + q, wide.first, rows_.get());
            float *to = total_.get() + q * n2_;
            sum_window(rows_.get(), rows, wide, columns, to);
            sums[q] = to;
        }
        const Index at = ((first_ + k) * n1_ + j) * n2_ + columns.first;
        float *to[kCoefficients];
        for (int q = 0; q < kCoefficients; ++q) {
            float *row = pulls_.row(j, k * kCoefficients + q);
            fill(row, n2_, 0.0f);
            to[q] = row + columns.first;
        }
        return pull_.row(sums, pair_.weight.data + at, to[0], to[1], to[2],
                         columns.last - columns.first);
    }

    // Row j of the in-plane sums of the pulls of slice first + k.
    void sum_pulls(int k, Index j, Planes coef) {
        const Index r = pair_.radius;
        const Range near = Range{j, j + 1}.wider(r, n1_), own = box_[k].j;
        const Range rows = {larger(near.first, own.first),
                            larger(smaller(near.last, own.last), larger(near.first, own.first))};
        const Range columns = span_[k].k, wide = columns.wider(r, n2_);
        for (int q = 0; q < kCoefficients; ++q) {
            pulls_.pointers(rows, k * kCoefficients + q, wide.first, rows_.get());
            sum_window(rows_.get(), rows, wide, columns,
                       coef[(first_ + k) % coef.shape[0]][q][j].data + columns.first);
        }
    }

    // Sum rows, then along them; windows end at the border, where wide_ is 0.
    void sum_window(const float *const *rows, Range some, Range wide, Range columns, float *out) {
        const Index r = pair_.radius;
        float *line = wide_.get();
        fill(line + columns.first, wide.first - columns.first + r, 0.0f);
        sum_rows(rows, some.last - some.first, line + r + wide.first, wide.last - wide.first);
        fill(line + r + wide.last, columns.last + r - wide.last, 0.0f);
        sum_along(line + columns.first, pair_.window(), out, columns.last - columns.first);
    }

    const Pair &pair_;
    Pull pull_;
    Index first_, n1_, n2_;
    Box whole_, all_, box_[kGroup], span_[kGroup];
    Ring moments_, pulls_;
    Room<float> wide_, total_;
    Room<const float *> rows_;
};

// The second sweep, of a strip of rows: out = scale weight (alpha F - beta W + gamma), coefficients
// summed over slices.
void sum_slices(const Pair &pair, const std::vector<Box> &boxes, Planes coef, float scale,
                Range slices, Range rows, Plane out) {
    const Index n1 = pair.size.n1, n2 = pair.size.n2, ring = coef.shape[0], plane = n1 * n2;
    for (Index first = slices.first; first < slices.last; first += kGroup)
        for (Index j = rows.first; j < rows.last; ++j) {
            Box some;
            for (int k = 0; k < kGroup && first + k < slices.last; ++k) {
                fill(out[first + k][j].data, n2, 0.0f);
                const Box &own = boxes[static_cast<std::size_t>(first + k)];
                if (own.j.holds(j)) some.add(own);
            }
            for_parts(some.k.last - some.k.first, [&](auto part, Index column) {
                using T = decltype(part.a);
                const Index at = j * n2 + some.k.first + column;
                float found[kGroup * kCoefficients * 8];
                const PullSums<T> sums{coef.data + at, found, ring, kCoefficients * plane, plane};
                sum_group(sums, first, pair.radius, {0, pair.size.n0});
                for (int k = 0; k < kGroup && first + k < slices.last; ++k) {
                    const Index voxel = (first + k) * plane + at;
                    const float *pull = found + k * kCoefficients * 8;
                    const T f = load<T>(pair.fixed.data + voxel),
                            w = load<T>(pair.warped.data + voxel),
                            m = load<T>(pair.weight.data + voxel);
                    const T moved = load<T>(pull) * f - load<T>(pull + 8) * w + load<T>(pull + 16);
                    store(out.data + voxel, scale * m * moved);
                }
            });
            // Beyond its own box a slice has sums of what nobody has written.
            for (int k = 0; k < kGroup && first + k < slices.last; ++k) {
                const Box &own = boxes[static_cast<std::size_t>(first + k)];
                const Range held = own.j.holds(j) ? own.k : Range{some.k.last, some.k.last};
                float *row = out[first + k][j].data;
                fill(row + some.k.first, held.first - some.k.first, 0.0f);
                fill(row + held.last, some.k.last - held.last, 0.0f);
            }
        }
}

}  // namespace

WindowSums lncc_gradient(Image fixed, Image warped, Image weight, Index radius, bool squared,
                         float eps, Index most_bytes, Plane out) {
    const Pair pair{fixed, warped, weight, shape_of(fixed), radius};
    const Shape size = pair.size;
    std::vector<Box> boxes(static_cast<std::size_t>(size.n0));
    Room<double> totals(size.n0), values(size.n0);
    for_rows(size.n0, [&](Index i) {
        boxes[static_cast<std::size_t>(i)] = box_of(weight[i], totals[i]);
    });
    double total = 0;
    for (Index i = 0; i < size.n0; ++i) total += totals[i];
    const float scale = static_cast<float>(-1 / larger(total, 1e-6));

    // Groups begin at multiples of their size, and so do blocks: the same sums in every case.
    const Index plane = kCoefficients * size.n1 * size.n2;
    const Index margin = 2 * radius + kGroup;
    const Index fitting = most_bytes / (plane * static_cast<Index>(sizeof(float))) - margin;
    const Index block = (larger<Index>(fitting, 4 * kGroup * thread_count()) + kGroup - 1) / kGroup *
                        kGroup;
    const Index ring = smaller(block + margin, size.n0 + kGroup);
    const Room<float> room(ring * plane);
    const Planes coef{room.get(), {ring, kCoefficients, size.n1, size.n2}};
    const View<double, 1> value{values.get(), {size.n0}};
    const Pull pull{squared, eps};
    const Index strips = (size.n1 + kStrip - 1) / kStrip;
    Index known = 0;
    for (Index first = 0; first < size.n0; first += block) {
        const Index last = smaller(first + block, size.n0);
        const Index ahead = smaller(last + radius, size.n0);
        const Index groups = larger<Index>((ahead - known + kGroup - 1) / kGroup, 0);
        for_rows(groups, [&](Index group) {
            GroupSweep(pair, pull, boxes, known + group * kGroup).run(coef, value);
        });
        known += groups * kGroup;
        for_rows(strips, [&](Index strip) {
            const Range rows{strip * kStrip, smaller((strip + 1) * kStrip, size.n1)};
            sum_slices(pair, boxes, coef, scale, {first, last}, rows, out);
        });
    }
    double sum = 0;
    for (Index i = 0; i < size.n0; ++i) sum += values[i];
    return {sum, larger(total, 1e-6)};
}

}  // namespace loops
