// Local normalised cross-correlation over box windows, value and gradient in two sweeps.
//
// Windows stand a stride apart. Each speaks for its cell, the voxels nearest to its middle: their
// weight is its own.
//
// The first sweep finds, for every window, the coefficients of what it does to its voxels, and sums
// them within their slice; the second sums these over slices. Slices of windows follow one another
// in blocks: a ring holds the sums of one for as long as a voxel still needs them.
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

constexpr int kGroup = 4;        // slices of windows; three strides are no more than a window
constexpr int kMoments = 6;      // w, wF, wW, wFF, wWW, wFW
constexpr int kCoefficients = 3; // alpha, beta, gamma
constexpr Index kStrip = 8;      // rows

struct Range {
    Index first = 0, last = 0;

    Index count() const { return larger<Index>(last - first, 0); }
    bool empty() const { return last <= first; }
    bool holds(Index i) const { return first <= i && i < last; }
    Range within(Range other) const {
        const Index from = larger(first, other.first);
        return {from, larger(smaller(last, other.last), from)};
    }
    // The smallest that holds both.
    Range with(Range other) const {
        if (other.empty()) return *this;
        if (empty()) return other;
        return {smaller(first, other.first), larger(last, other.last)};
    }
};

// The windows along an axis of n voxels. Their middles are as far from either end.
struct Windows {
    Index n, radius, stride, count, start;

    Windows(Index n, Index radius, Index stride)
        : n(n), radius(radius), stride(stride), count((n + stride - 1) / stride),
          start((n - 1 - (count - 1) * stride) / 2) {}

    Index middle(Index m) const { return start + m * stride; }

    // The voxels of a window, those of some, and those nearest to one.
    Range voxels(Index m) const {
        return Range{middle(m) - radius, middle(m) + radius + 1}.within({0, n});
    }
    Range voxels(Range some) const {
        if (some.empty()) return {};
        return {voxels(some.first).first, voxels(some.last - 1).last};
    }
    Range cell(Index m) const {
        const Index from = middle(m) - stride / 2;
        return {m == 0 ? 0 : from, m == count - 1 ? n : from + stride};
    }

    // The window whose cell has a voxel, those of some voxels, and the windows that hold one.
    Index nearest(Index v) const { return smaller((v - start + stride / 2) / stride, count - 1); }
    Range nearest(Range some) const {
        if (some.empty()) return {};
        return {nearest(some.first), nearest(some.last - 1) + 1};
    }
    Range around(Index v) const {
        const Index from = larger<Index>(v - radius - start, 0);
        return Range{(from + stride - 1) / stride, (v + radius - start) / stride + 1}.within(
            {0, count});
    }
};

// Where a slice has something.
struct Box {
    Range j, k;

    void add(const Box &other) { j = j.with(other.j), k = k.with(other.k); }
};

struct Pair {
    Image fixed, warped, weight;
    Windows i, j, k;

    Index voxel(Index slice, Index row) const { return (slice * j.n + row) * k.n; }
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
        found.add({{j, j + 1}, {some.first, some.last}});
    }
    return found;
}

Box union_of(const std::vector<Box> &boxes, Range slices) {
    Box found;
    for (Index i = slices.first; i < slices.last; ++i)
        found.add(boxes[static_cast<std::size_t>(i)]);
    return found;
}

// Sums over the slices of kGroup windows from `first` on. Sums has add(s), which adds slice s;
// put(k) keeps what was added as the sums of window first + k, more(k) adds it to them. What all
// windows have in common is added once.
template <class Sums>
inline void sum_group(Sums sums, const Windows &windows, Index first) {
    const Sums none = sums;
    const auto add = [&](Index from, Index to) {
        const Range some = Range{from, to}.within({0, windows.n});
        for (Index s = some.first; s < some.last; ++s) sums.add(s);
    };
    const Index r = windows.radius, stride = windows.stride, low = windows.middle(first) - r,
                high = windows.middle(first) + r + 1;
    add(low + (kGroup - 1) * stride, high);
    sums.put(kGroup - 1);
    for (Index k = kGroup - 2; k >= 0; --k) {
        add(low + k * stride, low + (k + 1) * stride);
        sums.put(k);
    }
    sums = none;
    for (Index k = 1; k < kGroup; ++k) {
        add(high + (k - 1) * stride, high + k * stride);
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
    void put(Index k) const {
        float *at = to + k * slice;
        store(at, n);
        store(at + width, f);
        store(at + 2 * width, w);
        store(at + 3 * width, ff);
        store(at + 4 * width, ww);
        store(at + 5 * width, fw);
    }
    void more(Index k) const {
        float *at = to + k * slice;
        store(at, load<T>(at) + n);
        store(at + width, load<T>(at + width) + f);
        store(at + 2 * width, load<T>(at + 2 * width) + w);
        store(at + 3 * width, load<T>(at + 3 * width) + ff);
        store(at + 4 * width, load<T>(at + 4 * width) + ww);
        store(at + 5 * width, load<T>(at + 5 * width) + fw);
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

// The correlation of some windows of weights m, and what pulls at their voxels.
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

// The first sweep, of kGroup slices of windows from `first` on.
class GroupSweep {
  public:
    GroupSweep(const Pair &pair, Pull pull, const std::vector<Box> &boxes, Index first)
        : pair_(pair), pull_(pull), first_(first), last_(smaller(first + kGroup, pair.i.count)),
          moments_(2 * pair.j.radius + 1, kGroup * kMoments, pair.k.n),
          pulls_(2 * pair.j.radius / pair.j.stride + 1, kGroup * kCoefficients, pair.k.n),
          wide_(pair.k.n + 2 * pair.k.radius), sums_(kMoments * pair.k.n),
          found_((kCoefficients + 1) * pair.k.count),
          rows_(larger(2 * pair.j.radius + 1, (pair.i.stride + 1) * (pair.j.stride + 1))) {
        for (Index m = first_; m < last_; ++m) {
            const Box cell = union_of(boxes, pair.i.cell(m));
            own_[m - first_] = {pair.j.nearest(cell.j), pair.k.nearest(cell.k)};
            span_[m - first_] = union_of(boxes, pair.i.voxels(m));
            all_.add(own_[m - first_]);
        }
    }

    // coef (ring, 3, J, K), value (slices of windows).
    void run(Planes coef, View<double, 1> value) {
        double sums[kGroup] = {};
        Index done[kGroup], known = pair_.j.voxels(all_.j).first;
        for (Index k = 0; k < last_ - first_; ++k) done[k] = span_[k].j.first;
        for (Index m = all_.j.first; m < all_.j.last; ++m) {
            for (const Index end = pair_.j.voxels(m).last; known < end; ++known)
                sum_products(known);
            for (Index k = 0; k < last_ - first_; ++k) {
                if (own_[k].j.holds(m)) sums[k] += pull_at(k, m);
                // What comes before the voxels of the next window is complete.
                for (const Index end = pair_.j.middle(m + 1) - pair_.j.radius;
                     done[k] < smaller(end, span_[k].j.last); ++done[k])
                    sum_pulls(k, done[k], coef);
            }
        }
        for (Index k = 0; k < last_ - first_; ++k) {
            for (; done[k] < span_[k].j.last; ++done[k]) sum_pulls(k, done[k], coef);
            value[first_ + k] = sums[k];
        }
    }

  private:
    // Row j of the moments of all windows along i.
    void sum_products(Index j) {
        const Range columns = pair_.k.voxels(all_.k);
        const Index width = pair_.k.n, slice = kMoments * width;
        for_parts(columns.count(), [&](auto part, Index k) {
            using T = decltype(part.a);
            const Index at = columns.first + k, voxel = pair_.voxel(0, j) + at;
            const MomentSums<T> sums{pair_.fixed.data + voxel, pair_.warped.data + voxel,
                                     pair_.weight.data + voxel, moments_.row(j, 0) + at,
                                     pair_.j.n * width, slice, width};
            sum_group(sums, pair_.i, first_);
        });
    }

    // The pulls of row m of windows of slice first + k, summed along k; the sum of their
    // correlations is returned.
    double pull_at(Index k, Index m) {
        const Range some = own_[k].k, columns = pair_.k.voxels(some), rows = pair_.j.voxels(m);
        const float *sums[kMoments];
        for (Index q = 0; q < kMoments; ++q) {
            float *to = sums_.get() + q * pair_.k.n;
            moments_.pointers(rows, k * kMoments + q, columns.first, rows_.get());
            sum_rows(rows_.get(), rows.count(), widened(columns), columns.count());
            sum_along_windows(some, to);
            sums[q] = to;
        }
        float *weight = found_.get(), *found[kCoefficients];
        for (int q = 0; q < kCoefficients; ++q) found[q] = weight + (q + 1) * pair_.k.count;
        weigh(first_ + k, m, some, columns, weight);
        const float sum =
            pull_.row(sums, weight, found[0], found[1], found[2], some.count());
        for (Index q = 0; q < kCoefficients; ++q)
            spread(found[q], some, span_[k].k, pulls_.row(m, k * kCoefficients + q));
        return sum;
    }

    // A row of `columns` in the room for one that is a radius longer at either end, 0 there.
    float *widened(Range columns) {
        const Index r = pair_.k.radius;
        float *line = wide_.get();
        fill(line + columns.first, r, 0.0f);
        fill(line + r + columns.last, r, 0.0f);
        return line + r + columns.first;
    }

    // Sums of the widened row over the windows `some`, one behind the other.
    void sum_along_windows(Range some, float *to) {
        const Index stride = pair_.k.stride, begin = pair_.k.middle(some.first);
        const Index count = (some.count() - 1) * stride + 1;
        float *line = to + begin;
        sum_along(wide_.get() + begin, 2 * pair_.k.radius + 1, line, count);
        for (Index n = 0; n < some.count(); ++n) to[n] = line[n * stride];
    }

    // The weights of the cells of windows of a row.
    void weigh(Index slice, Index m, Range some, Range columns, float *to) {
        Index count = 0;
        const Range slices = pair_.i.cell(slice), rows = pair_.j.cell(m);
        for (Index i = slices.first; i < slices.last; ++i)
            for (Index j = rows.first; j < rows.last; ++j)
                rows_[count++] = pair_.weight.data + pair_.voxel(i, j) + columns.first;
        float *line = wide_.get();
        sum_rows(rows_.get(), count, line, columns.count());
        for (Index n = 0; n < some.count(); ++n) {
            const Range cell = pair_.k.cell(some.first + n).within(columns);
            float sum = 0;
            for (Index k = cell.first; k < cell.last; ++k) sum += line[k - columns.first];
            to[n] = sum;
        }
    }

    // What the windows `some` do to the voxels of `columns`.
    void spread(const float *found, Range some, Range columns, float *to) {
        const Index r = pair_.k.radius;
        float *line = wide_.get();
        fill(line, pair_.k.n + 2 * r, 0.0f);
        for (Index n = 0; n < some.count(); ++n) line[r + pair_.k.middle(some.first + n)] = found[n];
        sum_along(line + columns.first, 2 * r + 1, to + columns.first, columns.count());
    }

    // Row j of the in-plane sums of the pulls of slice first + k.
    void sum_pulls(Index k, Index j, Planes coef) {
        const Range rows = pair_.j.around(j).within(own_[k].j), columns = span_[k].k;
        for (Index q = 0; q < kCoefficients; ++q) {
            pulls_.pointers(rows, k * kCoefficients + q, columns.first, rows_.get());
            sum_rows(rows_.get(), rows.count(),
                     coef[(first_ + k) % coef.shape[0]][q][j].data + columns.first,
                     columns.count());
        }
    }

    const Pair &pair_;
    Pull pull_;
    Index first_, last_;
    Ring moments_, pulls_;
    Room<float> wide_, sums_, found_;
    Room<const float *> rows_;
    // The windows of each slice that have a weight, all of them, and the voxels that they reach.
    Box own_[kGroup], all_, span_[kGroup];
};

// The second sweep, of a row of voxels: out = scale weight (alpha F - beta W + gamma), coefficients
// summed over slices of windows.
void sum_slices(const Pair &pair, const Box &box, Planes coef, float scale, Index i, Index j,
                float *out) {
    const Index ring = coef.shape[0], plane = coef[0][0].step() * pair.j.n;
    fill(out, pair.k.n, 0.0f);
    if (!box.j.holds(j)) return;
    const Range slices = pair.i.around(i);
    const Index voxel = pair.voxel(i, j) + box.k.first;
    for_parts(box.k.count(), [&](auto part, Index k) {
        using T = decltype(part.a);
        T alpha{}, beta{}, gamma{};
        for (Index m = slices.first; m < slices.last; ++m) {
            const float *at = coef.data + m % ring * kCoefficients * plane + j * pair.k.n +
                              box.k.first + k;
            alpha = alpha + load<T>(at);
            beta = beta + load<T>(at + plane);
            gamma = gamma + load<T>(at + 2 * plane);
        }
        const T f = load<T>(pair.fixed.data + voxel + k), w = load<T>(pair.warped.data + voxel + k),
                weight = load<T>(pair.weight.data + voxel + k);
        store(out + box.k.first + k, scale * weight * (alpha * f - beta * w + gamma));
    });
}

}  // namespace

WindowSums lncc_gradient(Image fixed, Image warped, Image weight, Index radius, Index stride,
                         bool squared, float eps, Index most_bytes, Plane out) {
    const Shape size = shape_of(fixed);
    const Pair pair{fixed, warped, weight, Windows(size.n0, radius, stride),
                    Windows(size.n1, radius, stride), Windows(size.n2, radius, stride)};
    std::vector<Box> boxes(static_cast<std::size_t>(size.n0));
    const Room<double> totals(size.n0), values(pair.i.count);
    for_rows(size.n0, [&](Index i) {
        boxes[static_cast<std::size_t>(i)] = box_of(weight[i], totals[i]);
    });
    double total = 0;
    for (Index i = 0; i < size.n0; ++i) total += totals[i];
    const float scale = static_cast<float>(-1 / larger(total, 1e-6));

    // Groups begin at multiples of their size whatever the blocks: the same sums in every case.
    const Index plane = kCoefficients * size.n1 * size.n2;
    const Index margin = 2 * radius / stride + 1 + kGroup;
    const Index fitting = most_bytes / (plane * static_cast<Index>(sizeof(float))) - margin;
    const Index block = larger<Index>(fitting, 4 * kGroup * thread_count());
    const Index ring = smaller(block + margin, pair.i.count + kGroup);
    const Room<float> room(ring * plane);
    const Planes coef{room.get(), {ring, kCoefficients, size.n1, size.n2}};
    const View<double, 1> value{values.get(), {pair.i.count}};
    const Pull pull{squared, eps};
    const Index strips = (size.n1 + kStrip - 1) / kStrip;
    Index known = 0;
    for (Index first = 0; first < size.n0; first += block * stride) {
        const Index last = smaller(first + block * stride, size.n0);
        const Index ahead = pair.i.around(last - 1).last;
        const Index groups = larger<Index>((ahead - known + kGroup - 1) / kGroup, 0);
        for_rows(groups, [&](Index group) {
            GroupSweep(pair, pull, boxes, known + group * kGroup).run(coef, value);
        });
        known += groups * kGroup;
        for_rows(strips, [&](Index strip) {
            const Index end = smaller((strip + 1) * kStrip, size.n1);
            for (Index i = first; i < last; ++i)
                for (Index j = strip * kStrip; j < end; ++j)
                    sum_slices(pair, boxes[static_cast<std::size_t>(i)], coef, scale, i, j,
                               out[i][j].data);
        });
    }
    double sum = 0;
    for (Index m = 0; m < pair.i.count; ++m) sum += values[m];
    return {sum, larger(total, 1e-6)};
}

}  // namespace loops
